//! Checks whether an account's mail is whole. Each fault is said in a sentence for people; counters are repaired where
//! they can be counted anew.

use std::collections::BTreeMap;
use std::io;

use rusqlite::{Connection, Transaction};

use crate::account::Core;
use crate::error::StoreError;
use crate::files;
use crate::record::Record;

type Result<T> = std::result::Result<T, StoreError>;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How many messages in all folders.
    pub messages: u64,
    /// The bytes of the message files together.
    pub bytes: u64,
    /// What is wrong, a sentence each.
    pub faults: Vec<String>,
    /// Which of these were mended.
    pub repaired: Vec<String>,
}

/// How often a check begins anew because a compaction changed the message files.
const LOOKS: usize = 5;

impl Core {
    /// Checks the account. `deep` also reads every message and holds it against its checksum; `repair` sets counters
    /// right.
    pub(crate) fn check(&self, deep: bool, repair: bool) -> Result<Report> {
        let mut report = Report::default();
        for _ in 0..LOOKS {
            let newest;
            (report, newest) = self.look(deep)?;
            // What this look missed may be in a file that was compacted meanwhile: then there is a newer file.
            if report.faults.is_empty() || newest.is_none() || self.read(newest_file)? == newest {
                break;
            }
        }
        if repair && !report.faults.is_empty() {
            self.write(|index| recount(index, &mut report))?;
        }
        Ok(report)
    }

    /// Looks once; also tells the newest message file's number, if the index can be read.
    fn look(&self, deep: bool) -> Result<(Report, Option<i64>)> {
        self.read(|index| {
            let mut report = Report::default();
            sqlite_itself(index, &mut report)?;
            if !report.faults.is_empty() {
                return Ok((report, None));
            }
            counters(index, &mut report)?;
            self.places(index, deep, &mut report)?;
            Ok((report, newest_file(index)?))
        })
    }

    /// Whether every message's bytes are there.
    fn places(&self, index: &Transaction<'_>, deep: bool, report: &mut Report) -> Result<()> {
        let mut known = BTreeMap::new();
        let mut query = index.prepare("SELECT number, length FROM file ORDER BY number")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (number, length): (i64, u64) = (row.get(0)?, row.get(1)?);
            report.bytes += length;
            let name = files::path("".as_ref(), number).display().to_string();
            let starts = match self.file_length(number) {
                Ok(there) if there < length => {
                    report.faults.push(format!(
                        "{name} has {there} bytes, {} are missing at its end",
                        length - there
                    ));
                    None
                }
                Ok(_) if deep => Some(self.record_starts(number, length, &name, report)?),
                Ok(_) => None,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    report.faults.push(format!("{name} is missing"));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            known.insert(number, (length, starts));
        }
        let sql = "SELECT DISTINCT folder.name, message.uid, content.file, content.offset, content.size FROM message \
                   JOIN folder ON folder.id = message.folder JOIN content ON content.id = message.content";
        let mut query = index.prepare(sql)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (folder, uid): (String, u32) = (row.get(0)?, row.get(1)?);
            let (file, offset, size): (i64, u64, u64) = (row.get(2)?, row.get(3)?, row.get(4)?);
            let whole = match known.get(&file) {
                None => false,
                Some((length, None)) => offset + size <= *length,
                Some((_, Some(starts))) => starts.get(&offset) == Some(&size),
            };
            if !whole {
                report
                    .faults
                    .push(format!("message {uid} of {folder} can't be read whole"));
            }
        }
        Ok(())
    }

    /// Where the messages of a file begin, and their sizes, as far as their checksums are right.
    fn record_starts(
        &self,
        number: i64,
        length: u64,
        name: &str,
        report: &mut Report,
    ) -> Result<BTreeMap<u64, u64>> {
        let file = self.open_file(number)?;
        let mut starts = BTreeMap::new();
        let mut offset = 0;
        while offset < length {
            match Record::read(&*file, length, offset)? {
                Some((_, start, message)) => {
                    starts.insert(start, message.len() as u64);
                    offset = start + message.len() as u64;
                }
                None => {
                    report.faults.push(format!(
                        "{name} is damaged from byte {offset} on, of {length}"
                    ));
                    break;
                }
            }
        }
        Ok(starts)
    }
}

