//! Wrong OTPs, with all that follows of one.

use sekisho_checkpoint::ports::{OtpFailure, OtpFailures};

use super::fault::Fault;
use super::lent::Lent;
use super::{account, audit, outbox, sessions, throttle};

pub(super) async fn count(db: &Lent, failure: &OtpFailure) -> Result<OtpFailures, Fault> {
    let (kind, disabled_now) =
        account::count_failure(db, failure.account, failure.kind, failure.disable_at).await?;
    let session = match failure.session {
        Some(session) => sessions::count_failure(db, session).await?,
        None => 0,
    };
    let keys: Vec<String> = failure.counted.iter().map(|key| key.key()).collect();
    throttle::count(db, &keys, failure.event.at).await?;
    audit::write(db, &failure.event).await?;
    if disabled_now {
        audit::write(db, &failure.disabling).await?;
        for letter in &failure.disabling_letters {
            outbox::put(db, letter).await?;
        }
    }
    Ok(OtpFailures {
        session,
        kind,
        disabled_now,
    })
}
