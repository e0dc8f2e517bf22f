//! Finds out where a web request comes from when a proxy stands in front of the webmail.
//!
//! Only a configured proxy's header is believed, and only the one header that the site configured: a proxy that writes
//! `X-Forwarded-For` passes on any `Forwarded` that a client made up. The header is read from the right, where the
//! nearest proxy wrote, past the addresses of configured proxies. What stands further left was written by the client
//! and can't be believed.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use sekisho_source::{KeyLength, Source};

use crate::Peers;
use crate::peers::is_neighbour;

/// The header in which a site's proxies report the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`: a list of addresses, to which each proxy adds one at the right.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239 section 4).
    Forwarded,
}

/// Which proxies are believed, and which header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForwardedPolicy {
    /// The site's proxies.
    pub peers: Peers,
    /// The header that they write.
    pub header: ForwardingHeader,
    /// The IPv6 prefix length of source keys.
    pub key_length: KeyLength,
}

/// A request's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// Its source.
    pub source: Source,
    /// Whether it came through a proxy that is not configured: the site should be told.
    pub unconfigured: bool,
}

impl ForwardedPolicy {
    /// The source of a request that came over a connection from `connection` with these header fields, which are in the
    /// order received, with names in any case.
    ///
    /// From a configured proxy: the client that the header names, or obscured if it names none that can be used. From
    /// another neighbour (a loopback or private address) that sends a forwarding header: obscured, since the request
    /// may come from anybody. Otherwise: the connection's source.
    pub fn resolve<'a>(
        &self,
        connection: Source,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Resolved {
        let peer = connection.shown_address();
        let known = |source| Resolved {
            source,
            unconfigured: false,
        };
        if connection.is_obscured() {
            return known(connection);
        }
        let mut headers = headers.into_iter();
        if self.peers.contains(peer) {
            let values: Vec<&[u8]> = headers
                .filter(|(name, _)| name.eq_ignore_ascii_case(self.header.name()))
                .map(|(_, value)| value)
                .collect();
            return known(match self.client(&values) {
                Some(address) => Source::assured(address, self.key_length),
                None => Source::obscured(peer, self.key_length),
            });
        }
        if is_neighbour(peer) && headers.any(|(name, _)| tells_of_forwarding(name)) {
            return Resolved {
                source: Source::obscured(peer, self.key_length),
                unconfigured: true,
            };
        }
        known(connection)
    }

    /// The rightmost address that does not belong to a configured proxy; `None` if there is none, or if an entry to the
    /// right of it can't be read.
    fn client(&self, values: &[&[u8]]) -> Option<IpAddr> {
        for value in values.iter().rev() {
            let value = std::str::from_utf8(value).ok()?;
            let entries = match self.header {
                ForwardingHeader::XForwardedFor => value.split(',').collect(),
                ForwardingHeader::Forwarded => split_outside_quotes(value, ',')?,
            };
            for entry in entries.into_iter().rev() {
                let address = match self.header {
                    ForwardingHeader::XForwardedFor => address(entry.trim()),
                    ForwardingHeader::Forwarded => forwarded_for(entry),
                }?;
                if !self.peers.contains(address) {
                    return Some(address);
                }
            }
        }
        None
    }
}

impl ForwardingHeader {
    fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

/// The policy in use. Remembers whether the log has named the missing setting.
#[derive(Debug)]
pub struct WebSources {
    policy: RwLock<Arc<ForwardedPolicy>>,
    setting: &'static str,
    told: AtomicBool,
}

impl WebSources {
    /// Starts with this policy; `setting` is the name of [`ForwardedPolicy::peers`] in the configuration file.
    #[must_use]
    pub fn new(policy: ForwardedPolicy, setting: &'static str) -> Self {
        Self {
            policy: RwLock::new(Arc::new(policy)),
            setting,
            told: AtomicBool::new(false),
        }
    }

    /// Replaces the policy.
    pub fn reconfigure(&self, policy: ForwardedPolicy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        self.told.store(false, Ordering::Relaxed);
    }

    /// The source of a request; see [`ForwardedPolicy::resolve`]. If a proxy is not configured, the log names the
    /// missing setting once.
    pub fn resolve<'a>(
        &self,
        connection: Source,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Source {
        let policy = Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner));
        let resolved = policy.resolve(connection, headers);
        if resolved.unconfigured && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                setting = self.setting,
                "requests come through a proxy that is not configured: nobody behind it is trusted or can get a grant"
            );
        }
        resolved.source
    }
}

/// Whether a header field is one that only proxies add.
fn tells_of_forwarding(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "forwarded",
        "via",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "cf-connecting-ip",
        "true-client-ip",
    ];
    const FAMILY: &str = "x-forwarded-";
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
        || name
            .get(..FAMILY.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(FAMILY))
}

/// An address as proxies write it: with or without a port, an IPv6 address with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        return Some(with_port.ip());
    }
    let six = text.strip_prefix('[')?.strip_suffix(']')?;
    six.parse().ok().map(IpAddr::V6)
}

/// The `for` of one element of `Forwarded` (RFC 7239 section 4): `for=192.0.2.60;proto=http`,
/// `for="[2001:db8::1]:4711"`. `None` for unknown and obfuscated identifiers (section 6).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in split_outside_quotes(element, ';')? {
        let Some((name, value)) = pair.trim().split_once('=') else {
            continue;
        };
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    let value = found?;
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    address(quoted.unwrap_or(value))
}

