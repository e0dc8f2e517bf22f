//! The doors for mail clients up to the login: IMAP, POP3, submission and ManageSieve.
//!
//! A door greets, starts TLS, takes name and password, and asks the [`Checkpoint`](sekisho_checkpoint::Checkpoint). It
//! decides nothing itself, tells strangers only the checkpoint's one sentence, and limits what a connection may cost
//! before its login. Once somebody is admitted, the [`MailBackend`] opens a mailbox, which takes over the connection
//! with all bytes that were read after the login. When the admission ends, the connection is closed at once, whatever
//! it is doing, and without a reply, which could land in the middle of a response.
//!
//! It has no mailboxes and no SMTP transactions: before the login, it refuses every command that needs one.
//!
//! In reading order: [`door`] runs connections; `dialogue` is the interface of the protocols, which do no I/O: `imap`,
//! `pop3`, `submission` and `sieve`; `sasl` and `lines` are shared by these; `account_connections`
//! limits the connections of an account.

mod account_connections;
mod dialogue;
pub mod door;
mod imap;
mod lines;
mod pop3;
mod sasl;
mod sieve;
mod submission;
#[cfg(test)]
mod transcript;

pub use account_connections::AccountConnections;
pub use door::{Door, DoorTls, PlaintextLogin, run_imap, run_pop3, run_sieve, run_submission};

use std::sync::Arc;

use async_trait::async_trait;
use sekisho_checkpoint::{Admitted, Password};
use sekisho_net::Stream;

/// The mail system behind the doors. It is asked for a mailbox after the admission but before the login is answered, so
/// that the answer can say if there is none.
#[async_trait]
pub trait MailBackend: Send + Sync + 'static {
    /// The IMAP capabilities after the login as far as they are known before it, as in the response to CAPABILITY.
    fn imap_capabilities(&self) -> Arc<str>;

    /// The POP3 capabilities, as lines of the response to CAPA, without USER, SASL and STLS.
    fn pop3_capabilities(&self) -> Arc<[String]>;

    /// The submission extensions, as lines of the response to EHLO, without AUTH and STARTTLS.
    fn submission_extensions(&self) -> Arc<[String]>;

    /// The ManageSieve capabilities, as lines of the response to CAPABILITY, without IMPLEMENTATION, SASL, STARTTLS and
    /// VERSION.
    fn sieve_capabilities(&self) -> Arc<[String]>;

    /// Opens a mailbox for an admission.
    ///
    /// # Errors
    /// [`NotOpened`] says what to tell the client.
    async fn open(&self, opening: Opening<'_>) -> Result<Box<dyn Opened>, NotOpened>;
}

/// A request to open a mailbox.
#[derive(Debug)]
pub struct Opening<'a> {
    /// The client's protocol.
    pub protocol: Protocol,
    /// The admission.
    pub admitted: &'a Admitted,
    /// The password that was verified, for an upstream that needs it.
    pub password: &'a Password,
}

/// A protocol of mail clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// IMAP, from the authenticated state on.
    Imap,
    /// POP3, from the transaction state on.
    Pop3,
    /// Submission, from the answer to AUTH on, with the client's last EHLO or HELO.
    Submission(Hello),
    /// ManageSieve, from the authenticated state on.
    ManageSieve,
}

impl Protocol {
    /// Its name, for the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Submission(_) => "submission",
            Self::ManageSieve => "ManageSieve",
        }
    }
}

/// A mailbox that is ready to be served.
#[async_trait]
pub trait Opened: Send {
    /// The IMAP capabilities after the login, if they are known only now.
    fn imap_capabilities(&self) -> Option<Arc<str>> {
        None
    }

    /// Serves a connection whose login has been answered. `already_read` was received after the login.
    ///
    /// When the admission ends, the future is dropped at whichever point it has reached.
    async fn serve(self: Box<Self>, stream: Stream, already_read: Vec<u8>, admitted: Admitted);
}

/// Why there is no mailbox for an admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// The mail server can't be reached now: the same login may succeed later.
    #[error("the mail server is out of reach")]
    OutOfReach,
    /// The mail server refuses the account, or can't be used as configured.
    #[error("the mail server does not take the account")]
    NotTaken,
}

/// A submission client's EHLO or HELO, and how it was sent; for the message's trace field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The name in it, without blanks and control characters; it is not verified.
    pub name: String,
    /// Whether it was EHLO.
    pub extended: bool,
    /// Whether the connection was encrypted.
    pub encrypted: bool,
}
