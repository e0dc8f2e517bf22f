//! The webmail's client of IMAP and submission servers.
//!
//! Both clients use any stream that is logged in already: a pipe into the mailroom, or TLS to an upstream.
//! [`ImapLogin`] logs in itself, for tools that move mail from another server. Callers get typed operations, most of
//! them one round trip, and typed results with names and subjects decoded.
//!
//! It refuses to send what its encoders did not make (names, searches and addresses can't become commands), to use a
//! form that the server did not announce, and to hold more of an answer than a limit allows. It keeps no cache and no
//! clock: a caller that wants a deadline drops the future, and the connection then counts as gone.
//!
//! In reading order:
//! - [`Error`]: what can go wrong, and what the caller can do
//! - [`Imap`]: folders; [`OpenFolder`]: the messages of one; [`Download`]: a large part
//! - [`Summary`], [`Envelope`], [`BodyPart`]: what the server says of a message
//! - [`HeaderText`]: the text of header fields
//! - [`Submission`], which sends mail

mod archive;
mod connection;
mod download;
mod envelope;
mod error;
mod fetch;
#[cfg(fuzzing)]
pub mod fuzzing;
mod imap;
mod listing;
mod login;
mod message;
mod open;
mod part;
mod search;
mod submission;
mod text;
mod wire;

pub use sekisho_imap::command::SearchKey;
pub use sekisho_imap::datetime::Date;
pub use sekisho_imap::mailbox::SpecialUse;
pub use sekisho_imap::response::Code;
pub use sekisho_imap::{Flag, Keyword, MailboxName};
pub use sekisho_smtp::{Path, Reply};

pub use self::archive::Identity;
pub use self::download::Download;
pub use self::envelope::{Address, Envelope};
pub use self::error::Error;
pub use self::imap::{Appended, Imap};
pub use self::listing::Folder;
pub use self::login::ImapLogin;
pub use self::message::{Flags, InvalidUid, Message, Summary, Uid};
pub use self::open::{
    Access, FlagChange, FolderState, MessageOrder, OpenFolder, Page, PageRequest, SortBy,
};
pub use self::part::{
    AttachedMessage, BodyPart, Disposition, InvalidPartNumber, Located, PartNumber,
};
pub use self::search::search_text;
pub use self::submission::{Receipt, Submission, SubmitError};
pub use self::text::HeaderText;
