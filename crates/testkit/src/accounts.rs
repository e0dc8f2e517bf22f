//! Own accounts for tests, whose password hashes cost little.

use std::path::Path;
use std::sync::Arc;

use sekisho_checkpoint::Password;
use sekisho_checkpoint::account::AccountId;
use sekisho_checkpoint::address::{MailAddress, OwnDomains};
use sekisho_checkpoint::ports::Clock;
use sekisho_directory::{ArgonCost, NewAccount, OwnAccounts, Settings};

/// Opens the accounts of `kit.example` in a folder.
///
/// # Errors
/// The file can't be opened or made.
pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<OwnAccounts> {
    let settings = Settings {
        cost: ArgonCost::least(),
        ..Settings::new(OwnDomains::new(["kit.example"])?)
    };
    Ok(OwnAccounts::open(
        &folder.join("accounts.sqlite"),
        settings,
        clock,
    )?)
}

/// Adds an account with an address at `kit.example`.
///
/// # Errors
/// The name is taken.
pub async fn add(accounts: &OwnAccounts, login: &str, password: &str) -> anyhow::Result<AccountId> {
    let new = NewAccount {
        login: login.to_owned(),
        display_name: String::new(),
        addresses: vec![MailAddress::parse(&format!("{login}@kit.example"))?],
        groups: Vec::new(),
        password: Some(Password::new(password.to_owned())),
        ends_at: None,
    };
    Ok(accounts.add(new).await?)
}
