//! Giving back the disk space of messages that are gone.
//!
//! A message file only grows. Once half of it belongs to messages that no folder has any more, it is written anew:
//!
//! 1. The records that are left are copied into a new file with the highest number, each checked against its checksum.
//! 2. The new file is synced, and the folder with its name.
//! 3. One synced commit of the index moves the messages' places there and forgets the old file.
//! 4. The old file is removed.
//!
//! A crash in between leaves a file that no place points to. Its records are no newer than the index, so recovery
//! passes them over, and the next compaction removes it. Numbers of files are never used twice, because the newest file
//! is always one that the index knows.
//!
//! Whoever looked up a message's place before the move and opens the file after it looks again ([`Core::reach`]). The
//! messages keep their identities, UIDs and modseqs.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::{OptionalExtension, Transaction, params};
use sekisho_disk::WriteFile;

use crate::account::Core;
use crate::error::StoreError;
use crate::files::{self, Batch};
use crate::flags::{Flags, keywords_from};
use crate::location::MessageLocation;
use crate::record::Record;
use crate::uid::{FolderId, Uid};

type Result<T> = std::result::Result<T, StoreError>;

/// What a compaction gave back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// How many message files were written anew.
    pub files: u64,
    /// By how many bytes they are smaller.
    pub bytes: u64,
}

/// Which message files are written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those of which at least half is waste, and enough of it.
    Worthwhile,
    /// All that have any waste.
    All,
}

/// A message file that was written anew.
struct Moved {
    places: Vec<MessageLocation>,
    saved: u64,
}

