//! Message files: messages one after the other, each behind its [`Record`]. The index knows where each begins.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction, params};
use sekisho_disk::{AppendFile, Disk};

use super::error::StoreError;
use super::record::Record;

/// Where a message's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: i64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Place {
    /// The place as a number: later ones are greater.
    pub(super) fn key(self) -> i64 {
        let offset = i64::try_from(self.offset).unwrap_or(i64::MAX);
        (self.file << 32).saturating_add(offset)
    }
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
    /// The last file that holds something other than whole records at its end: nothing is added to it, so that what follows is found after a crash.
    spoiled: i64,
}

/// The file that a batch goes into.
pub(super) struct Target {
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

    /// Appends messages, and notes the file's new length in the index. The transaction is what keeps other writers away, another process's too; nothing refers
    /// to the bytes until it commits, and before it does they have to be [synced](Self::sync).
    pub(super) fn append(
        &mut self,
        index: &Transaction<'_>,
        messages: &[(&Record, &[u8])],
    ) -> Result<(Target, Vec<Place>), StoreError> {
        let mut target = self.target(index)?;
        while self.length(&target)? > target.known.unwrap_or(0) {
            // A write that failed left its bytes.
            self.open = None;
            self.spoiled = target.number;
            target = Target {
                number: target.number + 1,
                known: None,
            };
        }
        let places = self
            .write(&target, messages)
            .inspect_err(|_| self.open = None)?;
        let end = places.last().map_or(0, |last| last.offset + last.size);
        let sql = "INSERT INTO file VALUES (?1, ?2, 0) ON CONFLICT DO UPDATE SET length = ?2";
        index
            .prepare_cached(sql)?
            .execute(params![target.number, end])?;
        Ok((target, places))
    }

    /// Brings what was appended to the disk.
    pub(super) fn sync(&mut self, target: &Target) -> io::Result<()> {
        let synced = self.opened(target).and_then(|file| file.sync());
        let synced = synced.and_then(|()| match target.known {
            Some(_) => Ok(()),
            None => self.disk.sync_folder(&self.folder),
        });
        synced.inspect_err(|_| {
            self.open = None;
            match target.known {
                Some(_) => self.spoiled = target.number,
                // The index doesn't know it: the next try begins with an empty one.
                None => drop(self.disk.remove(&path(&self.folder, target.number))),
            }
        })
    }

    /// How long the target is on the disk.
    fn length(&mut self, target: &Target) -> io::Result<u64> {
        self.opened(target)?.len()
    }

    fn opened(&mut self, target: &Target) -> io::Result<&mut Box<dyn AppendFile>> {
        if !matches!(&self.open, Some((number, _)) if *number == target.number) {
            let file = self.disk.open_append(&path(&self.folder, target.number))?;
            self.open = Some((target.number, file));
        }
        match &mut self.open {
            Some((_, file)) => Ok(file),
            None => Err(io::Error::other("no message file is open")),
        }
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

    fn write(&mut self, target: &Target, messages: &[(&Record, &[u8])]) -> io::Result<Vec<Place>> {
        let file = self.opened(target)?;
        let start = file.len()?;
        if start < target.known.unwrap_or(0) {
            return Err(io::Error::other(
                "a message file is shorter than the index says",
            ));
        }
        let mut end = start;
        let mut places = Vec::with_capacity(messages.len());
        for (record, bytes) in messages {
            let header = record.header(bytes);
            let size = bytes.len() as u64;
            places.push(Place {
                file: target.number,
                offset: end + header.len() as u64,
                size,
            });
            end += header.len() as u64 + size;
            if let Err(error) = file.append(&header).and_then(|()| file.append(bytes)) {
                // Gives back the room on a full disk; if that fails too, the file is left as it is.
                let _ = file.truncate(start);
                return Err(error);
            }
        }
        Ok(places)
    }
}
