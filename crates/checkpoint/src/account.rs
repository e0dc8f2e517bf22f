//! Accounts, and the names that lead to them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use crate::address::MailAddress;

/// The stable identity of an account. Login name and addresses change; this never does, and it is never given to
/// another account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(i64);

impl AccountId {
    /// Takes an id as the directory keeps it.
    #[must_use]
    pub fn new(id: i64) -> Self {
        Self(id)
    }

    /// The id as stores keep it.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A login name in its one canonical spelling: NFKC (so full-width letters are plain ones), lower case, no surrounding
/// blanks.
///
/// Names with control characters, inner blanks or `*` (the `user*master` form of some servers) are refused here, before
/// any directory sees them. `+detail` is kept as typed and never stripped: it is simply another name, which no account
/// has.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LoginName(String);

impl LoginName {
    /// Parses what a person or a client typed.
    ///
    /// # Errors
    /// The name can belong to no account; which rule it broke is for the log, never for the answer.
    pub fn parse(typed: &str) -> Result<Self, LoginNameError> {
        if typed.chars().any(char::is_control) {
            return Err(LoginNameError::Control);
        }
        let name: String = typed
            .trim()
            .nfkc()
            .flat_map(char::to_lowercase)
            .nfkc()
            .collect();
        if name.is_empty() {
            return Err(LoginNameError::Empty);
        }
        if name.len() > 254 {
            return Err(LoginNameError::TooLong);
        }
        if name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '*')
        {
            return Err(LoginNameError::Forbidden);
        }
        Ok(Self(name))
    }

    /// The canonical spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LoginName {
    /// People type passwords into the name field: a name is not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginName(..)")
    }
}

/// Why a typed name can belong to no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginNameError {
    /// Nothing was typed.
    #[error("the name is empty")]
    Empty,
    /// More than 254 bytes.
    #[error("the name is too long")]
    TooLong,
    /// A NUL or another control character.
    #[error("the name has a control character")]
    Control,
    /// A blank within, or `*`.
    #[error("the name has a blank or an asterisk")]
    Forbidden,
}

/// A password as typed. It never prints and is wiped when dropped.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Takes a password as typed, unchanged.
    #[must_use]
    pub fn new(typed: String) -> Self {
        Self(typed.into())
    }

    /// The password, for the one who must check or pass it on.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A group of accounts, by which a site's policy can differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group(pub String);

/// What the directory says of an account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its identity.
    pub id: AccountId,
    /// The login name it has now, for display.
    pub login: String,
    /// The person's or role's name, for display and for From; may be empty.
    pub display_name: String,
    /// Its addresses; the first is the one its mail is sent from by default. Never empty.
    pub addresses: Vec<MailAddress>,
    /// Its groups.
    pub groups: Vec<Group>,
    /// Whether it may be used.
    pub usable: bool,
}

impl Account {
    /// The address its mail is sent from by default; `None` only where a directory broke its word.
    #[must_use]
    pub fn main_address(&self) -> Option<&MailAddress> {
        self.addresses.first()
    }

    /// The name under which another system knows it: in `pattern`, `{login}` and `{address}` stand for the account's
    /// own. `None` if it lacks the address.
    #[must_use]
    pub fn name_elsewhere(&self, pattern: &str) -> Option<String> {
        let name = pattern.replace("{login}", &self.login);
        if !name.contains("{address}") {
            return Some(name);
        }
        let address = self.main_address()?.to_string();
        Some(name.replace("{address}", &address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(typed: &str) -> Option<String> {
        LoginName::parse(typed).ok().map(|n| n.as_str().to_owned())
    }

    #[test]
    fn every_spelling_of_a_name_is_one_name() {
        for typed in ["alice", "ALICE", " alice ", "ａｌｉｃｅ", "Ａlice"] {
            assert_eq!(name(typed).as_deref(), Some("alice"), "{typed:?}");
        }
    }

    #[test]
    fn forms_that_smuggle_another_account_are_refused() {
        for typed in [
            "",
            " ",
            "alice*root",
            "alice\0",
            "al ice",
            "alice\r\nbob",
            "＊",
            "a\u{3000}b",
        ] {
            assert_eq!(name(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_detail_is_part_of_the_name() {
        assert_eq!(name("alice+x").as_deref(), Some("alice+x"));
    }
}
