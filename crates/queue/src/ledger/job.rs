//! A message that is due, as the index knows it.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, named_params, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::Fate;
use sekisho_smtp::{Notify, Path, Ret};

use super::columns::{optional_path, path, read_ret, ret_word, time};
use super::fates;
use crate::entry::QueueId;
use crate::error::QueueError;
use crate::mail::{Mail, Origin, Otp, Recipient};

/// The way in which a recipient is reached. Each route has its own pace, so that a slow relay doesn't hold up mail
/// within the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    /// A mailbox of this site.
    Local,
    /// The relay.
    Remote,
    /// The relay for mailed OTPs.
    Otp,
}

impl Route {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Local => "here",
            Self::Remote => "out",
            Self::Otp => "otp",
        }
    }
}

/// A message that is due on a route, with those of its recipients that are due.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: QueueId,
    pub(crate) sender: Option<Path>,
    pub(crate) size: u64,
    pub(crate) utf8: bool,
    pub(crate) eight_bit: bool,
    pub(crate) ret: Option<Ret>,
    pub(crate) envid: Option<String>,
    pub(crate) letter: Option<LetterId>,
    pub(crate) from_elsewhere: bool,
    pub(crate) queued_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) recipients: Vec<Due>,
}

/// A recipient that is due.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    row: i64,
    pub(crate) to: Recipient,
    pub(crate) tries: u32,
    /// An operator gave it up.
    pub(crate) bounced: bool,
}

/// What is recorded of a recipient after an attempt.
#[derive(Debug, Clone)]
pub(crate) enum Mark {
    /// Nothing: the recipient is done with.
    Done,
    /// To be tried again.
    Again { at: Timestamp, diagnostic: String },
}

/// Puts a message and its recipients into the index.
pub(super) fn insert(
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
        let route = match (mail.otp, recipient.account) {
            (_, Some(_)) => Route::Local,
            (Some(_), None) => Route::Otp,
            (None, None) => Route::Remote,
        };
        add.execute(params![
            id.get(),
            route.as_str(),
            recipient.path.as_str(),
            recipient.account.map(AccountId::get),
            recipient.notify.success,
            recipient.notify.failure,
            recipient.orcpt,
            now.as_millisecond(),
        ])?;
    }
    if let Some(Otp { letter, .. }) = mail.otp {
        fates::write(change, letter, &Fate::Waiting(None), now)?;
    }
    Ok(())
}

/// Reads a message with those of its recipients that are due on a route.
pub(super) fn read(
    index: &Connection,
    id: QueueId,
    route: Route,
    now: Timestamp,
) -> Result<Job, QueueError> {
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
        params![id.get(), route.as_str(), now.as_millisecond()],
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

/// Records the result of an attempt for a recipient.
pub(super) fn keep_mark(
    change: &Transaction<'_>,
    due: &Due,
    mark: &Mark,
) -> Result<(), QueueError> {
    match mark {
        Mark::Done => change.execute("DELETE FROM recipient WHERE id = ?", [due.row])?,
        Mark::Again { at, diagnostic } => change.execute(
            "UPDATE recipient SET tries = tries + 1, next_at = ?2, trouble = ?3 WHERE id = ?1",
            params![due.row, at.as_millisecond(), diagnostic],
        )?,
    };
    Ok(())
}
