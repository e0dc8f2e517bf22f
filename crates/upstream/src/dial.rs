//! Connects to a server and tells it the client's address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sekisho_net::BoxedStream;
use sekisho_net::client::{Connector, TlsMode};
use tokio::io::AsyncWriteExt as _;

use crate::error::Fault;
use crate::servers::Server;
use crate::wire::Wire;

/// The signature of a PROXY protocol header, version 2 (specification, section 2.2).
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version 2, and a connection that the proxy makes for itself, for example to see whether the server is up.
const LOCAL: u8 = 0x20;

/// Version 2, and a connection made for a client.
const PROXY: u8 = 0x21;

/// Connects. Sends a PROXY header before TLS if the server wants one.
pub(crate) async fn connect(
    server: &Server,
    tls: TlsMode,
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
    if tls == TlsMode::Implicit {
        // The future of a handshake is large. In a box, it takes no room in the futures of connections without TLS.
        stream = Box::pin(connector.start_tls(stream, server.host(), &[])).await?;
    }
    Ok(Wire::new(stream))
}

/// Starts TLS after the server agreed to it. What it sent before in plaintext no longer counts.
pub(crate) async fn start_tls(
    wire: Wire,
    server: &Server,
    connector: &Connector,
) -> Result<Wire, Fault> {
    let (stream, unread): (BoxedStream, _) = wire.into_parts();
    let stream = Box::pin(connector.start_tls(stream, server.host(), &unread)).await?;
    Ok(Wire::new(stream))
}

/// The header with the client's address, if there is one. The port is not known here and is sent as 0; the destination
/// address is left out, since it is of no use to the upstream.
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
