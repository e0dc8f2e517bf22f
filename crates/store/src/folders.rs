//! Folders in the index.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::counters::{head, next_modseq};
use crate::error::StoreError;
use crate::message::{Folder, SpecialUse, Status};
use crate::messages;
use crate::name::FolderName;
use crate::uid::{FolderId, UidSet, UidValidity};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str = "id, name, uid_validity, special_use, subscribed";

pub(crate) fn list(index: &Transaction<'_>) -> Result<Vec<Folder>> {
    let sql = format!("SELECT {COLUMNS} FROM folder ORDER BY name <> 'INBOX', name");
    let mut query = index.prepare_cached(&sql)?;
    let folders = query
        .query_map([], read)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(folders)
}

pub(crate) fn find(index: &Transaction<'_>, name: &FolderName) -> Result<Option<Folder>> {
    let sql = format!("SELECT {COLUMNS} FROM folder WHERE name = ?1");
    let mut query = index.prepare_cached(&sql)?;
    Ok(query.query_row([name.as_str()], read).optional()?)
}

pub(crate) fn get(index: &Transaction<'_>, name: &FolderName) -> Result<Folder> {
    find(index, name)?.ok_or(StoreError::NoSuchFolder)
}

pub(crate) fn find_special(index: &Transaction<'_>, special: SpecialUse) -> Result<Option<Folder>> {
    let sql = format!("SELECT {COLUMNS} FROM folder WHERE special_use = ?1");
    let mut query = index.prepare_cached(&sql)?;
    Ok(query.query_row([special.as_str()], read).optional()?)
}

/// The INBOX and one folder of each special use, all subscribed.
pub(crate) fn create_first(index: &Transaction<'_>, now: i64) -> Result<()> {
    insert(index, &FolderName::inbox(), None, 1, now)?;
    for special in SpecialUse::ALL {
        let name = FolderName::from_stored(special.as_str().trim_start_matches('\\').to_owned());
        insert(index, &name, Some(special), 1, now)?;
    }
    Ok(())
}

/// Makes a folder and those above it. `most` is how many an account may have, `now` is in seconds.
pub(crate) fn create(
    index: &Transaction<'_>,
    name: &FolderName,
    special: Option<SpecialUse>,
    most: u32,
    now: i64,
) -> Result<Folder> {
    if let Some(special) = special
        && find_special(index, special)?.is_some()
    {
        return Err(StoreError::UseTaken);
    }
    if find(index, name)?.is_some() {
        return Err(StoreError::FolderExists);
    }
    let modseq = next_modseq(index)?;
    for above in name.ancestors() {
        if find(index, &above)?.is_none() {
            insert(index, &above, None, modseq, now)?;
        }
    }
    insert(index, name, special, modseq, now)?;
    let count: u32 = index.query_row("SELECT count(*) FROM folder", [], |row| row.get(0))?;
    if count > most {
        return Err(StoreError::TooManyFolders(most));
    }
    get(index, name)
}

pub(crate) fn rename(
    index: &Transaction<'_>,
    from: &FolderName,
    to: &FolderName,
    most: u32,
    now: i64,
) -> Result<()> {
    let folder = get(index, from)?;
    if find(index, to)?.is_some() {
        return Err(StoreError::FolderExists);
    }
    if from.is_inbox() {
        let target = create(index, to, None, most, now)?;
        messages::relocate(index, folder.id, &UidSet::all(), target.id)?;
        return Ok(());
    }
    if to.is_below(from) {
        return Err(StoreError::FolderFixed);
    }
    let modseq = next_modseq(index)?;
    for above in to.ancestors() {
        if find(index, &above)?.is_none() {
            insert(index, &above, None, modseq, now)?;
        }
    }
    for moved in list(index)? {
        if moved.name != *from && !moved.name.is_below(from) {
            continue;
        }
        let rest = &moved.name.as_str()[from.as_str().len()..];
        let name =
            FolderName::parse(&format!("{to}{rest}")).map_err(|_| StoreError::FolderFixed)?;
        if find(index, &name)?.is_some() {
            return Err(StoreError::FolderExists);
        }
        let sql = "UPDATE folder SET name = ?1 WHERE id = ?2";
        index.execute(sql, params![name.as_str(), moved.id.get()])?;
    }
    Ok(())
}

