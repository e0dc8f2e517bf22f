//! What the queue remembers: `queue.sqlite`, and a file for each message beside it.
//!
//! A message's file is written and synced before the row that names it is committed, and removed after the row is gone. So a crash leaves at worst a file
//! that nobody names; [`Ledger::sweep`] removes those.

use std::collections::HashSet;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{
    Connection, OptionalExtension, Row, Transaction, TransactionBehavior, named_params, params,
};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::Fate;
use sekisho_disk::Disk;
use sekisho_smtp::{Notify, Path, Ret};

use super::entry::{Listed, Mail, Order, Origin, Otp, QueueId, Recipient, Waiting, Which};
use super::error::QueueError;

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

/// How long the fate of a letter is remembered.
const LETTERS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Which way a recipient is reached. Each way has its own pace, so that a slow relay holds up nobody's mail next door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    /// A mailbox of this site.
    Here,
    /// The relay.
    Out,
    /// The relay for mailed OTPs.
    Otp,
}

impl Lane {
    fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Out => "out",
            Self::Otp => "otp",
        }
    }
}

/// A message that is due on a lane, with those of its recipients that are.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: QueueId,
    pub(super) sender: Option<Path>,
    pub(super) size: u64,
    pub(super) utf8: bool,
    pub(super) eight_bit: bool,
    pub(super) ret: Option<Ret>,
    pub(super) envid: Option<String>,
    pub(super) letter: Option<LetterId>,
    pub(super) from_elsewhere: bool,
    pub(super) queued_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) recipients: Vec<Due>,
}

/// A recipient that is due.
#[derive(Debug, Clone)]
pub(super) struct Due {
    row: i64,
    pub(super) to: Recipient,
    pub(super) tries: u32,
    /// Somebody gave it up by hand.
    pub(super) bounced: bool,
}

/// What to remember of a recipient after a try.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// Nothing: it is done with.
    Done,
    /// To be tried again.
    Again { at: Timestamp, trouble: String },
}

/// The queue's memory. Its methods block: callers run them where that is allowed.
pub(super) struct Ledger {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    index: Mutex<Connection>,
    /// Whether another process may sweep.
    is_beside: AtomicBool,
}

/// Who else may be at work in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody who sweeps: the files of messages need no guard.
    Alone,
    /// The process that runs the queue, which may sweep at any time.
    Beside,
}

