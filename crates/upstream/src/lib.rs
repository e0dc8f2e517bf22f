//! The mail system that a site already has, behind the doors: connections to it on which an admitted person is logged in.
//!
//! [`Upstreams`] finds the upstream that keeps an account's mail, connects to the first of its servers that answers, tells it who is there and from where, and
//! hands the connection over as [`LoggedIn`]. From then on bytes are copied ([`pipe`]), but for submission, whose commands are read one by one ([`relay`]).
//!
//! It judges nobody: whoever asks for a connection shows an [`Admitted`](sekisho_checkpoint::Admitted). What it sends was made by encoders; no byte of a name or a
//! password can become a command. A connection that could be made another account's after the login is cut before that happens ([`relogin`]), since the checkpoint
//! would never hear of it. A server that does not answer as its protocol says is taken for one that is away, never for one that refuses.
//!
//! In reading order: [`upstreams`] (whose mail is where), [`servers`] (which of them are up), [`proof`] and [`token`] (how the person is passed on), `dial`
//! (connecting), `learned` (what it was found to offer), `imap`, `pop3`, `submission` and `sieve` (the dialogues up to the login), [`pipe`] with [`relogin`], [`relay`]; [`directory`] is for sites whose passwords only
//! the upstream knows.

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

/// Why there is no connection for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No server can be asked just now: the same may succeed later.
    #[error("no server of the upstream can be reached")]
    Away,
    /// The upstream does not take the account, or not so. Trying again changes nothing.
    #[error("the upstream does not take the login")]
    Refused,
    /// No upstream keeps mail for the account, or it has no server of this protocol.
    #[error("no upstream for this account and protocol")]
    NoneForThis,
}

/// Why one server gave no connection.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// It can't be reached, is too slow, does not answer as the protocol says, or asks to come later. Another server may do better.
    #[error("{0}")]
    Away(String),
    /// It refused the login.
    #[error("the login was refused")]
    Refused,
    /// It offers no way by which the person could be passed on.
    #[error("{0}")]
    NoWay(&'static str),
}

impl Fault {
    /// The server greets otherwise than one of its protocol does.
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
