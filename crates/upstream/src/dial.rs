//! Connecting to a server, and telling it who really connects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sekisho_net::BoxedStream;
use sekisho_net::client::Connector;
use tokio::io::AsyncWriteExt as _;

use crate::Fault;
use crate::servers::Server;
use crate::upstreams::Security;
use crate::wire::Wire;

/// What begins a header of the PROXY protocol, version 2 (its specification, section 2.2).
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version 2, and a connection made for its own sake, as to see whether the server is up.
const LOCAL: u8 = 0x20;

/// Version 2, and a connection made for somebody else.
const PROXY: u8 = 0x21;

/// Connects; with a header of the PROXY protocol before TLS, if the server wants one.
pub(crate) async fn connect(
    server: &Server,
    security: Security,
    connector: &Connector,
    wants_header: bool,
    client: Option<IpAddr>,
) -> Result<Wire, Fault> {
    let mut stream = connector
        .connect_plain(server.host(), server.port())
        .await?;
    if wants_header {
        stream.write_all(&header(client)).await?;
        stream.flush().await?;
    }
    if security == Security::Implicit {
        // A handshake in the making is large; where there is none, no login has to carry its room along.
        stream = Box::pin(connector.start_tls(stream, server.host(), &[])).await?;
    }
    Ok(Wire::new(stream))
}

/// Goes on in TLS after the server agreed to it. What it said before counts no more.
pub(crate) async fn start_tls(
    wire: Wire,
    server: &Server,
    connector: &Connector,
) -> Result<Wire, Fault> {
    let (stream, unread): (BoxedStream, _) = wire.into_parts();
    let stream = Box::pin(connector.start_tls(stream, server.host(), &unread)).await?;
    Ok(Wire::new(stream))
}

/// The header that names a client, if there is one. Its port is not known here and told as 0, and where it connected to is nobody's business there.
fn header(client: Option<IpAddr>) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    let Some(client) = client else {
        header.extend([LOCAL, 0, 0, 0]);
        return header;
    };
    header.push(PROXY);
    match client {
        IpAddr::V4(address) => {
            header.extend([0x11, 0, 12]);
            header.extend(address.octets());
            header.extend(Ipv4Addr::UNSPECIFIED.octets());
        }
        IpAddr::V6(address) => {
            header.extend([0x21, 0, 36]);
            header.extend(address.octets());
            header.extend(Ipv6Addr::UNSPECIFIED.octets());
        }
    }
    header.extend([0; 4]);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_the_client_in_either_family() {
        let v4 = header(Some(IpAddr::from([203, 0, 113, 7])));
        assert_eq!(
            v4,
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\0\0\0\0\0\0\0\0"
        );
        let v6 = header("2001:db8::7".parse().ok());
        assert_eq!(v6.len(), 16 + 36);
        assert_eq!(header(None), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
        assert_eq!(&v6[12..18], b"\x21\x21\x00\x24\x20\x01");
    }
}
