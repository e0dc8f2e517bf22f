//! What only counts up: an account's modseq, a folder's next UID and its highest modseq.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::error::StoreError;
use crate::uid::{FolderId, ModSeq, Uid, UidValidity};

type Result<T> = std::result::Result<T, StoreError>;

/// The account's highest modseq.
pub(crate) fn modseq(index: &Connection) -> Result<ModSeq> {
    let sql = "SELECT modseq FROM account";
    let modseq = index.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(ModSeq::new(modseq))
}

/// The next modseq of the account: whatever the transaction changes gets it.
pub(crate) fn next_modseq(index: &Transaction<'_>) -> Result<i64> {
    let sql = "UPDATE account SET modseq = modseq + 1 RETURNING modseq";
    Ok(index.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// A folder's counters.
pub(crate) struct Head {
    pub(crate) uid_validity: UidValidity,
    pub(crate) uid_next: Uid,
    pub(crate) highest_modseq: ModSeq,
}

/// The counters of a folder, which must exist.
pub(crate) fn head(index: &Transaction<'_>, id: FolderId) -> Result<Head> {
    let sql = "SELECT uid_validity, uid_next, highest_modseq FROM folder WHERE id = ?1";
    let mut query = index.prepare_cached(sql)?;
    query
        .query_row([id.get()], |row| {
            Ok(Head {
                uid_validity: UidValidity::new(row.get(0)?),
                uid_next: Uid::new(row.get(1)?),
                highest_modseq: ModSeq::new(row.get(2)?),
            })
        })
        .optional()?
        .ok_or(StoreError::NoSuchFolder)
}

/// Records that something in the folder changed.
pub(crate) fn touch(index: &Transaction<'_>, id: FolderId, modseq: i64) -> Result<()> {
    let sql = "UPDATE folder SET highest_modseq = ?1 WHERE id = ?2";
    index
        .prepare_cached(sql)?
        .execute(params![modseq, id.get()])?;
    Ok(())
}

/// Gives out the folder's next UID, to a message that gets this modseq.
pub(crate) fn next_uid(index: &Transaction<'_>, id: FolderId, modseq: i64) -> Result<u32> {
    let sql = "UPDATE folder SET uid_next = uid_next + 1, highest_modseq = max(highest_modseq, ?2) WHERE id = ?1 AND uid_next < 4294967295 RETURNING uid_next - 1";
    let mut query = index.prepare_cached(sql)?;
    query
        .query_row(params![id.get(), modseq], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NoUidsLeft)
}
