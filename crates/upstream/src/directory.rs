//! Accounts whose passwords are the upstream's: each is checked by a login there.

use std::sync::Arc;

use async_trait::async_trait;
use sekisho_checkpoint::account::{Account, AccountId, LoginName, Password};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::id::Reference;
use sekisho_checkpoint::ports::{
    Clock, Directory, DirectoryError, PasswordChange, SetPasswordError,
};

use crate::{UpstreamError, Upstreams};

/// A directory that knows the names, before the mail systems that know the passwords.
pub struct LoginAtUpstream {
    /// Which name leads to which account.
    pub accounts: Arc<dyn Directory>,
    /// Who knows the passwords.
    pub upstreams: Arc<Upstreams>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where people change their passwords.
    pub password_url: String,
}

impl LoginAtUpstream {
    /// A login as nobody, for a name that leads to no account: it costs what every other costs.
    async fn as_nobody(&self) -> Result<bool, UpstreamError> {
        let drawn = Reference::draw().map_err(|_| UpstreamError::Away)?;
        let nobody = Account {
            id: AccountId::new(0),
            login: drawn.as_str().to_owned(),
            display_name: String::new(),
            addresses: Vec::new(),
            groups: Vec::new(),
            usable: false,
        };
        let Some(upstream) = self.upstreams.iter().next() else {
            return Ok(false);
        };
        let password = Password::new(drawn.as_str().to_owned());
        upstream.takes(&nobody, &password, self.clock.now()).await?;
        Ok(false)
    }
}

fn away(error: UpstreamError) -> DirectoryError {
    DirectoryError(error.to_string())
}

#[async_trait]
impl Directory for LoginAtUpstream {
    async fn find(&self, name: &LoginName) -> Result<Option<Account>, DirectoryError> {
        self.accounts.find(name).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        self.accounts.account(id).await
    }

    async fn recipients(&self, address: &MailAddress) -> Result<Vec<AccountId>, DirectoryError> {
        self.accounts.recipients(address).await
    }

    async fn verify(
        &self,
        account: Option<AccountId>,
        password: &Password,
    ) -> Result<bool, DirectoryError> {
        let account = match account {
            Some(id) => self.accounts.account(id).await?,
            None => None,
        };
        let Some(account) = account else {
            return self.as_nobody().await.map_err(away);
        };
        // An empty password is a login as nobody to some servers.
        if password.expose().is_empty() {
            return Ok(false);
        }
        let upstream = self.upstreams.of(&account).map_err(away)?;
        let taken = upstream.takes(&account, password, self.clock.now());
        taken.await.map_err(away)
    }

    async fn check_new_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Err(SetPasswordError::Elsewhere)
    }

    fn password_change(&self) -> PasswordChange {
        PasswordChange::At(self.password_url.clone())
    }

    async fn set_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Err(SetPasswordError::Elsewhere)
    }
}
