//! Reads and changes the file of the checkpoint's records, beside the process that uses it.

use std::path::Path;

/// Makes the records unusable, as when their disk fails.
///
/// # Errors
/// The file can't be changed.
pub fn break_in(folder: &Path) -> anyhow::Result<()> {
    let tables = rusqlite::Connection::open(folder.join("records.sqlite"))?;
    let names: Vec<String> = tables
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    tables.pragma_update(None, "foreign_keys", false)?;
    for name in names {
        tables.execute_batch(&format!("ALTER TABLE {name} RENAME TO gone_{name}"))?;
    }
    Ok(())
}

/// Deletes all revocations and ends all grants, as when another database takes over that never received the
/// revocations.
///
/// # Errors
/// The file can't be changed.
pub fn lose_the_last_revocations(folder: &Path) -> anyhow::Result<()> {
    let tables = rusqlite::Connection::open(folder.join("records.sqlite"))?;
    tables.execute_batch(
        "DELETE FROM revocations; UPDATE sqlite_sequence SET seq = 0 WHERE name = 'revocations';
         UPDATE grants SET ended_at = 0 WHERE ended_at IS NULL",
    )?;
    Ok(())
}

/// The sealed passwords in the sessions.
///
/// # Errors
/// The file can't be read.
pub fn kept_passwords(folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let tables = rusqlite::Connection::open(folder.join("records.sqlite"))?;
    let mut kept = tables.prepare("SELECT password FROM sessions WHERE password IS NOT NULL")?;
    let kept = kept.query_map([], |row| row.get(0))?;
    Ok(kept.collect::<Result<_, _>>()?)
}
