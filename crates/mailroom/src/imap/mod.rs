//! The IMAP server, from the login on (RFC 3501 and the extensions that [`capability`] names).
//!
//! A session begins authenticated: the gateway has answered the login, or the webmail's request was admitted, and both
//! hand over a byte stream. The server decides nothing about access and knows no passwords. It refuses LOGIN,
//! AUTHENTICATE and STARTTLS, so that a session stays its account's.
//!
//! Bodies are read when they are asked for and sent as they are read; lists of messages, flags, envelopes and
//! structures come from the store's index. No message is `\Recent`: recording which session saw a message first would
//! cost a write for each session, and clients don't use it.
//!
//! In reading order: `connection` moves bytes; `session` carries out commands on a `view`, the selected folder as the
//! client knows it; `folders` (with `pattern`), `fetch`, `flags`, `search`, `sort`, `thread`, `transfer` and `quota`
//! are the commands; `vanished` is what a returning client is told; `reply` writes the answers, through `compress` if
//! the client wants.

mod compress;
#[cfg(fuzzing)]
pub use compress::fuzz as fuzz_compression;
mod connection;
mod fetch;
mod flags;
mod folders;
mod pattern;
mod quota;
mod reply;
mod search;
mod session;
mod sort;
mod thread;
mod transfer;
mod vanished;
mod view;

use std::sync::Arc;

use jiff::tz::TimeZone;
use sekisho_checkpoint::Admitted;
use sekisho_checkpoint::ports::Clock;
use tokio::io::{AsyncRead, AsyncWrite};

use sekisho_store::{Mailbox, Store, StoreError};

/// What an IMAP session needs besides its mailbox.
#[derive(Clone)]
pub struct Imap {
    /// Where mail is kept.
    pub store: Store,
    /// The time, for messages appended without a date, for searches by age, and for idle clients.
    pub clock: Arc<dyn Clock>,
    /// The site's zone: in it, a day of a search begins and dates are shown.
    pub zone: TimeZone,
}

/// How a session ended, if not by the client's own wish.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The stream broke. Nothing to do.
    #[error("the connection broke: {0}")]
    Stream(#[from] std::io::Error),
    /// The mailbox did not open, or a message could not be read to its end. Worth a log line.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The client sent what no client sends; it was told so, and the connection was closed.
    #[error("the client broke the protocol: {0}")]
    Protocol(#[from] sekisho_imap::framing::FramingError),
}

/// Serves IMAP to an account that the checkpoint admitted, on a stream whose login has been answered. It ends with
/// LOGOUT, with the stream, when the client is silent for 30 minutes, or with the lease. `already_read` is what the
/// client sent behind its login.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve_imap(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    already_read: Vec<u8>,
    admitted: Admitted,
    imap: Imap,
) -> Result<(), ServeError> {
    let mailbox = imap.store.open(&admitted).await?;
    let ended = async {
        admitted.lease().ended().await;
    };
    serve_mailbox(stream, already_read, mailbox, imap, ended).await
}

/// Serves IMAP on an opened mailbox until `ended` resolves; see [`serve_imap`].
///
/// # Errors
/// See [`ServeError`].
pub async fn serve_mailbox(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    already_read: Vec<u8>,
    mailbox: Mailbox,
    imap: Imap,
    ended: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    connection::run(stream, already_read, mailbox, imap, ended).await
}

/// What the server can do, as CAPABILITY lists it after the login; the gateway may put it into its
/// answer to the login. `message_size` is the store's limit, in bytes.
#[must_use]
pub fn capability(message_size: u64) -> String {
    format!(
        "IMAP4rev2 IMAP4rev1 LITERAL+ ID ENABLE UTF8=ACCEPT IDLE NAMESPACE CHILDREN LIST-EXTENDED LIST-STATUS \
         SPECIAL-USE CREATE-SPECIAL-USE UNSELECT UIDPLUS MOVE MULTIAPPEND CONDSTORE QRESYNC ESEARCH \
         SEARCHRES PARTIAL WITHIN SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES STATUS=SIZE QUOTA QUOTA=RES-STORAGE \
         QUOTA=RES-MESSAGE OBJECTID BINARY PREVIEW COMPRESS=DEFLATE APPENDLIMIT={message_size}"
    )
}
