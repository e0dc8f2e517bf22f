//! Opening the file: its settings, its permissions and its migrations.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::fault::Fault;

/// What brings the file from one version to the next; its `user_version` is how many of them it has had.
const MIGRATIONS: [&str; KNOWN as usize] = [
    include_str!("../../migrations/sqlite/0001.sql"),
    include_str!("../../migrations/sqlite/0002.sql"),
    include_str!("../../migrations/sqlite/0003.sql"),
    include_str!("../../migrations/sqlite/0004.sql"),
];

/// The newest version that this program knows.
const KNOWN: u32 = 4;

/// How long one process waits for another that writes.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// Opens the file to write, makes it if it is missing and brings it up to date; through a file system that SQLite was
/// given under that name, if one is named.
pub(super) fn to_write(path: &Path, vfs: Option<&str>) -> Result<Connection, Fault> {
    if vfs.is_none() {
        create(path)?;
    }
    let mut connection = open(path, vfs)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode FULL syncs the log at each commit: what was answered survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens a file that is up to date, to read alone.
pub(super) fn to_read(path: &Path, vfs: Option<&str>) -> Result<Connection, Fault> {
    let connection = open(path, vfs)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open(path: &Path, vfs: Option<&str>) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match vfs {
        None => Connection::open_with_flags(path, flags)?,
        Some(vfs) => {
            Connection::open_with_flags_and_vfs(path, flags | OpenFlags::SQLITE_OPEN_CREATE, vfs)?
        }
    };
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Without this, SQLite prepares a statement anew each time another value is bound, to look at its statistics, of
    // which there are none.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Makes the file for its owner alone, before anything is in it; SQLite gives its log the same permissions.
///
/// A file that exists is not opened here: closing it would drop the locks that SQLite holds on it elsewhere in this
/// process.
fn create(path: &Path) -> Result<(), Fault> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Fault::Create(error)),
        _ => Ok(()),
    }
}

/// Several processes may start at once: the version is read again under the write lock.
fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > KNOWN {
        return Err(Fault::Newer(version));
    }
    for (number, migration) in (1..).zip(MIGRATIONS) {
        if number > version {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
    }
    Ok(transaction.commit()?)
}
