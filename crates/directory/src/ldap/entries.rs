//! Filters with values that strangers typed, and entries as accounts.

use std::fmt;

use ldap3::{SearchEntry, ldap_escape};
use sekisho_checkpoint::account::{Account, AccountId, Group, LoginName};
use sekisho_checkpoint::address::MailAddress;

use super::LdapSettings;

/// A filter (RFC 4515, section 3) whose values are escaped, so that nothing typed can change its structure.
pub(super) struct Filter(String);

impl Filter {
    pub(super) fn equals(attribute: &str, value: &str) -> Self {
        Self(format!("({attribute}={})", ldap_escape(value)))
    }

    pub(super) fn any(filters: &[Self]) -> Self {
        let all: String = filters.iter().map(|filter| filter.0.as_str()).collect();
        Self(format!("(|{all})"))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entry of the directory.
pub(super) struct Entry(pub(super) SearchEntry);

impl Entry {
    /// Its distinguished name.
    pub(super) fn dn(&self) -> &str {
        &self.0.dn
    }

    /// The account's number; only numbers above 0 count.
    pub(super) fn id(&self, settings: &LdapSettings) -> Option<AccountId> {
        let number: i64 = self.first(&settings.id)?.parse().ok()?;
        (number > 0).then(|| AccountId::new(number))
    }

    /// The account that the entry describes; `None` if an attribute is missing that an account needs.
    pub(super) fn account(&self, settings: &LdapSettings) -> Option<Account> {
        let login = self.first(&settings.login);
        let login = login.and_then(|login| LoginName::parse(login).ok());
        let (Some(id), Some(login)) = (self.id(settings), login) else {
            tracing::warn!(
                "an entry of the directory has no number or no login name: nobody can sign in by it"
            );
            return None;
        };
        let typed = settings.addresses.iter().flat_map(|name| self.all(name));
        let mut addresses: Vec<_> = typed
            .filter_map(|text| MailAddress::parse(text).ok())
            .collect();
        if addresses.is_empty() {
            let text = format!("{}@{}", login.as_str(), settings.domain);
            addresses.extend(MailAddress::parse(&text).ok());
        }
        if addresses.is_empty() {
            return None;
        }
        Some(Account {
            id,
            display_name: self.first(&settings.name).unwrap_or_default().to_owned(),
            login: login.as_str().to_owned(),
            addresses,
            groups: self.groups(&settings.groups),
            usable: true,
        })
    }

    /// The groups in an attribute, given by name or by DN.
    pub(super) fn groups(&self, attribute: &str) -> Vec<Group> {
        let values = self.all(attribute);
        values.map(|value| Group(group_name(value))).collect()
    }

    fn first<'a>(&'a self, attribute: &'a str) -> Option<&'a str> {
        self.all(attribute).next()
    }

    /// An attribute's values. The case of attribute names doesn't matter (RFC 4512, section 2.5).
    fn all<'a>(&'a self, attribute: &'a str) -> impl Iterator<Item = &'a str> {
        let same = self.0.attrs.iter();
        let same = same.filter(move |(name, _)| name.eq_ignore_ascii_case(attribute));
        same.flat_map(|(_, values)| values.iter().map(String::as_str))
    }
}

/// Whether an account has exactly this name, as its login name or as one of its addresses.
pub(super) fn is_called(account: &Account, name: &LoginName) -> bool {
    account.login == name.as_str()
        || account.addresses.iter().any(|address| {
            LoginName::parse(&address.to_string()).is_ok_and(|address| address == *name)
        })
}

/// `staff` from `cn=staff,ou=groups,dc=example`; a value without a comma is returned as it is.
fn group_name(value: &str) -> String {
    let first = value.split(',').next().unwrap_or_default();
    match first.split_once('=') {
        Some((_, name)) if value.contains(',') => name.trim().to_owned(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is typed stays one value of one equality match.
        #[test]
        fn nothing_typed_becomes_a_part_of_the_filter(typed in any::<String>()) {
            let filter = Filter::equals("uid", &typed).to_string();
            let value = filter
                .strip_prefix("(uid=")
                .and_then(|rest| rest.strip_suffix(')'))
                .expect("an equality");
            prop_assert!(!value.contains(['(', ')', '*', '\0']), "{filter}");
            let parsed = ldap3::parse_filter(&filter);
            prop_assert!(parsed.is_ok(), "{filter}");
        }
    }

    #[test]
    fn a_group_is_known_by_its_first_name() {
        assert_eq!(group_name("cn=staff,ou=groups,dc=kit,dc=example"), "staff");
        assert_eq!(group_name("staff"), "staff");
        assert_eq!(group_name("a=b"), "a=b");
    }
}
