//! Mail addresses, and which domains are the site's own.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// A mail address, `local@domain` (RFC 5321 4.1.2), the domain in lower-case ASCII (IDNA), without a trailing dot.
///
/// The local part is kept as typed but for NFC; quoted local parts are refused: nobody's private address needs one, and
/// they have been used to hide a domain within a domain.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MailAddress {
    local: String,
    domain: String,
}

impl MailAddress {
    /// Parses an address as a person types it: surrounding blanks and full-width forms are forgiven.
    ///
    /// # Errors
    /// The text is not one address of the form described.
    pub fn parse(typed: &str) -> Result<Self, MailAddressError> {
        let text: String = typed.trim().nfkc().collect();
        let (local, domain) = text.rsplit_once('@').ok_or(MailAddressError::NoAt)?;
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.chars().all(|c| is_atom(c) || c == '.');
        if !local_ok {
            return Err(MailAddressError::Local);
        }
        let domain = canonical_domain(domain).ok_or(MailAddressError::Domain)?;
        Ok(Self {
            local: local.to_owned(),
            domain,
        })
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain in canonical form.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The form in which mailboxes of this site are looked up: local part in lower case.
    #[must_use]
    pub fn folded(&self) -> String {
        format!("{}@{}", self.local.to_lowercase(), self.domain)
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl fmt::Debug for MailAddress {
    /// Addresses are personal: logs get the domain alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailAddress(..@{})", self.domain)
    }
}

/// Why a text is not a mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailAddressError {
    /// There is no `@`.
    #[error("an address has the form name@domain")]
    NoAt,
    /// The part before the `@` is empty, too long, quoted or has characters that no address has.
    #[error("the part before the @ is not valid")]
    Local,
    /// The domain is not a domain name of at least two labels.
    #[error("the domain after the @ is not valid")]
    Domain,
}

/// The site's own mail domains. Mail to one of them never leaves the site, so a code mailed there proves nothing more
/// than the password did.
#[derive(Debug, Clone, Default)]
pub struct OwnDomains(Vec<String>);

impl OwnDomains {
    /// Takes the configured domains; each is brought to canonical form.
    ///
    /// # Errors
    /// The first that is not a domain name.
    pub fn new<'a>(domains: impl IntoIterator<Item = &'a str>) -> Result<Self, BadDomain> {
        domains
            .into_iter()
            .map(|d| canonical_domain(d).ok_or_else(|| BadDomain(d.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the address lies in an own domain or in a subdomain of one.
    #[must_use]
    pub fn contain(&self, address: &MailAddress) -> bool {
        self.0.iter().any(|own| {
            address
                .domain
                .strip_suffix(own.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }

    /// Whether the address lies in an own domain itself, so that its mailbox would be here. A subdomain may well be
    /// served elsewhere.
    #[must_use]
    pub fn include(&self, address: &MailAddress) -> bool {
        self.0.contains(&address.domain)
    }

    /// The first own domain, in whose name the site's own letters are sent.
    #[must_use]
    pub fn main(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }
}

/// A configured domain is not a domain name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a domain name")]
pub struct BadDomain(pub String);

/// RFC 5322 3.2.3 atext, and letters beyond ASCII (RFC 6532).
fn is_atom(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(c)
        || (!c.is_ascii() && c.is_alphanumeric())
}

fn canonical_domain(typed: &str) -> Option<String> {
    let without_dot = typed.strip_suffix('.').unwrap_or(typed);
    let ascii = idna::domain_to_ascii_strict(without_dot).ok()?;
    let labels_ok =
        ascii.contains('.') && ascii.len() <= 253 && ascii.split('.').all(|l| !l.is_empty());
    labels_ok.then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> OwnDomains {
        OwnDomains::new(["kit.example", "大学.example"]).expect("domains")
    }

    #[test]
    fn an_own_domain_is_recognised_in_any_spelling() {
        for typed in [
            "a@kit.example",
            "a@KIT.Example",
            "a@kit.example.",
            "a@mail.kit.example",
            "ａ＠ｋｉｔ．ｅｘａｍｐｌｅ",
            "a@kit。example",
            "a@大学.example",
            "a@xn--pss25c.example",
            " a@kit.example ",
        ] {
            let address = MailAddress::parse(typed);
            assert!(
                address.as_ref().is_ok_and(|a| own().contain(a)),
                "{typed:?}: {address:?}"
            );
        }
    }

    #[test]
    fn a_neighbouring_domain_is_not_own() {
        for typed in [
            "a@notkit.example",
            "a@kit.example.net",
            "kit.example@gmail.example",
        ] {
            let address = MailAddress::parse(typed).expect(typed);
            assert!(!own().contain(&address), "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for typed in [
            "",
            "alice",
            "@kit.example",
            "a@",
            "a@localhost",
            "\"a@kit.example\"@gmail.example",
            "a b@gmail.example",
            "a@gmail.example\r\nBcc: x@y.example",
            "a@[192.0.2.1]",
            "a@kit..example",
            "<a@gmail.example>",
        ] {
            assert!(MailAddress::parse(typed).is_err(), "{typed:?}");
        }
    }
}
