//! How the account wants its mail filed, as the index keeps it, and who was told that the person is away.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::error::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// The settings as they were set; `None` if there are none.
pub(crate) fn get(index: &Transaction<'_>) -> Result<Option<String>> {
    let sql = "SELECT settings FROM filter";
    let settings = index.prepare_cached(sql)?.query_row([], |row| row.get(0));
    Ok(settings.optional()?)
}

/// Sets them or takes them away. Forgets who was told that the person is away: the new notice may say something else.
pub(crate) fn set(index: &Transaction<'_>, settings: Option<&str>) -> Result<()> {
    index.execute("DELETE FROM filter", [])?;
    index.execute("DELETE FROM told", [])?;
    if let Some(settings) = settings {
        index.execute("INSERT INTO filter VALUES (1, ?1)", [settings])?;
    }
    Ok(())
}

/// Records that this sender is told now; false if they were told less than `pause` ago.
pub(crate) fn tell(
    index: &Transaction<'_>,
    sender: &str,
    now: Timestamp,
    pause: SignedDuration,
) -> Result<bool> {
    let now = now.as_second();
    let long_ago = now - pause.as_secs();
    index.execute("DELETE FROM told WHERE at <= ?1", [long_ago])?;
    let sql = "INSERT INTO told VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    Ok(index.execute(sql, params![sender, now])? == 1)
}
