//! Revocations: what other nodes, and other processes, must learn.
//!
//! A row is written when open mail connections may be concerned: when the ending cuts some, or when it ends grants that
//! some live by. Webmail sessions need none, since each request asks the file. Otherwise the latest number is returned
//! as it is.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::ports::{Cut, Ending, Reach, Revocation, RevocationNumber};

use super::fault::Fault;
use super::value::{millis, parsed, plain};
use crate::words;

/// Writes what an ending revokes, if anything. Grants that end at least have the connections judged anew.
pub(super) fn write(
    db: &Connection,
    account: AccountId,
    ending: &Ending,
    at: Timestamp,
) -> Result<RevocationNumber, Fault> {
    let cut = match (ending.connections, ending.grants) {
        (Cut::None, Reach::None) => return latest(db),
        (Cut::None, _) => Cut::Judged,
        (cut, _) => cut,
    };
    let number = db
        .prepare_cached(
            "INSERT INTO revocations (account, cut, at) VALUES (?1, ?2, ?3) RETURNING number",
        )?
        .query_row(
            params![account.get(), words::of_cut(cut), millis(at)],
            |row| row.get(0),
        )?;
    Ok(RevocationNumber(number))
}

/// The latest number, and the revocations after `after` in order.
pub(super) fn after(
    db: &Connection,
    after: Option<RevocationNumber>,
) -> Result<(RevocationNumber, Vec<Revocation>), Fault> {
    let revocations = match after {
        None => Vec::new(),
        Some(after) => db
            .prepare_cached("SELECT * FROM revocations WHERE number > ?1 ORDER BY number")?
            .query_and_then([after.0], read)?
            .collect::<Result<_, _>>()?,
    };
    Ok((latest(db)?, revocations))
}

/// Whether something of an account was revoked after a number.
pub(super) fn has_any(
    db: &Connection,
    account: AccountId,
    after: RevocationNumber,
) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM revocations WHERE number > ?1 AND account = ?2)";
    let has = db
        .prepare_cached(sql)?
        .query_row([after.0, account.get()], |row| row.get(0))?;
    Ok(has)
}

pub(super) fn purge(db: &Connection, before_millis: i64) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM revocations WHERE at < ?1")?
        .execute([before_millis])?;
    Ok(())
}

/// The last number ever given, also when its row is purged; 0 before the first.
fn latest(db: &Connection) -> Result<RevocationNumber, Fault> {
    let number = db
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'revocations'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(RevocationNumber(number.unwrap_or(0)))
}

fn read(row: &Row<'_>) -> Result<Revocation, Fault> {
    Ok(Revocation {
        number: RevocationNumber(plain(row, "number")?),
        account: AccountId::new(plain(row, "account")?),
        cut: parsed(row, "cut", words::cut)?,
    })
}
