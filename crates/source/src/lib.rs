//! Where a request comes from.
//!
//! A [`Source`] is made at the edge only, by `sekisho-net` or, from what a configured server in front reports, by
//! `sekisho-authapi`. It is passed on as this type: no handler reads a header or a socket address. It carries the full
//! canonical address, on which networks are matched, and the [`SourceKey`] derived from it, under which grants and
//! throttles are kept: the IPv4 address itself, or the IPv6 prefix (a /64 unless the site configures another length),
//! because a device often changes its address within that prefix.
//!
//! This crate does no I/O and does not know which networks are trusted; the checkpoint decides that.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::Ipv6Net;

/// The length of the IPv6 prefix that makes a [`SourceKey`], in bits: 48 to 128, 64 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLength(u8);

impl KeyLength {
    /// Checks the length: `None` outside 48..=128. A shorter prefix would join unrelated sites, and a longer one does
    /// not exist.
    #[must_use]
    pub fn new(bits: u8) -> Option<Self> {
        (48..=128).contains(&bits).then_some(Self(bits))
    }

    /// The length, in bits.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }
}

impl Default for KeyLength {
    fn default() -> Self {
        Self(64)
    }
}

/// Where a request comes from: the canonical address, the key, and whether the address can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    address: IpAddr,
    key: SourceKey,
    assured: bool,
}

impl Source {
    /// The source of a connection whose address is known for certain: a direct peer, or one that a configured proxy
    /// reported.
    #[must_use]
    pub fn assured(address: IpAddr, length: KeyLength) -> Self {
        let address = canonical(address);
        Self {
            address,
            key: SourceKey::of(address, length),
            assured: true,
        }
    }

    /// The source of a request whose real address can't be relied on, for example because an unknown proxy sent it. It
    /// lies in no trusted network and can neither make nor use a grant. `peer` is kept for counting failures and for
    /// display.
    #[must_use]
    pub fn obscured(peer: IpAddr, length: KeyLength) -> Self {
        Self {
            assured: false,
            ..Self::assured(peer, length)
        }
    }

    /// The address to match networks on; `None` if the source is obscured.
    #[must_use]
    pub fn network_address(&self) -> Option<IpAddr> {
        self.assured.then_some(self.address)
    }

    /// The key to keep grants under; `None` if the source is obscured.
    #[must_use]
    pub fn grant_key(&self) -> Option<SourceKey> {
        self.assured.then_some(self.key)
    }

    /// The key to count failures under, whether the source is assured or obscured.
    #[must_use]
    pub fn throttle_key(&self) -> SourceKey {
        self.key
    }

    /// The enclosing /48 of an IPv6 source, under which failures are counted too; `None` for IPv4.
    #[must_use]
    pub fn enclosing_site(&self) -> Option<SourceKey> {
        match self.address {
            IpAddr::V4(_) => None,
            IpAddr::V6(_) => Some(SourceKey::of(self.address, KeyLength(48))),
        }
    }

    /// The address to show to people and to write to the audit table. Not for decisions: they use
    /// [`Self::network_address`].
    #[must_use]
    pub fn shown_address(&self) -> IpAddr {
        self.address
    }

    /// Whether the address can't be relied on.
    #[must_use]
    pub fn is_obscured(&self) -> bool {
        !self.assured
    }
}

/// The key under which grants and throttles are kept: an IPv4 address, or an IPv6 prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceKey {
    /// The first address of the prefix.
    first: IpAddr,
    /// The prefix length, in bits.
    length: u8,
}

impl SourceKey {
    fn of(address: IpAddr, length: KeyLength) -> Self {
        match address {
            IpAddr::V4(_) => Self {
                first: address,
                length: 32,
            },
            IpAddr::V6(six) => Self {
                first: IpAddr::V6(truncated(six, length.0)),
                length: length.0,
            },
        }
    }

