//! What can go wrong with the database.

use std::time::Duration;

use sekisho_checkpoint::ports::RecordsError;

/// What can go wrong here; the port knows it as one error, whose text this is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("PostgreSQL: {}", with_causes(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("no connection to PostgreSQL: {0}")]
    Pool(String),
    #[error("PostgreSQL took longer than {0:?}")]
    TooSlow(Duration),
    #[error("the database has version {0}, made by a newer program than this one: use that")]
    Newer(i64),
    #[error("the database can't be set up: it has to belong to the user and to hold no tables of something else: {}", with_causes(.0))]
    NotOurs(tokio_postgres::Error),
    #[error("the stored {0} can't be read")]
    Damaged(&'static str),
    #[error("the stored grant of that id has ended or is of another source")]
    GrantTaken,
    #[error("what is to be changed is not there")]
    NothingToChange,
    #[error("a number is too large to be stored")]
    TooLarge,
    #[error(
        "key {0} of this node is another than that of the nodes before it: copy the file of the keys from one of them"
    )]
    AnotherKey(i64),
    #[error(
        "the nodes have a key {0}, which this one lacks: copy the file of the keys from one that has it"
    )]
    NoSuchKey(i64),
    #[error("the connection has ended")]
    Stopped,
}

/// An error and what it came of: tokio-postgres says "db error" and the rest only when asked.
fn with_causes(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

impl From<deadpool_postgres::PoolError> for Fault {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            other => Self::Pool(other.to_string()),
        }
    }
}

impl From<Fault> for RecordsError {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}
