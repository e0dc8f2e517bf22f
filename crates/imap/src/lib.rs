//! The IMAP grammar for servers and clients, without any I/O.
//!
//! The gateway reads commands with it before the login and the mailroom's server after the login; the webmail's client
//! writes commands and reads responses. It turns bytes into typed values and back.
//!
//! It refuses to guess: a line that doesn't end in CRLF, a literal over its limit, a number that doesn't fit, and a
//! list nested too deep are errors that say where they are and what was expected. It never writes a byte from outside
//! unencoded, and every allocation is bounded by a limit.
//!
//! In reading order:
//! - [`token`]: character classes, [`Tag`], [`Secret`]
//! - [`framing`]: from a stream to whole commands or responses
//! - [`mailbox`], [`sequence`], [`flag`], [`datetime`]: the arguments of commands
//! - [`command`]: a client's commands, and their parser
//! - [`encode`]: writes strings, and a client's whole commands
//! - [`response`]: a server's responses, and their parser

pub mod command;
pub mod datetime;
pub mod encode;
pub mod flag;
pub mod framing;
pub mod mailbox;
pub mod response;
pub mod sequence;
pub mod token;

pub use flag::{Flag, Keyword};
pub use mailbox::MailboxName;
pub use sequence::SequenceSet;
pub use token::{Secret, Tag};
