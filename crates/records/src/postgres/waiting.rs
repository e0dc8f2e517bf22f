//! Sign-ins that wait for their factor.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::SessionId;
use sekisho_checkpoint::ports::WaitingSignIn;
use sekisho_source::SourceKey;
use tokio_postgres::Row;

use super::Fault;
use super::pool::Lent;
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

/// Takes away what began before an instant; what another node is just taking is left to it.
pub(super) async fn take(
    db: &Lent,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<WaitingSignIn>, Fault> {
    let rows = db
        .query(
            "DELETE FROM waiting WHERE waiting IN
                 (SELECT waiting FROM waiting WHERE at < $1 ORDER BY at, waiting LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING *",
            &[&millis(before), &i64::from(limit)],
        )
        .await?;
    rows.iter().map(read).collect()
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