pub(crate) fn delete(index: &Transaction<'_>, name: &FolderName) -> Result<()> {
    if name.is_inbox() {
        return Err(StoreError::FolderFixed);
    }
    let folder = get(index, name)?;
    messages::remove(index, folder.id, &UidSet::all(), false)?;
    next_modseq(index)?;
    let id = folder.id.get();
    index.execute("DELETE FROM expunged WHERE folder = ?1", [id])?;
    index.execute("DELETE FROM folder WHERE id = ?1", [id])?;
    Ok(())
}

pub(crate) fn subscribe(
    index: &Transaction<'_>,
    name: &FolderName,
    subscribed: bool,
) -> Result<()> {
    let sql = "UPDATE folder SET subscribed = ?1 WHERE name = ?2";
    match index.execute(sql, params![subscribed, name.as_str()])? {
        0 => Err(StoreError::NoSuchFolder),
        _ => next_modseq(index).map(drop),
    }
}

pub(crate) fn status(index: &Transaction<'_>, id: FolderId) -> Result<Status> {
    let head = head(index, id)?;
    let sql = "SELECT count(*), count(*) FILTER (WHERE flags & 1 = 0), count(*) FILTER (WHERE flags & 8 <> 0), coalesce(sum(size), 0), \
                      coalesce(sum(size) FILTER (WHERE flags & 8 <> 0), 0) \
               FROM message WHERE folder = ?1";
    let mut query = index.prepare_cached(sql)?;
    Ok(query.query_row([id.get()], |row| {
        Ok(Status {
            messages: row.get(0)?,
            unseen: row.get(1)?,
            deleted: row.get(2)?,
            uid_next: head.uid_next,
            uid_validity: head.uid_validity,
            highest_modseq: head.highest_modseq,
            size: row.get(3)?,
            deleted_size: row.get(4)?,
        })
    })?)
}

/// Recreates a folder whose name is lost.
pub(crate) fn recover(index: &Transaction<'_>, id: FolderId, modseq: i64, now: i64) -> Result<()> {
    let name = FolderName::from_stored(format!("Recovered {id}"));
    insert(index, &name, None, modseq, now)?;
    let sql = "UPDATE folder SET id = ?1 WHERE name = ?2";
    index.execute(sql, params![id.get(), name.as_str()])?;
    Ok(())
}

/// UIDVALIDITY is the time in seconds, or one more than the last if that is greater: so it rises even if the account
/// was restored from an older copy.
fn insert(
    index: &Transaction<'_>,
    name: &FolderName,
    special: Option<SpecialUse>,
    modseq: i64,
    now: i64,
) -> Result<()> {
    let sql = "UPDATE account SET uid_validity = max(uid_validity + 1, ?1) RETURNING uid_validity";
    let dated = now.clamp(1, i64::from(u32::MAX) / 2);
    let uid_validity: u32 = index.query_row(sql, [dated], |row| row.get(0))?;
    let sql = "INSERT INTO folder (name, uid_validity, highest_modseq, special_use, subscribed) VALUES (?1, ?2, ?3, ?4, ?5)";
    let special = special.map(SpecialUse::as_str);
    let subscribed = special.is_some() || name.is_inbox();
    index.execute(
        sql,
        params![name.as_str(), uid_validity, modseq, special, subscribed],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Folder> {
    let special: Option<String> = row.get(3)?;
    Ok(Folder {
        id: FolderId::new(row.get(0)?),
        name: FolderName::from_stored(row.get(1)?),
        uid_validity: UidValidity::new(row.get(2)?),
        special_use: special.as_deref().and_then(SpecialUse::from_stored),
        subscribed: row.get(4)?,
    })
}
