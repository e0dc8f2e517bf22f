//! Messages in the index.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use sekisho_imap::Keyword;
use sekisho_message::subject;

use crate::counters::{self, next_modseq};
use crate::error::StoreError;
use crate::flags::{FlagChange, Flags, keywords_from, keywords_text};
use crate::list::MessageState;
use crate::location::MessageLocation;
use crate::message::{
    Changes, Copied, MessageRow, SearchKeys, Snapshot, Stored, ThreadKeys, Usage,
};
use crate::uid::{ContentId, FolderId, ModSeq, Uid, UidSet};

type Result<T> = std::result::Result<T, StoreError>;

/// The columns of a [`MessageState`], in the order that [`States::read`] takes them.
const STATE: &str = "message.uid, message.modseq, message.flags, message.keywords, message.size, message.internal_date";

pub(crate) fn snapshot(index: &Transaction<'_>, folder: FolderId) -> Result<Snapshot> {
    let head = counters::head(index, folder)?;
    let messages = states(index, folder, &UidSet::all())?.into_iter().collect();
    Ok(Snapshot {
        uid_validity: head.uid_validity,
        uid_next: head.uid_next,
        highest_modseq: head.highest_modseq,
        messages,
    })
}

pub(crate) fn changes(index: &Transaction<'_>, folder: FolderId, since: ModSeq) -> Result<Changes> {
    let head = counters::head(index, folder)?;
    let since = i64::try_from(since.get()).unwrap_or(i64::MAX);
    let sql = format!("SELECT {STATE} FROM message WHERE folder = ?1 AND modseq > ?2 ORDER BY uid");
    let mut query = index.prepare_cached(&sql)?;
    let mut states = States::default();
    let changed = query
        .query_map(params![folder.get(), since], |row| states.read(row))?
        .collect::<rusqlite::Result<_>>()?;
    let sql = "SELECT uid FROM expunged WHERE folder = ?1 AND modseq > ?2 ORDER BY uid";
    let mut query = index.prepare_cached(sql)?;
    let expunged = query
        .query_map(params![folder.get(), since], |row| row.get(0).map(Uid::new))?
        .collect::<rusqlite::Result<_>>()?;
    let account_modseq = index
        .prepare_cached("SELECT modseq FROM account")?
        .query_row([], |row| row.get(0).map(ModSeq::new))?;
    Ok(Changes {
        highest_modseq: head.highest_modseq,
        account_modseq,
        uid_next: head.uid_next,
        changed,
        expunged,
        list: None,
    })
}

pub(crate) fn rows(
    index: &Transaction<'_>,
    folder: FolderId,
    uids: &UidSet,
) -> Result<Vec<MessageRow>> {
    counters::head(index, folder)?;
    let sql = format!(
        "SELECT {STATE}, content.id, content.envelope, content.body, content.structure, content.preview, content.has_attachment, \
                content.file, content.offset, content.size, content.thread \
         FROM message JOIN content ON content.id = message.content \
         WHERE message.folder = ?1 AND message.uid BETWEEN ?2 AND ?3 ORDER BY message.uid"
    );
    let mut states = States::default();
    collect(index, &sql, folder, uids, |row| {
        Ok(MessageRow {
            state: states.read(row)?,
            content: ContentId::new(row.get(6)?),
            envelope: row.get(7)?,
            body: row.get(8)?,
            structure: row.get(9)?,
            preview: row.get(10)?,
            has_attachment: row.get(11)?,
            place: place_in(row, 12)?,
            thread: row.get(15)?,
        })
    })
}

