//! What follows when an old copy of the file was put in place.

use jiff::Timestamp;
use rusqlite::Connection;
use sekisho_otp::Step;

use super::factors::step_number;
use super::fault::Fault;
use super::value::millis;
use crate::words::NUMBERS_LOST;

/// Ends what was live, and voids what may have been used since.
pub(super) fn end_everything(
    db: &Connection,
    steps_before: Step,
    now: Timestamp,
) -> Result<(), Fault> {
    // Mailed codes go with their sessions.
    db.execute_batch("DELETE FROM sessions; DELETE FROM waiting; DELETE FROM claims;")?;
    db.execute(
        "UPDATE grants SET ended_at = ?1 WHERE ended_at IS NULL",
        [millis(now)],
    )?;
    db.execute(
        "UPDATE factors SET last_step = max(ifnull(last_step, 0), ?1) WHERE kind = 'otp-app'",
        [step_number(steps_before)?],
    )?;
    db.execute(
        "UPDATE recovery_codes SET used_at = ?1 WHERE used_at IS NULL",
        [millis(now)],
    )?;
    // A first row, so that there is a number to go on from.
    db.execute(
        "INSERT INTO revocations (account, cut, at) VALUES (0, 'none', ?1)",
        [millis(now)],
    )?;
    db.execute(
        "UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = 'revocations'",
        [NUMBERS_LOST],
    )?;
    Ok(())
}
