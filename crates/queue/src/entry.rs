//! What the queue says of the messages that wait, and what can be done with them.

use std::fmt;

use jiff::Timestamp;

use sekisho_smtp::Path;

/// Names a message in the queue: 63 random bits, shown as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(i64);

impl QueueId {
    pub(crate) fn new(id: i64) -> Self {
        Self(id)
    }

    pub(crate) fn get(self) -> i64 {
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

/// A message that waits, for the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// Its id.
    pub id: QueueId,
    /// Its sender.
    pub sender: Option<Path>,
    /// Whether it is a mailed OTP.
    pub otp: bool,
    /// Its size in bytes.
    pub size: u64,
    /// Since when it has been waiting.
    pub queued_at: Timestamp,
    /// When the queue gives it up.
    pub ends_at: Timestamp,
    /// The recipients that it has not reached.
    pub waiting: Vec<PendingRecipient>,
}

/// A recipient that was not reached yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRecipient {
    /// The address.
    pub to: Path,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// What went wrong last; empty before the first try.
    pub diagnostic: String,
    /// Whether it is held: not tried until somebody releases it.
    pub held: bool,
}

/// Which of the waiting messages are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// A message.
    Message(QueueId),
    /// Whatever goes to a domain.
    Domain(String),
    /// Everything.
    All,
}

/// What is to be done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueAction {
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
