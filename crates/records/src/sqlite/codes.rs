//! Mailed codes.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::{LetterId, SessionId};
use sekisho_checkpoint::ports::MailedCode;

use super::fault::Fault;
use super::value::{address, millis, parsed, plain, time};
use crate::words;

/// Keeps a code. It belongs to a session: for one that has ended there is nothing to keep it for, and that is an error.
pub(super) fn put(db: &Connection, code: &MailedCode) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO mailed_codes
             (session, account, hash, purpose, address, issued_at, expires_at, letter)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        code.session.get(),
        code.account.get(),
        code.hash,
        words::of_purpose(&code.purpose),
        code.address.to_string(),
        millis(code.issued_at),
        millis(code.expires_at),
        code.letter.get(),
    ])?;
    Ok(())
}

/// The session's live codes, the oldest first.
pub(super) fn live(
    db: &Connection,
    session: SessionId,
    now: Timestamp,
) -> Result<Vec<MailedCode>, Fault> {
    db.prepare_cached(
        "SELECT * FROM mailed_codes WHERE session = ?1 AND expires_at > ?2 ORDER BY issued_at, code",
    )?
    .query_and_then([session.get(), millis(now)], read)?
    .collect()
}

/// Takes the session's live code of that hash, and ends all the others with it.
pub(super) fn take(
    db: &Connection,
    account: AccountId,
    session: SessionId,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<MailedCode>, Fault> {
    let code = db
        .prepare_cached(
            "SELECT * FROM mailed_codes
             WHERE session = ?1 AND account = ?2 AND hash = ?3 AND expires_at > ?4 LIMIT 1",
        )?
        .query_and_then(
            params![session.get(), account.get(), hash, millis(now)],
            read,
        )?
        .next()
        .transpose()?;
    if code.is_some() {
        db.prepare_cached("DELETE FROM mailed_codes WHERE session = ?1")?
            .execute([session.get()])?;
    }
    Ok(code)
}

/// Removes the code that a letter carries.
pub(super) fn remove_of(db: &Connection, letter: LetterId) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM mailed_codes WHERE letter = ?1")?
        .execute([letter.get()])?;
    Ok(())
}

pub(super) fn purge(db: &Connection, now: Timestamp) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM mailed_codes WHERE expires_at <= ?1")?
        .execute([millis(now)])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<MailedCode, Fault> {
    Ok(MailedCode {
        session: SessionId::new(plain(row, "session")?),
        account: AccountId::new(plain(row, "account")?),
        hash: plain(row, "hash")?,
        purpose: parsed(row, "purpose", words::purpose)?,
        address: parsed(row, "address", address)?,
        issued_at: time(row, "issued_at")?,
        expires_at: time(row, "expires_at")?,
        letter: LetterId::new(plain(row, "letter")?),
    })
}
