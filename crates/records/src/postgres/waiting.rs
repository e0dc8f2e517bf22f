//! Sign-ins that wait for their factor.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::SessionId;
use sekisho_checkpoint::ports::WaitingSignIn;
use sekisho_source::SourceKey;
use tokio_postgres::Row;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{ip, millis, parsed, plain, source, text, time};

pub(super) async fn put(db: &Lent, waiting: &WaitingSignIn) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO waiting (account, session, source, address, client, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (account, source) DO UPDATE SET session = excluded.session",
        &[
            &waiting.account.get(),
            &waiting.session.get(),
            &waiting.source.to_string(),
            &waiting.address.to_string(),
            &text(&waiting.client),
            &millis(waiting.at),
        ],
    )
    .await?;
    Ok(())
}

/// The factor came.
pub(super) async fn end_of(db: &Lent, account: AccountId, source: SourceKey) -> Result<(), Fault> {
    db.execute(
        "DELETE FROM waiting WHERE account = $1 AND source = $2",
        &[&account.get(), &source.to_string()],
    )
    .await?;
    Ok(())
}

/// The factor came in that session, from wherever.
pub(super) async fn end_of_session(db: &Lent, session: SessionId) -> Result<(), Fault> {
    db.execute("DELETE FROM waiting WHERE session = $1", &[&session.get()])
        .await?;
    Ok(())
}

/// What began before an instant, the oldest first.
pub(super) async fn before(
    db: &Lent,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<WaitingSignIn>, Fault> {
    let rows = db
        .query(
            "SELECT * FROM waiting WHERE at < $1 ORDER BY at, waiting LIMIT $2",
            &[&millis(before), &i64::from(limit)],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Takes one away. Returns whether it still waited; of those who race, PostgreSQL lets one delete the row.
pub(super) async fn take(
    db: &Lent,
    account: AccountId,
    source: SourceKey,
    at: Timestamp,
) -> Result<bool, Fault> {
    let changed = db
        .execute(
            "DELETE FROM waiting WHERE account = $1 AND source = $2 AND at = $3",
            &[&account.get(), &source.to_string(), &millis(at)],
        )
        .await?;
    Ok(changed == 1)
}

fn read(row: &Row) -> Result<WaitingSignIn, Fault> {
    Ok(WaitingSignIn {
        account: AccountId::new(plain(row, "account")?),
        session: SessionId::new(plain(row, "session")?),
        source: parsed(row, "source", source)?,
        address: parsed(row, "address", ip)?,
        client: plain(row, "client")?,
        at: time(row, "at")?,
    })
}
