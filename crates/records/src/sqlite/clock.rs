//! The clock's high-water mark.

use jiff::Timestamp;
use rusqlite::Connection;

use super::fault::Fault;
use super::value::{as_time, millis};

/// Raises the mark to `now`; a later one stays.
pub(super) fn raise(db: &Connection, now: Timestamp) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO clock (one, mark) VALUES (1, ?1)
         ON CONFLICT (one) DO UPDATE SET mark = excluded.mark WHERE excluded.mark > mark",
    )?
    .execute([millis(now)])?;
    Ok(())
}

/// The mark, once it was raised.
pub(super) fn mark(db: &Connection) -> Result<Timestamp, Fault> {
    let mark = db
        .prepare_cached("SELECT mark FROM clock")?
        .query_row([], |row| row.get(0))?;
    as_time(mark, "clock")
}
