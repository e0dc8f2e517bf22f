//! What can go wrong in the store, and what the caller can do about it.

use std::io;

use rusqlite::ErrorCode;

/// Something the store did not do. [`StoreError::is_temporary`] tells a door whether to say "try again".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. Nothing was kept of the request; it can be repeated once there is room.
    #[error("the disk is full")]
    Full,
    /// The disk or the index failed otherwise. Repeat later; the operator should look.
    #[error("the mail store is out of order: {0}")]
    Broken(String),
    /// The message is larger than the store takes.
    #[error("the message has {size} bytes, {limit} are allowed")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The bytes allowed.
        limit: u64,
    },
    /// No folder of that name or id, or no longer.
    #[error("there is no such folder")]
    NoSuchFolder,
    /// A folder of that name exists.
    #[error("the folder exists already")]
    FolderExists,
    /// The INBOX can't be deleted, and a folder can't be moved into itself.
    #[error("this folder can't be changed so")]
    FolderFixed,
    /// The account has as many folders as it may have.
    #[error("an account has at most {0} folders")]
    TooManyFolders(u32),
    /// It would take the account over its quota. Something has to be deleted first.
    #[error("the mailbox is full")]
    OverQuota,
    /// Another folder has the special use.
    #[error("another folder has this use")]
    UseTaken,
    /// The message is not there, or no longer.
    #[error("there is no such message")]
    NoSuchMessage,
    /// More keywords on one message than [`super::Flags::MAX_KEYWORDS`].
    #[error("too many keywords on one message")]
    TooManyKeywords,
    /// All UIDs of the folder were given away; it must be made anew.
    #[error("the folder has no numbers left")]
    NoUidsLeft,
}

impl StoreError {
    /// Whether the same request may succeed later without anybody changing it.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Full | Self::Broken(_))
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Broken(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Broken(error.to_string()),
        }
    }
}
