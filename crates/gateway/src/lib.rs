//! The doors for mail clients, IMAP, POP3 and submission, up to the login.
//!
//! A door greets, starts TLS, takes name and password, and asks the [`Checkpoint`](sekisho_checkpoint::Checkpoint). It judges nothing itself, tells a
//! stranger nothing but the checkpoint's one sentence, and keeps what a connection may cost before its login small. Whoever is admitted is handed, with the
//! connection and whatever was read behind the login, to the [`MailServer`]. When the admission ends, the connection is closed at once, in the middle of
//! whatever it does: a farewell is not attempted, since it could land within a half-sent answer.
//!
//! It knows no mailbox and no SMTP transaction: before the login, every command that needs one is turned down.
//!
//! In reading order: [`door`] runs connections; `dialogue` is what it runs, without any I/O, with `imap`, `pop3` and `submission` its languages; `sasl` and
//! `lines` are what they share.

mod dialogue;
pub mod door;
mod imap;
mod lines;
mod pop3;
mod sasl;
mod submission;
#[cfg(test)]
mod transcript;

pub use door::{Door, PlaintextLogin, Security, run_imap, run_pop3, run_submission};

use async_trait::async_trait;
use sekisho_checkpoint::Admitted;
use sekisho_net::BoxedStream;

/// What stands behind the doors. It gets a connection whose login has been answered, and the proof that it was admitted.
///
/// The futures are dropped where they stand when the admission ends.
#[async_trait]
pub trait MailServer: Send + Sync + 'static {
    /// What IMAP offers after the login, as the words of CAPABILITY.
    fn imap_capabilities(&self) -> String;

    /// What POP3 offers, each as a line of the answer to CAPA, without USER, SASL and STLS.
    fn pop3_capabilities(&self) -> Vec<String>;

    /// What submission offers, each as a line of the answer to EHLO, without AUTH and STARTTLS.
    fn submission_extensions(&self) -> Vec<String>;

    /// Serves IMAP, from the authenticated state on. `already_read` came behind the login.
    async fn imap(&self, stream: BoxedStream, already_read: Vec<u8>, admitted: Admitted);

    /// Serves POP3, from the transaction state on. `already_read` came behind the login.
    async fn pop3(&self, stream: BoxedStream, already_read: Vec<u8>, admitted: Admitted);

    /// Serves submission, from the answer to AUTH on. `already_read` came behind it.
    async fn submission(
        &self,
        stream: BoxedStream,
        already_read: Vec<u8>,
        admitted: Admitted,
        hello: Hello,
    );
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
