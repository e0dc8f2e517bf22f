//! What can go wrong with a mail server.

use sekisho_imap::encode::NulError;
use sekisho_imap::framing::FramingError;
use sekisho_imap::response::Code;

/// Why an operation failed, and what the caller can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The connection is closed, or an earlier operation on it was dropped before its end. Open another connection.
    /// Reading may be repeated there; of a change it is unknown whether it was done.
    #[error("the connection to the mail server is gone")]
    Gone,
    /// The server refuses. The connection can still be used. The server would refuse the same request again, unless the
    /// code says that the cause is temporary.
    #[error("the mail server refuses: {text:?}")]
    No {
        /// The reason as a response code.
        code: Option<Code>,
        /// The reason for people, in the server's words and language.
        text: String,
    },
    /// The server did not understand the command. The connection can still be used; repeating does not help.
    #[error("the mail server doesn't understand: {text:?}")]
    Bad {
        /// The reason, in the server's words.
        text: String,
    },
    /// The server broke the protocol. The connection can't be used any more.
    #[error("the mail server breaks the protocol: {0}")]
    Protocol(&'static str),
    /// A message, part or result is larger than the caller or the server allows. The connection can still be used.
    #[error("more than {most} bytes or results")]
    TooLarge {
        /// The limit, in bytes or results.
        most: u64,
    },
    /// The message isn't there (any more). List the folder again.
    #[error("no such message")]
    NoSuchMessage,
    /// A text or message contains a NUL, which can't be sent. Nothing was sent.
    #[error("a text that can't be sent")]
    Unsendable,
}

impl Error {
    /// Whether a folder does not exist.
    #[must_use]
    pub fn is_no_such_folder(&self) -> bool {
        matches!(self.code(), Some(Code::NonExistent | Code::TryCreate))
    }

    /// Whether a folder of that name exists already.
    #[must_use]
    pub fn is_folder_exists(&self) -> bool {
        matches!(self.code(), Some(Code::AlreadyExists))
    }

    /// Whether the account has used up its quota.
    #[must_use]
    pub fn is_over_quota(&self) -> bool {
        matches!(self.code(), Some(Code::OverQuota))
    }

    /// Whether the same request may succeed later, perhaps on another connection.
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
