//! What doors ask and what they get.

use jiff::Timestamp;
use sekisho_source::Source;

use crate::account::{Account, AccountId, Password};
use crate::audit::Door;
use crate::id::Reference;
use crate::lease::Lease;
use crate::rule::Reason;

/// An attempt to come in by a door that is not the webmail.
#[derive(Debug)]
pub struct Attempt {
    /// The door.
    pub door: Door,
    /// The name as typed.
    pub name: String,
    /// SASL's authorisation identity as typed, if the mechanism has one: empty or equal to the name, or the attempt is
    /// refused.
    pub authorization: Option<String>,
    /// The password.
    pub password: Password,
    /// From where.
    pub source: Source,
    /// What the client calls itself (IMAP ID, the EHLO name); empty if it did not say.
    pub client: String,
}

/// An attempt to come in by a server that checks passwords itself and asks the checkpoint for the rest.
#[derive(Debug)]
pub struct Attested {
    /// The name under which the server has checked the password.
    pub name: String,
    /// From where, as the server says.
    pub source: Source,
    /// What the server and the client call themselves.
    pub client: String,
}

/// Proof that the checkpoint let someone in. Only the checkpoint makes one; a mailbox opens for nothing less.
#[derive(Debug)]
pub struct Admitted {
    account: Account,
    source: Source,
    reason: Reason,
    lease: Lease,
}

impl Admitted {
    pub(crate) fn new(account: Account, source: Source, reason: Reason, lease: Lease) -> Self {
        Self {
            account,
            source,
            reason,
            lease,
        }
    }

    /// The id of the account that was let in.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        self.account.id
    }

    /// The account as the directory describes it, with its name and the addresses that it may send from.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// From where.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Resolves when the admission ends; whatever was opened for it must close then.
    #[must_use]
    pub fn lease(&self) -> &Lease {
        &self.lease
    }
}

/// A refusal as a door passes it on: the same for every cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Under which the person finds on the own page what really happened.
    pub reference: Reference,
    /// The one sentence, printable ASCII on one line, with the reference in it.
    pub sentence: String,
    /// When the answer is to leave: a fixed time after the attempt. The door waits with
    /// [`crate::ports::Clock::sleep_until`].
    pub answer_at: Timestamp,
}

/// Not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAdmitted {
    /// Refused, for whatever cause.
    Refused(Refusal),
    /// The checkpoint can't judge just now. The door says "temporarily" and never "wrong password".
    Unavailable,
}
