//! Why a command is not understood, and how much of one is.

use crate::mailbox::NameError;
use crate::token::Tag;

/// How deep searches may nest.
pub const MAX_DEPTH: usize = 50;

/// How many list items (search keys, header fields, patterns, flags) a command may contain, because the cost of a
/// command grows with them.
pub const MAX_ITEMS: usize = 1000;

/// Why a command could not be parsed. Its text is safe to send back after `BAD`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct ParseError {
    /// The command's tag, if it had a valid one; otherwise answer untagged (`* BAD`).
    pub tag: Option<Tag>,
    /// How many bytes were parsed before the error.
    pub at: usize,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Something else was expected.
    #[error("expected {0}")]
    Expected(&'static str),
    /// No such command.
    #[error("unknown command")]
    UnknownCommand,
    /// A search in a character set other than US-ASCII and UTF-8: answer `NO [BADCHARSET]`.
    #[error("unknown character set")]
    Charset,
    /// A name that no mailbox can have: answer `NO`.
    #[error("{0}")]
    Mailbox(NameError),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested too deep")]
    TooDeep,
    /// More list items than [`MAX_ITEMS`].
    #[error("too many things in one command")]
    TooMany,
}
