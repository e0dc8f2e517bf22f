//! Sign-ins that wait for their factor.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::SessionId;
use sekisho_checkpoint::ports::WaitingSignIn;
use sekisho_source::SourceKey;

use super::fault::Fault;
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

/// What began before an instant, the oldest first.
pub(super) fn before(
    db: &Connection,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<WaitingSignIn>, Fault> {
    db.prepare_cached("SELECT * FROM waiting WHERE at < ?1 ORDER BY at, waiting LIMIT ?2")?
        .query_and_then(params![millis(before), limit], read)?
        .collect()
}

/// Takes one away. Returns whether it still waited.
pub(super) fn take(
    db: &Connection,
    account: AccountId,
    source: SourceKey,
    at: Timestamp,
) -> Result<bool, Fault> {
    let changed = db
        .prepare_cached("DELETE FROM waiting WHERE account = ?1 AND source = ?2 AND at = ?3")?
        .execute(params![account.get(), source.to_string(), millis(at)])?;
    Ok(changed == 1)
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