impl Core {
    /// Writes message files anew without their waste, each in one step of the index. A file that can't be read is left
    /// as it is, and is the error that is returned once the others are done.
    pub(crate) fn compact(&self, which: Which) -> Result<Compacted> {
        // Texts that are missing are recognised by a place behind that of the last text; the files written below are
        // behind all others.
        if let Err(error) = self.take_in_texts() {
            tracing::warn!(%error, "texts could not be taken in before a compaction");
        }
        let mut compacted = Compacted::default();
        let mut failed = None;
        let numbers = self.read(|index| self.wasteful(index, which))?;
        for number in numbers {
            let moved = self.change_files(|index, files| {
                let moved = self.move_over(index, number)?;
                files.close(number);
                Ok(moved)
            });
            let moved = match moved {
                Ok(Some(moved)) => moved,
                Ok(None) => continue,
                Err(StoreError::Full) => return Err(StoreError::Full),
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            self.forget_file(number);
            compacted.files += 1;
            compacted.bytes += moved.saved;
            if let Err(error) = self.move_texts(number, &moved.places) {
                tracing::warn!(%error, "texts of moved messages could not be kept; a search reads the mail instead");
            }
        }
        self.remove_strays()?;
        failed.map_or(Ok(compacted), Err)
    }

    /// Compacts in the background, unless that is going on already. After a failure it is not tried again before the
    /// account is opened anew, except for lack of disk space: then people delete mail, and more may become worthwhile.
    pub(crate) fn compact_soon(self: &Arc<Self>) {
        if self.compacting.swap(true, Ordering::AcqRel) {
            return;
        }
        let core = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = core.compact_while_worthwhile() {
                let account = core.account.get();
                tracing::warn!(%error, account, "message files could not be compacted");
                let again = error == StoreError::Full;
                core.compacting.store(!again, Ordering::Release);
            }
        });
    }

    fn compact_while_worthwhile(&self) -> Result<()> {
        loop {
            self.compact(Which::Worthwhile)?;
            self.compacting.store(false, Ordering::Release);
            // Waste that arose meanwhile was left to this task.
            let much_waste = self.read(|index| self.has_much_waste(index))?;
            if !much_waste || self.compacting.swap(true, Ordering::AcqRel) {
                return Ok(());
            }
        }
    }

    /// Whether it is time for a compaction.
    pub(crate) fn has_much_waste(&self, index: &Transaction<'_>) -> Result<bool> {
        Ok(!self.wasteful(index, Which::Worthwhile)?.is_empty())
    }

    /// The files to be written anew; first those that need the least space for it.
    fn wasteful(&self, index: &Transaction<'_>, which: Which) -> Result<Vec<i64>> {
        let sql = "SELECT number FROM file WHERE waste >= ?1 AND waste * ?2 >= length ORDER BY length - waste, number";
        let (least, share) = match which {
            Which::Worthwhile => (self.limits.waste.max(1), 2),
            Which::All => (1, i64::from(u32::MAX)),
        };
        let mut query = index.prepare_cached(sql)?;
        let numbers = query
            .query_map(params![least, share], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(numbers)
    }

    /// Copies what is left of a file into a new one; `None` if another process has done it.
    fn move_over(&self, index: &Transaction<'_>, number: i64) -> Result<Option<Moved>> {
        let sql = "SELECT length FROM file WHERE number = ?1";
        let length: Option<u64> = index
            .query_row(sql, [number], |row| row.get(0))
            .optional()?;
        let Some(length) = length else {
            return Ok(None);
        };
        let left = left(index, number)?;
        let (target, mut file) = self.begin_file(index)?;
        let copied = self
            .copy_records(number, length, &left, (target, &mut *file))
            .and_then(|copied| {
                file.sync()?;
                self.sync_names()?;
                Ok(copied)
            });
        let (places, end) = copied.inspect_err(|_| self.remove_file(target))?;
        index.execute("INSERT INTO file VALUES (?1, ?2, 0)", params![target, end])?;
        let mut update =
            index.prepare_cached("UPDATE content SET file = ?1, offset = ?2 WHERE id = ?3")?;
        for (content, place) in &places {
            update.execute(params![place.file, place.offset, content])?;
        }
        index.execute("DELETE FROM file WHERE number = ?1", [number])?;
        Ok(Some(Moved {
            places: places.into_iter().map(|(_, place)| place).collect(),
            saved: length.saturating_sub(end),
        }))
    }

    /// An empty file with the highest number.
    fn begin_file(&self, index: &Transaction<'_>) -> Result<(i64, Box<dyn WriteFile>)> {
        let sql = "SELECT max(number) FROM file";
        let mut number = index.query_row(sql, [], |row| row.get::<_, i64>(0))?;
        loop {
            number += 1;
            let file = self.open_file_to_write(number)?;
            // An append that failed, or a crash, may have left one that holds something.
            if file.is_empty()? {
                return Ok((number, file));
            }
        }
    }

    /// Copies the records of a file's messages that are left; returns where each now is, and where the last ends. Fails
    /// where one can't be read.
    fn copy_records(
        &self,
        number: i64,
        length: u64,
        left: &HashMap<u64, (i64, Record)>,
        (target, file): (i64, &mut dyn WriteFile),
    ) -> Result<(Vec<(i64, MessageLocation)>, u64)> {
        let source = self.open_file(number)?;
        let mut places = Vec::with_capacity(left.len());
        let mut batch = Batch::at(0, Batch::FULL);
        let mut offset = 0;
        while let Some((_, start, message)) = Record::read(&*source, length, offset)? {
            offset = start + message.len() as u64;
            let Some((content, record)) = left.get(&start) else {
                continue;
            };
            batch.add(&record.header(&message), file)?;
            let place = MessageLocation {
                file: target,
                offset: batch.end(),
                size: message.len() as u64,
            };
            batch.add(&message, file)?;
            places.push((*content, place));
        }
        batch.write(file)?;
        if places.len() != left.len() {
            let name = files::path("".as_ref(), number).display().to_string();
            return Err(StoreError::Broken(format!(
                "{name} is damaged and was left as it is; `sekisho mail check --deep` says more"
            )));
        }
        Ok((places, batch.end()))
    }

    /// Removes files that the index doesn't know. A file that is only being begun has a higher number than any that the
    /// index knows, and stays.
    fn remove_strays(&self) -> Result<()> {
        let known: Vec<i64> = self.read(|index| {
            let mut query = index.prepare_cached("SELECT number FROM file ORDER BY number")?;
            let numbers = query.query_map([], |row| row.get(0))?;
            Ok(numbers.collect::<rusqlite::Result<_>>()?)
        })?;
        let newest = known.last().copied().unwrap_or(0);
        for number in self.files_there()? {
            if number < newest && known.binary_search(&number).is_err() {
                self.remove_file(number);
            }
        }
        Ok(())
    }

    fn remove_file(&self, number: i64) {
        if let Err(error) = self.try_remove_file(number)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, number, "a message file that is no longer needed could not be removed");
        }
    }

    fn forget_file(&self, number: i64) {
        self.close_read(number);
        self.remove_file(number);
    }
}

/// The contents of a file by where they begin, each with its record as of now. The record of a content that several
/// folders have names one of them: there it is found again, should the index be lost.
fn left(index: &Transaction<'_>, number: i64) -> Result<HashMap<u64, (i64, Record)>> {
    let sql = "SELECT content.offset, content.id, folder, uid, modseq, internal_date, flags, keywords \
               FROM content JOIN message ON message.content = content.id WHERE content.file = ?1";
    let mut query = index.prepare_cached(sql)?;
    let mut rows = query.query([number])?;
    let mut left = HashMap::new();
    while let Some(row) = rows.next()? {
        let keywords: Option<String> = row.get(7)?;
        let record = Record {
            folder: FolderId::new(row.get(2)?),
            uid: Uid::new(row.get(3)?),
            modseq: row.get(4)?,
            internal_date: row.get(5)?,
            flags: Flags {
                bits: row.get(6)?,
                keywords: keywords.as_deref().map(keywords_from),
            },
            left: 0,
        };
        left.insert(row.get(0)?, (row.get(1)?, record));
    }
    Ok(left)
}