    /// Parses the form that [`fmt::Display`] writes.
    ///
    /// # Errors
    /// The text is neither an IPv4 address nor an IPv6 prefix in canonical form.
    pub fn parse(text: &str) -> Result<Self, SourceKeyError> {
        if let Ok(four) = text.parse() {
            return Ok(Self {
                first: IpAddr::V4(four),
                length: 32,
            });
        }
        let net: Ipv6Net = text.parse().map_err(|_| SourceKeyError)?;
        if net.trunc() != net {
            return Err(SourceKeyError);
        }
        Ok(Self {
            first: IpAddr::V6(net.network()),
            length: net.prefix_len(),
        })
    }

    /// Whether the address belongs to this source.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, canonical(address)) {
            (IpAddr::V4(own), IpAddr::V4(other)) => own == other,
            (IpAddr::V6(own), IpAddr::V6(other)) => own == truncated(other, self.length),
            _ => false,
        }
    }

    /// Whether this is an IPv6 prefix.
    #[must_use]
    pub fn is_ipv6(&self) -> bool {
        self.first.is_ipv6()
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            IpAddr::V4(four) => four.fmt(f),
            IpAddr::V6(six) => write!(f, "{six}/{}", self.length),
        }
    }
}

/// The text is not a source key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a source key: want an IPv4 address or a canonical IPv6 prefix")]
pub struct SourceKeyError;

/// The canonical form of an address: an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2), which a dual-stack socket
/// reports, becomes the IPv4 address. Addresses that merely embed an IPv4 address (NAT64, 6to4, the deprecated
/// IPv4-compatible form) stay as they are: their sender is not at the embedded address.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

fn truncated(address: Ipv6Addr, length: u8) -> Ipv6Addr {
    let kept = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn source(text: &str) -> Source {
        Source::assured(text.parse().expect("an address"), KeyLength::default())
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        assert_eq!(source("::ffff:203.0.113.7"), source("203.0.113.7"));
        assert_eq!(
            source("::ffff:203.0.113.7").throttle_key().to_string(),
            "203.0.113.7"
        );
    }

    #[test]
    fn nat64_and_6to4_are_not_the_address_they_embed() {
        for embedded in ["64:ff9b::203.0.113.7", "2002:cb00:7107::1", "::203.0.113.7"] {
            assert!(source(embedded).shown_address().is_ipv6(), "{embedded}");
        }
    }

    #[test]
    fn devices_of_one_prefix_share_a_key_and_neighbours_do_not() {
        assert_eq!(
            source("2001:db8:1:2::7").grant_key(),
            source("2001:db8:1:2:ffff::1").grant_key()
        );
        assert_ne!(
            source("2001:db8:1:2::7").grant_key(),
            source("2001:db8:1:3::7").grant_key()
        );
        assert_eq!(
            source("2001:db8:1:2::7").enclosing_site(),
            source("2001:db8:1:3::7").enclosing_site()
        );
    }

    #[test]
    fn an_obscured_source_has_no_address_to_trust_and_no_key_to_grant() {
        let hidden = Source::obscured(IpAddr::from([127, 0, 0, 1]), KeyLength::default());
        assert_eq!(hidden.network_address(), None);
        assert_eq!(hidden.grant_key(), None);
        assert_eq!(hidden.throttle_key().to_string(), "127.0.0.1");
    }

    proptest! {
        #[test]
        fn a_key_is_read_back_from_what_it_shows(bits in any::<u128>(), length in 48u8..=128) {
            let length = KeyLength::new(length).expect("in range");
            let key = Source::assured(IpAddr::V6(Ipv6Addr::from_bits(bits)), length).throttle_key();
            prop_assert_eq!(SourceKey::parse(&key.to_string()), Ok(key));
        }

        #[test]
        fn canonicalising_twice_changes_nothing(bits in any::<u128>()) {
            let once = canonical(IpAddr::V6(Ipv6Addr::from_bits(bits)));
            prop_assert_eq!(canonical(once), once);
        }
    }
}
