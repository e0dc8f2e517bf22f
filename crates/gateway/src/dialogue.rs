//! What a door says and hears before the login, as a machine without I/O: bytes go in, actions come out.

use sekisho_checkpoint::sasl::Credentials;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::{NotOpened, Protocol};

/// After so many refusals a connection ends.
pub(crate) const MOST_REFUSALS: u32 = 3;

/// After so many commands that came to nothing a connection ends: who needs them speaks another protocol.
pub(crate) const MOST_MISTAKES: u32 = 10;

/// What the door has to do next.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send this.
    Send(Vec<u8>),
    /// Start TLS, then call [`Dialogue::tls_started`]. Nothing unread is left.
    StartTls,
    /// Ask the checkpoint, then call [`Dialogue::admitted`], [`Dialogue::refused`] or [`Dialogue::troubled`].
    Attempt(Credentials),
    /// Close the connection.
    Close,
}

/// How safe the connection is, and what may be done on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    /// Whether it is encrypted by now.
    pub(crate) encrypted: bool,
    /// Whether STARTTLS can be offered.
    pub(crate) tls_at_hand: bool,
    /// Whether a login is taken unencrypted.
    pub(crate) plaintext_login: bool,
}

impl Channel {
    /// Whether a login is taken as things are.
    pub(crate) fn takes_login(self) -> bool {
        self.encrypted || self.plaintext_login
    }

    /// Whether STARTTLS is offered as things are.
    pub(crate) fn offers_tls(self) -> bool {
        self.tls_at_hand && !self.encrypted
    }
}

/// Why a door ends a connection by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// It took too long.
    TooSlow,
    /// It sent too much.
    TooMuch,
    /// Its place is needed for another.
    Crowded,
    /// The system ends.
    ShuttingDown,
}

impl Farewell {
    /// In words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::TooSlow => "Too slow",
            Self::TooMuch => "Too much before the login",
            Self::Crowded => "Too many connections",
            Self::ShuttingDown => "Shutting down, try again soon",
        }
    }
}

/// Why an attempt that was not refused came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It could not be judged.
    NotJudged,
    /// It was admitted, and the account has as many connections as it may have.
    TooMany,
    /// It was admitted, and no mailbox opened.
    NotOpened(NotOpened),
}

impl Trouble {
    /// In words.
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

    /// Whether the same may succeed later.
    pub(crate) fn is_temporary(self) -> bool {
        self != Self::NotOpened(NotOpened::NotTaken)
    }
}

/// One side of a conversation up to the login.
pub(crate) trait Dialogue: Send {
    /// What is said first.
    fn greeting(&self) -> Vec<u8>;

    /// Takes bytes from the client.
    fn push(&mut self, bytes: &[u8]);

    /// What to do next; `None` if that takes more bytes, or the outcome of the last action.
    fn next(&mut self) -> Option<Action>;

    /// TLS has started; nothing said before holds any more.
    fn tls_started(&mut self);

    /// What is spoken, and from where on.
    fn protocol(&self) -> Protocol;

    /// The answer to a login whose mailbox is open; `imap_capabilities` are those of this mailbox, where they are known only now. The dialogue is over.
    fn admitted(&mut self, imap_capabilities: Option<Arc<str>>) -> Vec<u8>;

    /// The attempt was refused, in these words; what to say is among the next actions.
    fn refused(&mut self, sentence: &str);

    /// The attempt could not be judged, or no mailbox opened; what to say is among the next actions.
    fn troubled(&mut self, trouble: Trouble);

    /// The last words to a connection that the door ends.
    fn farewell(&self, why: Farewell) -> Vec<u8>;

    /// What the client calls itself; empty if it did not say.
    fn client(&self) -> &str;

    /// What was received and not used.
    fn into_rest(self) -> Vec<u8>;
}

/// Actions decided on and not yet taken, and how often the client came to nothing.
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

    /// Does this behind what was planned before.
    pub(crate) fn add(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// Sends a line.
    pub(crate) fn say(&mut self, line: impl fmt::Display) {
        self.add(Action::Send(format!("{line}\r\n").into_bytes()));
    }

    /// Closes when all that was planned is done. Nothing more is read.
    pub(crate) fn close(&mut self) {
        self.closing = true;
    }

    /// Counts a refusal; whether it was one too many.
    pub(crate) fn refused_once_more(&mut self) -> bool {
        self.refusals += 1;
        self.refusals >= MOST_REFUSALS
    }

    /// Counts a mistake; whether it was one too many.
    pub(crate) fn mistaken_once_more(&mut self) -> bool {
        self.mistakes += 1;
        self.mistakes >= MOST_MISTAKES
    }
}
