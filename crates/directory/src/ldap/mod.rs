//! Accounts in an LDAP directory (RFC 4511): found by a search, their passwords checked by a bind.
//!
//! Nothing is stored here. An account's id is a number from the directory, such as `uidNumber`: every node uses the
//! same one, and it stays the same when the login name changes. A name is searched as the login name or as an address.
//! An entry counts only if it has exactly that name in the checkpoint's canonical spelling, since directories compare
//! names more loosely, and only if no other entry has it.

mod entries;
mod servers;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use sekisho_checkpoint::account::{Account, AccountId, LoginName, Password};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{Directory, DirectoryError, PasswordChange, SetPasswordError};
use sekisho_net::client::{Roots, TlsMode};

use entries::{Entry, Filter};
use servers::Servers;

/// How to reach the directory, and which of its entries and attributes make an account.
#[derive(Clone)]
pub struct LdapSettings {
    /// The servers with their ports; the first that is up is used.
    pub servers: Vec<(String, u16)>,
    /// How connections are encrypted.
    pub tls: TlsMode,
    /// Which server certificates are trusted.
    pub roots: Roots,
    /// The DN and password for searches; `None` for anonymous searches.
    pub search_as: Option<(String, Password)>,
    /// The DN below which accounts are searched.
    pub base: String,
    /// The filter for entries that are accounts.
    pub filter: String,
    /// The attribute with an account's number, which never changes.
    pub id: String,
    /// The attribute with the login name.
    pub login: String,
    /// The attribute with the person's name.
    pub name: String,
    /// The attributes with addresses; the first address found is the main one.
    pub addresses: Vec<String>,
    /// The attribute with groups: their names or their DNs.
    pub groups: String,
    /// The DN below which groups are searched that list their members; `None` if they are not searched.
    pub group_base: Option<String>,
    /// The filter for an account's groups; `{dn}` and `{login}` stand for those of the account.
    pub group_filter: String,
    /// The domain for accounts without an address, whose address is then the login name in this domain.
    pub domain: String,
    /// How long a query may take, including attempts at all servers.
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

/// A directory that is queried over LDAP.
#[derive(Debug)]
pub struct LdapDirectory {
    settings: LdapSettings,
    servers: Servers,
}

impl LdapDirectory {
    /// Prepares the directory without connecting yet.
    ///
    /// # Errors
    /// The trusted certificates can't be read.
    pub fn new(settings: LdapSettings) -> Result<Self, DirectoryError> {
        let servers = Servers::new(&settings)?;
        Ok(Self { settings, servers })
    }

    /// The accounts' entries that match a filter.
    async fn seek(&self, filter: &Filter) -> Result<Vec<Entry>, DirectoryError> {
        let filter = format!("(&{}{filter})", self.settings.filter);
        let attributes = self.settings.attributes();
        let found = self
            .servers
            .search(&self.settings.base, &filter, &attributes);
        Ok(found.await?.into_iter().map(Entry).collect())
    }

    /// The account of an entry; `None` if an attribute is missing that an account needs.
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

/// Whether a text is a filter (RFC 4515, section 3) once its placeholders are replaced.
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
        // A simple bind without a password may succeed for any name (RFC 4513, section 5.1.2).
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
                // Names without an account take the same steps, a search and a bind, so that the time taken tells
                // nothing.
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