pub(crate) fn search_keys(
    index: &Transaction<'_>,
    folder: FolderId,
    uids: &UidSet,
) -> Result<Vec<SearchKeys>> {
    counters::head(index, folder)?;
    let sql = "SELECT message.uid, coalesce(sent, internal_date), sent_day, subject, base_subject, from_text, to_text, cc_text, bcc_text, \
                      sort_from, sort_to, sort_cc, content.id, thread \
               FROM message JOIN content ON content.id = message.content \
               WHERE message.folder = ?1 AND message.uid BETWEEN ?2 AND ?3 ORDER BY message.uid";
    collect(index, sql, folder, uids, |row| {
        let sent: i64 = row.get(1)?;
        let day: Option<i64> = row.get(2)?;
        Ok(SearchKeys {
            uid: Uid::new(row.get(0)?),
            sent: moment(sent),
            sent_day: day.unwrap_or_else(|| sent.div_euclid(86_400)),
            subject: row.get(3)?,
            base_subject: row.get(4)?,
            from: row.get(5)?,
            to: row.get(6)?,
            cc: row.get(7)?,
            bcc: row.get(8)?,
            sort_from: row.get(9)?,
            sort_to: row.get(10)?,
            sort_cc: row.get(11)?,
            content: ContentId::new(row.get(12)?),
            thread: row.get(13)?,
        })
    })
}

pub(crate) fn thread_keys(
    index: &Transaction<'_>,
    folder: FolderId,
    uids: &UidSet,
) -> Result<Vec<ThreadKeys>> {
    counters::head(index, folder)?;
    let sql = "SELECT message.uid, coalesce(sent, internal_date), subject, base_subject, message_id, refers_to \
               FROM message JOIN content ON content.id = message.content \
               WHERE message.folder = ?1 AND message.uid BETWEEN ?2 AND ?3 ORDER BY message.uid";
    collect(index, sql, folder, uids, |row| {
        let subject: String = row.get(2)?;
        let refers_to: String = row.get(5)?;
        Ok(ThreadKeys {
            uid: Uid::new(row.get(0)?),
            sent: moment(row.get(1)?),
            is_reply: subject::is_reply(&subject),
            base_subject: row.get(3)?,
            id: row.get(4)?,
            references: refers_to.split_whitespace().map(str::to_owned).collect(),
        })
    })
}

/// Where the bytes of some messages are.
pub(crate) fn places(
    index: &Transaction<'_>,
    folder: FolderId,
    uids: &UidSet,
) -> Result<Vec<(Uid, MessageLocation)>> {
    counters::head(index, folder)?;
    let sql = "SELECT message.uid, file, offset, content.size FROM message JOIN content ON content.id = message.content \
               WHERE message.folder = ?1 AND message.uid BETWEEN ?2 AND ?3 ORDER BY message.uid";
    collect(index, sql, folder, uids, |row| {
        Ok((Uid::new(row.get(0)?), place_in(row, 1)?))
    })
}

/// All locations whose key (see [`MessageLocation::key`]) is above this one. New contents get rising keys, so only they
/// are looked at. Contents that a compaction moved are not among them, unless all are asked for.
pub(crate) fn places_after(index: &Transaction<'_>, key: i64) -> Result<Vec<MessageLocation>> {
    let sql = "SELECT file, offset, size FROM content ORDER BY id DESC";
    let mut query = index.prepare_cached(sql)?;
    let mut rows = query.query([])?;
    let mut places = Vec::new();
    while let Some(row) = rows.next()? {
        let place = place_in(row, 0)?;
        if place.key() <= key {
            break;
        }
        places.push(place);
    }
    places.reverse();
    Ok(places)
}

/// Where a message's bytes are.
pub(crate) fn place(
    index: &Transaction<'_>,
    folder: FolderId,
    uid: Uid,
) -> Result<MessageLocation> {
    let sql = "SELECT file, offset, content.size FROM message JOIN content ON content.id = message.content WHERE folder = ?1 AND uid = ?2";
    let mut query = index.prepare_cached(sql)?;
    query
        .query_row(params![folder.get(), uid.get()], |row| place_in(row, 0))
        .optional()?
        .ok_or(StoreError::NoSuchMessage)
}

