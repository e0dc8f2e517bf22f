//! Sign-ins that wait for their factor.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::SessionId;
use sekisho_checkpoint::ports::WaitingSignIn;
use sekisho_source::SourceKey;

use super::Fault;
use super::value::{ip, millis, parsed, plain, source, time};

pub(super) fn put(db: &Connection, waiting: &WaitingSignIn) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO waiting (account, session, source, address, client, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account, source) DO UPDATE SET session = excluded.session",
    )?
    .execute(params![
        waiting.account.get(),
        waiting.session.get(),
        waiting.source.to_string(),
        waiting.address.to_string(),
        waiting.client,
        millis(waiting.at),
    ])?;
    Ok(())
}

/// The factor came.
pub(super) fn end_of(db: &Connection, account: AccountId, source: SourceKey) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM waiting WHERE account = ?1 AND source = ?2")?
        .execute(params![account.get(), source.to_string()])?;
    Ok(())
}

/// The factor came in that session, from wherever.
pub(super) fn end_of_session(db: &Connection, session: SessionId) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM waiting WHERE session = ?1")?
        .execute([session.get()])?;
    Ok(())
}

/// Takes away what began before an instant.
pub(super) fn take(
    db: &Connection,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<WaitingSignIn>, Fault> {
    db.prepare_cached(
        "DELETE FROM waiting WHERE waiting IN
             (SELECT waiting FROM waiting WHERE at < ?1 ORDER BY at, waiting LIMIT ?2)
         RETURNING *",
    )?
    .query_and_then(params![millis(before), limit], read)?
    .collect()
}

fn read(row: &Row<'_>) -> Result<WaitingSignIn, Fault> {
    Ok(WaitingSignIn {
        account: AccountId::new(plain(row, "account")?),
        session: SessionId::new(plain(row, "session")?),
        source: parsed(row, "source", source)?,
        address: parsed(row, "address", ip)?,
        client: plain(row, "client")?,
        at: time(row, "at")?,
    })
}
