//! What can go wrong with the file.

use sekisho_checkpoint::ports::RecordsError;

/// What can go wrong here; the port knows it as one error, whose text this is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the file can't be made: {0}")]
    Create(#[source] std::io::Error),
    #[error("the writing thread can't be started: {0}")]
    Thread(#[source] std::io::Error),
    #[error("the file has version {0}, made by a newer program than this one: use that")]
    Newer(u32),
    #[error("the stored {0} can't be read")]
    Damaged(&'static str),
    #[error("the stored grant of that id has ended or is of another source")]
    GrantTaken,
    #[error("what is to be changed is not there")]
    NothingToChange,
    #[error("a number is too large to be stored")]
    TooLarge,
    #[error("SQLite rolled the transaction back")]
    RolledBack,
    #[error("the thread that does this has stopped")]
    Stopped,
}

impl From<Fault> for RecordsError {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}
