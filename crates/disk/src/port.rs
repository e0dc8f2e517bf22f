//! What the store may ask of a disk.

use std::io;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// Everything the store does to its folder. Paths are absolute or relative to the process, as with `std::fs`.
///
/// Nothing is durable before it is synced: bytes by [`WriteFile::sync`], names by [`Disk::sync_folder`].
pub trait Disk: Send + Sync + 'static {
    /// Makes a folder; one that exists already is fine. Its parent must exist, and its name is durable once the parent is synced.
    ///
    /// # Errors
    /// As the operating system says.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the names within a folder durable: those created, renamed and removed.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Opens a file to write, making it if it is missing. Only one handle of a file may write at a time.
    ///
    /// # Errors
    /// As the operating system says.
    fn open_write(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;

    /// Opens a file to read.
    ///
    /// # Errors
    /// As the operating system says.
    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>>;

    /// Renames a file or folder, replacing a file of the new name.
    ///
    /// # Errors
    /// As the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Opens an SQLite database that keeps what it has committed: write-ahead log, `synchronous=FULL`, foreign keys enforced, ten seconds of
    /// patience with another connection's lock.
    ///
    /// # Errors
    /// As SQLite says.
    fn open_database(&self, path: &Path) -> rusqlite::Result<Connection>;
}

/// A file to write anywhere.
pub trait WriteFile: Send {
    /// Its length in bytes.
    ///
    /// # Errors
    /// As the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether it holds nothing.
    ///
    /// # Errors
    /// As the operating system says.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|length| length == 0)
    }

    /// Writes all of `bytes` from `offset` on; the file grows as needed. After an error some of them may be there.
    ///
    /// # Errors
    /// As the operating system says.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` where the file ends before; else as the operating system says.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Cuts the file to `length` bytes.
    ///
    /// # Errors
    /// As the operating system says.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Asks the disk to begin with what was written from `offset` on, so that [`Self::sync`] has less to wait for. No more than a hint: nothing is promised.
    fn start_sync(&mut self, offset: u64);

    /// Returns when everything written is on the disk. After an error nobody knows what is: the file should not be written to again.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file to read anywhere, from several threads at once.
pub trait ReadFile: Send + Sync {
    /// Its length in bytes, at this moment.
    ///
    /// # Errors
    /// As the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether it holds nothing.
    ///
    /// # Errors
    /// As the operating system says.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|length| length == 0)
    }

    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` where the file ends before; else as the operating system says.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// Sets what [`Disk::open_database`] promises.
pub(crate) fn prepare(database: Connection) -> rusqlite::Result<Connection> {
    database.busy_timeout(std::time::Duration::from_secs(10))?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "foreign_keys", true)?;
    // A statement is planned once, not again for each value that is bound to it.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A store's writer has more statements than the default of 16.
    database.set_prepared_statement_cache_capacity(64);
    // In pages of 4 KiB: pages that change often are moved to the file once for many commits.
    database.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    Ok(database)
}