fn newest_file(index: &Transaction<'_>) -> Result<Option<i64>> {
    Ok(index.query_row("SELECT max(number) FROM file", [], |row| row.get(0))?)
}

/// What SQLite finds wrong.
fn sqlite_itself(index: &Connection, report: &mut Report) -> Result<()> {
    let mut query = index.prepare("PRAGMA integrity_check(10)")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            report.faults.push(format!("the index is damaged: {line}"));
        }
    }
    let mut query = index.prepare("PRAGMA foreign_key_check")?;
    let mut rows = query.query([])?;
    let mut strays: BTreeMap<String, u64> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        *strays.entry(row.get(0)?).or_default() += 1;
    }
    for (table, count) in strays {
        report
            .faults
            .push(format!("{count} rows of {table} belong to nothing"));
    }
    Ok(())
}

/// The counters that can be recomputed: a sentence for people, the query that counts wrong rows, and the statement that
/// sets them right.
const COUNTERS: [(&str, &str, &str); 6] = [
    (
        "what the quota counts is wrong",
        "SELECT count(*) FROM account WHERE messages <> (SELECT count(*) FROM message) OR bytes <> (SELECT coalesce(sum(size), 0) FROM message)",
        "UPDATE account SET messages = (SELECT count(*) FROM message), bytes = (SELECT coalesce(sum(size), 0) FROM message)",
    ),
    (
        "the account's modseq is below a folder's",
        "SELECT count(*) FROM account WHERE modseq < (SELECT max(highest_modseq) FROM folder)",
        "UPDATE account SET modseq = max(modseq, (SELECT max(highest_modseq) FROM folder))",
    ),
    (
        "a folder's modseq is below a message's",
        "SELECT count(*) FROM folder WHERE highest_modseq < (SELECT max(modseq) FROM message WHERE folder = folder.id)",
        "UPDATE folder SET highest_modseq = max(highest_modseq, coalesce((SELECT max(modseq) FROM message WHERE folder = folder.id), 0))",
    ),
    (
        "a folder's next UID is one that a message has",
        "SELECT count(*) FROM folder WHERE uid_next <= (SELECT max(uid) FROM message WHERE folder = folder.id)",
        "UPDATE folder SET uid_next = max(uid_next, 1 + coalesce((SELECT max(uid) FROM message WHERE folder = folder.id), 0))",
    ),
    (
        "contents are kept that no message has",
        "SELECT count(*) FROM content WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.content = content.id)",
        "DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.content = content.id)",
    ),
    (
        "a message's size is not that of its bytes",
        "SELECT count(*) FROM message JOIN content ON content.id = message.content WHERE message.size <> content.size",
        "UPDATE message SET size = (SELECT size FROM content WHERE content.id = message.content)",
    ),
];

fn counters(index: &Connection, report: &mut Report) -> Result<()> {
    report.messages = index.query_row("SELECT count(*) FROM message", [], |row| row.get(0))?;
    for (wrong, count, _) in COUNTERS {
        let count: u64 = index.query_row(count, [], |row| row.get(0))?;
        if count > 0 {
            report.faults.push(format!("{wrong} ({count})"));
        }
    }
    Ok(())
}

fn recount(index: &Transaction<'_>, report: &mut Report) -> Result<()> {
    for (wrong, _, repair) in COUNTERS {
        if report.faults.iter().any(|fault| fault.starts_with(wrong)) {
            index.execute(repair, [])?;
            report.repaired.push(wrong.to_owned());
        }
    }
    Ok(())
}
