//! Accounts in an LDAP directory (RFC 4511): found by a search, their passwords checked by a bind.
//!
//! Nothing is kept here. An account's id is a number that the directory has of it, such as `uidNumber`, so that all nodes know it by the same and a new login name
//! is the same account. A name is sought as the login name or as an address; what is found counts only if it has that very name in the checkpoint's canonical
//! spelling, since directories compare more loosely than that, and only if it is alone.

mod entries;
mod servers;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use sekisho_checkpoint::account::{Account, AccountId, LoginName, Password};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{Directory, DirectoryError, PasswordChange, SetPasswordError};
use sekisho_net::client::Roots;

use entries::{Entry, Filter};
use servers::Servers;

/// How connections to the directory are guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LdapSecurity {
    /// TLS from the first byte (`ldaps`).
    Implicit,
    /// TLS by the StartTLS operation (RFC 4511, section 4.14); without it nothing is said.
    StartTls,
    /// Nothing: this machine.
    None,
}

/// Where the directory is, and what an account is there.
#[derive(Clone)]
pub struct LdapSettings {
    /// The servers, with their ports: the first that is up.
    pub servers: Vec<(String, u16)>,
    /// How they are spoken to.
    pub security: LdapSecurity,
    /// Whose certificate counts.
    pub roots: Roots,
    /// As whom accounts are sought; anonymously, if `None`.
    pub search_as: Option<(String, Password)>,
    /// Below which entry accounts are.
    pub base: String,
    /// Which entries are accounts.
    pub filter: String,
    /// The attribute with the number that an account keeps for ever.
    pub id: String,
    /// The attribute with the login name.
    pub login: String,
    /// The attribute with the person's name.
    pub name: String,
    /// The attributes with addresses; the first address found is the main one.
    pub addresses: Vec<String>,
    /// The attribute with groups: their names, or their entries' names.
    pub groups: String,
    /// Below which entry groups are that name their members; they are not looked up if `None`.
    pub group_base: Option<String>,
    /// Which of them an account is in: `{dn}` and `{login}` stand for the account's own.
    pub group_filter: String,
    /// The domain of whoever has no address: the login name is its local part.
    pub domain: String,
    /// How long a question may take, over all servers.
    pub time_limit: Duration,
    /// Where people change their passwords.
    pub password_url: String,
}

impl fmt::Debug for LdapSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LdapSettings")
            .field("servers", &self.servers)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// A directory that is asked by LDAP.
#[derive(Debug)]
pub struct LdapDirectory {
    settings: LdapSettings,
    servers: Servers,
}

impl LdapDirectory {
    /// Makes ready to ask; connects to nobody yet.
    ///
    /// # Errors
    /// The authorities to trust can't be read.
    pub fn new(settings: LdapSettings) -> Result<Self, DirectoryError> {
        let servers = Servers::new(&settings)?;
        Ok(Self { settings, servers })
    }

    /// The entries that a filter finds among the accounts.
    async fn seek(&self, filter: &Filter) -> Result<Vec<Entry>, DirectoryError> {
        let filter = format!("(&{}{filter})", self.settings.filter);
        let attributes = self.settings.attributes();
        let found = self
            .servers
            .search(&self.settings.base, &filter, &attributes);
        Ok(found.await?.into_iter().map(Entry).collect())
    }

    /// The account of an entry; `None` if it lacks what makes one.
    async fn account_of(&self, entry: Entry) -> Result<Option<Account>, DirectoryError> {
        let Some(mut account) = entry.account(&self.settings) else {
            return Ok(None);
        };
        if let Some(base) = &self.settings.group_base {
            let filter = self
                .settings
                .group_filter
                .replace("{dn}", &ldap3::ldap_escape(entry.dn()))
                .replace("{login}", &ldap3::ldap_escape(account.login.as_str()));
            let names = ["cn".to_owned()];
            for group in self.servers.search(base, &filter, &names).await? {
                account.groups.extend(Entry(group).groups("cn"));
            }
        }
        Ok(Some(account))
    }

