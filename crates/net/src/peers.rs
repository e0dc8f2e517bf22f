//! Decides which peers are believed.

use std::net::IpAddr;

use ipnet::IpNet;
use sekisho_source::canonical;

/// The addresses of the proxies that a site configured. Empty by default: no peer is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peers(Vec<IpNet>);

impl Peers {
    /// The proxies within these prefixes.
    #[must_use]
    pub fn new(prefixes: Vec<IpNet>) -> Self {
        Self(prefixes)
    }

    /// Whether the address is one of them; an IPv4-mapped address counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        self.0.iter().any(|prefix| prefix.contains(&address))
    }
}

/// Whether an address is a neighbour's: loopback, link-local, private or shared (RFC 1918 section 3, RFC 4193 section
/// 3, RFC 6598 section 7). A request from there with a forwarding header comes through the site's own proxy.
pub(crate) fn is_neighbour(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(four) => {
            let shared = four.octets()[0] == 100 && four.octets()[1] & 0xc0 == 64;
            four.is_loopback() || four.is_private() || four.is_link_local() || shared
        }
        IpAddr::V6(six) => {
            six.is_loopback() || six.is_unique_local() || six.is_unicast_link_local()
        }
    }
}

/// Whether the address can belong to a server on the internet.
pub(crate) fn is_of_the_internet(address: IpAddr) -> bool {
    let nobodys = match canonical(address) {
        IpAddr::V4(four) => four.octets()[0] == 0 || four.is_broadcast() || four.is_multicast(),
        IpAddr::V6(six) => six.is_unspecified() || six.is_multicast(),
    };
    !nobodys && !is_neighbour(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_the_peer_it_maps() {
        let peers = Peers::new(vec!["10.0.0.0/8".parse().expect("a prefix")]);
        assert!(peers.contains("::ffff:10.1.2.3".parse().expect("an address")));
        assert!(!peers.contains("11.0.0.1".parse().expect("an address")));
    }

    #[test]
    fn neighbours_are_told_from_the_world() {
        for near in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.0.1",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
        ] {
            let near = near.parse().expect("an address");
            assert!(is_neighbour(near) && !is_of_the_internet(near), "{near}");
        }
        for nobodys in ["0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::1"] {
            let nobodys = nobodys.parse().expect("an address");
            assert!(!is_of_the_internet(nobodys), "{nobodys}");
        }
        for far in ["100.128.0.1", "172.32.0.1", "203.0.113.7", "2001:db8::1"] {
            let far = far.parse().expect("an address");
            assert!(!is_neighbour(far) && is_of_the_internet(far), "{far}");
        }
    }
}
