//! What can go wrong in the queue.

use std::io;

use rusqlite::ErrorCode;

/// Nothing was taken or changed. The same may succeed later; the operator should look.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The disk, its index or the system failed otherwise.
    #[error("the queue is out of order: {0}")]
    Broken(String),
}

impl From<io::Error> for QueueError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Broken(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for QueueError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Broken(error.to_string()),
        }
    }
}

impl From<tokio::task::JoinError> for QueueError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Broken(error.to_string())
    }
}
