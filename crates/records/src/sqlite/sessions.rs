//! Webmail sessions. Ending one removes it, with the codes mailed for it, and letters that carry them.
//!
//! Sessions have a key of their own since schema 3. A process of a version before that, which still runs beside one of
//! this version, begins sessions without: they are not seen here, and their people sign in anew.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::{SessionId, TokenHash};
use sekisho_checkpoint::ports::{NewSession, Reach, SessionBegun, SessionUpdate};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::session::{Session, Superseded};

use super::fault::Fault;
use super::value::{maybe_time, millis, plain, time};
use super::{audit, revocations, waiting};

/// Begins a session, unless something of its account was revoked while the password was being checked.
pub(super) fn begin(db: &Connection, new: &NewSession) -> Result<SessionBegun, Fault> {
    let account = new.session.account;
    if revocations::has_any(db, account, new.unless_revoked_since)? {
        return Ok(SessionBegun::Revoked);
    }
    if let Some(left) = new.takes_place_of {
        let ended = db
            .prepare_cached(
                "DELETE FROM sessions WHERE session = ?1 AND account = ?2 AND superseded = ?3",
            )?
            .execute(params![left.session.get(), account.get(), left.token.0])?;
        if ended == 0 {
            return Ok(SessionBegun::WentOn);
        }
    }
    put(db, &new.session)?;
    if let Some(waiting) = &new.waiting {
        waiting::put(db, waiting)?;
    }
    audit::write(db, &new.event)?;
    Ok(SessionBegun::Begun)
}

fn put(db: &Connection, session: &Session) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO sessions (session, token, account, created_at, last_seen_at, password_proven_at,
             factor_proven_at, otp_failures, registration, stash, password, key, superseded, superseded_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        session.id.get(),
        session.token.0,
        session.account.get(),
        millis(session.created_at),
        millis(session.last_seen_at),
        millis(session.password_proven_at),
        session.factor_proven_at.map(millis),
        session.otp_failures,
        session.registration.as_ref().map(|sealed| &sealed.0),
        session.stash.as_ref().map(|sealed| &sealed.0),
        session.password.as_ref().map(|sealed| &sealed.0),
        session.key.0,
        session.superseded.as_ref().map(|before| before.token.0),
        session.superseded.as_ref().map(|before| &before.key.0),
    ])?;
    Ok(())
}

pub(super) fn of_token(db: &Connection, token: &TokenHash) -> Result<Option<Session>, Fault> {
    db.prepare_cached("SELECT * FROM sessions WHERE token = ?1 AND key IS NOT NULL")?
        .query_and_then([token.0], read)?
        .next()
        .transpose()
}

pub(super) fn of_superseded(db: &Connection, token: &TokenHash) -> Result<Option<Session>, Fault> {
    db.prepare_cached("SELECT * FROM sessions WHERE superseded = ?1 AND key IS NOT NULL")?
        .query_and_then([token.0], read)?
        .next()
        .transpose()
}

/// A session of an account, unless it has ended.
pub(super) fn of_account(
    db: &Connection,
    account: AccountId,
    session: SessionId,
) -> Result<Option<Session>, Fault> {
    db.prepare_cached(
        "SELECT * FROM sessions WHERE session = ?1 AND account = ?2 AND key IS NOT NULL",
    )?
    .query_and_then([session.get(), account.get()], read)?
    .next()
    .transpose()
}

/// Ends the registration under way.
pub(super) fn end_registration(db: &Connection, session: SessionId) -> Result<(), Fault> {
    db.prepare_cached("UPDATE sessions SET registration = NULL WHERE session = ?1")?
        .execute([session.get()])?;
    Ok(())
}

/// The registration under way in a session, sealed.
pub(super) struct SealedRegistration {
    pub(super) account: AccountId,
    pub(super) session: SessionId,
    pub(super) sealed: Sealed,
}

pub(super) fn registrations(db: &Connection) -> Result<Vec<SealedRegistration>, Fault> {
    db.prepare_cached("SELECT * FROM sessions WHERE registration IS NOT NULL")?
        .query_and_then([], |row| {
            Ok(SealedRegistration {
                account: AccountId::new(plain(row, "account")?),
                session: SessionId::new(plain(row, "session")?),
                sealed: Sealed(plain(row, "registration")?),
            })
        })?
        .collect()
}

/// Replaces a registration under way that still is what it was.
pub(super) fn replace_registration(
    db: &Connection,
    old: &SealedRegistration,
    new: &Sealed,
) -> Result<(), Fault> {
    db.prepare_cached(
        "UPDATE sessions SET registration = ?3 WHERE session = ?1 AND registration = ?2",
    )?
    .execute(params![old.session.get(), old.sealed.0, new.0])?;
    Ok(())
}

