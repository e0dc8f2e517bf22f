//! What the store may ask of a disk.

use std::io;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// Everything the store does to its folder. Paths are absolute or relative to the working directory, as in `std::fs`.
///
/// Nothing is durable before it is synced: a file's bytes by [`WriteFile::sync`], names by [`Disk::sync_folder`].
pub trait Disk: Send + Sync + 'static {
    /// Creates a folder; it may exist already. Its parent must exist, and its name is durable once the parent is
    /// synced.
    ///
    /// # Errors
    /// As the operating system reports.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the names within a folder durable, after files in it were created, renamed or removed.
    ///
    /// # Errors
    /// As the operating system reports.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Opens a file for writing and creates it if it is missing. A file may have only one writing handle at a time.
    ///
    /// # Errors
    /// As the operating system reports.
    fn open_write(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// As the operating system reports.
    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>>;

    /// Renames a file or folder, replacing a file of the new name.
    ///
    /// # Errors
    /// As the operating system reports.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the operating system reports.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Opens an SQLite database whose commits are durable: write-ahead log, `synchronous=FULL`, foreign keys enforced,
    /// and a wait of up to ten seconds for another connection's lock.
    ///
    /// # Errors
    /// As SQLite reports.
    fn open_database(&self, path: &Path) -> rusqlite::Result<Connection>;
}

/// A file that can be written at any offset.
pub trait WriteFile: Send {
    /// Its length in bytes.
    ///
    /// # Errors
    /// As the operating system reports.
    fn len(&self) -> io::Result<u64>;

    /// Whether it holds nothing.
    ///
    /// # Errors
    /// As the operating system reports.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|length| length == 0)
    }

    /// Writes all of `bytes` at `offset`; the file grows as needed. After an error some of the bytes may have been
    /// written.
    ///
    /// # Errors
    /// As the operating system reports.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Fills `buffer` with the bytes at `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends too early; otherwise as the operating system reports.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Cuts the file to `length` bytes.
    ///
    /// # Errors
    /// As the operating system reports.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Asks the disk to start writing what was written from `offset` on, so that [`Self::sync`] has less to wait for.
    /// This is only a hint.
    fn start_sync(&mut self, offset: u64);

    /// Returns once everything written is on the disk. After an error the file's content is unknown: don't write to it
    /// again.
    ///
    /// # Errors
    /// As the operating system reports.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file that can be read at any offset, by several threads at once.
pub trait ReadFile: Send + Sync {
    /// Its length in bytes, at this moment.
    ///
    /// # Errors
    /// As the operating system reports.
    fn len(&self) -> io::Result<u64>;

    /// Whether it holds nothing.
    ///
    /// # Errors
    /// As the operating system reports.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|length| length == 0)
    }

    /// Fills `buffer` with the bytes at `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends too early; otherwise as the operating system reports.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// Sets up a connection as [`Disk::open_database`] promises.
pub(crate) fn prepare(database: Connection) -> rusqlite::Result<Connection> {
    database.busy_timeout(std::time::Duration::from_secs(10))?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "foreign_keys", true)?;
    // A statement is planned once, not again for each value bound to it.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A store's writer has more statements than the default of 16.
    database.set_prepared_statement_cache_capacity(64);
    // In pages of 4 KiB. A high limit saves writes: a page that changes often is copied to the database once for many
    // commits.
    database.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    Ok(database)
}
