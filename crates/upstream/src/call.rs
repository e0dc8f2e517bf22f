//! One attempt at one server.

use sekisho_net::client::{Connector, TlsMode};

use crate::servers::Server;

/// One attempt at one server.
pub(crate) struct Call<'a> {
    pub(crate) server: &'a Server,
    pub(crate) tls: TlsMode,
    pub(crate) connector: &'a Connector,
    pub(crate) host: &'a str,
}
