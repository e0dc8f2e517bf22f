//! How an account stands, and its changes.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::factor::{Enrolment, FactorKind, KindStanding, KindStandings, Standing};
use sekisho_checkpoint::ports::Change;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{kind, maybe_hash, maybe_time, millis, number, plain};
use super::{codes, factors, recovery};

/// How an account stands. All questions are sent at once.
pub(super) async fn standing(db: &Lent, account: AccountId) -> Result<Standing, Fault> {
    let id = account.get();
    let parameters: [&(dyn ToSql + Sync); 1] = [&id];
    let (row, kinds, factors, recovery_codes) = tokio::try_join!(
        db.query_opt("SELECT * FROM accounts WHERE account = $1", &parameters),
        db.query("SELECT * FROM kinds WHERE account = $1", &parameters),
        factors::of_account(db, account),
        recovery::of_account(db, account),
    )?;
    let (mfa_on, password_wanted, enrolment) = row
        .map(|row| {
            let flag = |column| plain::<bool>(&row, column);
            Ok::<_, Fault>((flag("mfa_on")?, flag("password_wanted")?, enrolment(&row)?))
        })
        .transpose()?
        .unwrap_or_default();
    let mut standings = KindStandings::default();
    for row in &kinds {
        *standings.of_mut(kind(row, "kind")?) = kind_standing(row)?;
    }
    Ok(Standing {
        mfa_on,
        enrolment,
        factors,
        kinds: standings,
        recovery_codes,
        password_wanted,
    })
}

/// Carries out a change; returns whether there was what it changes. That a kind is disabled outlives its factors: only
/// enabling it, or a reset, ends that.
pub(super) async fn change(
    db: &Lent,
    account: AccountId,
    change: &Change,
    at: Timestamp,
) -> Result<bool, Fault> {
    match change {
        // A companion that joins a grant changes the grant alone.
        Change::None | Change::JoinGrant(..) => {}
        Change::MailedCode(code) => codes::put(db, code).await?,
        Change::Mfa(on) => set_mfa(db, account, *on).await?,
        Change::AddFactor(factor) => {
            factors::add(db, account, factor).await?;
            set_enrolment(db, account, None).await?;
        }
        Change::RenameFactor(factor, name) => {
            return factors::rename(db, account, *factor, name).await;
        }
        Change::RemoveFactor(factor) => {
            if !factors::remove(db, account, *factor).await? {
                return Ok(false);
            }
            if factors::of_account(db, account).await?.is_empty() {
                recovery::remove_all(db, account).await?;
            }
        }
        Change::RecoveryCodes(hashes) => recovery::replace(db, account, hashes, at).await?,
        Change::PasswordWanted(wanted) => set_password_wanted(db, account, *wanted).await?,
        Change::ReplaceFactors(factor) => {
            factors::remove_kind(db, account, factor.kind()).await?;
            factors::add(db, account, factor).await?;
        }
        Change::EnableKind(kind) => {
            db.execute(
                "DELETE FROM kinds WHERE account = $1 AND kind = $2",
                &[&account.get(), &kind.as_str()],
            )
            .await?;
        }
        Change::Reset(code) => {
            factors::remove_all(db, account).await?;
            recovery::remove_all(db, account).await?;
            db.execute("DELETE FROM kinds WHERE account = $1", &[&account.get()])
                .await?;
            set_enrolment(db, account, Some(code)).await?;
        }
        Change::EnrolmentCode(code) => set_enrolment(db, account, Some(code)).await?,
    }
    Ok(true)
}

/// A success of a kind: its failures are forgotten. A disabled kind stays disabled.
pub(super) async fn clear_failures(
    db: &Lent,
    account: AccountId,
    kind: FactorKind,
) -> Result<(), Fault> {
    db.execute(
        "UPDATE kinds SET failures = 0 WHERE account = $1 AND kind = $2",
        &[&account.get(), &kind.as_str()],
    )
    .await?;
    Ok(())
}

/// A failure of a kind: how many there are now, and whether this one disabled it.
pub(super) async fn count_failure(
    db: &Lent,
    account: AccountId,
    kind: FactorKind,
    disable_at: u32,
) -> Result<(u32, bool), Fault> {
    let row = db
        .query_opt(
            "SELECT failures, disabled FROM kinds WHERE account = $1 AND kind = $2 FOR UPDATE",
            &[&account.get(), &kind.as_str()],
        )
        .await?;
    let before = row
        .as_ref()
        .map(kind_standing)
        .transpose()?
        .unwrap_or_default();
    let failures = before.failures.saturating_add(1);
    let disabled = before.disabled || failures >= disable_at;
    db.execute(
        "INSERT INTO kinds (account, kind, failures, disabled) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account, kind) DO UPDATE SET failures = excluded.failures, disabled = excluded.disabled",
        &[&account.get(), &kind.as_str(), &i64::from(failures), &disabled],
    )
    .await?;
    Ok((failures, disabled && !before.disabled))
}

fn kind_standing(row: &Row) -> Result<KindStanding, Fault> {
    Ok(KindStanding {
        failures: number(row, "failures")?,
        disabled: plain(row, "disabled")?,
    })
}

async fn set_mfa(db: &Lent, account: AccountId, on: bool) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO accounts (account, mfa_on) VALUES ($1, $2)
         ON CONFLICT (account) DO UPDATE SET mfa_on = excluded.mfa_on",
        &[&account.get(), &on],
    )
    .await?;
    Ok(())
}

async fn set_password_wanted(db: &Lent, account: AccountId, wanted: bool) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO accounts (account, password_wanted) VALUES ($1, $2)
         ON CONFLICT (account) DO UPDATE SET password_wanted = excluded.password_wanted",
        &[&account.get(), &wanted],
    )
    .await?;
    Ok(())
}

async fn set_enrolment(
    db: &Lent,
    account: AccountId,
    code: Option<&Enrolment>,
) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO accounts (account, enrolment_hash, enrolment_expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (account) DO UPDATE SET
             enrolment_hash = excluded.enrolment_hash,
             enrolment_expires_at = excluded.enrolment_expires_at",
        &[
            &account.get(),
            &code.map(|code| code.hash.as_slice()),
            &code.map(|code| millis(code.expires_at)),
        ],
    )
    .await?;
    Ok(())
}

fn enrolment(row: &Row) -> Result<Option<Enrolment>, Fault> {
    let hash = maybe_hash(row, "enrolment_hash")?;
    let expires_at = maybe_time(row, "enrolment_expires_at")?;
    Ok(hash
        .zip(expires_at)
        .map(|(hash, expires_at)| Enrolment { hash, expires_at }))
}
