//! Copies of sent mail that the server keeps until the client keeps its own.
//!
//! Some clients put what they send into the folder for sent mail themselves, others leave that to the server, and no
//! server is told which. So the server keeps a copy and remembers it for a day: if a client adds the same message to
//! that folder, it takes the copy's place, in one step. The client's message is the better one, since it may have a
//! Bcc. A copy that was flagged, moved or answered meanwhile belongs to the person, and stays.

use rusqlite::{Transaction, params};

use crate::error::StoreError;
use crate::flags::Flags;
use crate::message::Usage;
use crate::messages;
use crate::uid::{FolderId, Uid};

type Result<T> = std::result::Result<T, StoreError>;

/// How long a client may take to add its own, in seconds.
const DAY: i64 = 24 * 3600;

/// The server's copies of some messages in a folder.
#[derive(Default)]
pub(crate) struct Copies {
    pub(crate) uids: Vec<Uid>,
    pub(crate) usage: Usage,
}

/// Whether one of the folder's newest messages has this Message-ID, because the client was faster than the server.
pub(crate) fn is_there(
    index: &Transaction<'_>,
    folder: FolderId,
    message_id: &str,
) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM (SELECT content FROM message WHERE folder = ?1 ORDER BY uid DESC LIMIT 50) AS newest \
               JOIN content ON content.id = newest.content WHERE content.message_id = ?2)";
    let mut query = index.prepare_cached(sql)?;
    Ok(query.query_row(params![folder.get(), message_id], |row| row.get(0))?)
}

/// Remembers a copy that the server keeps, made at `now` (in seconds).
pub(crate) fn note(
    index: &Transaction<'_>,
    folder: FolderId,
    uid: Uid,
    message_id: &str,
    now: i64,
) -> Result<()> {
    index
        .prepare_cached("DELETE FROM sent_copy WHERE at <= ?1")?
        .execute([now - DAY])?;
    index
        .prepare_cached("INSERT OR REPLACE INTO sent_copy VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![message_id, folder.get(), uid.get(), now])?;
    Ok(())
}

/// The server's copies, in a folder, of messages with these Message-IDs, as far as nobody touched them.
pub(crate) fn copies<'m>(
    index: &Transaction<'_>,
    folder: FolderId,
    message_ids: impl Iterator<Item = &'m str>,
    now: i64,
) -> Result<Copies> {
    let sql = "SELECT message.uid, message.size FROM sent_copy JOIN message ON message.folder = sent_copy.folder AND message.uid = sent_copy.uid \
               WHERE message_id = ?1 AND sent_copy.folder = ?2 AND at > ?3 AND flags = ?4 AND keywords IS NULL";
    let mut query = index.prepare_cached(sql)?;
    let mut copies = Copies::default();
    for id in message_ids {
        let given = params![id, folder.get(), now - DAY, Flags::seen().bits];
        let mut rows = query.query(given)?;
        while let Some(row) = rows.next()? {
            let uid = Uid::new(row.get(0)?);
            // Two messages of one request may have the same Message-ID.
            if copies.uids.contains(&uid) {
                continue;
            }
            copies.uids.push(uid);
            copies.usage.bytes += row.get::<_, u64>(1)?;
            copies.usage.messages += 1;
        }
    }
    Ok(copies)
}

/// Removes copies, and forgets them.
pub(crate) fn remove(index: &Transaction<'_>, folder: FolderId, uids: &[Uid]) -> Result<()> {
    if uids.is_empty() {
        return Ok(());
    }
    messages::remove(index, folder, &uids.iter().copied().collect(), false)?;
    let sql = "DELETE FROM sent_copy WHERE folder = ?1 AND uid = ?2";
    let mut forget = index.prepare_cached(sql)?;
    for uid in uids {
        forget.execute(params![folder.get(), uid.get()])?;
    }
    Ok(())
}

/// Finishes what a crash cut short: the client's message is there, and the server's copy still is.
pub(crate) fn replace(
    index: &Transaction<'_>,
    folder: FolderId,
    message_id: Option<&str>,
    now: i64,
) -> Result<()> {
    let copies = copies(index, folder, message_id.into_iter(), now)?;
    remove(index, folder, &copies.uids)
}

/// Whether any copy is remembered.
pub(crate) fn any(index: &Transaction<'_>) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sent_copy)";
    Ok(index.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}
