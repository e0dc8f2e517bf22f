//! One attempt at one server.

use sekisho_net::client::Connector;

use crate::servers::Server;

/// How connections to an upstream are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit,
    /// TLS after a command; if the server refuses it, the connection is closed.
    StartTls,
    /// Not at all: for this machine, or a network in which passwords may be sent in the clear.
    None,
}

/// One attempt at one server.
pub(crate) struct Call<'a> {
    pub(crate) server: &'a Server,
    pub(crate) security: Security,
    pub(crate) connector: &'a Connector,
    pub(crate) host: &'a str,
}
