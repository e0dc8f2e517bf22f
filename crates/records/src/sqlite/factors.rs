//! Factors: registering them, accepting a step, and replacing sealed keys.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::factor::{Factor, FactorKind, Method};
use sekisho_checkpoint::id::FactorId;
use sekisho_checkpoint::ports::{CodePurpose, MailedCode};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_otp::Step;

use super::fault::Fault;
use super::value::{address, kind, maybe_time, millis, parsed, plain, time};

/// The account's factors, the oldest first.
pub(super) fn of_account(db: &Connection, account: AccountId) -> Result<Vec<Factor>, Fault> {
    let mut factors: Vec<Factor> = db
        .prepare_cached("SELECT * FROM factors WHERE account = ?1")?
        .query_and_then([account.get()], read)?
        .collect::<Result<_, _>>()?;
    // SQLite would make a sorter of a page for it, which costs each login more than the few rows do.
    factors.sort_unstable_by_key(|factor| (factor.registered_at, factor.id));
    Ok(factors)
}

pub(super) fn add(db: &Connection, account: AccountId, factor: &Factor) -> Result<(), Fault> {
    let (key, step, address) = match &factor.method {
        Method::OtpApp { key, last_step } => (Some(&key.0), *last_step, None),
        Method::ExternalMail { address } => (None, None, Some(address.to_string())),
    };
    db.prepare_cached(
        "INSERT INTO factors
             (factor, account, kind, name, registered_at, last_used_at, sealed_key, last_step, address)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        factor.id.get(),
        account.get(),
        factor.kind().as_str(),
        factor.name,
        millis(factor.registered_at),
        factor.last_used_at.map(millis),
        key,
        step.map(step_number).transpose()?,
        address,
    ])?;
    Ok(())
}

/// Returns whether there was such a factor.
pub(super) fn rename(
    db: &Connection,
    account: AccountId,
    factor: FactorId,
    name: &str,
) -> Result<bool, Fault> {
    let changed = db
        .prepare_cached("UPDATE factors SET name = ?3 WHERE account = ?1 AND factor = ?2")?
        .execute(params![account.get(), factor.get(), name])?;
    Ok(changed == 1)
}

/// Returns whether there was such a factor.
pub(super) fn remove(db: &Connection, account: AccountId, factor: FactorId) -> Result<bool, Fault> {
    let changed = db
        .prepare_cached("DELETE FROM factors WHERE account = ?1 AND factor = ?2")?
        .execute([account.get(), factor.get()])?;
    Ok(changed == 1)
}

pub(super) fn remove_kind(
    db: &Connection,
    account: AccountId,
    kind: FactorKind,
) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM factors WHERE account = ?1 AND kind = ?2")?
        .execute(params![account.get(), kind.as_str()])?;
    Ok(())
}

pub(super) fn remove_all(db: &Connection, account: AccountId) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM factors WHERE account = ?1")?
        .execute([account.get()])?;
    Ok(())
}

/// Takes a step unless it or a later one was taken (RFC 6238 5.2): one statement compares and sets.
pub(super) fn accept_step(
    db: &Connection,
    account: AccountId,
    factor: FactorId,
    step: Step,
    now: Timestamp,
) -> Result<bool, Fault> {
    let changed = db
        .prepare_cached(
            "UPDATE factors SET last_step = ?3, last_used_at = ?4
             WHERE account = ?1 AND factor = ?2 AND kind = 'otp-app'
               AND (last_step IS NULL OR last_step < ?3)",
        )?
        .execute([account.get(), factor.get(), step_number(step)?, millis(now)])?;
    Ok(changed == 1)
}

/// Marks the factor that a mailed code proved as used.
pub(super) fn mail_accepted(
    db: &Connection,
    code: &MailedCode,
    now: Timestamp,
) -> Result<(), Fault> {
    if code.purpose == CodePurpose::Prove {
        db.prepare_cached(
            "UPDATE factors SET last_used_at = ?3 WHERE account = ?1 AND address = ?2",
        )?
        .execute(params![
            code.account.get(),
            code.address.to_string(),
            millis(now)
        ])?;
    }
    Ok(())
}

/// The sealed key of an OTP app.
pub(super) struct SealedKey {
    pub(super) account: AccountId,
    pub(super) factor: FactorId,
    pub(super) sealed: Sealed,
}

pub(super) fn sealed_keys(db: &Connection) -> Result<Vec<SealedKey>, Fault> {
    db.prepare_cached("SELECT * FROM factors WHERE sealed_key IS NOT NULL")?
        .query_and_then([], |row| {
            Ok(SealedKey {
                account: AccountId::new(plain(row, "account")?),
                factor: FactorId::new(plain(row, "factor")?),
                sealed: Sealed(plain(row, "sealed_key")?),
            })
        })?
        .collect()
}

/// Replaces keys that are still what they were; returns how many.
pub(super) fn replace_keys(
    db: &Connection,
    resealed: &[(SealedKey, Sealed)],
) -> Result<u32, Fault> {
    let mut replace = db.prepare_cached(
        "UPDATE factors SET sealed_key = ?3 WHERE factor = ?1 AND sealed_key = ?2",
    )?;
    let mut replaced = 0;
    for (old, new) in resealed {
        let changed = replace.execute(params![old.factor.get(), old.sealed.0, new.0])?;
        replaced += u32::from(changed == 1);
    }
    Ok(replaced)
}

fn read(row: &Row<'_>) -> Result<Factor, Fault> {
    let method = match kind(row, "kind")? {
        // They have a table of their own.
        FactorKind::RecoveryCode => return Err(Fault::Damaged("kind")),
        FactorKind::OtpApp => Method::OtpApp {
            key: Sealed(plain(row, "sealed_key")?),
            last_step: plain::<Option<i64>>(row, "last_step")?
                .map(|step| u64::try_from(step).map(Step))
                .transpose()
                .map_err(|_| Fault::Damaged("last_step"))?,
        },
        FactorKind::ExternalMail => Method::ExternalMail {
            address: parsed(row, "address", address)?,
        },
    };
    Ok(Factor {
        id: FactorId::new(plain(row, "factor")?),
        name: plain(row, "name")?,
        registered_at: time(row, "registered_at")?,
        last_used_at: maybe_time(row, "last_used_at")?,
        method,
    })
}

pub(super) fn step_number(step: Step) -> Result<i64, Fault> {
    i64::try_from(step.0).map_err(|_| Fault::TooLarge)
}
