//! A copy of an account while it is in use.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use sekisho_disk::ReadFile;

use crate::account::{Core, INDEX};
use crate::error::StoreError;
use crate::files;

type Result<T> = std::result::Result<T, StoreError>;

/// How much is copied at once, in bytes.
const PIECE: usize = 1 << 20;
/// How often a backup is tried that a compaction disturbed.
const TRIES: usize = 5;

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Messages in the copy.
    pub messages: u64,
    /// Bytes that were new to it.
    pub bytes: u64,
}

impl Core {
    /// Brings the copy in `target` up to date, making it if it is missing.
    ///
    /// The index is copied first, as of one moment. Then come the message files, as far as that index knows them: they
    /// only ever grow, so only what the copy lacks is copied. What arrives meanwhile is left to the next backup.
    ///
    /// Everything is synced, and the new index takes the place of the old one last; so a backup that was cut short
    /// leaves the copy as it was. Files that the new index doesn't name (they were compacted) are removed at the end.
    pub(crate) fn back_up(&self, target: &Path) -> Result<Copied> {
        for _ in 0..TRIES {
            match self.try_back_up(target)? {
                Some(copied) => return Ok(copied),
                // A compaction removed a file that this copy of the index still names: a fresh one names the new file.
                None => tracing::info!("a backup begins again, since a message file was compacted"),
            }
        }
        Err(StoreError::Broken(
            "message files were missing each time".to_owned(),
        ))
    }

    /// `None` if a message file went away meanwhile.
    fn try_back_up(&self, target: &Path) -> Result<Option<Copied>> {
        fs::create_dir_all(target)?;
        let fresh = target.join("index.db.new");
        if let Err(error) = fs::remove_file(&fresh)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error.into());
        }
        let path = fresh.to_string_lossy().into_owned();
        self.with_reader(|index| Ok(index.execute("VACUUM INTO ?1", [path]).map(drop)?))?;
        let copy = rusqlite::Connection::open(&fresh)?;
        let messages = copy.query_row("SELECT count(*) FROM message", [], |row| row.get(0))?;
        let known: Vec<(i64, u64)> = copy
            .prepare("SELECT number, length FROM file ORDER BY number")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        drop(copy);
        let mut bytes = 0;
        for &(number, length) in &known {
            let from = match self.open_file(number) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                file => file?,
            };
            bytes += copy_file(&*from, length, &files::path(target, number))?;
        }
        File::open(&fresh)?.sync_all()?;
        fs::rename(&fresh, target.join(INDEX))?;
        File::open(target)?.sync_all()?;
        for number in files::numbers(target)? {
            if known.iter().all(|(known, _)| *known != number) {
                fs::remove_file(files::path(target, number))?;
            }
        }
        Ok(Some(Copied { messages, bytes }))
    }
}

/// Copies what `to` lacks of a message file's first `length` bytes.
fn copy_file(from: &dyn ReadFile, length: u64, to: &Path) -> Result<u64> {
    let mut options = OpenOptions::new();
    let copy = options
        .create(true)
        .append(true)
        .read(true)
        .mode(0o600)
        .open(to)?;
    let mut copy = copy;
    let mut at = copy.metadata()?.len().min(length);
    let missing = length - at;
    if at > 0 {
        // If this is another account's file of the same name, or a damaged copy, its last bytes differ.
        let tail = usize::try_from(at.min(64)).unwrap_or(0);
        let (mut ours, mut theirs) = (vec![0; tail], vec![0; tail]);
        from.read_exact_at(&mut ours, at - tail as u64)?;
        copy.read_exact_at(&mut theirs, at - tail as u64)?;
        if ours != theirs {
            return Err(StoreError::Broken(format!(
                "{} is no copy of this account's; use an empty folder",
                to.display()
            )));
        }
    }
    while at < length {
        let count = usize::try_from(length - at).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; count];
        from.read_exact_at(&mut piece, at)?;
        copy.write_all(&piece)?;
        at += count as u64;
    }
    copy.sync_all()?;
    Ok(missing)
}
