//! Failures, one row each, so that any window can be counted.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::value::{as_time, millis};

pub(super) fn count(db: &Connection, keys: &[String], now: Timestamp) -> Result<(), Fault> {
    let mut insert = db.prepare_cached("INSERT INTO counted (key, at) VALUES (?1, ?2)")?;
    for key in keys {
        insert.execute(params![key, millis(now)])?;
    }
    Ok(())
}

/// Removes one count of that time under each key.
pub(super) fn take_back(db: &Connection, keys: &[String], at: Timestamp) -> Result<(), Fault> {
    let mut delete = db.prepare_cached(
        "DELETE FROM counted WHERE rowid =
             (SELECT rowid FROM counted WHERE key = ?1 AND at = ?2 LIMIT 1)",
    )?;
    for key in keys {
        delete.execute(params![key, millis(at)])?;
    }
    Ok(())
}

/// The latest 200 under each key, the oldest of them first.
pub(super) fn counted(
    db: &Connection,
    keys: &[(String, Timestamp)],
) -> Result<Vec<Vec<Timestamp>>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT at FROM counted WHERE key = ?1 AND at > ?2 ORDER BY at DESC LIMIT 200",
    )?;
    keys.iter()
        .map(|(key, since)| {
            let mut times: Vec<_> = select
                .query_and_then(params![key, millis(*since)], |row| {
                    as_time(row.get(0)?, "counted time")
                })?
                .collect::<Result<_, Fault>>()?;
            times.reverse();
            Ok(times)
        })
        .collect()
}

pub(super) fn purge(db: &Connection, before_millis: i64) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM counted WHERE at < ?1")?
        .execute([before_millis])?;
    Ok(())
}
