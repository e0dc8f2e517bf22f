//! What a crash left in message files and not in the index.
//!
//! An append is acknowledged when the message file is synced; its commit to the index may not be on the disk yet. But
//! each message stands behind a [`Record`] that says where it belongs. So whoever opens the account next finishes the
//! job, and puts in all records past what the index knows of.
//!
//! An index that is missing altogether is rebuilt in the same way. All messages come back, also those that were deleted
//! since; each with the flags it was delivered with, in the folder that it was delivered to. Folders whose name is lost
//! are called by their number.
//!
//! Not every such record was acknowledged, and one that failed must not displace another. The index helps to tell them
//! apart, because a commit carries all earlier commits to the disk with it:
//!
//! - A record whose modseq is not above the index's belongs to an append that failed, or is a copy that a compaction
//!   made.
//! - Of two records for the same UID the first belongs to an append that failed, or the second is a compaction's copy.
//!   In either case the second counts.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use sekisho_disk::{Disk, ReadFile};
use sekisho_message::Parsed;

use crate::counters;
use crate::error::StoreError;
use crate::files;
use crate::folders;
use crate::insert::{Entry, content_id, insert};
use crate::location::MessageLocation;
use crate::record::Record;
use crate::sent;
use crate::summary::Summary;

type Result<T> = std::result::Result<T, StoreError>;

/// A message that the index may lack.
struct Found {
    record: Record,
    place: MessageLocation,
    summary: Summary,
}

/// Puts into the index what the message files within `folder` hold beyond it; `now` is in seconds. Costs a look at one
/// file where there is nothing to do.
pub(crate) fn recover(
    index: &mut Connection,
    disk: &dyn Disk,
    folder: &Path,
    now: i64,
) -> Result<()> {
    let known = last_known(index)?;
    if !is_behind(disk, folder, known)? {
        return Ok(());
    }
    // Other processes append under the same lock: what is past the index now is not work that is still going on.
    let transaction = index.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (number, length) = last_known(&transaction)?;
    let found = records(disk, folder, number, length)?;
    let count = put_in(&transaction, found, now)?;
    transaction.commit()?;
    if count > 0 {
        tracing::info!(
            count,
            "messages were taken over from message files after a crash"
        );
    }
    Ok(())
}

/// The newest message file that the index knows, and how much of it.
fn last_known(index: &Connection) -> Result<(i64, u64)> {
    let sql = "SELECT number, length FROM file ORDER BY number DESC LIMIT 1";
    let last = index
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(last.unwrap_or((1, 0)))
}

fn is_behind(disk: &dyn Disk, folder: &Path, (number, length): (i64, u64)) -> Result<bool> {
    let more = match disk.open_read(&files::path(folder, number)) {
        Ok(file) => Record::begins(&*file, length)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error.into()),
    };
    Ok(more || files::numbers(folder)?.iter().any(|there| *there > number))
}

/// The whole requests that stand in a file from an offset on, and in the files after it. A file is read up to the first
/// thing that is not a record: nothing is ever added behind such.
fn records(disk: &dyn Disk, folder: &Path, first: i64, from: u64) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    for number in files::numbers(folder)? {
        if number < first {
            continue;
        }
        let offset = if number == first { from } else { 0 };
        let file = disk.open_read(&files::path(folder, number))?;
        all.extend(requests(&*file, number, offset)?);
    }
    Ok(all)
}

/// The whole requests in one file.
fn requests(file: &dyn ReadFile, number: i64, mut offset: u64) -> io::Result<Vec<Found>> {
    let length = file.len()?;
    let (mut all, mut request) = (Vec::new(), Vec::new());
    while let Some((record, start, message)) = Record::read(file, length, offset)? {
        let size = message.len() as u64;
        offset = start + size;
        let last = record.left == 0;
        request.push(Found {
            record,
            place: MessageLocation {
                file: number,
                offset: start,
                size,
            },
            summary: Summary::of(&Parsed::new(&message)),
        });
        if last {
            all.append(&mut request);
        }
    }
    Ok(all)
}

/// For `fuzz/`: in a file that breaks off or is damaged somewhere, the whole requests before that are found, and
/// nothing else.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    use crate::flags::Flags;
    use crate::record::Memory;
    use crate::uid::{FolderId, Uid};
    let Some(([cut, change], rest)) = bytes.split_first_chunk() else {
        return;
    };
    let (mut file, mut whole, mut count) = (Vec::new(), vec![(0, 0)], 0);
    for message in rest.split(|byte| *byte == b'|').take(12) {
        count += 1;
        let left = u32::from(message.first().copied().unwrap_or(0) % 3);
        let record = Record {
            folder: FolderId::new(1),
            uid: Uid::new(count),
            modseq: i64::from(count),
            internal_date: 0,
            flags: Flags::default(),
            left,
        };
        file.extend(record.header(message));
        file.extend_from_slice(message);
        if left == 0 {
            whole.push((file.len(), count));
        }
    }
    let at = file.len() * usize::from(*cut) / 256;
    let damaged = if *change == 0 {
        file[..at].to_vec()
    } else {
        file[at] ^= change;
        file
    };
    let found = requests(&Memory(damaged), 1, 0).expect("memory");
    let uids: Vec<u32> = found.iter().map(|one| one.record.uid.get()).collect();
    // All whole requests that end before the damage.
    let expected = whole
        .iter()
        .take_while(|(end, _)| *end <= at)
        .last()
        .map_or(0, |(_, count)| *count);
    assert_eq!(uids, (1..=expected).collect::<Vec<u32>>());
}

fn put_in(index: &Transaction<'_>, found: Vec<Found>, now: i64) -> Result<usize> {
    let known: i64 = index.query_row("SELECT modseq FROM account", [], |row| row.get(0))?;
    // By UID: compactions change the order of messages in files.
    let mut newest = BTreeMap::new();
    for one in &found {
        newest.insert((one.record.folder, one.record.uid), one);
    }
    let mut count = 0;
    let mut contents: HashMap<i64, i64> = HashMap::new();
    for one in newest.into_values() {
        let Found {
            record,
            place,
            summary,
        } = one;
        if record.modseq <= known {
            continue;
        }
        let head = match counters::head(index, record.folder) {
            Ok(head) => head,
            // A crash alone can't do that: the index was lost, and is rebuilt.
            Err(StoreError::NoSuchFolder) => {
                folders::recover(index, record.folder, record.modseq, record.internal_date)?;
                counters::head(index, record.folder)?
            }
            Err(error) => return Err(error),
        };
        if record.uid < head.uid_next {
            continue;
        }
        let length = place.offset + place.size;
        index.execute(
            "INSERT INTO file VALUES (?1, ?2, 0) ON CONFLICT DO UPDATE SET length = max(length, ?2)",
            params![place.file, length],
        )?;
        let number = contents.entry(record.modseq).or_default();
        let content = content_id(record.modseq, *number);
        *number += 1;
        insert(
            index,
            &Entry {
                content,
                record,
                place: *place,
                summary,
            },
        )?;
        index.execute(
            "UPDATE folder SET uid_next = ?1, highest_modseq = max(highest_modseq, ?2) WHERE id = ?3",
            params![
                record.uid.get().saturating_add(1),
                record.modseq,
                record.folder.get()
            ],
        )?;
        index.execute(
            "UPDATE account SET modseq = max(modseq, ?1)",
            [record.modseq],
        )?;
        sent::replace(index, record.folder, summary.identifiers.id.as_deref(), now)?;
        count += 1;
    }
    Ok(count)
}