/// Where the bytes of a content are.
pub(crate) fn place_of(index: &Transaction<'_>, content: ContentId) -> Result<MessageLocation> {
    let sql = "SELECT file, offset, size FROM content WHERE id = ?1";
    let mut query = index.prepare_cached(sql)?;
    query
        .query_row([content.get()], |row| place_in(row, 0))
        .optional()?
        .ok_or(StoreError::NoSuchMessage)
}

/// Reads a place from three columns, beginning at `first`.
fn place_in(row: &Row<'_>, first: usize) -> rusqlite::Result<MessageLocation> {
    Ok(MessageLocation {
        file: row.get(first)?,
        offset: row.get(first + 1)?,
        size: row.get(first + 2)?,
    })
}

pub(crate) fn store_flags(
    index: &Transaction<'_>,
    folder: FolderId,
    uids: &UidSet,
    change: FlagChange,
    given: &Flags,
    unchanged_since: Option<ModSeq>,
) -> Result<Stored> {
    counters::head(index, folder)?;
    let mut stored = Stored::default();
    for mut state in states(index, folder, uids)? {
        if unchanged_since.is_some_and(|since| state.modseq > since) {
            stored.modified.push(state.uid);
            continue;
        }
        let flags = state.flags.change(change, given)?;
        if flags != state.flags {
            state.flags = flags;
            stored.changed.push(state);
        }
    }
    if stored.changed.is_empty() {
        return Ok(stored);
    }
    let modseq = next_modseq(index)?;
    let sql =
        "UPDATE message SET flags = ?1, keywords = ?2, modseq = ?3 WHERE folder = ?4 AND uid = ?5";
    let mut update = index.prepare_cached(sql)?;
    for state in &mut stored.changed {
        state.modseq = ModSeq::new(modseq.unsigned_abs());
        update.execute(params![
            state.flags.bits,
            keywords_text(&state.flags),
            modseq,
            folder.get(),
            state.uid.get()
        ])?;
    }
    counters::touch(index, folder, modseq)?;
    Ok(stored)
}

pub(crate) fn copy(
    index: &Transaction<'_>,
    folder: FolderId,
    uids: &UidSet,
    to: FolderId,
) -> Result<Copied> {
    counters::head(index, folder)?;
    let uid_validity = counters::head(index, to)?.uid_validity;
    let states = states(index, folder, uids)?;
    let from: Vec<Uid> = states.iter().map(|state| state.uid).collect();
    let mut copied = Copied {
        uid_validity,
        to: Vec::with_capacity(from.len()),
        from,
    };
    if copied.from.is_empty() {
        return Ok(copied);
    }
    let modseq = next_modseq(index)?;
    let sql = "INSERT INTO message (folder, uid, modseq, flags, keywords, size, internal_date, content) \
               SELECT ?1, ?2, ?3, flags, keywords, size, internal_date, content FROM message WHERE folder = ?4 AND uid = ?5";
    let mut insert = index.prepare_cached(sql)?;
    for uid in &copied.from {
        let new = counters::next_uid(index, to, modseq)?;
        insert.execute(params![to.get(), new, modseq, folder.get(), uid.get()])?;
        copied.to.push(Uid::new(new));
    }
    Ok(copied)
}

/// How much the account holds.
pub(crate) fn usage(index: &Transaction<'_>) -> Result<Usage> {
    let sql = "SELECT bytes, messages FROM account";
    Ok(index.prepare_cached(sql)?.query_row([], |row| {
        Ok(Usage {
            bytes: row.get(0)?,
            messages: row.get(1)?,
        })
    })?)
}

/// Copies messages, then removes the originals.
pub(crate) fn relocate(
    index: &Transaction<'_>,
    folder: FolderId,
    uids: &UidSet,
    to: FolderId,
) -> Result<Copied> {
    let copied = copy(index, folder, uids, to)?;
    remove(index, folder, &copied.from.iter().copied().collect(), false)?;
    Ok(copied)
}

