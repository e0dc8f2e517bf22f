//! A single address that mail can be sent to.

use std::fmt;

use crate::line::one_line;

/// The longest local part, in bytes (RFC 5321, section 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;
/// The longest domain, in bytes (RFC 5321, section 4.5.3.1.2).
const LONGEST_DOMAIN: usize = 255;

/// `local@domain`, the local part without its quotes. It can be one that RFC 5322 allows only in quotes, such as those
/// with two dots side by side that Japanese carriers gave to phones; it is then written in quotes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AddressSpec {
    local: String,
    domain: String,
}

/// A text that is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no mail address")]
pub struct InvalidAddress;

impl AddressSpec {
    /// Takes both halves, neither quoted. The domain is taken as it is.
    ///
    /// # Errors
    /// [`InvalidAddress`] for halves that are empty or too long, and for what a line of a protocol can't hold.
    pub fn new(local: &str, domain: &str) -> Result<Self, InvalidAddress> {
        let odd = |c: char| c.is_control() || matches!(c, '<' | '>');
        let is_domain = !domain.contains(|c: char| odd(c) || c.is_whitespace() || c == '@');
        let fits = (1..=LONGEST_LOCAL).contains(&local.len())
            && (1..=LONGEST_DOMAIN).contains(&domain.len());
        if fits && is_domain && !local.contains(odd) {
            Ok(Self {
                local: local.to_owned(),
                domain: domain.to_owned(),
            })
        } else {
            Err(InvalidAddress)
        }
    }

    /// The part before the `@`, without quotes.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

impl fmt::Display for AddressSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spec(&self.local, &self.domain))
    }
}

impl fmt::Debug for AddressSpec {
    /// Addresses are personal: logs get the domain alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressSpec(..@{})", self.domain)
    }
}

/// `local@domain`, with the local part quoted where it has to be (RFC 5322, section 3.4.1); of a broken address, as
/// much as there is.
#[must_use]
pub fn spec(local: &str, domain: &str) -> String {
    let local = one_line(local);
    let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let is_atom = |atom: &str| !atom.is_empty() && atom.chars().all(plain);
    let local = if local.split('.').all(is_atom) {
        local
    } else {
        format!("\"{}\"", local.replace('\\', "\\\\").replace('"', "\\\""))
    };
    if domain.is_empty() {
        return local;
    }
    format!("{local}@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_parts_are_quoted_where_they_have_to_be() {
        for (local, written) in [
            ("a.b+c", "a.b+c@kit.example"),
            ("ha..ha.24.", "\"ha..ha.24.\"@kit.example"),
            ("a b\"c", "\"a b\\\"c\"@kit.example"),
            ("花子", "花子@kit.example"),
        ] {
            let address = AddressSpec::new(local, "kit.example").unwrap();
            assert_eq!(address.to_string(), written);
        }
        for (local, domain) in [
            ("", "x"),
            ("a", ""),
            ("a\r\n", "x"),
            ("a>", "x"),
            ("a", "x y"),
        ] {
            assert_eq!(AddressSpec::new(local, domain), Err(InvalidAddress));
        }
    }
}
