//! What the queue takes, and what it tells.

use std::fmt;

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::LetterId;

use sekisho_smtp::{Notify, Path, Ret};

/// Names a message in the queue: 63 random bits, shown as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(i64);

impl QueueId {
    pub(super) fn new(id: i64) -> Self {
        Self(id)
    }

    pub(super) fn get(self) -> i64 {
        self.0
    }

    /// Reads the 16 digits back; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        digits.then(|| i64::from_str_radix(text, 16).ok().map(Self))?
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A message for the queue.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Who hears of failures; `None` for nobody.
    pub sender: Option<Path>,
    /// Where it goes; one at least.
    pub recipients: Vec<Recipient>,
    /// The message, complete; lines end with CRLF.
    pub message: Vec<u8>,
    /// Whether addresses or headers need UTF-8 (RFC 6531).
    pub utf8: bool,
    /// Whether the content has octets beyond ASCII.
    pub eight_bit: bool,
    /// What reports return of it.
    pub ret: Option<Ret>,
    /// The sender's identifier for reports, as xtext.
    pub envid: Option<String>,
    /// Set for a mailed OTP, which goes its own way out and only as long as its code holds.
    pub otp: Option<Otp>,
    /// Who wrote it.
    pub origin: Origin,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Somebody of this site, or the site itself: it is signed where the site signs.
    Here,
    /// Somebody else; it was sent on from a mailbox here.
    Forwarded,
    /// Somebody else; another server brought it for a mailbox here. Its sender hears of failures, though he is elsewhere.
    Elsewhere,
}

/// What makes a mailed OTP different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Otp {
    /// Under which its fate is asked for.
    pub letter: LetterId,
    /// When its code ends, and it leaves the queue.
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

/// A message that waits, for the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: QueueId,
    /// Its sender.
    pub sender: Option<Path>,
    /// Whether it is a mailed OTP.
    pub otp: bool,
    /// Its size in bytes.
    pub size: u64,
    /// Since when it waits.
    pub queued_at: Timestamp,
    /// When it is given up.
    pub ends_at: Timestamp,
    /// The recipients that it has not reached.
    pub waiting: Vec<Waiting>,
}

/// A recipient that was not reached yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The address.
    pub to: Path,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// What went wrong last; empty before the first try.
    pub trouble: String,
    /// Whether it is held: not tried until somebody releases it.
    pub held: bool,
}

/// Which of what waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// A message.
    Message(QueueId),
    /// Whatever goes to a domain.
    Domain(String),
    /// Everything.
    All,
}

/// What is to be done with what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Try it now.
    Retry,
    /// Don't try it until it is released.
    Hold,
    /// Try what was held.
    Release,
    /// Give it up now, and tell the sender.
    Bounce,
    /// Give it up, and tell nobody.
    Drop,
}
