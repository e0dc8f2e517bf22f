//! A directory of accounts whose passwords only the upstream knows: each password is checked by a login there.

use std::sync::Arc;

use async_trait::async_trait;
use sekisho_checkpoint::account::{Account, AccountId, LoginName, Password};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::id::Reference;
use sekisho_checkpoint::ports::{
    Clock, Directory, DirectoryError, PasswordChange, SetPasswordError,
};

use crate::{UpstreamError, Upstreams};

/// Combines a directory that knows the names with the upstreams that know the passwords.
pub struct LoginAtUpstream {
    /// Finds accounts by name.
    pub accounts: Arc<dyn Directory>,
    /// Check the passwords.
    pub upstreams: Arc<Upstreams>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where people change their passwords.
    pub password_url: String,
}

impl LoginAtUpstream {
    /// Attempts a login with a random user name, for a name without an account, so that it takes as long as any other.
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
        // Some servers take an empty password for an anonymous login.
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
