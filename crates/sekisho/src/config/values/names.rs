//! What a site calls its things: its domains, and accounts on other servers.

use sekisho_checkpoint::address::OwnDomains;

use super::text::Text;

/// A mail domain, in canonical form: lower case, ASCII (IDNA).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Domain(String);

impl Domain {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for Domain {
    fn parse(text: &str) -> Option<Self> {
        let domains = OwnDomains::new([text]).ok()?;
        domains.main().map(|domain| Self(domain.to_owned()))
    }

    fn refusal(_: &str, text: &str) -> String {
        format!("{text:?} is not a mail domain; write one such as \"example.ac.jp\"")
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

/// The name of an account on another server: `{login}` and `{address}` stand for its login name and its main address
/// here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameElsewhere(String);

impl NameElsewhere {
    /// The login name as it is.
    pub(crate) fn login() -> Self {
        Self("{login}".to_owned())
    }
}

impl Text for NameElsewhere {
    fn parse(text: &str) -> Option<Self> {
        let names_somebody = text.contains("{login}") || text.contains("{address}");
        names_somebody.then(|| Self(text.to_owned()))
    }

    fn refusal(key: &str, _: &str) -> String {
        format!(
            "`{key}` must hold {{login}} or {{address}}, or all accounts would be one and the same there"
        )
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

impl From<NameElsewhere> for String {
    fn from(name: NameElsewhere) -> Self {
        name.0
    }
}

/// A filter of LDAP (RFC 4515), perhaps with `{dn}` and `{login}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LdapFilter(String);

impl LdapFilter {
    /// A default. It is a filter: a test reads all defaults as they are written.
    pub(crate) fn new(filter: &str) -> Self {
        Self(filter.to_owned())
    }
}

impl Text for LdapFilter {
    fn parse(text: &str) -> Option<Self> {
        sekisho_directory::ldap::is_filter(text).then(|| Self(text.to_owned()))
    }

    fn refusal(key: &str, _: &str) -> String {
        format!("`{key}` is no LDAP filter in parentheses (RFC 4515)")
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

impl From<LdapFilter> for String {
    fn from(filter: LdapFilter) -> Self {
        filter.0
    }
}
