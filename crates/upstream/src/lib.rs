//! Connections to the mail system that a site already has behind Sekisho, on which an admitted person is logged in.
//!
//! [`Upstreams`] finds the upstream with an account's mail, connects to the first of its servers that answers, tells it
//! the client's address, logs the person in, and returns the connection as [`LoggedIn`]. After that, bytes are copied
//! ([`pipe`]); only submission is read command by command ([`relay`]).
//!
//! It makes no decisions about admission: it gives a connection only for an [`Admitted`](sekisho_checkpoint::Admitted).
//! What it sends is written by encoders, so that no byte of a name or password can become a command. It cuts a
//! connection before the client can log in again as another account ([`relogin`]), since the checkpoint would not learn
//! of it. A server that violates its protocol counts as unavailable, not as refusing the login.
//!
//! In reading order: [`upstreams`] (which upstream has whose mail), [`servers`] (which of them are up), [`proof`] and
//! [`token`] (how the person is logged in), `dial` (connecting), `learned` (the capabilities seen), `imap`, `pop3`,
//! `submission` and `sieve` (the protocols up to the login), [`pipe`] with [`relogin`], [`relay`]. [`directory`] is for
//! sites where only the upstream knows the passwords.

mod dial;
pub mod directory;
#[cfg(fuzzing)]
pub mod fuzzing;
mod imap;
mod learned;
pub mod pipe;
mod pop3;
pub mod proof;
pub mod relay;
pub mod relogin;
#[cfg(test)]
mod scene;
pub mod servers;
mod sieve;
mod submission;
pub mod token;
pub mod upstreams;
mod wire;

pub use directory::LoginAtUpstream;
pub use learned::Learned;
pub use proof::Passing;
pub use relogin::Relogin;
pub use servers::{Server, Servers};
pub use token::TokenKey;
pub use upstreams::{Keeps, LoggedIn, Probed, Security, Told, Upstream, Upstreams, Wanted};

/// Why there is no connection for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No server can be reached now; a later attempt may succeed.
    #[error("no server of the upstream can be reached")]
    Away,
    /// The upstream refuses the login, or Sekisho can't log in there as configured. Another attempt will not help.
    #[error("the upstream does not take the login")]
    Refused,
    /// No upstream has mail of the account, or the upstream has no server for this protocol.
    #[error("no upstream for this account and protocol")]
    NoneForThis,
}

/// Why an attempt at one server failed.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// The server can't be reached, is too slow, violates the protocol, or asks to try again later. Another server may
    /// work.
    #[error("{0}")]
    Away(String),
    /// The server refused the login.
    #[error("the login was refused")]
    Refused,
    /// The server offers no mechanism by which the person could be logged in.
    #[error("{0}")]
    NoWay(&'static str),
}

impl Fault {
    /// The server's greeting is not one of its protocol.
    fn greeting(line: &[u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        let begin: String = line.trim_end().chars().take(60).collect();
        Self::Away(format!("no greeting of its protocol, but {begin:?}"))
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Away(error.to_string())
    }
}

impl From<sekisho_net::NetError> for Fault {
    fn from(error: sekisho_net::NetError) -> Self {
        Self::Away(error.to_string())
    }
}
