//! Networks: named sets of prefixes that a site trusts or does not.

use std::net::IpAddr;

use ipnet::IpNet;
use sekisho_source::{Source, canonical};

/// Whether a network's fixed addresses stand for the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkClass {
    /// Who comes from here has shown where they are: no factor is asked for.
    Trusted,
    /// Named for people's sake alone; a factor is asked for.
    Untrusted,
}

/// A named set of prefixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The name that pages show.
    pub name: String,
    /// Its class.
    pub class: NetworkClass,
    /// Its prefixes, IPv4 and IPv6.
    pub prefixes: Vec<IpNet>,
}

/// All networks of a site. An address that none lists, loopback included, is untrusted.
#[derive(Debug, Clone, Default)]
pub struct Networks {
    networks: Vec<Network>,
    /// Every prefix with the index of its network, the longest first.
    prefixes: Vec<(IpNet, usize)>,
}

impl Networks {
    /// Takes the configured networks.
    ///
    /// # Errors
    /// A prefix is listed twice, or a prefix embeds IPv4 addresses in IPv6 (NAT64, 6to4, mapped) and is called trusted.
    pub fn new(networks: Vec<Network>) -> Result<Self, NetworksError> {
        let mut prefixes: Vec<(IpNet, usize)> = Vec::new();
        for (index, network) in networks.iter().enumerate() {
            for prefix in &network.prefixes {
                let prefix = prefix.trunc();
                if network.class == NetworkClass::Trusted && embeds_ipv4(prefix) {
                    return Err(NetworksError::Embedding(network.name.clone(), prefix));
                }
                if let Some((_, other)) = prefixes.iter().find(|(p, _)| *p == prefix) {
                    return Err(NetworksError::Twice(
                        prefix,
                        networks[*other].name.clone(),
                        network.name.clone(),
                    ));
                }
                prefixes.push((prefix, index));
            }
        }
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.prefix_len()));
        Ok(Self { networks, prefixes })
    }

    /// The network of a source: that of the most specific prefix around its address. An obscured source lies in none.
    #[must_use]
    pub fn of(&self, source: &Source) -> Option<&Network> {
        source
            .network_address()
            .and_then(|address| self.of_address(address))
    }

    /// Whether the source lies in a trusted network. An address that embeds an IPv4 one never does, however wide the
    /// prefix around it.
    #[must_use]
    pub fn trust(&self, source: &Source) -> bool {
        let embeds = source
            .network_address()
            .is_some_and(|address| embeds_ipv4(address.into()));
        !embeds
            && self
                .of(source)
                .is_some_and(|n| n.class == NetworkClass::Trusted)
    }

    /// The networks, as configured.
    #[must_use]
    pub fn all(&self) -> &[Network] {
        &self.networks
    }

    fn of_address(&self, address: IpAddr) -> Option<&Network> {
        let address = canonical(address);
        self.prefixes
            .iter()
            .find(|(prefix, _)| prefix.contains(&address))
            .map(|(_, index)| &self.networks[*index])
    }
}

/// A set of networks that can't be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworksError {
    /// One prefix is listed twice.
    #[error("the prefix {0} is listed by {1:?} and again by {2:?}; keep one of them")]
    Twice(IpNet, String, String),
    /// A trusted prefix lies among addresses that embed IPv4 ones.
    #[error(
        "network {0:?} trusts {1}, which embeds IPv4 addresses of anybody; list the IPv4 prefix itself"
    )]
    Embedding(String, IpNet),
}

/// Whether the prefix lies in one of the ranges whose addresses carry somebody's IPv4 address: mapped (RFC 4291), NAT64
/// (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380).
fn embeds_ipv4(prefix: IpNet) -> bool {
    [
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
    ]
    .iter()
    .filter_map(|range| range.parse::<IpNet>().ok())
    .any(|range| range.contains(&prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sekisho_source::KeyLength;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn networks() -> Networks {
        let net = |name: &str, class, prefixes: &[&str]| Network {
            name: name.into(),
            class,
            prefixes: prefixes
                .iter()
                .map(|p| p.parse().expect("a prefix"))
                .collect(),
        };
        Networks::new(vec![
            net(
                "campus",
                NetworkClass::Trusted,
                &["203.0.113.0/24", "2001:db8:1::/48"],
            ),
            net(
                "eduroam",
                NetworkClass::Untrusted,
                &["203.0.113.128/25", "2001:db8:1:e::/64"],
            ),
        ])
        .expect("networks")
    }

    fn source(address: &str) -> Source {
        Source::assured(address.parse().expect("an address"), KeyLength::default())
    }

    #[test]
    fn the_most_specific_prefix_wins() {
        let networks = networks();
        assert!(networks.trust(&source("203.0.113.7")));
        assert!(!networks.trust(&source("203.0.113.200")));
        assert!(networks.trust(&source("2001:db8:1:2::7")));
        assert!(!networks.trust(&source("2001:db8:1:e::7")));
        assert_eq!(
            networks
                .of(&source("203.0.113.200"))
                .map(|n| n.name.as_str()),
            Some("eduroam")
        );
    }

    #[test]
    fn what_no_network_lists_is_untrusted_loopback_too() {
        for address in [
            "127.0.0.1",
            "::1",
            "192.168.0.1",
            "198.51.100.1",
            "64:ff9b::203.0.113.7",
            "2002:cb00:7107::1",
        ] {
            assert!(!networks().trust(&source(address)), "{address}");
        }
    }

    #[test]
    fn an_obscured_source_is_trusted_nowhere() {
        let hidden = Source::obscured(IpAddr::from([203, 0, 113, 7]), KeyLength::default());
        assert!(!networks().trust(&hidden));
    }

    #[test]
    fn trusting_embedded_addresses_is_refused() {
        let bad = Network {
            name: "nat64".into(),
            class: NetworkClass::Trusted,
            prefixes: vec!["64:ff9b::/96".parse().expect("a prefix")],
        };
        assert!(Networks::new(vec![bad]).is_err());
    }

    #[test]
    fn a_wide_trusted_prefix_does_not_trust_the_embedded_addresses_in_it() {
        let wide = Network {
            name: "everything".into(),
            class: NetworkClass::Trusted,
            prefixes: vec!["::/0".parse().expect("a prefix")],
        };
        let networks = Networks::new(vec![wide]).expect("networks");
        assert!(networks.trust(&source("2001:db8:1:2::7")));
        for embedded in ["64:ff9b::203.0.113.7", "2002:cb00:7107::1", "2001::1"] {
            assert!(!networks.trust(&source(embedded)), "{embedded}");
        }
    }

    proptest! {
        #[test]
        fn canonicalising_never_changes_the_class(bits in any::<u32>(), near in any::<u8>()) {
            for four in [Ipv4Addr::from_bits(bits), Ipv4Addr::new(203, 0, 113, near)] {
                let mapped: Ipv6Addr = four.to_ipv6_mapped();
                let plain = Source::assured(IpAddr::V4(four), KeyLength::default());
                let dual = Source::assured(IpAddr::V6(mapped), KeyLength::default());
                prop_assert_eq!(networks().trust(&plain), networks().trust(&dual));
            }
        }
    }
}
