//! Letters that wait to be handed over.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::{LetterId, SessionId};
use sekisho_checkpoint::ports::OutboxLetter;
use sekisho_checkpoint::sealing::Sealed;
use tokio_postgres::Row;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{millis, number, plain, time};

pub(super) async fn put(db: &Lent, letter: &OutboxLetter) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO outbox (letter, account, session, body, tries, due_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &letter.id.get(),
            &letter.account.get(),
            &letter.session.map(SessionId::get),
            &letter.body.0,
            &i64::from(letter.tries),
            &millis(letter.due_at),
            &millis(letter.expires_at),
        ],
    )
    .await?;
    Ok(())
}

/// Whether a letter is due. Most often none is, and then nothing needs to be written.
pub(super) async fn is_due(db: &Lent, now: Timestamp) -> Result<bool, Fault> {
    let row = db
        .query_one(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE due_at <= $1) AS due",
            &[&millis(now)],
        )
        .await?;
    plain(&row, "due")
}

/// Claims letters that are due, for whoever sends them until an instant; what another node is just claiming is left to
/// it. Within a transaction.
pub(super) async fn claim(
    db: &Lent,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<OutboxLetter>, Fault> {
    let rows = db
        .query(
            "SELECT * FROM outbox WHERE due_at <= $1 ORDER BY session IS NULL, due_at, letter LIMIT $2
             FOR UPDATE SKIP LOCKED",
            &[&millis(now), &i64::from(limit)],
        )
        .await?;
    let mut letters = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<i64> = letters.iter().map(|letter| letter.id.get()).collect();
    db.execute(
        "UPDATE outbox SET tries = tries + 1, due_at = $2 WHERE letter = ANY($1)",
        &[&ids, &millis(until)],
    )
    .await?;
    for letter in &mut letters {
        letter.tries += 1;
        letter.due_at = until;
    }
    Ok(letters)
}

pub(super) async fn remove(db: &Lent, letter: LetterId) -> Result<(), Fault> {
    db.execute("DELETE FROM outbox WHERE letter = $1", &[&letter.get()])
        .await?;
    Ok(())
}

/// Puts a letter off, unless somebody claimed it after that try.
pub(super) async fn put_off(
    db: &Lent,
    letter: LetterId,
    tries: u32,
    until: Timestamp,
) -> Result<(), Fault> {
    db.execute(
        "UPDATE outbox SET due_at = $3 WHERE letter = $1 AND tries = $2",
        &[&letter.get(), &i64::from(tries), &millis(until)],
    )
    .await?;
    Ok(())
}

pub(super) async fn all(db: &Lent) -> Result<Vec<OutboxLetter>, Fault> {
    let rows = db.query("SELECT * FROM outbox", &[]).await?;
    rows.iter().map(read).collect()
}

/// Replaces the body of a letter that still is what it was.
pub(super) async fn replace_body(
    db: &Lent,
    letter: &OutboxLetter,
    body: &Sealed,
) -> Result<(), Fault> {
    db.execute(
        "UPDATE outbox SET body = $3 WHERE letter = $1 AND body = $2",
        &[&letter.id.get(), &letter.body.0, &body.0],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<OutboxLetter, Fault> {
    Ok(OutboxLetter {
        id: LetterId::new(plain(row, "letter")?),
        account: AccountId::new(plain(row, "account")?),
        session: plain::<Option<i64>>(row, "session")?.map(SessionId::new),
        body: Sealed(plain(row, "body")?),
        tries: number(row, "tries")?,
        due_at: time(row, "due_at")?,
        expires_at: time(row, "expires_at")?,
    })
}
