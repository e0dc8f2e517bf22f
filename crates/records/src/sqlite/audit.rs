//! Audit events.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::audit::{Actor, Event, EventKind};
use sekisho_checkpoint::id::Reference;

use super::fault::Fault;
use super::value::{ip, maybe_parsed, millis, parsed, plain, time};

pub(super) fn write(db: &Connection, event: &Event) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO events (at, account, name_hash, actor, what, address, client, reference, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        millis(event.at),
        event.account.map(AccountId::get),
        event.name_hash,
        event.actor.as_str(),
        event.what.as_str(),
        event.address.map(|address| address.to_string()),
        event.client,
        event.reference.as_ref().map(Reference::as_str),
        event.detail,
    ])?;
    Ok(())
}

/// The account's events of some kinds (of all, if none is named) after an instant, the newest first.
pub(super) fn of_account(
    db: &Connection,
    account: AccountId,
    kinds: &[EventKind],
    since: Timestamp,
    limit: u32,
) -> Result<Vec<Event>, Fault> {
    // The words of kinds are ours and plain, so that they stand in JSON as they are.
    let words: Vec<String> = kinds
        .iter()
        .map(|k| format!("\"{}\"", k.as_str()))
        .collect();
    let words = format!("[{}]", words.join(","));
    db.prepare_cached(
        "SELECT * FROM events
         WHERE account = ?1 AND at > ?2 AND (?4 = '[]' OR what IN (SELECT value FROM json_each(?4)))
         ORDER BY at DESC, event DESC LIMIT ?3",
    )?
    .query_and_then(params![account.get(), millis(since), limit, words], read)?
    .collect()
}

/// The event of a reference; the newest, should a reference ever have been drawn twice.
pub(super) fn of_reference(db: &Connection, reference: &Reference) -> Result<Option<Event>, Fault> {
    db.prepare_cached("SELECT * FROM events WHERE reference = ?1 ORDER BY event DESC LIMIT 1")?
        .query_and_then([reference.as_str()], read)?
        .next()
        .transpose()
}

/// Everybody's events after an instant, the newest first.
pub(super) fn all(
    db: &Connection,
    since: Timestamp,
    what: Option<EventKind>,
    limit: u32,
) -> Result<Vec<Event>, Fault> {
    db.prepare_cached(
        "SELECT * FROM events WHERE at > ?1 AND (?2 IS NULL OR what = ?2)
         ORDER BY at DESC, event DESC LIMIT ?3",
    )?
    .query_and_then(
        params![millis(since), what.map(EventKind::as_str), limit],
        read,
    )?
    .collect()
}

pub(super) fn purge(db: &Connection, before: Timestamp) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM events WHERE at < ?1")?
        .execute([millis(before)])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Event, Fault> {
    Ok(Event {
        at: time(row, "at")?,
        account: plain::<Option<i64>>(row, "account")?.map(AccountId::new),
        name_hash: plain(row, "name_hash")?,
        actor: parsed(row, "actor", Actor::parse)?,
        what: parsed(row, "what", EventKind::parse)?,
        address: maybe_parsed(row, "address", ip)?,
        client: plain(row, "client")?,
        reference: plain::<Option<String>>(row, "reference")?.map(Reference::from_stored),
        detail: plain(row, "detail")?,
    })
}
