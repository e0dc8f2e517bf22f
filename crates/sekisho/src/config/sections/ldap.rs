//! `[ldap]`: accounts in a directory that the site has already.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use sekisho_checkpoint::ports::Directory;
use sekisho_directory::{LdapDirectory, LdapSettings};
use sekisho_net::client::{Roots, TlsMode};

use super::site::Site;
use crate::config::problem::Findings;
use crate::config::read::{List, Located, values};
use crate::config::section::section;
use crate::config::values::{LdapFilter, Seconds, ServerAddress, WebPage};
use crate::secrets;

section! {
    /// Accounts in an LDAP directory instead of own ones. They are found by a search, and a password is checked by a
    /// bind as the entry that was found.
    pub(in crate::config) struct LdapSection("[ldap]") {
        /// The servers, such as `ldap1.example.ac.jp`: the first that is up. The ports are 389 and 636 unless given.
        servers: List<ServerAddress> = Vec::new(),
        /// How they are spoken to: `none`, `starttls` or `implicit`.
        tls: TlsMode = TlsMode::StartTls,
        /// A PEM file with the authorities to trust instead of the system's.
        ca_file: Option<PathBuf> = None,
        /// The distinguished name of the user who searches; anonymously unless set. It has to see the attributes below,
        /// and no password.
        user: Option<String> = None,
        /// A file with that user's password.
        password_file: Option<PathBuf> = None,
        /// Below which entry accounts are, such as `ou=people,dc=example,dc=ac,dc=jp`. Required with `servers`.
        base: Option<String> = None,
        /// Which entries are accounts: whoever must not sign in any more has to be left out by it.
        filter: LdapFilter = LdapFilter::new("(objectClass=posixAccount)"),
        /// The attribute with a whole number that is an account's for ever, also under another login name, and never
        /// another's.
        id: String = "uidNumber".to_owned(),
        /// The attribute with the login name.
        login: String = "uid".to_owned(),
        /// The attribute with the person's name.
        name: String = "cn".to_owned(),
        /// The attributes with mail addresses, the main one first.
        addresses: List<String> = vec![Located::default("mail".to_owned())],
        /// The attribute that names the account's groups, for `policy.mfa_groups` and `[[upstream]] groups`.
        groups: String = "memberOf".to_owned(),
        /// Below which entry groups are that name their members, where accounts don't name their groups.
        group_base: Option<String> = None,
        /// Which of them an account is in: `{dn}` and `{login}` stand for the account's.
        group_filter: LdapFilter = LdapFilter::new("(|(member={dn})(uniqueMember={dn})(memberUid={login}))"),
        /// How long a question may take, over all servers. Who waits longer is told that it does not work just now.
        time_limit: Seconds<1, 30> = Seconds::new(SignedDuration::from_secs(5)),
        /// The page on which people change their passwords. Required with `servers`.
        password_url: Option<WebPage> = None,
    }
}

/// A directory of the site.
#[derive(Debug, Clone)]
pub(crate) struct Ldap {
    servers: Vec<(String, u16)>,
    tls: TlsMode,
    roots: Roots,
    search_as: Option<SearchAs>,
    base: String,
    filter: LdapFilter,
    id: String,
    login: String,
    name: String,
    addresses: Vec<String>,
    groups: String,
    group_base: Option<String>,
    group_filter: LdapFilter,
    time_limit: Duration,
    password_url: WebPage,
}

/// As whom accounts are sought.
#[derive(Debug, Clone)]
struct SearchAs {
    user: String,
    password_file: PathBuf,
}

impl LdapSection {
    /// The directory; nothing within, if accounts are kept here.
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Option<Option<Ldap>> {
        let Self {
            header,
            servers,
            tls,
            ca_file,
            user,
            password_file,
            base,
            filter,
            id,
            login,
            name,
            addresses,
            groups,
            group_base,
            group_filter,
            time_limit,
            password_url,
        } = self;
        if servers.is_empty() {
            return Some(None);
        }
        let is_elsewhere = |server: &Located<ServerAddress>| !server.host().is_loopback_address();
        if **tls == TlsMode::None && servers.iter().any(is_elsewhere) {
            let text = "passwords go to the directory in the clear";
            findings.warning(tls.line(), text);
        }
        if addresses.is_empty() {
            let text = "`addresses` names no attribute: leave it out where it is `mail`";
            findings.problem(addresses.line(), text);
        }
        let base = base.as_ref().filter(|base| !base.is_empty());
        if base.is_none() {
            let text = "[ldap] needs `base`: the entry below which accounts are";
            findings.problem(self.base.line().or(*header), text);
        }
        let page = password_url.as_ref().filter(|page| page.is_https());
        if page.is_none() {
            let text = "[ldap] needs `password_url`: the page, at https://, on which people change their passwords";
            findings.problem(password_url.line().or(*header), text);
        }
        let usual = match **tls {
            TlsMode::None | TlsMode::StartTls => 389,
            TlsMode::Implicit => 636,
        };
        Some(Some(Ldap {
            servers: servers
                .iter()
                .map(|server| server.with_port(usual))
                .collect(),
            tls: **tls,
            roots: ca_file.get().map_or(Roots::System, Roots::File),
            search_as: match (&**user, &**password_file) {
                (None, None) => None,
                (Some(user), Some(file)) => Some(SearchAs {
                    user: user.clone(),
                    password_file: file.clone(),
                }),
                (Some(_), None) | (None, Some(_)) => {
                    let text = "`user` and `password_file` belong together: give both or neither";
                    findings.problem(user.line().or(password_file.line()), text);
                    return None;
                }
            },
            base: base?.clone(),
            filter: filter.get(),
            id: id.get(),
            login: login.get(),
            name: name.get(),
            addresses: values(addresses),
            groups: groups.get(),
            group_base: group_base.get(),
            group_filter: group_filter.get(),
            time_limit: time_limit.unsigned(),
            password_url: page?.clone(),
        }))
    }
}

impl Ldap {
    /// The directory, ready to be asked. Whoever has no address there has one in the site's first domain.
    ///
    /// # Errors
    /// A file can't be read.
    pub(crate) fn open(&self, site: &Site) -> anyhow::Result<Arc<dyn Directory>> {
        let search_as = match &self.search_as {
            Some(SearchAs {
                user,
                password_file,
            }) => {
                let password = secrets::read(password_file).context("[ldap] `password_file`")?;
                Some((user.clone(), password))
            }
            None => None,
        };
        let directory = LdapDirectory::new(LdapSettings {
            servers: self.servers.clone(),
            tls: self.tls,
            roots: self.roots.clone(),
            search_as,
            base: self.base.clone(),
            filter: self.filter.clone().into(),
            id: self.id.clone(),
            login: self.login.clone(),
            name: self.name.clone(),
            addresses: self.addresses.clone(),
            groups: self.groups.clone(),
            group_base: self.group_base.clone(),
            group_filter: self.group_filter.clone().into(),
            domain: site.main_domain().to_owned(),
            time_limit: self.time_limit,
            password_url: self.password_url.as_str().to_owned(),
        });
        Ok(Arc::new(directory.context("[ldap]")?))
    }
}
