//! A directory with two accounts, in a folder of its own.

use std::num::NonZeroUsize;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sekisho_checkpoint::account::{Account, AccountId, LoginName, Password};
use sekisho_checkpoint::address::{MailAddress, OwnDomains};
use sekisho_checkpoint::ports::Directory;
use sekisho_directory::{ArgonCost, NewAccount, OwnAccounts, Settings};
use sekisho_fakes::HandClock;
use tempfile::TempDir;

pub const PASSWORD: &str = "four plain little words";

pub struct Site {
    pub accounts: OwnAccounts,
    pub clock: Arc<HandClock>,
    pub alice: AccountId,
    pub bob: AccountId,
    folder: TempDir,
}

impl Site {
    /// An account `alice` with an alias, and an account `bob`.
    pub async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let clock = HandClock::at(instant("2026-04-06T09:00:00Z"));
        let accounts = open(&folder, &clock, ArgonCost::least());
        let alice = NewAccount {
            display_name: "Alice 佐藤".to_owned(),
            addresses: vec![address("alice@kit.example"), address("a.sato@kit.example")],
            ..plain("alice")
        };
        Self {
            alice: accounts.add(alice).await.expect("added"),
            bob: accounts.add(plain("bob")).await.expect("added"),
            accounts,
            clock,
            folder,
        }
    }

    /// The same file, opened again.
    pub fn reopened(&self, cost: ArgonCost) -> OwnAccounts {
        open(&self.folder, &self.clock, cost)
    }

    /// The hash stored for an account.
    pub fn stored_hash(&self, account: AccountId) -> String {
        let file = self.folder.path().join("directory.sqlite");
        rusqlite::Connection::open(file)
            .and_then(|file| {
                file.query_row(
                    "SELECT password FROM accounts WHERE account = ?1",
                    [account.get()],
                    |row| row.get(0),
                )
            })
            .expect("read")
    }

    /// The account that a typed name leads to.
    pub async fn find(&self, typed: &str) -> Option<Account> {
        let name = LoginName::parse(typed).ok()?;
        self.accounts.find(&name).await.expect("asked")
    }

    pub async fn found(&self, typed: &str) -> Option<AccountId> {
        self.find(typed).await.map(|account| account.id)
    }

    pub async fn verify(&self, account: Option<AccountId>, typed: &str) -> bool {
        let typed = Password::new(typed.to_owned());
        let verdict = self.accounts.verify(account, &typed).await;
        verdict.expect("asked")
    }
}

/// A new account with only a name and a password.
pub fn plain(login: &str) -> NewAccount {
    NewAccount {
        login: login.to_owned(),
        password: Some(Password::new(PASSWORD.to_owned())),
        ..NewAccount::default()
    }
}

pub fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).expect("an address")
}

pub fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn open(folder: &TempDir, clock: &Arc<HandClock>, cost: ArgonCost) -> OwnAccounts {
    let own = OwnDomains::new(["kit.example", "大学.example"]).expect("domains");
    let settings = Settings {
        cost,
        hashes_at_once: NonZeroUsize::MIN,
        zone: TimeZone::get("Asia/Tokyo").expect("a zone"),
        ..Settings::new(own)
    };
    let file = folder.path().join("directory.sqlite");
    OwnAccounts::open(&file, settings, clock.clone()).expect("opens")
}
