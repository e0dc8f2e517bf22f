//! The directory as the checkpoint sees it: finds accounts by name, and checks passwords.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use sekisho_checkpoint::account::{Account, AccountId, LoginName, Password};
use sekisho_checkpoint::address::{MailAddress, OwnDomains};
use sekisho_checkpoint::ports::{
    Clock, Directory, DirectoryError, PasswordChange, SetPasswordError,
};

use crate::hash::{ArgonCost, StoredHash};
use crate::pool::{Pool, Verdict};
use crate::store::{self, Kept, Store};
use crate::{AccountsError, rules};

/// A site's settings for its accounts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The mail domains in which accounts can have addresses.
    pub own_domains: OwnDomains,
    /// The cost of a password hash.
    pub cost: ArgonCost,
    /// How many hashes are computed at once, each on a thread of its own.
    pub hashes_at_once: NonZeroUsize,
    /// The shortest new password, in characters.
    pub shortest_password: usize,
    /// The time zone for an account's end that is given as a date.
    pub zone: TimeZone,
}

impl Settings {
    /// The default settings for mail domains: hashes on every core, passwords of twelve characters, UTC.
    #[must_use]
    pub fn new(own_domains: OwnDomains) -> Self {
        Self {
            own_domains,
            cost: ArgonCost::default(),
            hashes_at_once: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            shortest_password: rules::SHORTEST,
            zone: TimeZone::UTC,
        }
    }
}

/// The site's own accounts, in an SQLite file that several processes may have open.
pub struct OwnAccounts {
    pub(crate) store: Store,
    pub(crate) pool: Pool,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
}

impl OwnAccounts {
    /// Opens the file, creates it if it is missing, and migrates it to the newest version.
    ///
    /// # Errors
    /// The file can't be opened or created, or was made by a newer program.
    pub fn open(
        path: &Path,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AccountsError> {
        Ok(Self {
            store: Store::open(path)?,
            pool: Pool::start(settings.cost.clone(), settings.hashes_at_once.get())?,
            settings,
            clock,
        })
    }

    /// How many password hashes were computed since the start: exactly one for each verification, even for names
    /// without an account.
    #[must_use]
    pub fn hashes_computed(&self) -> u64 {
        self.pool.computed()
    }

    /// The stored account, with `usable` as of now.
    pub(crate) fn as_of_now(&self, kept: Kept) -> Account {
        let ended = kept.ends_at.is_some_and(|end| end <= self.clock.now());
        Account {
            usable: !kept.disabled && !ended && kept.deleted_at.is_none(),
            ..kept.account
        }
    }

    async fn check(
        &self,
        account: Option<AccountId>,
        password: &Password,
    ) -> Result<bool, AccountsError> {
        let stored = match account {
            Some(id) => {
                self.store
                    .read(move |db| Ok(store::kept(db, id)?.and_then(|kept| kept.password)))
                    .await?
            }
            None => None,
        };
        let hash = stored.as_deref().and_then(|text| {
            StoredHash::parse(text)
                .inspect_err(
                    |error| tracing::error!(%error, "a stored password hash can't be read"),
                )
                .ok()
        });
        match (self.pool.verify(hash, password).await?, account, stored) {
            (Verdict::Wrong, ..) => Ok(false),
            (Verdict::RightButKeep(new), Some(id), Some(old)) => {
                self.store
                    .write(move |db| store::replace_hash(db, id, &old, &new))
                    .await?;
                Ok(true)
            }
            (Verdict::Right | Verdict::RightButKeep(_), ..) => Ok(true),
        }
    }
}

#[async_trait]
impl Directory for OwnAccounts {
    /// The account of a login name or of a whole address. A `+detail` leads to none: it only counts for delivery.
    async fn find(&self, name: &LoginName) -> Result<Option<Account>, DirectoryError> {
        let Some(folded) = folded(name) else {
            return Ok(None);
        };
        let kept = self.store.find(folded).await?;
        Ok(kept.map(|kept| self.as_of_now(kept)))
    }

    /// An account by its id. A deleted account is found, too, but is not usable.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        let kept = self.store.look_up(move |db| store::kept(db, id)).await?;
        Ok(kept.map(|kept| self.as_of_now(kept)))
    }

    /// The account of an address, or the accounts that share it; if there are none, the same for the address without
    /// its `+detail`. An account that is disabled or has ended still receives mail; a deleted one does not.
    async fn recipients(&self, address: &MailAddress) -> Result<Vec<AccountId>, DirectoryError> {
        let whole = address.folded();
        let without_detail = address
            .local()
            .split_once('+')
            .and_then(|(local, _)| {
                MailAddress::parse(&format!("{local}@{}", address.domain())).ok()
            })
            .map(|address| address.folded());
        let found = self
            .store
            .read(move |db| {
                let found = store::recipients(db, &whole)?;
                match without_detail {
                    Some(without) if found.is_empty() => store::recipients(db, &without),
                    _ => Ok(found),
                }
            })
            .await?;
        Ok(found)
    }

    async fn verify(
        &self,
        account: Option<AccountId>,
        password: &Password,
    ) -> Result<bool, DirectoryError> {
        Ok(self.check(account, password).await?)
    }

    fn password_change(&self) -> PasswordChange {
        PasswordChange::Here
    }

    async fn check_new_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), SetPasswordError> {
        self.check_password(account, new).await.map_err(not_taken)
    }

    async fn set_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), SetPasswordError> {
        self.change_password(account, new).await.map_err(not_taken)
    }
}

fn not_taken(error: AccountsError) -> SetPasswordError {
    match error {
        AccountsError::Password(error) => error,
        other => SetPasswordError::Directory(other.into()),
    }
}

impl fmt::Debug for OwnAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnAccounts")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The folded form under which a typed name is looked up; `None` if no account can have the name.
fn folded(name: &LoginName) -> Option<String> {
    if name.as_str().contains('@') {
        MailAddress::parse(name.as_str())
            .ok()
            .map(|address| address.folded())
    } else {
        Some(name.as_str().to_owned())
    }
}
