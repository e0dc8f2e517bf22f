//! What the queue takes.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::LetterId;
use sekisho_smtp::{Notify, Path, Ret};

/// A message for the queue.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Who is told of failures; `None` for nobody.
    pub sender: Option<Path>,
    /// Where it goes; at least one.
    pub recipients: Vec<Recipient>,
    /// The message, complete; lines end with CRLF.
    pub message: Vec<u8>,
    /// Whether addresses or headers need UTF-8 (RFC 6531).
    pub utf8: bool,
    /// Whether the content has octets beyond ASCII.
    pub eight_bit: bool,
    /// What reports return of the message.
    pub ret: Option<Ret>,
    /// The sender's identifier for reports, as xtext.
    pub envid: Option<String>,
    /// Set for a mailed OTP, which has a route of its own and waits only as long as its code is valid.
    pub otp: Option<Otp>,
    /// Who wrote it.
    pub origin: Origin,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Somebody of this site, or the site itself. The message is signed where the site signs.
    Here,
    /// Somebody else; it is forwarded from a mailbox here.
    Forwarded,
    /// Somebody else; another server brought it for a mailbox here. Its sender is told of failures, although elsewhere.
    Elsewhere,
}

/// What makes a mailed OTP different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Otp {
    /// The id under which its fate is asked for.
    pub letter: LetterId,
    /// When its code ends; then it leaves the queue.
    pub expires_at: Timestamp,
}

/// One recipient of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address.
    pub path: Path,
    /// The account whose mailbox it is; `None` for an address elsewhere.
    pub account: Option<AccountId>,
    /// Which reports the sender wants.
    pub notify: Notify,
    /// The recipient as first named, `type;xtext`.
    pub orcpt: Option<String>,
}

impl Recipient {
    /// A recipient with the usual reports.
    #[must_use]
    pub fn new(path: Path, account: Option<AccountId>) -> Self {
        Self {
            path,
            account,
            notify: Notify::default(),
            orcpt: None,
        }
    }
}
