//! Message files: messages one after the other, each behind its [`Record`]. The index knows where each message begins
//! and where the last one ends. Behind that there may be zeros, written ahead.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction, params};
use sekisho_disk::{Disk, WriteFile};

use crate::error::StoreError;
use crate::limits::Limits;
use crate::location::MessageLocation;
use crate::record::Record;

/// A message file's path.
pub(crate) fn path(folder: &Path, number: i64) -> PathBuf {
    folder.join(format!("messages-{number:06}.mail"))
}

/// The numbers of the message files that are in a folder, rising.
pub(crate) fn numbers(folder: &Path) -> io::Result<Vec<i64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix("messages-"))
            .and_then(|name| name.strip_suffix(".mail"))
            .and_then(|number| number.parse::<i64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Writes the account's message files.
pub(crate) struct Files {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    full_at: u64,
    ahead: u64,
    open: Option<(i64, Box<dyn WriteFile>)>,
    /// What was written and not synced yet.
    unsynced: Option<Target>,
    /// The highest number of a file that ends in something other than whole records. Nothing is appended to it:
    /// recovery stops reading there, and would not find what follows.
    spoiled: i64,
}

/// The file that a batch goes into.
#[derive(Clone, Copy)]
struct Target {
    number: i64,
    /// The length that the index knows: bytes past it belong to no message.
    known: Option<u64>,
}

impl Files {
    /// Files within `folder`, as `limits` say.
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: PathBuf, limits: Limits) -> Self {
        Self {
            disk,
            folder,
            full_at: limits.file_size,
            ahead: limits.ahead,
            open: None,
            unsynced: None,
            spoiled: 0,
        }
    }

    /// Appends messages, and notes the file's new length in the index. The caller's transaction keeps other writers
    /// away, those of other processes too. Nothing refers to the bytes until it commits, and that it may do only after
    /// [`Self::sync`].
    pub(crate) fn append(
        &mut self,
        index: &Transaction<'_>,
        messages: &[(&Record, &[u8])],
    ) -> Result<Vec<MessageLocation>, StoreError> {
        let mut target = self.target(index)?;
        while self.has_leftover(&target)? {
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
        self.unsynced = Some(target);
        let end = places.last().map_or(0, |last| last.offset + last.size);
        let sql = "INSERT INTO file VALUES (?1, ?2, 0) ON CONFLICT DO UPDATE SET length = ?2";
        index
            .prepare_cached(sql)?
            .execute(params![target.number, end])?;
        Ok(places)
    }

    /// Closes a file that is to be removed.
    pub(crate) fn close(&mut self, number: i64) {
        self.open.take_if(|(open, _)| *open == number);
    }

    /// Whether a failed write left bytes behind the length that the index knows. Zeros were written ahead and don't
    /// count.
    fn has_leftover(&mut self, target: &Target) -> io::Result<bool> {
        let known = target.known.unwrap_or(0);
        let file = self.opened(target)?;
        let more = file.len()?.saturating_sub(known);
        let mut begin = [0; 4];
        let begin = &mut begin[..usize::try_from(more).unwrap_or(usize::MAX).min(4)];
        file.read_exact_at(begin, known)?;
        Ok(begin.iter().any(|byte| *byte != 0))
    }

    fn opened(&mut self, target: &Target) -> io::Result<&mut Box<dyn WriteFile>> {
        if !matches!(&self.open, Some((number, _)) if *number == target.number) {
            let file = self.disk.open_write(&path(&self.folder, target.number))?;
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

    fn write(
        &mut self,
        target: &Target,
        messages: &[(&Record, &[u8])],
    ) -> io::Result<Vec<MessageLocation>> {
        let (ahead, start) = (self.ahead, target.known.unwrap_or(0));
        let file = self.opened(target)?;
        let length = file.len()?;
        if length < start {
            return Err(io::Error::other(
                "a message file is shorter than the index says",
            ));
        }
        let mut places = Vec::with_capacity(messages.len());
        let room = messages.iter().map(|(_, bytes)| bytes.len() + 100).sum();
        let mut batch = Batch::at(start, room);
        for (record, bytes) in messages {
            let header = record.header(bytes);
            places.push(MessageLocation {
                file: target.number,
                offset: batch.end() + header.len() as u64,
                size: bytes.len() as u64,
            });
            let written = batch
                .add(&header, &mut **file)
                .and_then(|()| batch.add(bytes, &mut **file));
            if let Err(error) = written {
                // Gives back the space on a full disk; if that fails too, the file is left as it is.
                let _ = file.truncate(start);
                return Err(error);
            }
        }
        if let Err(error) = batch.write(&mut **file) {
            let _ = file.truncate(start);
            return Err(error);
        }
        let end = batch.end();
        if end > length && start >= ahead / 4 {
            // Zeros are written ahead, so that the syncs of the next appends bring only bytes to the disk, and no new
            // length of the file. If there is no space for them, it does no harm.
            let zeros = vec![0; usize::try_from(ahead).unwrap_or(0)];
            if file.write_at(&zeros, end).is_err() {
                let _ = file.truncate(end);
            }
        }
        // The sync goes on while the index learns of the messages.
        file.start_sync(start);
        Ok(places)
    }

    /// Forgets what was appended for a transaction that was not committed.
    pub(crate) fn forget_unsynced(&mut self) {
        self.unsynced = None;
    }

    /// Returns when what was appended is on the disk, and the name of a new file too.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let Some(target) = self.unsynced.take() else {
            return Ok(());
        };
        let synced = self.opened(&target)?.sync();
        let synced = synced.and_then(|()| match target.known {
            Some(_) => Ok(()),
            None => self.disk.sync_folder(&self.folder),
        });
        synced.inspect_err(|_| {
            self.open = None;
            match target.known {
                Some(_) => self.spoiled = target.number,
                // The index doesn't know this file yet; the next try begins with an empty one.
                None => drop(self.disk.remove(&path(&self.folder, target.number))),
            }
        })
    }
}

/// Bytes that are written to a file in one go.
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Where they belong.
    offset: u64,
}

impl Batch {
    /// How many bytes are collected before they are written.
    pub(crate) const FULL: usize = 1 << 20;

    /// Begins at an offset in the file; `room` is how many bytes are expected.
    pub(crate) fn at(offset: u64, room: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(room.min(Self::FULL)),
            offset,
        }
    }

    pub(crate) fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    pub(crate) fn add(&mut self, bytes: &[u8], file: &mut dyn WriteFile) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() < Self::FULL {
            return Ok(());
        }
        self.write(file)
    }

    pub(crate) fn write(&mut self, file: &mut dyn WriteFile) -> io::Result<()> {
        file.write_at(&self.bytes, self.offset)?;
        self.offset = self.end();
        self.bytes.clear();
        Ok(())
    }
}
