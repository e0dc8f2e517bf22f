//! Addresses as an envelope carries them.

use std::fmt;

/// The longest path that is accepted, in bytes: 64 + 1 + 255 (RFC 5321 4.5.3.1), and some more for the return addresses
/// of mailing lists.
const LONGEST: usize = 512;

/// An envelope's address: `local@domain` (RFC 5321 4.1.2, RFC 6531), without the angle brackets. The null reverse-path
/// is `Option::None` of this.
///
/// It allows more than the addresses of a site do, since mail comes from and goes to other places: quoted local parts,
/// address literals, and dots anywhere. Blanks (outside of quotes), control characters and angle brackets are not
/// allowed, so a path can be written into a command or a header as it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Path(String);

impl Path {
    /// Parses `local@domain`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@')?;
        (text.len() <= LONGEST && is_local(local) && is_domain(domain))
            .then(|| Self(text.to_owned()))
    }

    /// The text between the angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain as written.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Path {
    /// Addresses are personal: logs get the domain alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path(..@{:?})", self.domain())
    }
}

fn is_local(local: &str) -> bool {
    match local.strip_prefix('"') {
        None => {
            !local.is_empty()
                && local.chars().all(|c| {
                    c.is_ascii_alphanumeric()
                        || "!#$%&'*+-/=?^_`{|}~.".contains(c)
                        || is_beyond_ascii(c)
                })
        }
        Some(rest) => rest.strip_suffix('"').is_some_and(is_quoted),
    }
}

/// RFC 5321 `QcontentSMTP`, without `<` and `>`: too many parsers look for these without regard to quotes.
fn is_quoted(content: &str) -> bool {
    let mut chars = content.chars();
    while let Some(c) = chars.next() {
        let fine = match c {
            '\\' => chars.next().is_some_and(|c| (' '..='~').contains(&c)),
            '"' | '<' | '>' => false,
            c => (' '..='~').contains(&c) || is_beyond_ascii(c),
        };
        if !fine {
            return false;
        }
    }
    true
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[') {
        return literal.strip_suffix(']').is_some_and(|l| {
            !l.is_empty()
                && l.chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".:-".contains(c))
        });
    }
    domain.split('.').all(|label| {
        !label.is_empty()
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_' || is_beyond_ascii(c))
    })
}

fn is_beyond_ascii(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && !c.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_addresses_are_paths() {
        for text in [
            "alice@kit.example",
            "a..b.@docomo.example",
            "\"a b\"@kit.example",
            "\"a\\\"@b\"@kit.example",
            "x@[192.0.2.1]",
            "x@[IPv6:2001:db8::1]",
            "利用者@大学.example",
            "x_y@sub_domain.example",
            "bounce+alice=kit.example@list.example",
        ] {
            assert!(Path::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn nothing_that_could_break_a_line_or_a_bracket_is_a_path() {
        for text in [
            "",
            "alice",
            "@kit.example",
            "alice@",
            "a b@kit.example",
            "a@kit..example",
            "a@x> SIZE=1",
            "a@x\r\nDATA",
            "<a@x>",
            "a@x@",
            "a>@kit.example",
            "\"<a>\"@kit.example",
            "\"a\r\nb\"@kit.example",
            "\"a@kit.example",
            "\"a\\\"@kit.example",
            "a@kit.example\0",
            "a@b c",
            "a\u{3000}b@kit.example",
        ] {
            assert_eq!(Path::parse(text), None, "{text:?}");
        }
    }
}
