//! Recovery codes, by their hashes.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::factor::RecoveryCodes;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{maybe_time, millis, number};

/// The account's codes, used ones counted out; none if none were made.
pub(super) async fn of_account(
    db: &Lent,
    account: AccountId,
) -> Result<Option<RecoveryCodes>, Fault> {
    let row = db
        .query_one(
            "SELECT max(made_at) AS made_at, count(*) FILTER (WHERE used_at IS NULL) AS unused
             FROM recovery_codes WHERE account = $1",
            &[&account.get()],
        )
        .await?;
    let left = number(&row, "unused")?;
    let made_at = maybe_time(&row, "made_at")?;
    Ok(made_at.map(|made_at| RecoveryCodes { made_at, left }))
}

/// Keeps these codes in place of the earlier ones.
pub(super) async fn replace(
    db: &Lent,
    account: AccountId,
    hashes: &[[u8; 32]],
    at: Timestamp,
) -> Result<(), Fault> {
    remove_all(db, account).await?;
    for hash in hashes {
        db.execute(
            "INSERT INTO recovery_codes (account, hash, made_at) VALUES ($1, $2, $3)",
            &[&account.get(), &hash.as_slice(), &millis(at)],
        )
        .await?;
    }
    Ok(())
}

/// Uses a code up: one statement looks and marks. Returns whether it was there.
pub(super) async fn take(
    db: &Lent,
    account: AccountId,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<bool, Fault> {
    let changed = db
        .execute(
            "UPDATE recovery_codes SET used_at = $3
             WHERE account = $1 AND hash = $2 AND used_at IS NULL",
            &[&account.get(), &hash.as_slice(), &millis(now)],
        )
        .await?;
    Ok(changed == 1)
}

pub(super) async fn remove_all(db: &Lent, account: AccountId) -> Result<(), Fault> {
    db.execute(
        "DELETE FROM recovery_codes WHERE account = $1",
        &[&account.get()],
    )
    .await?;
    Ok(())
}
