//! How an account stands, and its changes.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::factor::{Enrolment, FactorKind, KindStanding, Standing};
use sekisho_checkpoint::ports::Change;

use super::fault::Fault;
use super::value::{kind, maybe_time, millis, plain};
use super::{codes, factors, recovery};

pub(super) fn standing(db: &Connection, account: AccountId) -> Result<Standing, Fault> {
    let (mfa_on, password_wanted, enrolment) = db
        .prepare_cached("SELECT * FROM accounts WHERE account = ?1")?
        .query_and_then([account.get()], |row| {
            let flag = |column| plain::<bool>(row, column);
            Ok::<_, Fault>((flag("mfa_on")?, flag("password_wanted")?, enrolment(row)?))
        })?
        .next()
        .transpose()?
        .unwrap_or_default();
    let mut standing = Standing {
        mfa_on,
        enrolment,
        factors: factors::of_account(db, account)?,
        recovery_codes: recovery::of_account(db, account)?,
        password_wanted,
        ..Standing::default()
    };
    let mut kinds =
        db.prepare_cached("SELECT kind, failures, disabled FROM kinds WHERE account = ?1")?;
    let mut rows = kinds.query([account.get()])?;
    while let Some(row) = rows.next()? {
        let of_kind = KindStanding {
            failures: row.get("failures")?,
            disabled: row.get("disabled")?,
        };
        *standing.kinds.of_mut(kind(row, "kind")?) = of_kind;
    }
    Ok(standing)
}

/// Carries out a change; returns whether there was what it changes. That a kind is disabled outlives its factors: only
/// enabling it, or a reset, ends that.
pub(super) fn change(
    db: &Connection,
    account: AccountId,
    change: &Change,
    at: Timestamp,
) -> Result<bool, Fault> {
    match change {
        // A companion that joins a grant changes the grant alone.
        Change::None | Change::JoinGrant(..) => {}
        Change::MailedCode(code) => codes::put(db, code)?,
        Change::Mfa(on) => set_mfa(db, account, *on)?,
        Change::AddFactor(factor) => {
            factors::add(db, account, factor)?;
            set_enrolment(db, account, None)?;
        }
        Change::RenameFactor(factor, name) => {
            return factors::rename(db, account, *factor, name);
        }
        Change::RemoveFactor(factor) => {
            if !factors::remove(db, account, *factor)? {
                return Ok(false);
            }
            if factors::of_account(db, account)?.is_empty() {
                recovery::remove_all(db, account)?;
            }
        }
        Change::RecoveryCodes(hashes) => recovery::replace(db, account, hashes, at)?,
        Change::PasswordWanted(wanted) => set_password_wanted(db, account, *wanted)?,
        Change::ReplaceFactors(factor) => {
            factors::remove_kind(db, account, factor.kind())?;
            factors::add(db, account, factor)?;
        }
        Change::EnableKind(kind) => {
            db.prepare_cached("DELETE FROM kinds WHERE account = ?1 AND kind = ?2")?
                .execute(params![account.get(), kind.as_str()])?;
        }
        Change::Reset(code) => {
            factors::remove_all(db, account)?;
            recovery::remove_all(db, account)?;
            db.prepare_cached("DELETE FROM kinds WHERE account = ?1")?
                .execute([account.get()])?;
            set_enrolment(db, account, Some(code))?;
        }
        Change::EnrolmentCode(code) => set_enrolment(db, account, Some(code))?,
    }
    Ok(true)
}

/// A success of a kind: its failures are forgotten. A disabled kind stays disabled.
pub(super) fn clear_failures(
    db: &Connection,
    account: AccountId,
    kind: FactorKind,
) -> Result<(), Fault> {
    db.prepare_cached("UPDATE kinds SET failures = 0 WHERE account = ?1 AND kind = ?2")?
        .execute(params![account.get(), kind.as_str()])?;
    Ok(())
}

/// A failure of a kind: how many there are now, and whether this one disabled it.
pub(super) fn count_failure(
    db: &Connection,
    account: AccountId,
    kind: FactorKind,
    disable_at: u32,
) -> Result<(u32, bool), Fault> {
    let before = kind_standing(db, account, kind)?;
    let failures = before.failures.saturating_add(1);
    let disabled = before.disabled || failures >= disable_at;
    db.prepare_cached(
        "INSERT INTO kinds (account, kind, failures, disabled) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account, kind) DO UPDATE SET failures = excluded.failures, disabled = excluded.disabled",
    )?
    .execute(params![account.get(), kind.as_str(), failures, disabled])?;
    Ok((failures, disabled && !before.disabled))
}

fn kind_standing(
    db: &Connection,
    account: AccountId,
    kind: FactorKind,
) -> Result<KindStanding, Fault> {
    let standing = db
        .prepare_cached("SELECT failures, disabled FROM kinds WHERE account = ?1 AND kind = ?2")?
        .query_row(params![account.get(), kind.as_str()], |row| {
            Ok(KindStanding {
                failures: row.get(0)?,
                disabled: row.get(1)?,
            })
        })
        .optional()?;
    Ok(standing.unwrap_or_default())
}

fn set_mfa(db: &Connection, account: AccountId, on: bool) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO accounts (account, mfa_on) VALUES (?1, ?2)
         ON CONFLICT (account) DO UPDATE SET mfa_on = excluded.mfa_on",
    )?
    .execute(params![account.get(), on])?;
    Ok(())
}

fn set_password_wanted(db: &Connection, account: AccountId, wanted: bool) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO accounts (account, password_wanted) VALUES (?1, ?2)
         ON CONFLICT (account) DO UPDATE SET password_wanted = excluded.password_wanted",
    )?
    .execute(params![account.get(), wanted])?;
    Ok(())
}

fn set_enrolment(
    db: &Connection,
    account: AccountId,
    code: Option<&Enrolment>,
) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO accounts (account, enrolment_hash, enrolment_expires_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (account) DO UPDATE SET
             enrolment_hash = excluded.enrolment_hash,
             enrolment_expires_at = excluded.enrolment_expires_at",
    )?
    .execute(params![
        account.get(),
        code.map(|code| code.hash),
        code.map(|code| millis(code.expires_at)),
    ])?;
    Ok(())
}

fn enrolment(row: &Row<'_>) -> Result<Option<Enrolment>, Fault> {
    let hash: Option<[u8; 32]> = plain(row, "enrolment_hash")?;
    let expires_at = maybe_time(row, "enrolment_expires_at")?;
    Ok(hash
        .zip(expires_at)
        .map(|(hash, expires_at)| Enrolment { hash, expires_at }))
}
