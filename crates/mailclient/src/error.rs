//! What may go wrong with a mail server.

use sekisho_imap::encode::NulError;
use sekisho_imap::framing::FramingError;
use sekisho_imap::response::Code;

/// Why an operation failed, and what that leaves to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The connection is closed, or an earlier operation on it was dropped half way. Open another
    /// one; what only reads may be repeated there, while of a change it is unknown whether it was done.
    #[error("the connection to the mail server is gone")]
    Gone,
    /// The server refuses. The connection goes on; the same request would be refused again unless
    /// the code says that something passes.
    #[error("the mail server refuses: {text:?}")]
    No {
        /// The reason for programs.
        code: Option<Code>,
        /// The reason for people, in the server's words and language.
        text: String,
    },
    /// The server didn't understand. The connection goes on; repeating is of no use.
    #[error("the mail server doesn't understand: {text:?}")]
    Bad {
        /// The reason in the server's words.
        text: String,
    },
    /// The server sent what it may not. The connection can't be used any more.
    #[error("the mail server breaks the protocol: {0}")]
    Protocol(&'static str),
    /// The message, part or result is larger than the caller or the server takes. The connection
    /// goes on.
    #[error("more than {most} bytes or results")]
    TooLarge {
        /// The limit.
        most: u64,
    },
    /// The message isn't there, or not any more. Show the list anew.
    #[error("no such message")]
    NoSuchMessage,
    /// A text or message with a NUL, which can't be sent. Nothing was sent.
    #[error("a text that can't be sent")]
    Unsendable,
}

impl Error {
    /// Whether a folder isn't there.
    #[must_use]
    pub fn is_no_such_folder(&self) -> bool {
        matches!(self.code(), Some(Code::NonExistent | Code::TryCreate))
    }

    /// Whether a folder of that name is there already.
    #[must_use]
    pub fn is_folder_exists(&self) -> bool {
        matches!(self.code(), Some(Code::AlreadyExists))
    }

    /// Whether the account has no room left.
    #[must_use]
    pub fn is_over_quota(&self) -> bool {
        matches!(self.code(), Some(Code::OverQuota))
    }

    /// Whether the same request may succeed a little later, perhaps on another connection.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Gone) || matches!(self.code(), Some(Code::Unavailable | Code::InUse))
    }

    fn code(&self) -> Option<&Code> {
        match self {
            Self::No { code, .. } => code.as_ref(),
            _ => None,
        }
    }
}

impl From<NulError> for Error {
    fn from(_: NulError) -> Self {
        Self::Unsendable
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        tracing::debug!(kind = ?error.kind(), "mail connection lost");
        Self::Gone
    }
}

impl From<FramingError> for Error {
    fn from(error: FramingError) -> Self {
        Self::Protocol(match error {
            FramingError::LiteralTooBig { .. } | FramingError::LiteralHopeless => {
                "a literal over the limit"
            }
            FramingError::LineTooLong => "a line over the limit",
            FramingError::CommandTooLong => "a response over the limit",
            FramingError::BareLineEnd => "a line end other than CR LF",
            FramingError::Nul => "a NUL in a line",
        })
    }
}
