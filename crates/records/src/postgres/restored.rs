//! What follows when an old copy of the database was put in place.

use jiff::Timestamp;
use sekisho_otp::Step;

use super::factors::step_number;
use super::fault::Fault;
use super::lent::Lent;
use super::value::millis;
use crate::words::NUMBERS_LOST;

/// Ends what was live, and voids what may have been used since.
pub(super) async fn end_everything(
    db: &Lent,
    steps_before: Step,
    now: Timestamp,
) -> Result<(), Fault> {
    // Mailed codes go with their sessions.
    db.batch("DELETE FROM sessions; DELETE FROM waiting; DELETE FROM claims;")
        .await?;
    db.execute(
        "UPDATE grants SET ended_at = $1 WHERE ended_at IS NULL",
        &[&millis(now)],
    )
    .await?;
    db.execute(
        "UPDATE factors SET last_step = greatest(last_step, $1) WHERE kind = 'otp-app'",
        &[&step_number(steps_before)?],
    )
    .await?;
    db.execute(
        "UPDATE recovery_codes SET used_at = $1 WHERE used_at IS NULL",
        &[&millis(now)],
    )
    .await?;
    db.execute(
        "UPDATE last_revocation SET number = number + $1",
        &[&NUMBERS_LOST],
    )
    .await?;
    Ok(())
}
