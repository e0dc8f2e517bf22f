//! Errors of own accounts, in words for the person at the command line.

use sekisho_checkpoint::account::LoginNameError;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{DirectoryError, SetPasswordError};

use crate::hash::{HashError, HashingFailed};

/// Why an operation on accounts failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// There is no such account, or it has been deleted.
    #[error("there is no such account: list the accounts to see their names")]
    NoSuchAccount,
    /// The login name or address belongs to an account already.
    #[error(
        "{0:?} belongs to an account already: choose another, or take it from that account first"
    )]
    NameTaken(String),
    /// The address is shared by accounts.
    #[error(
        "{0:?} is shared by accounts (`sekisho account shared` lists them): take it from all of them first"
    )]
    Shared(String),
    /// The account does not share that address.
    #[error("the account does not share the address {0}")]
    NotShared(MailAddress),
    /// The text can't be a login name.
    #[error("not a login name: {0}")]
    Login(#[from] LoginNameError),
    /// The login name has characters that would make it ambiguous.
    #[error(
        "{0:?} is not a login name: use letters, digits, '.', '-' and '_', beginning with a letter or digit \
         (addresses are given apart)"
    )]
    LoginCharacters(String),
    /// The text is not a mail address.
    #[error("{text:?} is not a mail address: {why}")]
    NotAnAddress {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: sekisho_checkpoint::address::MailAddressError,
    },
    /// The address lies outside the site's own mail domains.
    #[error(
        "{0} is not in one of the site's own mail domains: add the domain to the configuration, or use another address"
    )]
    ForeignDomain(MailAddress),
    /// The address contains a `+`, which delivery reads as the start of a detail (RFC 5233).
    #[error("{0} has a '+', which delivery takes for a detail: use an address without")]
    Detail(MailAddress),
    /// An account without any address.
    #[error("an account needs an address: give one, or add another before this one is removed")]
    NoAddress,
    /// The account does not have that address.
    #[error("the account does not have the address {0}")]
    NotItsAddress(MailAddress),
    /// The display name or a group has control characters or is too long.
    #[error("{0:?} has control characters or is too long")]
    BadText(String),
    /// A group's name is empty, or contains blanks or separators.
    #[error("{0:?} is not a group's name: use one word without ';' and ','")]
    BadGroup(String),
    /// The end of an account is neither a date nor a time.
    #[error(
        "{0:?} is not an end: use YYYY-MM-DD (the last day) or a time such as 2027-03-31T17:00:00+09:00"
    )]
    BadEnd(String),
    /// The password was refused.
    #[error(transparent)]
    Password(#[from] SetPasswordError),
    /// The hash of another system can't be checked here.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The CSV file can't be read at all.
    #[error("the CSV file can't be read: {0}")]
    Csv(#[from] csv::Error),
    /// The CSV file's first line does not name the columns as it should.
    #[error(
        "{0}; the first line names the columns: \
         login,name,addresses,groups,password_hash,ends (all but login may be left out)"
    )]
    Columns(String),
    /// The accounts' file was made by a newer program.
    #[error("the accounts' file has version {0}, made by a newer program than this one: use that")]
    Newer(u32),
    /// The accounts' file can't be created.
    #[error("the accounts' file can't be made: {0}")]
    Create(#[source] std::io::Error),
    /// A stored value can't be parsed.
    #[error("the stored {0} of an account can't be read")]
    Damaged(&'static str),
    /// A thread that computes password hashes can't be started, because the machine is short of resources.
    #[error("the threads for password hashes can't be started: {0}")]
    Thread(#[source] std::io::Error),
    /// SQLite failed; try again once the cause is mended.
    #[error("the accounts' file can't be used: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The system has no randomness, or no memory, for a hash.
    #[error(transparent)]
    Hashing(#[from] HashingFailed),
    /// The operation was abandoned because the program ends.
    #[error("the work was given up")]
    GivenUp,
}

impl From<AccountsError> for DirectoryError {
    fn from(error: AccountsError) -> Self {
        Self(error.to_string())
    }
}