/// Writes what the update names; a proof clears the wrong OTPs, and after one of a factor the session waits for none.
/// Returns whether the session exists, with the token that was to be replaced.
pub(super) fn update(
    db: &Connection,
    session: SessionId,
    update: &SessionUpdate,
) -> Result<bool, Fault> {
    if update.factor_proven_at.is_some() {
        waiting::end_of_session(db, session)?;
    }
    let changed = db
        .prepare_cached(
            "UPDATE sessions SET
                 superseded = CASE WHEN :token IS NOT NULL THEN token
                     WHEN superseded = :forgets THEN NULL ELSE superseded END,
                 superseded_key = CASE WHEN :token IS NOT NULL THEN key
                     WHEN superseded = :forgets THEN NULL ELSE superseded_key END,
                 token = ifnull(:token, token),
                 key = ifnull(:key, key),
                 last_seen_at = ifnull(:seen, last_seen_at),
                 password_proven_at = ifnull(:password_proven, password_proven_at),
                 factor_proven_at = ifnull(:factor, factor_proven_at),
                 otp_failures = iif(:password_proven IS NULL AND :factor IS NULL, otp_failures, 0),
                 registration = iif(:registers, :registration, registration),
                 stash = iif(:stashes, :stash, stash),
                 password = iif(:keeps_password, :password, password)
             WHERE session = :session AND (:before IS NULL OR token = :before)",
        )?
        .execute(named_params! {
            ":session": session.get(),
            ":before": update.token.as_ref().map(|new| new.before.0),
            ":token": update.token.as_ref().map(|new| new.hash.0),
            ":key": update.token.as_ref().map(|new| new.key.0.as_slice()),
            ":forgets": update.forgets.map(|token| token.0),
            ":seen": update.last_seen_at.map(millis),
            ":password_proven": update.password_proven_at.map(millis),
            ":factor": update.factor_proven_at.map(millis),
            ":registers": update.registration.is_some(),
            ":registration": bytes(update.registration.as_ref()),
            ":stashes": update.stash.is_some(),
            ":stash": bytes(update.stash.as_ref()),
            ":keeps_password": update.password.is_some(),
            ":password": bytes(update.password.as_ref()),
        })?;
    Ok(changed == 1)
}

/// Counts a wrong OTP in a session; 0 if the session has ended.
pub(super) fn count_failure(db: &Connection, session: SessionId) -> Result<u32, Fault> {
    let failures = db
        .prepare_cached(
            "UPDATE sessions SET otp_failures = otp_failures + 1 WHERE session = ?1
             RETURNING otp_failures",
        )?
        .query_row([session.get()], |row| row.get(0))
        .optional()?;
    Ok(failures.unwrap_or(0))
}

pub(super) fn end(db: &Connection, session: SessionId) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM sessions WHERE session = ?1")?
        .execute([session.get()])?;
    Ok(())
}

/// Ends the account's sessions that are reached.
pub(super) fn end_of(
    db: &Connection,
    account: AccountId,
    reach: Reach<SessionId>,
) -> Result<(), Fault> {
    let (which, session) = match reach {
        Reach::None => return Ok(()),
        Reach::All => ("?2 IS NULL", None),
        Reach::AllBut(session) => ("session <> ?2", Some(session)),
        Reach::Only(session) => ("session = ?2", Some(session)),
    };
    db.prepare_cached(&format!(
        "DELETE FROM sessions WHERE account = ?1 AND {which}"
    ))?
    .execute(params![account.get(), session.map(SessionId::get)])?;
    Ok(())
}

pub(super) fn purge(db: &Connection, before: jiff::Timestamp) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM sessions WHERE created_at < ?1")?
        .execute([millis(before)])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Session, Fault> {
    Ok(Session {
        id: SessionId::new(plain(row, "session")?),
        token: TokenHash(plain(row, "token")?),
        account: AccountId::new(plain(row, "account")?),
        created_at: time(row, "created_at")?,
        last_seen_at: time(row, "last_seen_at")?,
        password_proven_at: time(row, "password_proven_at")?,
        factor_proven_at: maybe_time(row, "factor_proven_at")?,
        otp_failures: plain(row, "otp_failures")?,
        registration: plain::<Option<Vec<u8>>>(row, "registration")?.map(Sealed),
        stash: plain::<Option<Vec<u8>>>(row, "stash")?.map(Sealed),
        password: plain::<Option<Vec<u8>>>(row, "password")?.map(Sealed),
        key: Sealed(plain(row, "key")?),
        superseded: match plain::<Option<[u8; 32]>>(row, "superseded")? {
            Some(token) => Some(Superseded {
                token: TokenHash(token),
                key: Sealed(plain(row, "superseded_key")?),
            }),
            None => None,
        },
    })
}

fn bytes(field: Option<&Option<Sealed>>) -> Option<&[u8]> {
    field?.as_ref().map(|sealed| sealed.0.as_slice())
}
