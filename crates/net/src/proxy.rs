//! The PROXY protocol, versions 1 and 2 (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>), in which a
//! configured proxy reports the address of its client.
//! Exactly the header is read and not one byte after it, so that TLS can start there. The header's length is limited.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::NetError;

/// The longest version 1 header, including CRLF (section 2.1).
const V1_MAX: usize = 107;
/// The limit for addresses and extensions of a version 2 header, in bytes; real ones have a few dozen.
const V2_MAX: usize = 2048;
/// What every version 2 header starts with (section 2.2).
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Reads the header. `None` means that the proxy made the connection itself (a health check), or reports no client's IP
/// address.
/// # Errors
/// The stream ended or failed, or the bytes are no valid header.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<IpAddr>, NetError> {
    // The shortest header of either version is longer than the signature.
    let mut start = [0; V2_SIGNATURE.len()];
    stream.read_exact(&mut start).await?;
    if &start == V2_SIGNATURE {
        let mut fixed = [0; 4];
        stream.read_exact(&mut fixed).await?;
        let [version_command, family, high, low] = fixed;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > V2_MAX {
            return Err(NetError::Proxy("too long"));
        }
        let mut addresses = vec![0; length];
        stream.read_exact(&mut addresses).await?;
        return version_2(version_command, family, &addresses).map_err(NetError::Proxy);
    }
    if !start.starts_with(b"PROXY ") {
        return Err(NetError::Proxy("none at all"));
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == V1_MAX {
            return Err(NetError::Proxy("too long"));
        }
        line.push(stream.read_u8().await?);
    }
    version_1(&line[..line.len() - 2]).map_err(NetError::Proxy)
}

fn version_1(line: &[u8]) -> Result<Option<IpAddr>, &'static str> {
    let line = std::str::from_utf8(line).map_err(|_| "not ASCII")?;
    let mut words = line.split(' ');
    let address = match (words.next(), words.next()) {
        (Some("PROXY"), Some("UNKNOWN")) => return Ok(None),
        (Some("PROXY"), Some("TCP4")) => {
            both::<Ipv4Addr>(words.next(), words.next()).map(IpAddr::V4)
        }
        (Some("PROXY"), Some("TCP6")) => {
            both::<Ipv6Addr>(words.next(), words.next()).map(IpAddr::V6)
        }
        _ => return Err("unknown family"),
    };
    let ports = [words.next(), words.next()].map(|port| port.and_then(|p| p.parse::<u16>().ok()));
    match (address, ports, words.next()) {
        (Some(address), [Some(_), Some(_)], None) => Ok(Some(address)),
        _ => Err("wrong addresses"),
    }
}

/// The first of two addresses, if both are valid.
fn both<T: std::str::FromStr>(source: Option<&str>, destination: Option<&str>) -> Option<T> {
    destination?.parse::<T>().ok()?;
    source?.parse().ok()
}

fn version_2(
    version_command: u8,
    family: u8,
    addresses: &[u8],
) -> Result<Option<IpAddr>, &'static str> {
    match version_command {
        0x20 => return Ok(None),
        0x21 => {}
        _ => return Err("unknown version or command"),
    }
    // The addresses are source, destination, and two ports of two bytes each; extensions may follow. The family's low
    // half is the transport, which must be a stream.
    match family {
        0x11 => match addresses.first_chunk::<12>() {
            Some(&[a, b, c, d, ..]) => Ok(Some(IpAddr::from([a, b, c, d]))),
            None => Err("wrong addresses"),
        },
        0x21 => match (
            addresses.first_chunk::<16>(),
            addresses.first_chunk::<36>().is_some(),
        ) {
            (Some(source), true) => Ok(Some(IpAddr::from(*source))),
            _ => Err("wrong addresses"),
        },
        0x00 | 0x31 => Ok(None),
        _ => Err("unknown family"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The address that `bytes` report, and what is left unread after the header.
    fn take(bytes: &[u8]) -> (Result<Option<IpAddr>, String>, Vec<u8>) {
        let mut rest = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let found = runtime.block_on(read(&mut rest)).map_err(|e| e.to_string());
        (found, rest.to_vec())
    }

    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).expect("short");
        [
            &V2_SIGNATURE[..],
            &[command, family],
            &length.to_be_bytes(),
            addresses,
        ]
        .concat()
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn both_versions_name_the_source_and_leave_what_follows() {
        let four = b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 993\r\n\x16\x03\x01";
        assert_eq!(
            take(four),
            (Ok(address("203.0.113.7")), b"\x16\x03\x01".to_vec())
        );
        let six = b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 993\r\n";
        assert_eq!(take(six).0, Ok(address("2001:db8::7")));

        let mut header = v2(
            0x21,
            0x11,
            &[203, 0, 113, 7, 192, 0, 2, 1, 1, 2, 3, 4, 9, 9, 9],
        );
        header.extend_from_slice(b"\x16\x03");
        assert_eq!(
            take(&header),
            (Ok(address("203.0.113.7")), b"\x16\x03".to_vec())
        );
    }

    #[test]
    fn a_proxy_that_speaks_for_itself_names_nobody() {
        assert_eq!(take(b"PROXY UNKNOWN\r\n").0, Ok(None));
        assert_eq!(take(b"PROXY UNKNOWN ::1 ::1 1 2\r\n").0, Ok(None));
        assert_eq!(take(&v2(0x20, 0x00, &[])).0, Ok(None));
        assert_eq!(take(&v2(0x21, 0x31, &[0; 216])).0, Ok(None));
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            &b"* a LOGIN b c\r\n  "[..],
            b"PROXY TCP4 203.0.113.7\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 993 x\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 99999 993\r\n",
            b"PROXY TCP4 ::1 ::1 1 2\r\n",
            b"PROXY UDP4 203.0.113.7 192.0.2.1 1 2\r\n",
            b"proxy TCP4 203.0.113.7 192.0.2.1 1 2\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 1 2\n",
        ] {
            assert!(take(wrong).0.is_err(), "{}", wrong.escape_ascii());
        }
        assert!(
            take(&[b"PROXY ".as_slice(), &[b'x'; 200]].concat())
                .0
                .is_err()
        );
        assert!(take(&v2(0x11, 0x11, &[0; 12])).0.is_err());
        assert!(take(&v2(0x21, 0x11, &[0; 11])).0.is_err());
        assert!(take(&v2(0x21, 0x21, &[0; 35])).0.is_err());
        assert!(take(&v2(0x21, 0x12, &[0; 12])).0.is_err());
        assert!(take(&v2(0x21, 0x11, &[0; V2_MAX + 1])).0.is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), start in 0usize..3) {
            let start: &[u8] = [&b""[..], b"PROXY TCP6 ", V2_SIGNATURE][start];
            let _ = take(&[start, &bytes].concat());
        }

        #[test]
        fn what_a_proxy_writes_is_what_is_read(bits in any::<u128>(), port in any::<u16>()) {
            let six = Ipv6Addr::from_bits(bits);
            let line = format!("PROXY TCP6 {six} ::1 {port} 993\r\n");
            prop_assert_eq!(take(line.as_bytes()).0, Ok(Some(IpAddr::V6(six))));
            let body = [&six.octets()[..], &[0; 20]].concat();
            prop_assert_eq!(take(&v2(0x21, 0x21, &body)).0, Ok(Some(IpAddr::V6(six))));
        }
    }
}
