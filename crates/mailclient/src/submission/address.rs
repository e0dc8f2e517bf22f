//! Addresses of envelopes (RFC 5321, section 4.1.2).

use std::fmt;
use std::str::FromStr;

/// An address that mail can be sent from or to. It holds nothing that could leave its place in a
/// command: no space, control character or angle bracket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EnvelopeAddress(String);

/// Text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no mail address")]
pub struct InvalidAddress;

impl EnvelopeAddress {
    /// The longest address, in bytes (RFC 5321, section 4.5.3.1.3, less the angle brackets).
    pub const MOST: usize = 254;

    /// Takes `local@domain`. Letters of every script are welcome; whether the server takes them is
    /// seen when it is sent to. Quoted local parts are taken if they hold no space.
    ///
    /// # Errors
    /// [`InvalidAddress`]
    pub fn new(text: &str) -> Result<Self, InvalidAddress> {
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress)?;
        let fits = text.len() <= Self::MOST && local.len() <= 64;
        if fits && is_local(local) && is_domain(domain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAddress)
        }
    }

    /// The address without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvelopeAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for EnvelopeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_local(local: &str) -> bool {
    let inner = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    if let Some(mut inner) = inner.map(str::chars) {
        while let Some(character) = inner.next() {
            let quoted = match character {
                '\\' => inner.next(),
                '"' => None,
                other => Some(other),
            };
            if !quoted.is_some_and(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')) {
                return false;
            }
        }
        return true;
    }
    let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    // Two dots side by side break the RFC, but some carriers gave such addresses to phones.
    !local.is_empty() && local.chars().all(|c| plain(c) || c == '.')
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[') {
        let inner = literal.strip_suffix(']').unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':');
        return !inner.is_empty() && inner.chars().all(plain);
    }
    let label = |label: &str| {
        let plain = |c: char| c.is_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(plain)
    };
    domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_in_its_place_is_an_address() {
        for good in [
            "hanako@kit.example",
            "a..b.@docomo.example",
            "\"a\\\"b\"@kit.example",
            "x@[192.0.2.1]",
            "山田@例え.example",
        ] {
            assert_eq!(EnvelopeAddress::new(good).map(|a| a.0), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "a",
            "@x",
            "a@",
            "a@x..y",
            "a b@x",
            "a@x> SIZE=1",
            "a@x\r\nDATA",
            "\"a\r\nb\"@x",
            "\"a\\\"@x",
            "<a@x>",
            "a@x@",
        ] {
            assert_eq!(EnvelopeAddress::new(bad), Err(InvalidAddress), "{bad:?}");
        }
    }
}