impl Ledger {
    pub(super) fn open(
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
    pub(super) fn step_aside(&self) {
        self.is_beside.store(true, Ordering::Release);
    }

    /// Removes files that no row names. Only for [`Owner::Alone`], before it writes any.
    pub(super) fn sweep(&self) -> Result<(), QueueError> {
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
    pub(super) fn put(
        &self,
        mail: &Mail,
        now: Timestamp,
        ends_at: Timestamp,
    ) -> Result<QueueId, QueueError> {
        if self.is_beside.load(Ordering::Acquire) {
            // Within the transaction, so that no sweep sees the file without its row.
            return self.change(|change| {
                let id = self.write(&mail.message)?;
                insert(change, id, mail, now, ends_at).map(|()| id)
            });
        }
        let id = self.write(&mail.message)?;
        let taken = self.change(|change| insert(change, id, mail, now, ends_at));
        if taken.is_err() {
            self.forget_file(id);
        }
        taken.map(|()| id)
    }

    /// The messages due on a lane, the longest due first; not those in `busy`.
    pub(super) fn due(
        &self,
        lane: Lane,
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
                params![lane.as_str(), now.as_millisecond(), most_rows],
                |row| row.get(0),
            )?
            .collect::<Result<_, _>>()?;
        ids.into_iter()
            .map(QueueId::new)
            .filter(|id| !busy.contains(id))
            .take(most)
            .map(|id| job(&index, id, lane, now))
            .collect()
    }

    /// When the next message is due on a lane, not counting those in `busy`.
    pub(super) fn next_due(
        &self,
        lane: Lane,
        busy: &HashSet<QueueId>,
    ) -> Result<Option<Timestamp>, QueueError> {
        let index = self.index();
        let mut by_time = index.prepare_cached(
            "SELECT message, next_at FROM recipient WHERE lane = ? AND NOT held ORDER BY next_at",
        )?;
        let mut rows = by_time.query([lane.as_str()])?;
        while let Some(row) = rows.next()? {
            if !busy.contains(&QueueId::new(row.get(0)?)) {
                return time(row, 1).map(Some).map_err(QueueError::from);
            }
        }
        Ok(None)
    }

    /// The bytes of a message.
    pub(super) fn read(&self, id: QueueId, size: u64) -> Result<Vec<u8>, QueueError> {
        let length = usize::try_from(size).map_err(|e| QueueError::Broken(e.to_string()))?;
        let mut bytes = vec![0; length];
        let file = self.disk.open_read(&self.file(id))?;
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Writes down how a try ended: the marks of its recipients, a letter's fate, and a report to be queued, all or nothing.
    pub(super) fn settle(
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
                keep_mark(change, due, mark)?;
            }
            if let (Some(letter), Some(fate)) = (job.letter, fate) {
                keep_fate(change, letter, fate, now)?;
            }
            if let Some((id, mail, ends_at)) = report {
                insert(change, id, mail, now, ends_at)?;
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
    pub(super) fn fate(&self, letter: LetterId) -> Result<Option<Fate>, QueueError> {
        let index = self.index();
        let kept = index
            .query_row(
                "SELECT fate, words FROM letter WHERE id = ?",
                [letter.get()],
                |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
            )
            .optional()?;
        Ok(kept.and_then(|(fate, words)| match fate.as_str() {
            "waiting" => Some(Fate::Waiting((!words.is_empty()).then_some(words))),
            "sent" => Some(Fate::Sent),
            "failed" => Some(Fate::Failed(words)),
            "expired" => Some(Fate::Expired),
            _ => None,
        }))
    }

    /// Forgets letters whose fate was settled a day ago.
    pub(super) fn purge(&self, now: Timestamp) -> Result<(), QueueError> {
        let before = now.saturating_sub(LETTERS_KEPT).unwrap_or(Timestamp::MIN);
        self.index().execute(
            "DELETE FROM letter WHERE at < ? AND NOT EXISTS (SELECT 1 FROM message WHERE letter = letter.id)",
            [before.as_millisecond()],
        )?;
        Ok(())
    }

    /// All that waits, the oldest first.
    pub(super) fn list(&self) -> Result<Vec<Listed>, QueueError> {
        let index = self.index();
        let mut messages = index.prepare(
            "SELECT id, sender, letter, size, queued_at, ends_at FROM message ORDER BY queued_at, id",
        )?;
        let mut waiting = index.prepare(
            "SELECT path, tries, next_at, trouble, held FROM recipient WHERE message = ? ORDER BY id",
        )?;
        let rows = messages.query_map([], |row| {
            Ok(Listed {
                id: QueueId::new(row.get(0)?),
                sender: optional_path(row, 1)?,
                otp: row.get::<_, Option<i64>>(2)?.is_some(),
                size: row.get::<_, i64>(3)?.unsigned_abs(),
                queued_at: time(row, 4)?,
                ends_at: time(row, 5)?,
                waiting: Vec::new(),
            })
        })?;
        let mut listed: Vec<Listed> = rows.collect::<Result<_, _>>()?;
        for message in &mut listed {
            let rows = waiting.query_map([message.id.get()], |row| {
                Ok(Waiting {
                    to: path(row, 0)?,
                    tries: row.get(1)?,
                    next_at: time(row, 2)?,
                    trouble: row.get(3)?,
                    held: row.get(4)?,
                })
            })?;
            message.waiting = rows.collect::<Result<_, _>>()?;
        }
        Ok(listed)
    }

    /// Carries out an order. Says how many recipients it concerned.
    pub(super) fn order(
        &self,
        which: &Which,
        order: Order,
        now: Timestamp,
    ) -> Result<usize, QueueError> {
        let (count, gone) = self.change(|change| {
            let rows = chosen(change, which)?;
            let sql = match order {
                Order::Retry => "UPDATE recipient SET next_at = min(next_at, ?2), held = 0 WHERE id = ?1",
                Order::Release => "UPDATE recipient SET next_at = min(next_at, ?2), held = 0 WHERE id = ?1 AND held",
                Order::Hold => "UPDATE recipient SET held = 1 WHERE id = ?1 AND ?2 AND NOT held",
                Order::Bounce => "UPDATE recipient SET bounced = 1, held = 0, next_at = min(next_at, ?2) WHERE id = ?1",
                Order::Drop => "DELETE FROM recipient WHERE id = ?1 AND ?2",
            };
            let mut carry_out = change.prepare(sql)?;
            let mut count = 0;
            for (row, _) in &rows {
                count += carry_out.execute(params![row, now.as_millisecond()])?;
            }
            let mut gone = Vec::new();
            if order == Order::Drop {
                for (_, id) in rows {
                    change.execute(
                        "UPDATE letter SET fate = 'failed', words = 'taken out of the queue by hand'
                         WHERE id = (SELECT letter FROM message WHERE id = ?)",
                        [id.get()],
                    )?;
                    let sql = "DELETE FROM message WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM recipient WHERE message = ?1)";
                    if change.execute(sql, [id.get()])? > 0 {
                        gone.push(id);
                    }
                }
            }
            Ok((count, gone))
        })?;
        for id in gone {
            self.forget_file(id);
        }
        Ok(count)
    }

    /// The beginning of a message, up to `most` bytes; `None` if it is not there.
    pub(super) fn beginning(&self, id: QueueId, most: u64) -> Result<Option<Vec<u8>>, QueueError> {
        let size: Option<i64> = self
            .index()
            .query_row("SELECT size FROM message WHERE id = ?", [id.get()], |row| {
                row.get(0)
            })
            .optional()?;
        size.map(|size| self.read(id, size.unsigned_abs().min(most)))
            .transpose()
    }

    /// One transaction, which holds off all other writers from its beginning.
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

fn insert(
    change: &Transaction<'_>,
    id: QueueId,
    mail: &Mail,
    now: Timestamp,
    ends_at: Timestamp,
) -> Result<(), QueueError> {
    change.execute(
        "INSERT INTO message (id, sender, size, utf8, eight_bit, ret, envid, letter, from_elsewhere, queued_at, ends_at)
         VALUES (:id, :sender, :size, :utf8, :eight_bit, :ret, :envid, :letter, :from_elsewhere, :queued_at, :ends_at)",
        named_params! {
            ":id": id.get(),
            ":sender": mail.sender.as_ref().map(Path::as_str),
            ":size": i64::try_from(mail.message.len()).unwrap_or(i64::MAX),
            ":utf8": mail.utf8,
            ":eight_bit": mail.eight_bit,
            ":ret": mail.ret.map(ret_word),
            ":envid": mail.envid,
            ":letter": mail.otp.map(|otp| otp.letter.get()),
            ":from_elsewhere": mail.origin == Origin::Elsewhere,
            ":queued_at": now.as_millisecond(),
            ":ends_at": ends_at.as_millisecond(),
        },
    )?;
    let mut add = change.prepare_cached(
        "INSERT INTO recipient (message, lane, path, account, on_success, on_failure, orcpt, next_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    for recipient in &mail.recipients {
        let lane = match (mail.otp, recipient.account) {
            (_, Some(_)) => Lane::Here,
            (Some(_), None) => Lane::Otp,
            (None, None) => Lane::Out,
        };
        add.execute(params![
            id.get(),
            lane.as_str(),
            recipient.path.as_str(),
            recipient.account.map(AccountId::get),
            recipient.notify.success,
            recipient.notify.failure,
            recipient.orcpt,
            now.as_millisecond(),
        ])?;
    }
    if let Some(Otp { letter, .. }) = mail.otp {
        keep_fate(change, letter, &Fate::Waiting(None), now)?;
    }
    Ok(())
}

/// The recipients that are meant, with their messages.
fn chosen(change: &Transaction<'_>, which: &Which) -> Result<Vec<(i64, QueueId)>, QueueError> {
    let mut all = change.prepare("SELECT id, message, path FROM recipient ORDER BY id")?;
    let mut rows = all.query([])?;
    let mut chosen = Vec::new();
    while let Some(row) = rows.next()? {
        let id = QueueId::new(row.get(1)?);
        let meant = match which {
            Which::All => true,
            Which::Message(wanted) => id == *wanted,
            Which::Domain(domain) => path(row, 2)?.domain().eq_ignore_ascii_case(domain),
        };
        if meant {
            chosen.push((row.get(0)?, id));
        }
    }
    Ok(chosen)
}

fn keep_mark(change: &Transaction<'_>, due: &Due, mark: &Mark) -> Result<(), QueueError> {
    match mark {
        Mark::Done => change.execute("DELETE FROM recipient WHERE id = ?", [due.row])?,
        Mark::Again { at, trouble } => change.execute(
            "UPDATE recipient SET tries = tries + 1, next_at = ?2, trouble = ?3 WHERE id = ?1",
            params![due.row, at.as_millisecond(), trouble],
        )?,
    };
    Ok(())
}

fn keep_fate(
    change: &Transaction<'_>,
    letter: LetterId,
    fate: &Fate,
    now: Timestamp,
) -> Result<(), QueueError> {
    let (word, words) = match fate {
        Fate::Waiting(trouble) => ("waiting", trouble.as_deref().unwrap_or_default()),
        Fate::Sent => ("sent", ""),
        Fate::Failed(words) => ("failed", words.as_str()),
        Fate::Expired => ("expired", ""),
    };
    change.execute(
        "INSERT OR REPLACE INTO letter (id, fate, words, at) VALUES (?, ?, ?, ?)",
        params![letter.get(), word, words, now.as_millisecond()],
    )?;
    Ok(())
}

fn job(index: &Connection, id: QueueId, lane: Lane, now: Timestamp) -> Result<Job, QueueError> {
    let mut job = index
        .prepare_cached(
            "SELECT sender, size, utf8, eight_bit, ret, envid, letter, from_elsewhere, queued_at, ends_at FROM message WHERE id = ?",
        )?
        .query_row([id.get()], |row| {
            Ok(Job {
                id,
                sender: optional_path(row, 0)?,
                size: row.get::<_, i64>(1)?.unsigned_abs(),
                utf8: row.get(2)?,
                eight_bit: row.get(3)?,
                ret: row.get::<_, Option<String>>(4)?.and_then(|w| read_ret(&w)),
                envid: row.get(5)?,
                letter: row.get::<_, Option<i64>>(6)?.map(LetterId::new),
                from_elsewhere: row.get(7)?,
                queued_at: time(row, 8)?,
                ends_at: time(row, 9)?,
                recipients: Vec::new(),
            })
        })?;
    let mut due = index.prepare_cached(
        "SELECT id, path, account, on_success, on_failure, orcpt, tries, bounced FROM recipient
         WHERE message = ?1 AND lane = ?2 AND next_at <= ?3 AND NOT held ORDER BY id",
    )?;
    let rows = due.query_map(
        params![id.get(), lane.as_str(), now.as_millisecond()],
        |row| {
            Ok(Due {
                row: row.get(0)?,
                to: Recipient {
                    path: path(row, 1)?,
                    account: row.get::<_, Option<i64>>(2)?.map(AccountId::new),
                    notify: Notify {
                        success: row.get(3)?,
                        failure: row.get(4)?,
                    },
                    orcpt: row.get(5)?,
                },
                tries: row.get(6)?,
                bounced: row.get(7)?,
            })
        },
    )?;
    job.recipients = rows.collect::<Result<_, _>>()?;
    Ok(job)
}

fn ret_word(ret: Ret) -> &'static str {
    match ret {
        Ret::Full => "full",
        Ret::Headers => "headers",
    }
}

fn read_ret(word: &str) -> Option<Ret> {
    [Ret::Full, Ret::Headers]
        .into_iter()
        .find(|ret| ret_word(*ret) == word)
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let milliseconds: i64 = row.get(column)?;
    Ok(Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX))
}

fn path(row: &Row<'_>, column: usize) -> rusqlite::Result<Path> {
    let text: String = row.get(column)?;
    Path::parse(&text).ok_or_else(|| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::InvalidColumnType(column, "path".to_owned(), kind)
    })
}

fn optional_path(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Path>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => path(row, column).map(Some),
    }
}