/// Removes messages; with `deleted_only`, those that have `\Deleted`. Bytes that no folder refers to any more are
/// counted as waste of their file.
pub(crate) fn remove(
    index: &Transaction<'_>,
    folder: FolderId,
    uids: &UidSet,
    deleted_only: bool,
) -> Result<Vec<Uid>> {
    counters::head(index, folder)?;
    let sql = "SELECT uid, content FROM message WHERE folder = ?1 AND uid BETWEEN ?2 AND ?3 AND (NOT ?4 OR flags & 8 <> 0) ORDER BY uid";
    let mut going: Vec<(u32, i64)> = Vec::new();
    {
        let mut query = index.prepare_cached(sql)?;
        for range in uids.ranges() {
            let found = params![folder.get(), range.start(), range.end(), deleted_only];
            for row in query.query_map(found, |row| Ok((row.get(0)?, row.get(1)?)))? {
                going.push(row?);
            }
        }
    }
    if going.is_empty() {
        return Ok(Vec::new());
    }
    let modseq = next_modseq(index)?;
    let mut delete = index.prepare_cached("DELETE FROM message WHERE folder = ?1 AND uid = ?2")?;
    let mut note = index.prepare_cached("INSERT INTO expunged VALUES (?1, ?2, ?3)")?;
    let mut waste = index.prepare_cached(
        "UPDATE file SET waste = waste + content.size FROM content \
         WHERE content.id = ?1 AND file.number = content.file \
           AND NOT EXISTS (SELECT 1 FROM message WHERE message.content = content.id)",
    )?;
    let mut forget = index.prepare_cached("DELETE FROM content WHERE id = ?1")?;
    for (uid, content) in &going {
        delete.execute(params![folder.get(), uid])?;
        note.execute(params![folder.get(), uid, modseq])?;
        if waste.execute([content])? > 0 {
            forget.execute([content])?;
        }
    }
    counters::touch(index, folder, modseq)?;
    Ok(going.into_iter().map(|(uid, _)| Uid::new(uid)).collect())
}

fn states(index: &Transaction<'_>, folder: FolderId, uids: &UidSet) -> Result<Vec<MessageState>> {
    let sql = format!(
        "SELECT {STATE} FROM message WHERE folder = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid"
    );
    let mut states = States::default();
    collect(index, &sql, folder, uids, |row| states.read(row))
}

/// Runs a query for each range of a set. Its parameters are a folder and the range's first and last UID.
fn collect<T>(
    index: &Transaction<'_>,
    sql: &str,
    folder: FolderId,
    uids: &UidSet,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut query = index.prepare_cached(sql)?;
    let mut all = Vec::new();
    for range in uids.ranges() {
        let found = params![folder.get(), range.start(), range.end()];
        for row in query.query_map(found, &mut read)? {
            all.push(row?);
        }
    }
    Ok(all)
}

/// Reads states. Messages with the same keywords share one list of them.
#[derive(Default)]
struct States {
    keywords: HashMap<String, Arc<[Keyword]>>,
}

impl States {
    fn read(&mut self, row: &Row<'_>) -> rusqlite::Result<MessageState> {
        let keywords = row.get_ref(3)?.as_str_or_null()?;
        let keywords = keywords.map(|text| self.shared(text));
        Ok(MessageState {
            uid: Uid::new(row.get(0)?),
            modseq: ModSeq::new(row.get(1)?),
            flags: Flags {
                bits: row.get(2)?,
                keywords,
            },
            size: row.get(4)?,
            internal_date: moment(row.get(5)?),
        })
    }

    fn shared(&mut self, text: &str) -> Arc<[Keyword]> {
        if let Some(known) = self.keywords.get(text) {
            return Arc::clone(known);
        }
        let words = keywords_from(text);
        self.keywords.insert(text.to_owned(), Arc::clone(&words));
        words
    }
}

/// Seconds as a moment; those outside the calendar become the epoch.
fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
