//! The interface of a door's protocols before the login. They do no I/O: bytes go in, and actions come out.

use sekisho_checkpoint::sasl::Credentials;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::{NotOpened, Protocol};

/// After this many refusals the connection ends.
pub(crate) const MOST_REFUSALS: u32 = 3;

/// After this many failed commands the connection ends, because the client probably speaks another protocol.
pub(crate) const MOST_MISTAKES: u32 = 10;

/// What the door must do next.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Start TLS, then call [`Dialogue::tls_started`]. There are no unread bytes.
    StartTls,
    /// Ask the checkpoint, then call [`Dialogue::admitted`], [`Dialogue::refused`] or [`Dialogue::failed`].
    Attempt(Credentials),
    /// Close the connection.
    Close,
}

/// How the connection is protected, and what may be done on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    /// Whether it is encrypted now.
    pub(crate) encrypted: bool,
    /// Whether STARTTLS is possible.
    pub(crate) tls_at_hand: bool,
    /// Whether a login is accepted without encryption.
    pub(crate) plaintext_login: bool,
}

impl Channel {
    /// Whether a login is accepted now.
    pub(crate) fn takes_login(self) -> bool {
        self.encrypted || self.plaintext_login
    }

    /// Whether STARTTLS is offered now.
    pub(crate) fn offers_tls(self) -> bool {
        self.tls_at_hand && !self.encrypted
    }
}

/// Why a door ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The client took too long.
    TooSlow,
    /// The client sent too much.
    TooMuch,
    /// Another connection needs its slot.
    Evicted,
    /// The program shuts down.
    ShuttingDown,
}

impl CloseReason {
    /// The text for the client.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::TooSlow => "Too slow",
            Self::TooMuch => "Too much before the login",
            Self::Evicted => "Too many connections",
            Self::ShuttingDown => "Shutting down, try again soon",
        }
    }
}

/// Why an attempt failed that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginFailure {
    /// It could not be judged.
    NotJudged,
    /// It was admitted, but the account has as many connections as it may have.
    TooMany,
    /// It was admitted, but the mailbox could not be opened.
    NotOpened(NotOpened),
}

impl LoginFailure {
    /// The text for the client.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::NotJudged => "Logins are temporarily out of order, try again later",
            Self::TooMany => {
                "Too many of your mail programs' connections are open, close some and try again"
            }
            Self::NotOpened(NotOpened::OutOfReach) => {
                "Your mailbox is temporarily out of reach, try again later"
            }
            Self::NotOpened(NotOpened::NotTaken) => {
                "The mail server does not open this mailbox, ask the help desk"
            }
        }
    }

    /// Whether the same attempt may succeed later.
    pub(crate) fn is_temporary(self) -> bool {
        self != Self::NotOpened(NotOpened::NotTaken)
    }
}

/// The server's side of a protocol, up to the login.
pub(crate) trait Dialogue: Send {
    /// The greeting.
    fn greeting(&self) -> Vec<u8>;

    /// Takes bytes from the client.
    fn push(&mut self, bytes: &[u8]);

    /// The next action; `None` if more bytes are needed, or the result of the last action.
    fn next(&mut self) -> Option<Action>;

    /// TLS has started. Everything that the client said before is forgotten.
    fn tls_started(&mut self);

    /// The protocol that the mail server goes on with.
    fn protocol(&self) -> Protocol;

    /// The answer to a login whose mailbox is open. `imap_capabilities` are those of this mailbox if they are known
    /// only now. The dialogue is over.
    fn admitted(&mut self, imap_capabilities: Option<Arc<str>>) -> Vec<u8>;

    /// The attempt was refused with this sentence. The answer becomes one of the next actions.
    fn refused(&mut self, sentence: &str);

    /// The attempt could not be judged, or the mailbox could not be opened. The answer becomes one of the next actions.
    fn failed(&mut self, failure: LoginFailure);

    /// The last words on a connection that the door ends.
    fn closing_reply(&self, reason: CloseReason) -> Vec<u8>;

    /// The client's name for itself; empty if it gave none.
    fn client(&self) -> &str;

    /// The bytes that were received but not used.
    fn into_rest(self) -> Vec<u8>;
}

/// The planned actions, and the number of refusals and mistakes.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    actions: VecDeque<Action>,
    refusals: u32,
    mistakes: u32,
    closing: bool,
}

impl Plan {
    /// The next action.
    pub(crate) fn next(&mut self) -> Option<Action> {
        let next = self.actions.pop_front();
        next.or_else(|| self.closing.then_some(Action::Close))
    }

    /// Adds an action after those that are planned.
    pub(crate) fn add(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// Sends a line.
    pub(crate) fn say(&mut self, line: impl fmt::Display) {
        self.add(Action::Send(format!("{line}\r\n").into_bytes()));
    }

    /// Closes the connection after all planned actions. Nothing more is read.
    pub(crate) fn close(&mut self) {
        self.closing = true;
    }

    /// Counts a refusal. Returns whether the limit is reached.
    pub(crate) fn refused_once_more(&mut self) -> bool {
        self.refusals += 1;
        self.refusals >= MOST_REFUSALS
    }

    /// Counts a mistake. Returns whether the limit is reached.
    pub(crate) fn mistaken_once_more(&mut self) -> bool {
        self.mistakes += 1;
        self.mistakes >= MOST_MISTAKES
    }
}
