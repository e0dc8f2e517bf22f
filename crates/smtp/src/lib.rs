//! The SMTP grammar, both directions, without any I/O: RFC 5321, with LMTP (RFC 2033) and the extensions SIZE (1870),
//! CHUNKING (3030), DSN (3461), AUTH (4954), 8BITMIME (6152) and SMTPUTF8 (6531).
//!
//! The doors read commands with it, LMTP and submission too; the queue, the webmail's client and the way to an upstream
//! write commands and read replies. Bytes go in, typed values come out, and the other way round.
//!
//! It is strict where leniency has been a hole: a message ends at `CRLF.CRLF` and nowhere else, a bare CR or LF never
//! ends anything and is never passed on, a command line that ends in a bare LF ends the connection. It is lenient where
//! strictness only hurts people: a blank after `FROM:`, source routes, local parts with dots in odd places, which real
//! mailboxes in Japan have. It judges nobody: whether an address may send or receive is for its callers to say.
//!
//! In reading order:
//! - [`path`]: the addresses of an envelope
//! - [`params`]: `MAIL` and `RCPT` with their parameters, read and written
//! - [`command`]: what a client says; [`error`]: why a line is no command
//! - [`reply`]: what a server says; [`extensions`]: what its answer to EHLO offers
//! - [`inbound`]: lines cut from a stream, with a limit
//! - [`data`]: a message on the wire

pub mod command;
pub mod data;
pub mod error;
pub mod extensions;
pub mod inbound;
pub mod params;
pub mod path;
pub mod reply;

pub use command::Command;
pub use data::{DataDecoder, DataEncoder, DataFault};
pub use error::CommandError;
pub use extensions::Extensions;
pub use inbound::{Inbound, LineFault};
pub use params::{Body, MailFrom, Notify, RcptTo, Ret, xtext};
pub use path::Path;
pub use reply::{Reply, ReplyError, ReplyLine, ReplyReader};

/// The longest command line that is read, in bytes with its CRLF. RFC 5321 asks for 512; the extensions that are
/// offered, for some 1,200 more.
pub const COMMAND_LINE: usize = 4096;

/// The longest line of a reply that is read, in bytes with its CRLF; RFC 5321 4.5.3.1.5 says 512.
pub const REPLY_LINE: usize = 8192;
