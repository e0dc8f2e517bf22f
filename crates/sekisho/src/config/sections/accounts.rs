//! `[accounts]`: own accounts.

use sekisho_checkpoint::address::OwnDomains;
use sekisho_directory::{ArgonCost, Settings};

use super::site::Site;
use crate::config::problem::Findings;
use crate::config::section::section;
use crate::config::values::{PasswordsAt, WebPage};

section! {
    /// Own accounts.
    pub(in crate::config) struct AccountsSection("[accounts]") {
        /// The fewest characters of a new password.
        min_password: usize = Settings::new(OwnDomains::default()).shortest_password,
        /// Who knows their passwords: `here`, or `upstream`: each is checked by a login to the account's
        /// `[[upstream]]`, by IMAP.
        passwords: PasswordsAt = PasswordsAt::Here,
        /// Where people change them, if not here: a page of the site, such as `https://id.example.ac.jp/password`.
        password_url: Option<WebPage> = None,
    }
}

/// Own accounts.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    min_password: usize,
    pub(crate) passwords: Passwords,
}

/// Who knows the passwords of own accounts.
#[derive(Debug, Clone)]
pub(crate) enum Passwords {
    /// Sekisho.
    Here,
    /// The account's upstream; people change them on this page.
    Upstream { page: WebPage },
}

impl AccountsSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Option<Accounts> {
        let Self {
            header: _,
            min_password,
            passwords,
            password_url,
        } = self;
        let passwords = match (**passwords, &**password_url) {
            (PasswordsAt::Here, _) => Passwords::Here,
            (PasswordsAt::Upstream, Some(page)) => Passwords::Upstream { page: page.clone() },
            (PasswordsAt::Upstream, None) => {
                let text = "`passwords = \"upstream\"` needs `password_url`: the page where people change their \
                             passwords";
                findings.problem(passwords.line(), text);
                return None;
            }
        };
        Some(Accounts {
            min_password: min_password.get(),
            passwords,
        })
    }
}

impl Accounts {
    /// Whether the passwords are those of the site's mail system.
    pub(crate) fn passwords_are_upstream(&self) -> bool {
        matches!(self.passwords, Passwords::Upstream { .. })
    }

    /// The settings of own accounts; `cost` is what a password hash costs.
    pub(crate) fn settings(&self, site: &Site, cost: ArgonCost) -> Settings {
        Settings {
            cost,
            shortest_password: self.min_password,
            zone: site.zone.clone(),
            ..Settings::new(site.own_domains.clone())
        }
    }
}
