//! Audit events.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::audit::{Actor, Event, EventKind};
use sekisho_checkpoint::id::Reference;
use tokio_postgres::Row;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{ip, maybe_hash, maybe_parsed, millis, parsed, plain, text, time};

pub(super) async fn write(db: &Lent, event: &Event) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO events (at, account, name_hash, actor, what, address, client, reference, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            &millis(event.at),
            &event.account.map(AccountId::get),
            &event.name_hash.as_ref().map(<[u8; 32]>::as_slice),
            &event.actor.as_str(),
            &event.what.as_str(),
            &event.address.map(|address| address.to_string()),
            &text(&event.client),
            &event.reference.as_ref().map(Reference::as_str),
            &text(&event.detail),
        ],
    )
    .await?;
    Ok(())
}

/// The account's events of some kinds (of all, if none is named) after an instant, the newest first.
pub(super) async fn of_account(
    db: &Lent,
    account: AccountId,
    kinds: &[EventKind],
    since: Timestamp,
    limit: u32,
) -> Result<Vec<Event>, Fault> {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let rows = db
        .query(
            "SELECT * FROM events
             WHERE account = $1 AND at > $2 AND (cardinality($4::text[]) = 0 OR what = ANY ($4))
             ORDER BY at DESC, event DESC LIMIT $3",
            &[&account.get(), &millis(since), &i64::from(limit), &words],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// The event of a reference; the newest, should a reference ever have been drawn twice.
pub(super) async fn of_reference(db: &Lent, reference: &Reference) -> Result<Option<Event>, Fault> {
    let row = db
        .query_opt(
            "SELECT * FROM events WHERE reference = $1 ORDER BY event DESC LIMIT 1",
            &[&reference.as_str()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// Everybody's events after an instant, the newest first.
pub(super) async fn all(
    db: &Lent,
    since: Timestamp,
    what: Option<EventKind>,
    limit: u32,
) -> Result<Vec<Event>, Fault> {
    let rows = db
        .query(
            "SELECT * FROM events WHERE at > $1 AND ($2::text IS NULL OR what = $2)
             ORDER BY at DESC, event DESC LIMIT $3",
            &[
                &millis(since),
                &what.map(EventKind::as_str),
                &i64::from(limit),
            ],
        )
        .await?;
    rows.iter().map(read).collect()
}

pub(super) async fn purge(db: &Lent, before: Timestamp) -> Result<(), Fault> {
    db.execute("DELETE FROM events WHERE at < $1", &[&millis(before)])
        .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Event, Fault> {
    Ok(Event {
        at: time(row, "at")?,
        account: plain::<Option<i64>>(row, "account")?.map(AccountId::new),
        name_hash: maybe_hash(row, "name_hash")?,
        actor: parsed(row, "actor", Actor::parse)?,
        what: parsed(row, "what", EventKind::parse)?,
        address: maybe_parsed(row, "address", ip)?,
        client: plain(row, "client")?,
        reference: plain::<Option<String>>(row, "reference")?.map(Reference::from_stored),
        detail: plain(row, "detail")?,
    })
}
