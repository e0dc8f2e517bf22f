//! What messages say, kept so that searches needn't open them.
//!
//! A database of its own beside the index, `texts.db`, holds each message's folded text and a signature of it. The
//! signature is a Bloom filter over the text's three-letter runs, and over its two-letter runs in scripts without
//! spaces, so that 会議 is found as fast as a long word. A search goes through the signatures, and reads only the texts
//! of the few messages that may hold what is looked for. So it finds exactly what a reading of all messages would find.
//!
//! All of it can be made again from the mail, so nothing waits for it. It is brought up to date a little after a
//! delivery, and by each search before it looks. Its commits are not synced. Where it is damaged or of another version,
//! it is thrown away.
//!
//! Nor is it relied on for being complete or right. Entries bear checksums and are found by the place and size of a
//! message's bytes; whatever has no sound entry, a search reads from the mail, even where the database can't be opened
//! at all.
//!
//! In reading order: the database is here, `follow` is how it follows the mail, `find` a search, `text` what is kept of
//! a message and what is looked for, `signature` the filter.

mod find;
mod follow;
mod signature;
mod text;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, ErrorCode, params};
use sekisho_disk::Disk;

use crate::error::StoreError;
use crate::location::MessageLocation;
use crate::uid::ModSeq;

pub use text::Needle;
use text::Text;
#[cfg(fuzzing)]
pub use text::fuzz;

type Result<T> = std::result::Result<T, StoreError>;

const NAME: &str = "texts.db";
/// The version of the database, which also changes when the folding of text does.
const VERSION: i64 = 3;
/// `since` is the highest modseq that the index had when texts were taken in. An index that is behind it is not the one
/// they were taken from: somebody put an older one back.
const SCHEMA: &str = "
CREATE TABLE since (modseq INTEGER NOT NULL) STRICT;
INSERT INTO since VALUES (0);
CREATE TABLE signature (place INTEGER PRIMARY KEY, size INTEGER NOT NULL, sum INTEGER NOT NULL, bits BLOB NOT NULL) STRICT;
CREATE TABLE text (
    place INTEGER PRIMARY KEY,
    head_sum INTEGER NOT NULL,
    body_sum INTEGER NOT NULL,
    is_wide INTEGER NOT NULL,
    fields TEXT NOT NULL,
    header TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
";
/// After so many new texts it is looked whether many belong to messages that are gone.
const SWEEP_EVERY: u64 = 1_000;

/// An account's texts.
pub(crate) struct Texts {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    database: Mutex<Option<Connection>>,
    /// Whether a task waits for quiet to take texts in.
    awaited: AtomicBool,
    /// How many deliveries there were.
    deliveries: AtomicU64,
    /// How many texts were taken in since it was last looked for those of messages that are gone.
    unswept: AtomicU64,
    /// Whether the database was compared with the index, or is new.
    is_trusted: AtomicBool,
}

impl Texts {
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: &Path) -> Self {
        Self {
            disk,
            path: folder.join(NAME),
            database: Mutex::new(None),
            awaited: AtomicBool::new(false),
            deliveries: AtomicU64::new(0),
            unswept: AtomicU64::new(SWEEP_EVERY),
            is_trusted: AtomicBool::new(true),
        }
    }

    /// Runs a short piece of work on the database; other sessions of the account wait. A damaged database is thrown
    /// away and the work done once more.
    fn with<T>(&self, mut work: impl FnMut(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
        if !self.is_trusted.load(Ordering::Acquire) {
            let reason = "the texts could not be compared with the index";
            return Err(StoreError::Broken(reason.to_owned()));
        }
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = self.try_with(&mut database, &mut work);
        if let Err(error) = &done
            && is_damage(error)
        {
            tracing::warn!(%error, "a database of texts is made anew");
            *database = None;
            self.discard()?;
            done = self.try_with(&mut database, &mut work);
        }
        Ok(done?)
    }

    fn try_with<T>(
        &self,
        database: &mut Option<Connection>,
        work: &mut impl FnMut(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let opened = match database {
            Some(opened) => opened,
            none => none.insert(self.open()?),
        };
        work(opened)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let mut database = self.disk.open_database(&self.path)?;
        database.pragma_update(None, "synchronous", "NORMAL")?;
        let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            VERSION => {}
            0 => {
                let transaction = database.transaction()?;
                transaction.execute_batch(SCHEMA)?;
                transaction.pragma_update(None, "user_version", VERSION)?;
                transaction.commit()?;
            }
            _ => {
                let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
                return Err(rusqlite::Error::SqliteFailure(error, None));
            }
        }
        Ok(database)
    }

    fn discard(&self) -> Result<()> {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(end);
            match self.disk.remove(Path::new(&path)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Empties the database if it knows more than the index. Then somebody put an older index back, and its next
    /// messages get places that other messages had. To be called when the account is opened, before anything is added.
    pub(crate) fn compare(&self, modseq: ModSeq) {
        if self.disk.open_read(&self.path).is_err() {
            return;
        }
        let done = self.with(|database| {
            let transaction = database.transaction()?;
            let sql = "SELECT max(modseq) FROM since";
            let since: u64 = transaction.query_row(sql, [], |row| row.get(0))?;
            if since > modseq.get() {
                tracing::warn!("the texts are of a later index: they are made anew");
                transaction.execute_batch(
                    "DELETE FROM signature; DELETE FROM text; UPDATE since SET modseq = 0;",
                )?;
            }
            transaction.commit()
        });
        if let Err(error) = done {
            tracing::warn!(%error, "texts could not be compared with the index");
            self.is_trusted.store(false, Ordering::Release);
        }
    }

    /// Keeps texts that were read when the index had this modseq.
    fn keep(&self, taken: &[(MessageLocation, Text)], modseq: i64) -> Result<()> {
        let count = taken.len() as u64;
        self.unswept.fetch_add(count, Ordering::Relaxed);
        self.with(|database| {
            let transaction = database.transaction()?;
            let since = "UPDATE since SET modseq = max(modseq, ?1)";
            transaction.prepare_cached(since)?.execute([modseq])?;
            for (place, text) in taken {
                let key = place.key();
                let signed = sum(key, &[&place.size.to_le_bytes(), &text.bits]);
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO signature VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![key, place.size, signed, text.bits])?;
                let head = sum(key, &[text.fields.as_bytes(), text.header.as_bytes()]);
                let body = sum(key, &[&[u8::from(text.is_wide)], &text.body]);
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO text VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(params![
                        key,
                        head,
                        body,
                        text.is_wide,
                        text.fields,
                        text.header,
                        text.body
                    ])?;
            }
            transaction.commit()
        })
    }
}

/// Whether the database is damaged, rather than the disk failing or somebody having it locked.
fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(..) | rusqlite::Error::SqlInputError { .. } => matches!(
            error.sqlite_error_code(),
            None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
        ),
        _ => true,
    }
}

/// A checksum (CRC-32) of parts of an entry.
fn sum(key: i64, parts: &[&[u8]]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&key.to_le_bytes());
    for part in parts {
        sum.update(&(part.len() as u64).to_le_bytes());
        sum.update(part);
    }
    sum.finalize()
}
