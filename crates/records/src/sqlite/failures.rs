//! Wrong OTPs, with all that follows of one.

use rusqlite::Connection;
use sekisho_checkpoint::ports::{OtpFailure, OtpFailures};

use super::fault::Fault;
use super::{account, audit, outbox, sessions, throttle};

pub(super) fn count(db: &Connection, failure: &OtpFailure) -> Result<OtpFailures, Fault> {
    let (kind, disabled_now) =
        account::count_failure(db, failure.account, failure.kind, failure.disable_at)?;
    let session = match failure.session {
        Some(session) => sessions::count_failure(db, session)?,
        None => 0,
    };
    let keys: Vec<String> = failure.counted.iter().map(|key| key.key()).collect();
    throttle::count(db, &keys, failure.event.at)?;
    audit::write(db, &failure.event)?;
    if disabled_now {
        audit::write(db, &failure.disabling)?;
        for letter in &failure.disabling_letters {
            outbox::put(db, letter)?;
        }
    }
    Ok(OtpFailures {
        session,
        kind,
        disabled_now,
    })
}
