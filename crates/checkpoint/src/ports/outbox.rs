//! The outbox: letters that are written down together with what they tell of, and sent afterwards.

use jiff::Timestamp;

use crate::account::AccountId;
use crate::id::{LetterId, SessionId};
use crate::sealing::Sealed;

/// A letter that waits to be handed to the courier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxLetter {
    /// Its identity.
    pub id: LetterId,
    /// Whom it concerns.
    pub account: AccountId,
    /// The session for which it is sent, if it is for one: the letter goes with it.
    pub session: Option<SessionId>,
    /// What it says, and to whom: sealed, since it may carry a code.
    pub body: Sealed,
    /// How often it has been claimed to be sent.
    pub tries: u32,
    /// Nobody claims it before this instant. Whoever writes or claims a letter has until then to hand it over.
    pub due_at: Timestamp,
    /// The first instant at which it is given up.
    pub expires_at: Timestamp,
}
