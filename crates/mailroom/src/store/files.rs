//! Message files: bytes of messages, one after the other, nothing between them. The index knows where each begins.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction, params};
use sekisho_disk::{AppendFile, Disk};

use super::error::StoreError;

/// Where a message's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: i64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// A message file's path.
pub(super) fn path(folder: &Path, number: i64) -> PathBuf {
    folder.join(format!("messages-{number:06}.mail"))
}

/// Writes the account's message files.
pub(super) struct Files {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    full_at: u64,
    open: Option<(i64, Box<dyn AppendFile>)>,
    /// The last file whose sync failed: what it holds past its synced part is unknown, so nothing is added to it.
    spoiled: i64,
}

/// The file that a batch goes into.
struct Target {
    number: i64,
    /// What the index knows of: bytes past it belong to no message.
    known: Option<u64>,
}

impl Files {
    /// Files from `full_at` bytes on are not added to.
    pub(super) fn new(disk: Arc<dyn Disk>, folder: PathBuf, full_at: u64) -> Self {
        Self {
            disk,
            folder,
            full_at,
            open: None,
            spoiled: 0,
        }
    }

    /// Appends messages and syncs them, and notes the file's new length in the index. The transaction is what keeps other writers away, another
    /// process's too; nothing refers to the bytes until it commits.
    pub(super) fn append<'m>(
        &mut self,
        index: &Transaction<'_>,
        messages: impl Iterator<Item = &'m [u8]>,
    ) -> Result<Vec<Place>, StoreError> {
        let target = self.target(index)?;
        let (start, places) = self
            .write(&target, messages)
            .inspect_err(|_| self.open = None)?;
        let end = places.last().map_or(start, |last| last.offset + last.size);
        let gap = start - target.known.unwrap_or(0).min(start);
        let sql = "INSERT INTO file VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET length = ?2, waste = waste + ?3";
        index
            .prepare_cached(sql)?
            .execute(params![target.number, end, gap])?;
        Ok(places)
    }

    fn target(&self, index: &Transaction<'_>) -> Result<Target, StoreError> {
        let sql = "SELECT number, length FROM file ORDER BY number DESC LIMIT 1";
        let last: Option<(i64, u64)> = index
            .prepare_cached(sql)?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(match last {
            Some((number, length)) if length < self.full_at && number != self.spoiled => Target {
                number,
                known: Some(length),
            },
            other => Target {
                number: other.map_or(1, |(number, _)| number + 1),
                known: None,
            },
        })
    }

    fn write<'m>(
        &mut self,
        target: &Target,
        messages: impl Iterator<Item = &'m [u8]>,
    ) -> io::Result<(u64, Vec<Place>)> {
        let path = path(&self.folder, target.number);
        let file = match &mut self.open {
            Some((number, file)) if *number == target.number => file,
            other => {
                &mut other
                    .insert((target.number, self.disk.open_append(&path)?))
                    .1
            }
        };
        let start = file.len()?;
        if start < target.known.unwrap_or(0) {
            return Err(io::Error::other(
                "a message file is shorter than the index says",
            ));
        }
        let mut end = start;
        let mut places = Vec::new();
        for bytes in messages {
            if let Err(error) = file.append(bytes) {
                // Gives back the room on a full disk; if that fails too, the bytes are waste.
                let _ = file.truncate(start);
                return Err(error);
            }
            let size = bytes.len() as u64;
            places.push(Place {
                file: target.number,
                offset: end,
                size,
            });
            end += size;
        }
        let synced = file.sync().and_then(|()| match target.known {
            Some(_) => Ok(()),
            None => self.disk.sync_folder(&self.folder),
        });
        if let Err(error) = synced {
            match target.known {
                Some(_) => self.spoiled = target.number,
                // The index doesn't know it: the next try begins with an empty one.
                None => drop(self.disk.remove(&path)),
            }
            return Err(error);
        }
        Ok((start, places))
    }
}