/// Splits at a separator outside of quoted strings (RFC 9110 section 5.6.4); `None` if a quote is left open, which
/// could hide where an entry starts.
fn split_outside_quotes(text: &str, separator: char) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn from(text: &str) -> Source {
        Source::assured(ip(text), KeyLength::default())
    }

    fn hidden(text: &str) -> Source {
        Source::obscured(ip(text), KeyLength::default())
    }

    fn policy(header: ForwardingHeader) -> ForwardedPolicy {
        let peers = ["127.0.0.1/32", "10.9.0.0/24"].map(|p| p.parse().expect("a prefix"));
        ForwardedPolicy {
            peers: Peers::new(peers.to_vec()),
            header,
            key_length: KeyLength::default(),
        }
    }

    fn ask(policy: &ForwardedPolicy, peer: &str, headers: &[(&str, &str)]) -> Resolved {
        let headers = headers
            .iter()
            .map(|&(name, value)| (name, value.as_bytes()));
        policy.resolve(from(peer), headers)
    }

    #[test]
    fn a_configured_proxy_is_believed_from_the_right() {
        let policy = policy(ForwardingHeader::XForwardedFor);
        for (values, expected) in [
            (&["203.0.113.7"][..], from("203.0.113.7")),
            (&["1.1.1.1, 203.0.113.7"], from("203.0.113.7")),
            (&["1.1.1.1", "203.0.113.7, 10.9.0.4"], from("203.0.113.7")),
            (&["nonsense \", 203.0.113.7"], from("203.0.113.7")),
            (&["nonsense, 203.0.113.7"], from("203.0.113.7")),
            (&["203.0.113.7, nonsense"], hidden("127.0.0.1")),
            (&["203.0.113.7,"], hidden("127.0.0.1")),
            (&["[2001:db8::7]:443"], from("2001:db8::7")),
            (&["::ffff:203.0.113.7"], from("203.0.113.7")),
            (&["10.9.0.4"], hidden("127.0.0.1")),
            (&[], hidden("127.0.0.1")),
        ] {
            let headers: Vec<_> = values.iter().map(|v| ("X-Forwarded-For", *v)).collect();
            let found = ask(&policy, "127.0.0.1", &headers);
            assert_eq!(found.source, expected, "{values:?}");
            assert!(!found.unconfigured);
        }
    }

    #[test]
    fn the_standard_header_is_read_too_where_it_is_the_one_configured() {
        let policy = policy(ForwardingHeader::Forwarded);
        for (value, expected) in [
            ("for=203.0.113.7;proto=https", from("203.0.113.7")),
            ("For=\"[2001:db8::7]:4711\"", from("2001:db8::7")),
            (
                "for=1.1.1.1, for=203.0.113.7;by=\"a,b\"",
                from("203.0.113.7"),
            ),
            ("for=_hidden", hidden("127.0.0.1")),
            ("for=unknown", hidden("127.0.0.1")),
            ("for=203.0.113.7;for=1.1.1.1", hidden("127.0.0.1")),
            ("proto=https", hidden("127.0.0.1")),
        ] {
            let found = ask(&policy, "127.0.0.1", &[("forwarded", value)]);
            assert_eq!(found.source, expected, "{value}");
        }
    }

    #[test]
    fn the_header_that_the_proxy_does_not_write_is_a_strangers() {
        let found = ask(
            &policy(ForwardingHeader::XForwardedFor),
            "127.0.0.1",
            &[
                ("Forwarded", "for=192.0.2.1"),
                ("X-Forwarded-For", "203.0.113.7"),
            ],
        );
        assert_eq!(found.source, from("203.0.113.7"));
    }

    #[test]
    fn behind_a_forgotten_proxy_nobody_has_an_address() {
        for header in ["x-forwarded-for", "X-FORWARDED-PROTO", "Forwarded", "Via"] {
            for peer in ["127.0.0.1", "192.168.1.1", "fd00::1"] {
                let found = ask(
                    &ForwardedPolicy::default(),
                    peer,
                    &[(header, "203.0.113.7")],
                );
                assert_eq!(found.source, hidden(peer));
                assert!(found.unconfigured);
            }
        }
        let direct = ask(&ForwardedPolicy::default(), "127.0.0.1", &[("Host", "x")]);
        assert_eq!(direct.source, from("127.0.0.1"));
    }

    #[test]
    fn a_strangers_header_is_ignored() {
        let found = ask(
            &policy(ForwardingHeader::XForwardedFor),
            "203.0.113.7",
            &[("X-Forwarded-For", "10.0.0.1")],
        );
        assert_eq!(found.source, from("203.0.113.7"));
        assert!(!found.unconfigured);
    }

    proptest! {
        #[test]
        fn nothing_that_the_client_wrote_matters(junk in "[ -~]{0,60}", client in any::<u32>()) {
            let client = IpAddr::from(client.to_be_bytes());
            let policy = policy(ForwardingHeader::XForwardedFor);
            prop_assume!(!policy.peers.contains(client));
            let line = client.to_string();
            let headers = [("x-forwarded-for", junk.as_str()), ("x-forwarded-for", line.as_str())];
            prop_assert_eq!(ask(&policy, "127.0.0.1", &headers).source, from(&line));
        }

        #[test]
        fn only_configured_peers_ever_change_the_address(value in "\\PC{0,60}", peer in any::<u32>()) {
            let peer = IpAddr::from(peer.to_be_bytes());
            let policy = policy(ForwardingHeader::Forwarded);
            prop_assume!(!policy.peers.contains(peer));
            let found = ask(&policy, &peer.to_string(), &[("forwarded", &value)]);
            prop_assert_eq!(found.source.shown_address(), peer);
        }
    }
}
