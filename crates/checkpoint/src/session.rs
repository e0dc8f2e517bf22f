//! Webmail sessions, as the records keep them.

use jiff::Timestamp;

use crate::account::AccountId;
use crate::id::{SessionId, TokenHash};
use crate::sealing::Sealed;

/// A webmail session. Whether it may open mail is not in it: that is judged anew for each request's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its identity.
    pub id: SessionId,
    /// The hash of the token that its browser holds.
    pub token: TokenHash,
    /// Whose.
    pub account: AccountId,
    /// When it began.
    pub created_at: Timestamp,
    /// Its last request; kept to the minute.
    pub last_seen_at: Timestamp,
    /// When the password was last proven in it.
    pub password_proven_at: Timestamp,
    /// When a factor was last proven in it.
    pub factor_proven_at: Option<Timestamp>,
    /// Wrong OTPs in it since its last right one or right password.
    pub otp_failures: u32,
    /// The registration under way in it, sealed.
    pub registration: Option<Sealed>,
    /// What the person was writing when the session fell back, sealed by the webmail under a key of the browser's token.
    pub stash: Option<Sealed>,
    /// The password, where it has to be passed on to an upstream, sealed by the webmail under a key of the browser's token.
    pub password: Option<Sealed>,
}
