//! Hosts and servers.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU16;
use std::path::PathBuf;

use super::text::Text;

/// Whether an address can only be reached from this machine.
#[must_use]
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    sekisho_source::canonical(address).is_loopback()
}

/// A host name, or an address without brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host(String);

impl Host {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is written as an address of this machine alone. A name may lead anywhere.
    pub(crate) fn is_loopback_address(&self) -> bool {
        self.0.parse().is_ok_and(is_loopback)
    }
}

impl Text for Host {
    fn parse(text: &str) -> Option<Self> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let is_host = !text.is_empty() && text.chars().all(is_name);
        (is_host || text.parse::<Ipv6Addr>().is_ok()).then(|| Self(text.to_owned()))
    }

    fn refusal(_: &str, text: &str) -> String {
        format!("{text:?} is no server: write a host name or an address")
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

/// A server: `host`, `host:port`, `[::1]` or `[::1]:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    host: Host,
    port: Option<NonZeroU16>,
}

impl ServerAddress {
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// The port, where it is written.
    pub(crate) fn port(&self) -> Option<NonZeroU16> {
        self.port
    }

    /// Host and port; `usual` is the port unless another is written.
    pub(crate) fn with_port(&self, usual: u16) -> (String, u16) {
        let port = self.port.map_or(usual, NonZeroU16::get);
        (self.host.0.clone(), port)
    }
}

impl Text for ServerAddress {
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                let port = match rest {
                    "" => None,
                    _ => Some(rest.strip_prefix(':')?),
                };
                (host, port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        Some(Self {
            host: Host::parse(host)?,
            port: match port {
                Some(port) => Some(port.parse().ok()?),
                None => None,
            },
        })
    }

    fn refusal(_: &str, text: &str) -> String {
        format!(
            "{text:?} is no server: write a host name or an address, and :port if it is another than usual"
        )
    }

    fn text(&self) -> String {
        let host = match self.host.0.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => self.host.0.clone(),
        };
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }
}

/// A server of PostgreSQL: a host, or the folder of a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PostgresServer {
    Socket(PathBuf),
    Network(ServerAddress),
}

impl Text for PostgresServer {
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return Some(Self::Socket(text.into()));
        }
        ServerAddress::parse(text).map(Self::Network)
    }

    fn refusal(_: &str, text: &str) -> String {
        format!(
            "{text:?} is no server: write a host name or an address, and :port if it is another than 5432, or the \
             folder of a Unix socket"
        )
    }

    fn text(&self) -> String {
        match self {
            Self::Socket(folder) => folder.display().to_string(),
            Self::Network(server) => server.text(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_and_perhaps_a_port() {
        let parsed = |text| ServerAddress::parse(text).map(|server| server.with_port(143));
        let server = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(parsed("imap.example"), server("imap.example", 143));
        assert_eq!(parsed("192.0.2.1:1143"), server("192.0.2.1", 1143));
        assert_eq!(parsed("[::1]"), server("::1", 143));
        assert_eq!(parsed("[::1]:993"), server("::1", 993));
        for text in [
            "",
            ":143",
            "[::1",
            "[::1]993",
            "a b",
            "::1",
            "a:b:1",
            "host:99999",
            "host:0",
            "host:",
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }
}
