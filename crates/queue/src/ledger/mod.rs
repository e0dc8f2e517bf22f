//! What the queue remembers: `queue.sqlite`, and a file for each message beside it.
//!
//! A message's file is written and synced before the row that names it is committed, and removed after the row is gone.
//! So a crash leaves at worst a file that no row names; [`Ledger::sweep`] removes those.
//!
//! In reading order: what a running queue does is here; `job` is a message as the index knows it, `fates` what became
//! of mailed OTPs, `control` what people see and do, `columns` how values are kept.

mod columns;
mod control;
mod fates;
mod job;

use std::collections::HashSet;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::Fate;
use sekisho_disk::Disk;

use crate::entry::QueueId;
use crate::error::QueueError;
use crate::mail::Mail;
use columns::time;
pub(crate) use job::{Due, Job, Mark, Route};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY,
    sender TEXT,
    size INTEGER NOT NULL,
    utf8 INTEGER NOT NULL,
    eight_bit INTEGER NOT NULL,
    ret TEXT,
    envid TEXT,
    letter INTEGER,
    from_elsewhere INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS recipient (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    lane TEXT NOT NULL,
    path TEXT NOT NULL,
    account INTEGER,
    on_success INTEGER NOT NULL,
    on_failure INTEGER NOT NULL,
    orcpt TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    bounced INTEGER NOT NULL DEFAULT 0,
    trouble TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS recipient_due ON recipient (lane, next_at);
CREATE INDEX IF NOT EXISTS recipient_message ON recipient (message);
CREATE TABLE IF NOT EXISTS letter (
    id INTEGER PRIMARY KEY,
    fate TEXT NOT NULL,
    words TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
";

/// The queue's memory. Its methods block: callers run them on threads where that is allowed.
pub(crate) struct Ledger {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    index: Mutex<Connection>,
    /// Whether another process runs the queue, and may sweep.
    is_beside: AtomicBool,
}

/// Who else may be using the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody else sweeps, so messages' files need no protection.
    Alone,
    /// Another process runs the queue, and may sweep at any time.
    Beside,
}

impl Ledger {
    pub(crate) fn open(
        folder: &FilePath,
        disk: Arc<dyn Disk>,
        owner: Owner,
    ) -> Result<Self, QueueError> {
        disk.create_folder(folder)?;
        if let Some(parent) = folder.parent() {
            disk.sync_folder(parent)?;
        }
        let index = disk.open_database(&folder.join("queue.sqlite"))?;
        index.execute_batch(SCHEMA)?;
        disk.sync_folder(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            disk,
            index: Mutex::new(index),
            is_beside: AtomicBool::new(owner == Owner::Beside),
        })
    }

    /// From here on another process runs the queue.
    pub(crate) fn step_aside(&self) {
        self.is_beside.store(true, Ordering::Release);
    }

    /// Removes files that no row names. Only for [`Owner::Alone`], before it writes any.
    pub(crate) fn sweep(&self) -> Result<(), QueueError> {
        self.change(|index| {
            let mut named = index.prepare("SELECT 1 FROM message WHERE id = ?")?;
            for file in std::fs::read_dir(&self.folder)? {
                let path = file?.path();
                let is_message = path.extension().is_some_and(|e| e == "eml");
                let name = path.file_stem().and_then(|s| s.to_str());
                let Some(id) = name.filter(|_| is_message).and_then(QueueId::parse) else {
                    continue;
                };
                if !named.exists([id.get()])? {
                    self.disk.remove(&path)?;
                }
            }
            Ok(())
        })
    }

    /// Takes a message; `ends_at` is when it is given up.
    pub(crate) fn put(
        &self,
        mail: &Mail,
        now: Timestamp,
        ends_at: Timestamp,
    ) -> Result<QueueId, QueueError> {
        if self.is_beside.load(Ordering::Acquire) {
            // The file is written within the transaction, so that no sweep sees it without its row.
            return self.change(|change| {
                let id = self.write(&mail.message)?;
                job::insert(change, id, mail, now, ends_at).map(|()| id)
            });
        }
        let id = self.write(&mail.message)?;
        let taken = self.change(|change| job::insert(change, id, mail, now, ends_at));
        if taken.is_err() {
            self.forget_file(id);
        }
        taken.map(|()| id)
    }

    /// The messages that are due on a route, the longest due first; without those in `busy`.
    pub(crate) fn due(
        &self,
        route: Route,
        now: Timestamp,
        busy: &HashSet<QueueId>,
        most: usize,
    ) -> Result<Vec<Job>, QueueError> {
        let index = self.index();
        let mut due = index.prepare_cached(
            "SELECT message, min(next_at) AS since FROM recipient WHERE lane = ?1 AND next_at <= ?2 AND NOT held
             GROUP BY message ORDER BY since LIMIT ?3",
        )?;
        let most_rows = i64::try_from(most + busy.len()).unwrap_or(i64::MAX);
        let ids: Vec<i64> = due
            .query_map(
                params![route.as_str(), now.as_millisecond(), most_rows],
                |row| row.get(0),
            )?
            .collect::<Result<_, _>>()?;
        ids.into_iter()
            .map(QueueId::new)
            .filter(|id| !busy.contains(id))
            .take(most)
            .map(|id| job::read(&index, id, route, now))
            .collect()
    }

    /// When the next message is due on a route, not counting those in `busy`.
    pub(crate) fn next_due(
        &self,
        route: Route,
        busy: &HashSet<QueueId>,
    ) -> Result<Option<Timestamp>, QueueError> {
        let index = self.index();
        let mut by_time = index.prepare_cached(
            "SELECT message, next_at FROM recipient WHERE lane = ? AND NOT held ORDER BY next_at",
        )?;
        let mut rows = by_time.query([route.as_str()])?;
        while let Some(row) = rows.next()? {
            if !busy.contains(&QueueId::new(row.get(0)?)) {
                return time(row, 1).map(Some).map_err(QueueError::from);
            }
        }
        Ok(None)
    }

    /// The bytes of a message.
    pub(crate) fn read(&self, id: QueueId, size: u64) -> Result<Vec<u8>, QueueError> {
        let length = usize::try_from(size).map_err(|e| QueueError::Broken(e.to_string()))?;
        let mut bytes = vec![0; length];
        let file = self.disk.open_read(&self.file(id))?;
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Records how an attempt ended, all or nothing: what is known of the recipients, the fate of a mailed OTP, and a
    /// report that is to be queued.
    pub(crate) fn settle(
        &self,
        job: &Job,
        marks: &[Mark],
        fate: Option<&Fate>,
        report: Option<(&Mail, Timestamp)>,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let report = match report {
            Some((mail, ends_at)) => Some((self.write(&mail.message)?, mail, ends_at)),
            None => None,
        };
        let settled = self.change(|change| {
            for (due, mark) in job.recipients.iter().zip(marks) {
                job::keep_mark(change, due, mark)?;
            }
            if let (Some(letter), Some(fate)) = (job.letter, fate) {
                fates::write(change, letter, fate, now)?;
            }
            if let Some((id, mail, ends_at)) = report {
                job::insert(change, id, mail, now, ends_at)?;
            }
            let gone = change.execute(
                "DELETE FROM message WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM recipient WHERE message = ?1)",
                [job.id.get()],
            )?;
            Ok(gone > 0)
        });
        match (&settled, report) {
            (Ok(true), _) => self.forget_file(job.id),
            (Err(_), Some((id, ..))) => self.forget_file(id),
            _ => {}
        }
        settled.map(|_| ())
    }

    /// What became of a letter.
    pub(crate) fn fate(&self, letter: LetterId) -> Result<Option<Fate>, QueueError> {
        fates::read(&self.index(), letter)
    }

    /// Forgets letters whose fate was settled a day ago.
    pub(crate) fn purge(&self, now: Timestamp) -> Result<(), QueueError> {
        fates::purge(&self.index(), now)
    }

    /// One transaction, which keeps out all other writers from its beginning.
    fn change<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        let mut index = self.index();
        let change = index.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let made = work(&change)?;
        change.commit()?;
        Ok(made)
    }

    /// Writes a message's file; it is on the disk when this returns.
    fn write(&self, message: &[u8]) -> Result<QueueId, QueueError> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|e| QueueError::Broken(e.to_string()))?;
        let id = QueueId::new(i64::from_be_bytes(bytes) & i64::MAX);
        let mut file = self.disk.open_write(&self.file(id))?;
        let written = file.write_at(message, 0).and_then(|()| file.sync());
        drop(file);
        if let Err(error) = written.and_then(|()| self.disk.sync_folder(&self.folder)) {
            self.forget_file(id);
            return Err(error.into());
        }
        Ok(id)
    }

    /// Removes a file that no row names any more. If that fails, the next sweep does it.
    fn forget_file(&self, id: QueueId) {
        if let Err(error) = self.disk.remove(&self.file(id)) {
            tracing::warn!(%id, %error, "a file of the queue could not be removed");
        }
    }

    fn file(&self, id: QueueId) -> PathBuf {
        self.folder.join(format!("{id}.eml"))
    }

    fn index(&self) -> MutexGuard<'_, Connection> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
