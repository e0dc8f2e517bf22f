//! Recovery codes, by their hashes.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::factor::RecoveryCodes;

use super::fault::Fault;
use super::value::{as_time, millis};

/// The account's codes, used ones counted out; none if none were made.
pub(super) fn of_account(
    db: &Connection,
    account: AccountId,
) -> Result<Option<RecoveryCodes>, Fault> {
    let (made_at, left): (Option<i64>, u32) = db
        .prepare_cached(
            "SELECT max(made_at), count(*) FILTER (WHERE used_at IS NULL)
             FROM recovery_codes WHERE account = ?1",
        )?
        .query_row([account.get()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    made_at
        .map(|made_at| {
            Ok(RecoveryCodes {
                made_at: as_time(made_at, "made_at")?,
                left,
            })
        })
        .transpose()
}

/// Keeps these codes in place of the earlier ones.
pub(super) fn replace(
    db: &Connection,
    account: AccountId,
    hashes: &[[u8; 32]],
    at: Timestamp,
) -> Result<(), Fault> {
    remove_all(db, account)?;
    let mut keep = db.prepare_cached(
        "INSERT INTO recovery_codes (account, hash, made_at) VALUES (?1, ?2, ?3)",
    )?;
    for hash in hashes {
        keep.execute(params![account.get(), hash, millis(at)])?;
    }
    Ok(())
}

/// Uses a code up: one statement looks and marks. Returns whether it was there.
pub(super) fn take(
    db: &Connection,
    account: AccountId,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<bool, Fault> {
    let changed = db
        .prepare_cached(
            "UPDATE recovery_codes SET used_at = ?3
             WHERE account = ?1 AND hash = ?2 AND used_at IS NULL",
        )?
        .execute(params![account.get(), hash, millis(now)])?;
    Ok(changed == 1)
}

pub(super) fn remove_all(db: &Connection, account: AccountId) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM recovery_codes WHERE account = ?1")?
        .execute([account.get()])?;
    Ok(())
}
