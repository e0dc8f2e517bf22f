//! The IMAP grammar, both directions, without any I/O.
//!
//! The gateway reads commands with it before anybody has logged in, the mailroom's server after,
//! and the webmail's client writes commands and reads responses. Bytes go in, typed values come
//! out, and the other way round.
//!
//! It refuses to guess: a line that doesn't end in CRLF, a literal over its limit, a number that
//! doesn't fit, a list nested too deep are errors that say where and what was expected. It never
//! writes a byte from outside unencoded, and it allocates nothing that a limit doesn't bound.
//!
//! In reading order:
//! - [`token`]: character classes, [`Tag`], [`Secret`]
//! - [`framing`]: from a stream to whole commands or responses
//! - [`mailbox`], [`sequence`], [`flag`], [`datetime`]: the values commands speak of
//! - [`command`]: what a client asks for, and its parser
//! - [`encode`]: writing strings, and whole commands of a client
//! - [`response`]: what a server answers, and its parser

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
