//! Letters that wait to be handed over.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::{LetterId, SessionId};
use sekisho_checkpoint::ports::OutboxLetter;
use sekisho_checkpoint::sealing::Sealed;

use super::fault::Fault;
use super::value::{millis, plain, time};

pub(super) fn put(db: &Connection, letter: &OutboxLetter) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO outbox (letter, account, session, body, tries, due_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        letter.id.get(),
        letter.account.get(),
        letter.session.map(SessionId::get),
        letter.body.0,
        letter.tries,
        millis(letter.due_at),
        millis(letter.expires_at),
    ])?;
    Ok(())
}

/// Whether a letter is due. Most often none is, and then nothing needs to be written.
pub(super) fn is_due(db: &Connection, now: Timestamp) -> Result<bool, Fault> {
    Ok(db
        .prepare_cached("SELECT 1 FROM outbox WHERE due_at <= ?1")?
        .exists([millis(now)])?)
}

/// Claims letters that are due, for whoever sends them until an instant.
pub(super) fn claim(
    db: &Connection,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<OutboxLetter>, Fault> {
    let mut due = db.prepare_cached(
        "SELECT * FROM outbox WHERE due_at <= ?1 ORDER BY session IS NULL, due_at, letter LIMIT ?2",
    )?;
    let mut claim =
        db.prepare_cached("UPDATE outbox SET tries = ?2, due_at = ?3 WHERE letter = ?1")?;
    let mut letters = due
        .query_and_then(params![millis(now), limit], read)?
        .collect::<Result<Vec<_>, _>>()?;
    for letter in &mut letters {
        letter.tries += 1;
        letter.due_at = until;
        claim.execute(params![letter.id.get(), letter.tries, millis(until)])?;
    }
    Ok(letters)
}

pub(super) fn remove(db: &Connection, letter: LetterId) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM outbox WHERE letter = ?1")?
        .execute([letter.get()])?;
    Ok(())
}

/// Puts a letter off, unless somebody claimed it after that try.
pub(super) fn put_off(
    db: &Connection,
    letter: LetterId,
    tries: u32,
    until: Timestamp,
) -> Result<(), Fault> {
    db.prepare_cached("UPDATE outbox SET due_at = ?3 WHERE letter = ?1 AND tries = ?2")?
        .execute(params![letter.get(), tries, millis(until)])?;
    Ok(())
}

pub(super) fn all(db: &Connection) -> Result<Vec<OutboxLetter>, Fault> {
    db.prepare_cached("SELECT * FROM outbox")?
        .query_and_then([], read)?
        .collect()
}

/// Replaces the body of a letter that still is what it was.
pub(super) fn replace_body(
    db: &Connection,
    letter: &OutboxLetter,
    body: &Sealed,
) -> Result<(), Fault> {
    db.prepare_cached("UPDATE outbox SET body = ?3 WHERE letter = ?1 AND body = ?2")?
        .execute(params![letter.id.get(), letter.body.0, body.0])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<OutboxLetter, Fault> {
    Ok(OutboxLetter {
        id: LetterId::new(plain(row, "letter")?),
        account: AccountId::new(plain(row, "account")?),
        session: plain::<Option<i64>>(row, "session")?.map(SessionId::new),
        body: Sealed(plain(row, "body")?),
        tries: plain(row, "tries")?,
        due_at: time(row, "due_at")?,
        expires_at: time(row, "expires_at")?,
    })
}
