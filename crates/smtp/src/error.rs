//! Why a line isn't a command, and what its client is told.

use crate::reply::Reply;

/// Why a line isn't a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It is not UTF-8, or contains a control character.
    #[error("the line has characters that no command has")]
    Syntax,
    /// No such verb.
    #[error("no such command")]
    Unknown,
    /// The verb's argument is missing or malformed.
    #[error("the command's argument is malformed")]
    Argument,
    /// A parameter that is unknown or has a wrong value.
    #[error("a parameter is unknown or malformed")]
    Parameter,
    /// The reverse-path is not an address.
    #[error("the sender's address is malformed")]
    Sender,
    /// The forward-path is not an address.
    #[error("the recipient's address is malformed")]
    Recipient,
}

impl CommandError {
    /// What the client is told (RFC 5321 4.2.4, RFC 3463).
    #[must_use]
    pub fn reply(self) -> Reply {
        let (code, status) = match self {
            Self::Syntax => (500, "5.5.2"),
            Self::Unknown => (500, "5.5.1"),
            Self::Argument => (501, "5.5.4"),
            Self::Parameter => (555, "5.5.4"),
            Self::Sender => (553, "5.1.7"),
            Self::Recipient => (553, "5.1.3"),
        };
        Reply::new(code, status, &self.to_string())
    }
}
