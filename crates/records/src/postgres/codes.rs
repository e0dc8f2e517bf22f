//! Mailed codes.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::{LetterId, SessionId};
use sekisho_checkpoint::ports::MailedCode;
use tokio_postgres::Row;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{address, hash, millis, parsed, plain, time};
use crate::words;

/// Keeps a code. It belongs to a session: for one that has ended there is nothing to keep it for, and that is an error.
pub(super) async fn put(db: &Lent, code: &MailedCode) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO mailed_codes
             (session, account, hash, purpose, address, issued_at, expires_at, letter)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &code.session.get(),
            &code.account.get(),
            &code.hash.as_slice(),
            &words::of_purpose(&code.purpose),
            &code.address.to_string(),
            &millis(code.issued_at),
            &millis(code.expires_at),
            &code.letter.get(),
        ],
    )
    .await?;
    Ok(())
}

/// The session's live codes, the oldest first.
pub(super) async fn live(
    db: &Lent,
    session: SessionId,
    now: Timestamp,
) -> Result<Vec<MailedCode>, Fault> {
    let rows = db
        .query(
            "SELECT * FROM mailed_codes WHERE session = $1 AND expires_at > $2 ORDER BY issued_at, code",
            &[&session.get(), &millis(now)],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Takes the session's live code of that hash, and ends all the others with it. The caller waits for the account, so
/// that of those who race one is alone here.
pub(super) async fn take(
    db: &Lent,
    account: AccountId,
    session: SessionId,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<MailedCode>, Fault> {
    let row = db
        .query_opt(
            "SELECT * FROM mailed_codes
             WHERE session = $1 AND account = $2 AND hash = $3 AND expires_at > $4 LIMIT 1",
            &[
                &session.get(),
                &account.get(),
                &hash.as_slice(),
                &millis(now),
            ],
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    db.execute(
        "DELETE FROM mailed_codes WHERE session = $1",
        &[&session.get()],
    )
    .await?;
    read(&row).map(Some)
}

/// Removes the code that a letter carries.
pub(super) async fn remove_of(db: &Lent, letter: LetterId) -> Result<(), Fault> {
    db.execute(
        "DELETE FROM mailed_codes WHERE letter = $1",
        &[&letter.get()],
    )
    .await?;
    Ok(())
}

pub(super) async fn purge(db: &Lent, now: Timestamp) -> Result<(), Fault> {
    db.execute(
        "DELETE FROM mailed_codes WHERE expires_at <= $1",
        &[&millis(now)],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<MailedCode, Fault> {
    Ok(MailedCode {
        session: SessionId::new(plain(row, "session")?),
        account: AccountId::new(plain(row, "account")?),
        hash: hash(row, "hash")?,
        purpose: parsed(row, "purpose", words::purpose)?,
        address: parsed(row, "address", address)?,
        issued_at: time(row, "issued_at")?,
        expires_at: time(row, "expires_at")?,
        letter: LetterId::new(plain(row, "letter")?),
    })
}
