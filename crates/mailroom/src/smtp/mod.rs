//! The SMTP grammar that LMTP, submission and the way out share (RFC 5321, and RFC 2033, 1870, 2034, 3461, 6152, 6531 on top of it).
//!
//! It is strict where leniency has been a hole: a message ends at `CRLF.CRLF` and nowhere else, a bare CR or LF never ends anything and is never passed
//! on, a command line that ends in a bare LF ends the connection. It is lenient where strictness only hurts people: a blank after `FROM:`, source
//! routes, local parts with dots in odd places, which real mailboxes in Japan have.
//!
//! In reading order: [`path`] (addresses of an envelope), [`command`] and [`params`] (what a client says), [`reply`] (what a server says), [`inbound`]
//! (lines cut from a stream, with a limit), [`data`] (a message on the wire). These do no I/O. `connection` and `session` join them to a stream, for the
//! servers of this crate.

pub mod command;
pub(crate) mod connection;
pub mod data;
pub mod inbound;
pub mod params;
pub mod path;
pub mod reply;
pub(crate) mod session;

pub use command::{Command, CommandError};
pub use data::{DataDecoder, DataEncoder, DataFault};
pub use inbound::{Inbound, LineFault};
pub use params::{Body, MailFrom, Notify, RcptTo, Ret};
pub use path::Path;
pub use reply::{Reply, ReplyError, ReplyReader};
#[cfg(fuzzing)]
pub use session::fuzz as fuzz_session;

/// The longest command line that is read, in bytes with its CRLF. RFC 5321 asks for 512, the extensions that are offered for some 1,200 more.
pub const COMMAND_LINE: usize = 4096;
