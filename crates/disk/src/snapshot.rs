//! Copies an SQLite file as of one moment, while others use it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Copies an SQLite file to `to`, replacing a file that is there. Either the copy is complete, or nothing was changed.
///
/// # Errors
/// The file can't be read, or the copy can't be written.
pub fn snapshot(from: &Path, to: &Path) -> io::Result<()> {
    let fresh = to.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(from, flags)
        .and_then(|source| source.execute("VACUUM INTO ?1", [fresh.to_string_lossy()]))
        .map_err(io::Error::other)?;
    File::open(&fresh)?.sync_all()?;
    fs::rename(&fresh, to)?;
    match to.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
