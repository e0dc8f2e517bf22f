//! Webmail sessions. Ending one removes it, with the codes mailed for it, and letters that carry them.
//!
//! Sessions have a key of their own since schema 3. A node of a version before that, which still runs beside nodes of
//! this version, begins sessions without: they are not seen here, and their people sign in anew.

use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::{SessionId, TokenHash};
use sekisho_checkpoint::ports::{NewSession, Reach, SessionBegun, SessionUpdate};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::session::{Session, Superseded};
use tokio_postgres::Row;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{hash, maybe_sealed, maybe_time, millis, number, plain, time};
use super::{audit, revocations, waiting};

/// Begins a session, unless something of its account was revoked while the password was being checked.
pub(super) async fn begin(db: &Lent, new: &NewSession) -> Result<SessionBegun, Fault> {
    let account = new.session.account;
    if revocations::has_any(db, account, new.unless_revoked_since).await? {
        return Ok(SessionBegun::Revoked);
    }
    if let Some(left) = new.takes_place_of {
        let ended = db
            .execute(
                "DELETE FROM sessions WHERE session = $1 AND account = $2 AND superseded = $3",
                &[
                    &left.session.get(),
                    &account.get(),
                    &left.token.0.as_slice(),
                ],
            )
            .await?;
        if ended == 0 {
            return Ok(SessionBegun::WentOn);
        }
    }
    put(db, &new.session).await?;
    if let Some(waiting) = &new.waiting {
        waiting::put(db, waiting).await?;
    }
    audit::write(db, &new.event).await?;
    Ok(SessionBegun::Begun)
}

async fn put(db: &Lent, session: &Session) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO sessions (session, token, account, created_at, last_seen_at, password_proven_at,
             factor_proven_at, otp_failures, registration, stash, password, key, superseded, superseded_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
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
            &session.key.0,
            &session
                .superseded
                .as_ref()
                .map(|before| before.token.0.as_slice()),
            &session.superseded.as_ref().map(|before| &before.key.0),
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn of_token(db: &Lent, token: &TokenHash) -> Result<Option<Session>, Fault> {
    let row = db
        .query_opt(
            "SELECT * FROM sessions WHERE token = $1 AND key IS NOT NULL",
            &[&token.0.as_slice()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn of_superseded(db: &Lent, token: &TokenHash) -> Result<Option<Session>, Fault> {
    let row = db
        .query_opt(
            "SELECT * FROM sessions WHERE superseded = $1 AND key IS NOT NULL",
            &[&token.0.as_slice()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// A session of an account, unless it has ended; until the transaction ends, it does not.
pub(super) async fn of_account(
    db: &Lent,
    account: AccountId,
    session: SessionId,
) -> Result<Option<Session>, Fault> {
    let row = db
        .query_opt(
            "SELECT * FROM sessions WHERE session = $1 AND account = $2 AND key IS NOT NULL FOR UPDATE",
            &[&session.get(), &account.get()],
        )
        .await?;
    row.as_ref().map(read).transpose()
}

/// Ends the registration under way.
pub(super) async fn end_registration(db: &Lent, session: SessionId) -> Result<(), Fault> {
    db.execute(
        "UPDATE sessions SET registration = NULL WHERE session = $1",
        &[&session.get()],
    )
    .await?;
    Ok(())
}

/// The registration under way in a session, sealed.
pub(super) struct SealedRegistration {
    pub(super) account: AccountId,
    pub(super) session: SessionId,
    pub(super) sealed: Sealed,
}

pub(super) async fn registrations(db: &Lent) -> Result<Vec<SealedRegistration>, Fault> {
    let rows = db
        .query("SELECT * FROM sessions WHERE registration IS NOT NULL", &[])
        .await?;
    let sealed = |row: &Row| {
        Ok(SealedRegistration {
            account: AccountId::new(plain(row, "account")?),
            session: SessionId::new(plain(row, "session")?),
            sealed: Sealed(plain(row, "registration")?),
        })
    };
    rows.iter().map(sealed).collect()
}

/// Replaces a registration under way that still is what it was.
pub(super) async fn replace_registration(
    db: &Lent,
    old: &SealedRegistration,
    new: &Sealed,
) -> Result<(), Fault> {
    db.execute(
        "UPDATE sessions SET registration = $3 WHERE session = $1 AND registration = $2",
        &[&old.session.get(), &old.sealed.0, &new.0],
    )
    .await?;
    Ok(())
}

/// Writes what the update names; a proof clears the wrong OTPs, and after one of a factor the session waits for none.
/// Returns whether the session exists, with the token that was to be replaced.
pub(super) async fn update(
    db: &Lent,
    session: SessionId,
    update: &SessionUpdate,
) -> Result<bool, Fault> {
    if update.factor_proven_at.is_some() {
        waiting::end_of_session(db, session).await?;
    }
    let proven = update.password_proven_at.is_some() || update.factor_proven_at.is_some();
    let changed = db
        .execute(
            "UPDATE sessions SET
                 superseded = CASE WHEN $2::bytea IS NOT NULL THEN token
                     WHEN superseded = $15 THEN NULL ELSE superseded END,
                 superseded_key = CASE WHEN $2::bytea IS NOT NULL THEN key
                     WHEN superseded = $15 THEN NULL ELSE superseded_key END,
                 token = coalesce($2, token),
                 last_seen_at = coalesce($3, last_seen_at),
                 password_proven_at = coalesce($4, password_proven_at),
                 factor_proven_at = coalesce($5, factor_proven_at),
                 otp_failures = CASE WHEN $6 THEN 0 ELSE otp_failures END,
                 registration = CASE WHEN $7 THEN $8 ELSE registration END,
                 stash = CASE WHEN $9 THEN $10 ELSE stash END,
                 password = CASE WHEN $11 THEN $12 ELSE password END,
                 key = coalesce($13, key)
             WHERE session = $1 AND ($14::bytea IS NULL OR token = $14)",
            &[
                &session.get(),
                &update.token.as_ref().map(|new| new.hash.0.as_slice()),
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
                &update.token.as_ref().map(|new| new.key.0.as_slice()),
                &update.token.as_ref().map(|new| new.before.0.as_slice()),
                &update.forgets.as_ref().map(|token| token.0.as_slice()),
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
        key: Sealed(plain(row, "key")?),
        superseded: match maybe_sealed(row, "superseded_key")? {
            Some(key) => Some(Superseded {
                token: TokenHash(hash(row, "superseded")?),
                key,
            }),
            None => None,
        },
    })
}

fn bytes(field: Option<&Option<Sealed>>) -> Option<&[u8]> {
    field?.as_ref().map(|sealed| sealed.0.as_slice())
}
