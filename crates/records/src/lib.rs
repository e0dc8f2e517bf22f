//! The checkpoint's records, kept in a database: how accounts stand, grants, sessions, mailed codes, failures, audit
//! events and revocations.
//!
//! The crate carries out the port [`sekisho_checkpoint::ports::Records`] and decides nothing: what a grant is worth,
//! when a failure is one too many and what a change ends is told by the checkpoint. It does see to it that what the
//! port promises in one step happens in one step, and is on disk before it is said. It holds no secret in the clear:
//! keys, codes and tokens arrive sealed or hashed.
//!
//! A database is a module of its own and all of its SQL is within: [`sqlite`] for one machine, [`postgres`] for several
//! nodes. `tests/conformance.rs` is what each has to pass. In reading order: what leads to the database (SQLite's one
//! writing thread and its readers; PostgreSQL's pool), then a file a subject. `copy` moves a site from one to the
//! other.

mod copy;
pub mod postgres;
pub mod sqlite;
mod words;

pub use copy::{Copied, copy};
pub use postgres::{DatabaseClock, PostgresRecords, PostgresSettings};
pub use sqlite::SqliteRecords;
