//! `[imap]`, `[pop3]`, `[submission]`, `[sieve]`: the doors for mail clients; and `[limits]`: what their connections
//! may cost.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use jiff::SignedDuration;
use sekisho_gateway::{AccountConnections, PlaintextLogin};
use sekisho_net::SourceFrom;

use super::web::source_from;
use crate::config::problem::Findings;
use crate::config::read::{List, values};
use crate::config::section::section;
use crate::config::values::{Count, Seconds, TEN_YEARS};

section! {
    /// The doors for mail clients; all sections have the same keys. `[sieve]` is ManageSieve, before an upstream that
    /// runs scripts.
    pub(in crate::config) struct DoorSection("[imap], [pop3], [submission] and [sieve]") {
        /// Where it listens for clients that start TLS by a command.
        listen: List<SocketAddr> = Vec::new(),
        /// Where it listens for clients that speak TLS from the start.
        listen_tls: List<SocketAddr> = Vec::new(),
        /// Whether a login is taken without TLS from anywhere, not only from loopback. For closed test networks.
        plain_login: bool = false,
        /// Load balancers that speak the PROXY protocol to these listeners; when set, it is required.
        proxy_protocol: List<IpNet> = Vec::new(),
    }
}

section! {
    /// What connections of mail clients may cost.
    pub(in crate::config) struct LimitsSection("[limits]") {
        /// The most connections of an account that are logged in at once.
        connections: Count<1, { usize::MAX }> = Count::new(AccountConnections::OF_ACCOUNT),
        /// The most of them from one source.
        connections_from_one_source: Count<1, { usize::MAX }> = Count::new(AccountConnections::FROM_ONE_SOURCE),
        /// How long connections to an upstream may go on in a process that was replaced (`sekisho restart`).
        after_restart: Seconds<0, TEN_YEARS> = Seconds::new(SignedDuration::from_hours(14)),
    }
}

/// A door for mail clients.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// Where it listens for clients that start TLS by a command.
    pub(crate) listen: Vec<SocketAddr>,
    /// Where it listens for clients that speak TLS from the start.
    pub(crate) listen_tls: Vec<SocketAddr>,
    /// From where a login is taken without TLS.
    pub(crate) plaintext: PlaintextLogin,
    /// From what the listeners take the source of a connection.
    pub(crate) source: SourceFrom,
}

/// What connections of mail clients may cost.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    of_account: usize,
    from_one_source: usize,
    /// How long connections may go on in a process that was replaced.
    pub(crate) after_restart: Duration,
}

impl DoorSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Door {
        let Self {
            header: _,
            listen,
            listen_tls,
            plain_login,
            proxy_protocol,
        } = self;
        if **plain_login {
            let text = "passwords cross the network in the clear";
            findings.warning(plain_login.line(), text);
        }
        Door {
            listen: values(listen),
            listen_tls: values(listen_tls),
            plaintext: if **plain_login {
                PlaintextLogin::Anywhere
            } else {
                PlaintextLogin::OnThisMachine
            },
            source: source_from(values(proxy_protocol)),
        }
    }

    /// Whether anybody can come in by it.
    pub(in crate::config) fn is_open(&self) -> bool {
        !self.listen.is_empty() || !self.listen_tls.is_empty()
    }
}

impl LimitsSection {
    pub(in crate::config) fn check(&self) -> Limits {
        let Self {
            header: _,
            connections,
            connections_from_one_source,
            after_restart,
        } = self;
        Limits {
            of_account: connections.get().get(),
            from_one_source: connections_from_one_source.get().get(),
            after_restart: after_restart.unsigned(),
        }
    }
}

impl Limits {
    /// Counts the connections at the doors.
    pub(crate) fn connections(&self) -> AccountConnections {
        AccountConnections::new(self.of_account, self.from_one_source)
    }
}
