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
//! In reading order: [`upstreams`] (which upstream has whose mail), [`upstream`] (connections to one), [`servers`]
//! (which of its servers are up), [`proof`] and [`token`] (how the person is logged in), `call` and `dial`
//! (connecting), `learned` and `capabilities` (what it offers), `imap`, `pop3`, `submission` and `sieve` (the protocols
//! up to the login), [`pipe`] with [`relogin`], [`relay`]. [`directory`] is for sites where only the upstream knows the
//! passwords. `error` says what may go wrong.

mod call;
mod capabilities;
mod dial;
pub mod directory;
mod error;
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
pub mod upstream;
pub mod upstreams;
mod wire;

pub use directory::LoginAtUpstream;
pub use error::UpstreamError;
pub use learned::Learned;
pub use proof::LoginMethod;
pub use relogin::Relogin;
pub use servers::{Server, Servers};
pub use token::TokenKey;
pub use upstream::{AddressForwarding, LoggedIn, Probed, Upstream, Wanted};
pub use upstreams::{AccountSelection, Upstreams};
