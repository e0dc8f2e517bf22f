//! Factors: registering them, accepting a step, and replacing sealed keys.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::factor::{Factor, FactorKind, Method};
use sekisho_checkpoint::id::FactorId;
use sekisho_checkpoint::ports::{CodePurpose, MailedCode};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_otp::Step;
use tokio_postgres::Row;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{address, kind, maybe_time, millis, parsed, plain, text, time};

/// The account's factors, the oldest first.
pub(super) async fn of_account(db: &Lent, account: AccountId) -> Result<Vec<Factor>, Fault> {
    let rows = db
        .query(
            "SELECT * FROM factors WHERE account = $1 ORDER BY registered_at, factor",
            &[&account.get()],
        )
        .await?;
    rows.iter().map(read).collect()
}

pub(super) async fn add(db: &Lent, account: AccountId, factor: &Factor) -> Result<(), Fault> {
    let (key, step, address) = match &factor.method {
        Method::OtpApp { key, last_step } => (Some(&key.0), *last_step, None),
        Method::ExternalMail { address } => (None, None, Some(address.to_string())),
    };
    db.execute(
        "INSERT INTO factors
             (factor, account, kind, name, registered_at, last_used_at, sealed_key, last_step, address)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            &factor.id.get(),
            &account.get(),
            &factor.kind().as_str(),
            &text(&factor.name),
            &millis(factor.registered_at),
            &factor.last_used_at.map(millis),
            &key,
            &step.map(step_number).transpose()?,
            &address,
        ],
    )
    .await?;
    Ok(())
}

/// Returns whether there was such a factor.
pub(super) async fn rename(
    db: &Lent,
    account: AccountId,
    factor: FactorId,
    name: &str,
) -> Result<bool, Fault> {
    let changed = db
        .execute(
            "UPDATE factors SET name = $3 WHERE account = $1 AND factor = $2",
            &[&account.get(), &factor.get(), &text(name)],
        )
        .await?;
    Ok(changed == 1)
}

/// Returns whether there was such a factor.
pub(super) async fn remove(db: &Lent, account: AccountId, factor: FactorId) -> Result<bool, Fault> {
    let changed = db
        .execute(
            "DELETE FROM factors WHERE account = $1 AND factor = $2",
            &[&account.get(), &factor.get()],
        )
        .await?;
    Ok(changed == 1)
}

pub(super) async fn remove_kind(
    db: &Lent,
    account: AccountId,
    kind: FactorKind,
) -> Result<(), Fault> {
    db.execute(
        "DELETE FROM factors WHERE account = $1 AND kind = $2",
        &[&account.get(), &kind.as_str()],
    )
    .await?;
    Ok(())
}

pub(super) async fn remove_all(db: &Lent, account: AccountId) -> Result<(), Fault> {
    db.execute("DELETE FROM factors WHERE account = $1", &[&account.get()])
        .await?;
    Ok(())
}

/// Takes a step unless it or a later one was taken (RFC 6238 5.2): one statement compares and sets. Of those who race,
/// PostgreSQL lets one go first, and compares for the next with what that one left.
pub(super) async fn accept_step(
    db: &Lent,
    account: AccountId,
    factor: FactorId,
    step: Step,
    now: Timestamp,
) -> Result<bool, Fault> {
    let changed = db
        .execute(
            "UPDATE factors SET last_step = $3, last_used_at = $4
             WHERE account = $1 AND factor = $2 AND kind = 'otp-app'
               AND (last_step IS NULL OR last_step < $3)",
            &[
                &account.get(),
                &factor.get(),
                &step_number(step)?,
                &millis(now),
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Marks the factor that a mailed code proved as used.
pub(super) async fn mail_accepted(
    db: &Lent,
    code: &MailedCode,
    now: Timestamp,
) -> Result<(), Fault> {
    if code.purpose == CodePurpose::Prove {
        db.execute(
            "UPDATE factors SET last_used_at = $3 WHERE account = $1 AND address = $2",
            &[&code.account.get(), &code.address.to_string(), &millis(now)],
        )
        .await?;
    }
    Ok(())
}

/// The sealed key of an OTP app.
pub(super) struct SealedKey {
    pub(super) account: AccountId,
    pub(super) factor: FactorId,
    pub(super) sealed: Sealed,
}

pub(super) async fn sealed_keys(db: &Lent) -> Result<Vec<SealedKey>, Fault> {
    let rows = db
        .query("SELECT * FROM factors WHERE sealed_key IS NOT NULL", &[])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(SealedKey {
                account: AccountId::new(plain(row, "account")?),
                factor: FactorId::new(plain(row, "factor")?),
                sealed: Sealed(plain(row, "sealed_key")?),
            })
        })
        .collect()
}

/// Replaces a key that is still what it was; returns whether it was.
pub(super) async fn replace_key(db: &Lent, old: &SealedKey, new: &Sealed) -> Result<bool, Fault> {
    let changed = db
        .execute(
            "UPDATE factors SET sealed_key = $3 WHERE factor = $1 AND sealed_key = $2",
            &[&old.factor.get(), &old.sealed.0, &new.0],
        )
        .await?;
    Ok(changed == 1)
}

fn read(row: &Row) -> Result<Factor, Fault> {
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
