//! The directory: which name leads to which account, and whose password is right.

use async_trait::async_trait;

use crate::account::{Account, AccountId, LoginName, Password};
use crate::address::MailAddress;

/// The directory could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("the directory is out of reach: {0}")]
pub struct DirectoryError(pub String);

/// Where a person changes the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordChange {
    /// Here.
    Here,
    /// At the site's page of that URL.
    At(String),
}

/// Why a new password was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// It is shorter than the site demands.
    #[error("the password has fewer than {0} characters")]
    TooShort(usize),
    /// It is longer than can be checked.
    #[error("the password has more than {0} bytes")]
    TooLong(usize),
    /// It is among the passwords that everybody tries, or is made of the login name.
    #[error("the password is too easy to guess")]
    TooCommon,
    /// Passwords are not changed here.
    #[error("passwords of this account are not changed here")]
    Elsewhere,
    /// The directory could not be reached.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Maps names to accounts and checks passwords.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// The one account that a name leads to: its login name or one of its addresses.
    async fn find(&self, name: &LoginName) -> Result<Option<Account>, DirectoryError>;

    /// An account by its id.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError>;

    /// The accounts to which mail for an address goes; none if it is not one of the site's mailboxes.
    async fn recipients(&self, address: &MailAddress) -> Result<Vec<AccountId>, DirectoryError>;

    /// Checks a password; for `None` (no such account) does the same work and says no.
    async fn verify(
        &self,
        account: Option<AccountId>,
        password: &Password,
    ) -> Result<bool, DirectoryError>;

    /// Whether a new password would be taken; nothing is changed.
    async fn check_new_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), SetPasswordError>;

    /// Where passwords are changed.
    fn password_change(&self) -> PasswordChange;

    /// Sets a new password.
    async fn set_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), SetPasswordError>;
}