    async fn entry_of(&self, id: AccountId) -> Result<Option<Entry>, DirectoryError> {
        let filter = Filter::equals(&self.settings.id, &id.to_string());
        let mut found = self.seek(&filter).await?;
        if found.len() > 1 {
            tracing::error!(%id, "several entries of the directory have one number: none of them is let in");
            return Ok(None);
        }
        Ok(found
            .pop()
            .filter(|entry| entry.id(&self.settings) == Some(id)))
    }
}

impl LdapSettings {
    fn attributes(&self) -> Vec<String> {
        let mut all = vec![
            self.id.clone(),
            self.login.clone(),
            self.name.clone(),
            self.groups.clone(),
        ];
        all.extend(self.addresses.iter().cloned());
        all.retain(|name| !name.is_empty());
        all
    }
}

/// Whether a text is a filter (RFC 4515), once names stand in it for their placeholders.
#[must_use]
pub fn is_filter(text: &str) -> bool {
    let filled = text.replace("{dn}", "cn=x").replace("{login}", "x");
    filled.starts_with('(') && ldap3::parse_filter(&filled).is_ok()
}

#[async_trait]
impl Directory for LdapDirectory {
    async fn find(&self, name: &LoginName) -> Result<Option<Account>, DirectoryError> {
        let mut ways = vec![Filter::equals(&self.settings.login, name.as_str())];
        if name.as_str().contains('@') {
            let addresses = self.settings.addresses.iter();
            ways.extend(addresses.map(|attribute| Filter::equals(attribute, name.as_str())));
        }
        let mut found = Vec::new();
        for entry in self.seek(&Filter::any(&ways)).await? {
            if let Some(account) = self.account_of(entry).await?
                && entries::is_called(&account, name)
            {
                found.push(account);
            }
        }
        if found.len() > 1 {
            tracing::error!(
                "a name leads to several entries of the directory: none of them is let in"
            );
            return Ok(None);
        }
        Ok(found.pop())
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        match self.entry_of(id).await? {
            Some(entry) => self.account_of(entry).await,
            None => Ok(None),
        }
    }

    async fn recipients(&self, address: &MailAddress) -> Result<Vec<AccountId>, DirectoryError> {
        let attributes = self.settings.addresses.iter();
        let ways: Vec<_> = attributes
            .map(|attribute| Filter::equals(attribute, &address.to_string()))
            .collect();
        let mut ids = Vec::new();
        for entry in self.seek(&Filter::any(&ways)).await? {
            let account = entry.account(&self.settings);
            ids.extend(
                account
                    .filter(|account| account.addresses.contains(address))
                    .map(|account| account.id),
            );
        }
        Ok(ids)
    }

    async fn verify(
        &self,
        account: Option<AccountId>,
        password: &Password,
    ) -> Result<bool, DirectoryError> {
        // A bind without a password succeeds for everybody (RFC 4513, section 5.1.2).
        if password.expose().is_empty() {
            return Ok(false);
        }
        let entry = match account {
            Some(id) => self.entry_of(id).await?,
            None => None,
        };
        match entry {
            Some(entry) => self.servers.bind(entry.dn(), password).await,
            None => {
                // The same way for nobody: a search and a bind.
                if account.is_none() {
                    self.entry_of(AccountId::new(-1)).await?;
                }
                let nobody = format!(
                    "{}=sekisho-nobody,{}",
                    self.settings.login, self.settings.base
                );
                self.servers.bind(&nobody, password).await?;
                Ok(false)
            }
        }
    }

    async fn check_new_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Err(SetPasswordError::Elsewhere)
    }

    fn password_change(&self) -> PasswordChange {
        PasswordChange::At(self.settings.password_url.clone())
    }

    async fn set_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Err(SetPasswordError::Elsewhere)
    }
}
