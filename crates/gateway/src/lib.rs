//! The doors for mail clients, IMAP, POP3, submission and ManageSieve, up to the login.
//!
//! A door greets, starts TLS, takes name and password, and asks the [`Checkpoint`](sekisho_checkpoint::Checkpoint). It judges nothing itself, tells a
//! stranger nothing but the checkpoint's one sentence, and keeps what a connection may cost before its login small. For whoever is admitted the [`MailServer`] opens a
//! mailbox, which gets the connection and whatever was read behind the login. When the admission ends, the connection is closed at once, in the middle of
//! whatever it does: a farewell is not attempted, since it could land within a half-sent answer.
//!
//! It knows no mailbox and no SMTP transaction: before the login, every command that needs one is turned down.
//!
//! In reading order: [`door`] runs connections; `dialogue` is what it runs, without any I/O, with `imap`, `pop3`, `submission` and `sieve` its languages; `sasl` and
//! `lines` are what they share; `seats` bounds what an account has open.

mod dialogue;
pub mod door;
mod imap;
mod lines;
mod pop3;
mod sasl;
mod seats;
mod sieve;
mod submission;
#[cfg(test)]
mod transcript;

pub use door::{Door, PlaintextLogin, Security, run_imap, run_pop3, run_sieve, run_submission};
pub use seats::Seats;

use std::sync::Arc;

use async_trait::async_trait;
use sekisho_checkpoint::{Admitted, Password};
use sekisho_net::Stream;

/// What stands behind the doors. It is asked for a mailbox once somebody was admitted and before the login is answered, so that the answer can say that there is none.
#[async_trait]
pub trait MailServer: Send + Sync + 'static {
    /// What IMAP offers after the login, as the words of CAPABILITY, as far as is known before.
    fn imap_capabilities(&self) -> Arc<str>;

    /// What POP3 offers, each as a line of the answer to CAPA, without USER, SASL and STLS.
    fn pop3_capabilities(&self) -> Arc<[String]>;

    /// What submission offers, each as a line of the answer to EHLO, without AUTH and STARTTLS.
    fn submission_extensions(&self) -> Arc<[String]>;

    /// What ManageSieve offers, each as a line of the answer to CAPABILITY, without IMPLEMENTATION, SASL, STARTTLS and VERSION.
    fn sieve_capabilities(&self) -> Arc<[String]>;

    /// Gets a mailbox ready for somebody who was admitted.
    ///
    /// # Errors
    /// [`NotOpened`] says what to tell the client.
    async fn open(&self, opening: Opening<'_>) -> Result<Box<dyn Opened>, NotOpened>;
}

/// For whom a mailbox is to be opened, and how.
#[derive(Debug)]
pub struct Opening<'a> {
    /// The language that is spoken.
    pub protocol: Protocol,
    /// Who was admitted.
    pub admitted: &'a Admitted,
    /// The password that was proven, for whoever has to pass it on.
    pub password: &'a Password,
}

/// A language of mail clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// IMAP, from the authenticated state on.
    Imap,
    /// POP3, from the transaction state on.
    Pop3,
    /// Submission, from the answer to AUTH on, and what the client said of itself before.
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

/// A mailbox that is ready.
#[async_trait]
pub trait Opened: Send {
    /// What IMAP offers from here on, where that is known only now.
    fn imap_capabilities(&self) -> Option<Arc<str>> {
        None
    }

    /// Serves a connection whose login has been answered. `already_read` came behind the login.
    ///
    /// The future is dropped where it stands when the admission ends.
    async fn serve(self: Box<Self>, stream: Stream, already_read: Vec<u8>, admitted: Admitted);
}

/// Why there is no mailbox for somebody who was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// The mail server can't be asked just now: the same login may succeed later.
    #[error("the mail server is out of reach")]
    OutOfReach,
    /// The mail server does not take this account, or not so.
    #[error("the mail server does not take the account")]
    NotTaken,
}

/// What a submission client said of itself, and how it came: for the message's trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The name in its EHLO or HELO: without blanks or control characters, and nobody checked it.
    pub name: String,
    /// Whether it said EHLO.
    pub extended: bool,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
}
