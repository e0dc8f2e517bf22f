//! Revocations: what other nodes, and other processes, must learn.
//!
//! A row is written when open mail connections may be concerned: when the ending cuts some, or when it ends grants that
//! some live by. Webmail sessions need none, since each request asks the database. Otherwise the latest number is
//! returned as it is.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::ports::{Cut, Ending, Reach, Revocation, RevocationNumber};
use tokio_postgres::Row;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{millis, parsed, plain};
use crate::words;

/// Where nodes are told, at its commit, that one was written.
pub(super) const CHANNEL: &str = "sekisho_revocations";

/// Writes what an ending revokes, if anything. Grants that end at least have the connections judged anew.
///
/// Its number is held until the commit, so that numbers are committed in their order: this comes last in a transaction.
pub(super) async fn write(
    db: &Lent,
    account: AccountId,
    ending: &Ending,
    at: Timestamp,
) -> Result<RevocationNumber, Fault> {
    let cut = match (ending.connections, ending.grants) {
        (Cut::None, Reach::None) => return latest(db).await,
        (Cut::None, _) => Cut::Judged,
        (cut, _) => cut,
    };
    let row = db
        .query_one(
            "WITH next AS (UPDATE last_revocation SET number = number + 1 RETURNING number)
             INSERT INTO revocations (number, account, cut, at) SELECT number, $1, $2, $3 FROM next
             RETURNING number",
            &[&account.get(), &words::of_cut(cut), &millis(at)],
        )
        .await?;
    db.execute("SELECT pg_notify($1, '')", &[&CHANNEL]).await?;
    Ok(RevocationNumber(plain(&row, "number")?))
}

/// The latest number, and the revocations after `after` in order.
pub(super) async fn after(
    db: &Lent,
    after: Option<RevocationNumber>,
) -> Result<(RevocationNumber, Vec<Revocation>), Fault> {
    let revocations = match after {
        None => Vec::new(),
        Some(after) => {
            let rows = db
                .query(
                    "SELECT * FROM revocations WHERE number > $1 ORDER BY number",
                    &[&after.0],
                )
                .await?;
            rows.iter().map(read).collect::<Result<_, _>>()?
        }
    };
    Ok((latest(db).await?, revocations))
}

/// Whether something of an account was revoked after a number.
pub(super) async fn has_any(
    db: &Lent,
    account: AccountId,
    after: RevocationNumber,
) -> Result<bool, Fault> {
    let row = db
        .query_one(
            "SELECT EXISTS (SELECT FROM revocations WHERE number > $1 AND account = $2) AS has_any",
            &[&after.0, &account.get()],
        )
        .await?;
    plain(&row, "has_any")
}

pub(super) async fn purge(db: &Lent, before_millis: i64) -> Result<(), Fault> {
    db.execute("DELETE FROM revocations WHERE at < $1", &[&before_millis])
        .await?;
    Ok(())
}

/// The last number ever given, also when its row is purged; 0 before the first.
async fn latest(db: &Lent) -> Result<RevocationNumber, Fault> {
    let row = db
        .query_one("SELECT number FROM last_revocation", &[])
        .await?;
    Ok(RevocationNumber(plain(&row, "number")?))
}

fn read(row: &Row) -> Result<Revocation, Fault> {
    Ok(Revocation {
        number: RevocationNumber(plain(row, "number")?),
        account: AccountId::new(plain(row, "account")?),
        cut: parsed(row, "cut", words::cut)?,
    })
}
