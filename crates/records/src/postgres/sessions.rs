//! Webmail sessions. Ending one removes it, with the codes mailed for it.

use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::{SessionId, TokenHash};
use sekisho_checkpoint::ports::{Reach, SessionUpdate};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::session::Session;
use tokio_postgres::Row;

use super::Fault;
use super::pool::Lent;
use super::value::{hash, maybe_sealed, maybe_time, millis, number, plain, time};

pub(super) async fn put(db: &Lent, session: &Session) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO sessions (session, token, account, created_at, last_seen_at, password_proven_at,
             factor_proven_at, otp_failures, registration, stash, password)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            &session.id.get(),
            &session.token.0.as_slice(),
            &session.account.get(),
            &millis(session.created_at),
            &millis(session.last_seen_at),
            &millis(session.password_proven_at),
            &session.factor_proven_at.map(millis),
            &i64::from(session.otp_failures),
            &session.registration.as_ref().map(|sealed| &sealed.0),
            &session.stash.as_ref().map(|sealed| &sealed.0),
            &session.password.as_ref().map(|sealed| &sealed.0),
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn of_token(db: &Lent, token: &TokenHash) -> Result<Option<Session>, Fault> {
    let row = db
        .query_opt(
            "SELECT * FROM sessions WHERE token = $1",
            &[&token.0.as_slice()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// Whether a session of the account has not ended; until the transaction ends, it does not.
pub(super) async fn goes_on(
    db: &Lent,
    account: AccountId,
    session: SessionId,
) -> Result<bool, Fault> {
    let row = db
        .query_opt(
            "SELECT 1 FROM sessions WHERE session = $1 AND account = $2 FOR UPDATE",
            &[&session.get(), &account.get()],
        )
        .await?;
    Ok(row.is_some())
}

/// Waits for those who write of the session's account. Returns whether there is such a session.
pub(super) async fn wait_for_account(db: &Lent, session: SessionId) -> Result<bool, Fault> {
    let row = db
        .query_opt(
            "SELECT pg_advisory_xact_lock(account) FROM sessions WHERE session = $1",
            &[&session.get()],
        )
        .await?;
    Ok(row.is_some())
}

/// Ends the registration under way, if it is this one still.
pub(super) async fn finish(
    db: &Lent,
    session: SessionId,
    registration: &Sealed,
) -> Result<bool, Fault> {
    let changed = db
        .execute(
            "UPDATE sessions SET registration = NULL WHERE session = $1 AND registration = $2",
            &[&session.get(), &registration.0],
        )
        .await?;
    Ok(changed == 1)
}

/// Writes what the update names; a proof clears the wrong OTPs. Returns whether the session exists.
pub(super) async fn update(
    db: &Lent,
    session: SessionId,
    update: &SessionUpdate,
) -> Result<bool, Fault> {
    let proven = update.password_proven_at.is_some() || update.factor_proven_at.is_some();
    let changed = db
        .execute(
            "UPDATE sessions SET
                 token = coalesce($2, token),
                 last_seen_at = coalesce($3, last_seen_at),
                 password_proven_at = coalesce($4, password_proven_at),
                 factor_proven_at = coalesce($5, factor_proven_at),
                 otp_failures = CASE WHEN $6 THEN 0 ELSE otp_failures END,
                 registration = CASE WHEN $7 THEN $8 ELSE registration END,
                 stash = CASE WHEN $9 THEN $10 ELSE stash END,
                 password = CASE WHEN $11 THEN $12 ELSE password END
             WHERE session = $1",
            &[
                &session.get(),
                &update.token.as_ref().map(|token| token.0.as_slice()),
                &update.last_seen_at.map(millis),
                &update.password_proven_at.map(millis),
                &update.factor_proven_at.map(millis),
                &proven,
                &update.registration.is_some(),
                &bytes(update.registration.as_ref()),
                &update.stash.is_some(),
                &bytes(update.stash.as_ref()),
                &update.password.is_some(),
                &bytes(update.password.as_ref()),
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Counts a wrong OTP in a session; 0 if the session has ended.
pub(super) async fn count_failure(db: &Lent, session: SessionId) -> Result<u32, Fault> {
    let row = db
        .query_opt(
            "UPDATE sessions SET otp_failures = otp_failures + 1 WHERE session = $1
             RETURNING otp_failures",
            &[&session.get()],
        )
        .await?;
    row.map_or(Ok(0), |row| number(&row, "otp_failures"))
}

pub(super) async fn end(db: &Lent, session: SessionId) -> Result<(), Fault> {
    db.execute("DELETE FROM sessions WHERE session = $1", &[&session.get()])
        .await?;
    Ok(())
}

/// Ends the account's sessions that are reached.
pub(super) async fn end_of(
    db: &Lent,
    account: AccountId,
    reach: Reach<SessionId>,
) -> Result<(), Fault> {
    let (which, session) = match reach {
        Reach::None => return Ok(()),
        Reach::All => ("$2::bigint IS NULL", None),
        Reach::AllBut(session) => ("session <> $2", Some(session)),
        Reach::Only(session) => ("session = $2", Some(session)),
    };
    db.execute(
        &format!("DELETE FROM sessions WHERE account = $1 AND {which}"),
        &[&account.get(), &session.map(SessionId::get)],
    )
    .await?;
    Ok(())
}

pub(super) async fn purge(db: &Lent, before: jiff::Timestamp) -> Result<(), Fault> {
    db.execute(
        "DELETE FROM sessions WHERE created_at < $1",
        &[&millis(before)],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Session, Fault> {
    Ok(Session {
        id: SessionId::new(plain(row, "session")?),
        token: TokenHash(hash(row, "token")?),
        account: AccountId::new(plain(row, "account")?),
        created_at: time(row, "created_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        password_proven_at: time(row, "password_proven_at")?,
        factor_proven_at: maybe_time(row, "factor_proven_at")?,
        otp_failures: number(row, "otp_failures")?,
        registration: maybe_sealed(row, "registration")?,
        stash: maybe_sealed(row, "stash")?,
        password: maybe_sealed(row, "password")?,
    })
}

fn bytes(field: Option<&Option<Sealed>>) -> Option<&[u8]> {
    field?.as_ref().map(|sealed| sealed.0.as_slice())
}
