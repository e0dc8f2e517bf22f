//! A directory of two people.

use async_trait::async_trait;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{Directory, DirectoryError, PasswordChange, SetPasswordError};
use sekisho_checkpoint::{Account, AccountId, LoginName, Password};

/// Alice's account.
pub const ALICE: i64 = 1;
/// Bob's account.
pub const BOB: i64 = 2;

/// Alice and Bob of kit.example; `office@` is both of them; `lost@` can't be looked up. Nobody can log in.
#[derive(Debug)]
pub struct Town;

impl Town {
    /// The account of one of them.
    #[must_use]
    pub fn account(id: i64) -> Account {
        let (login, addresses): (_, &[&str]) = match id {
            ALICE => ("alice", &["alice@kit.example", "a.tanaka@kit.example"]),
            _ => ("bob", &["bob@kit.example"]),
        };
        Account {
            id: AccountId::new(id),
            login: login.to_owned(),
            display_name: String::new(),
            addresses: addresses
                .iter()
                .map(|a| MailAddress::parse(a).expect("an address"))
                .collect(),
            groups: Vec::new(),
            usable: true,
        }
    }
}

#[async_trait]
impl Directory for Town {
    async fn find(&self, _: &LoginName) -> Result<Option<Account>, DirectoryError> {
        Ok(None)
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        Ok([ALICE, BOB]
            .contains(&id.get())
            .then(|| Self::account(id.get())))
    }

    async fn recipients(&self, address: &MailAddress) -> Result<Vec<AccountId>, DirectoryError> {
        let ids: &[i64] = match address.folded().as_str() {
            "alice@kit.example" | "a.tanaka@kit.example" => &[ALICE],
            "bob@kit.example" => &[BOB],
            "office@kit.example" => &[ALICE, BOB],
            "lost@kit.example" => return Err(DirectoryError("gone".to_owned())),
            _ => &[],
        };
        Ok(ids.iter().map(|id| AccountId::new(*id)).collect())
    }

    async fn verify(&self, _: Option<AccountId>, _: &Password) -> Result<bool, DirectoryError> {
        Ok(false)
    }

    fn password_change(&self) -> PasswordChange {
        PasswordChange::Here
    }

    async fn check_new_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Ok(())
    }

    async fn set_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Err(SetPasswordError::Elsewhere)
    }
}
