//! The two narrow ways into a mailbox without a login.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::AccountId;

use crate::accounts::Accounts;
use crate::append::{append, append_one};
use crate::backup::Copied;
use crate::blocking::blocking;
use crate::check::Report;
use crate::compaction::{Compacted, Which};
use crate::error::StoreError;
use crate::filter;
use crate::mailbox::Mailbox;
use crate::message::{Appended, NewMessage, SpecialUse};
use crate::name::FolderName;
use crate::pending::Destination;

/// May add messages to any account's folders, and read how the account wants them filed. It reads no mail. Only the
/// [`Operator`] gives one away: to the queue, and to what keeps copies of sent mail.
#[derive(Clone)]
pub struct Delivery {
    accounts: Arc<Accounts>,
}

impl Delivery {
    /// Delivers into a folder, the INBOX where that folder doesn't exist. When it returns, the message is on the disk.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::OverQuota`], temporary ones.
    pub async fn deliver(
        &self,
        account: AccountId,
        folder: &FolderName,
        message: NewMessage,
    ) -> Result<Appended, StoreError> {
        let core = self.accounts.core(account).await?;
        append_one(core, Destination::Named(folder.clone()), message).await
    }

    /// Delivers into the folder of a special use, the INBOX where there is none.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], temporary ones.
    pub async fn deliver_special(
        &self,
        account: AccountId,
        special_use: SpecialUse,
        message: NewMessage,
    ) -> Result<Appended, StoreError> {
        let core = self.accounts.core(account).await?;
        append_one(core, Destination::Special(special_use), message).await
    }

    /// Keeps a copy of what the account sent, in its folder for sent mail; does nothing where there is no such folder,
    /// or the message is there already. If a client adds the same message there within a day, it takes the copy's
    /// place.
    ///
    /// # Errors
    /// As [`Self::deliver`].
    pub async fn keep_sent(
        &self,
        account: AccountId,
        message: NewMessage,
    ) -> Result<(), StoreError> {
        let core = self.accounts.core(account).await?;
        append(core, Destination::Sent, vec![message], None).await?;
        Ok(())
    }

    /// How the account wants its mail filed, as [`Mailbox::set_filter`] was told; `None` if it was told nothing.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn filter(&self, account: AccountId) -> Result<Option<String>, StoreError> {
        let core = self.accounts.core(account).await?;
        blocking(move || core.read(filter::get)).await
    }

    /// Records that this sender is told now that the person is away; false if they were told less than `pause` ago.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn tell(
        &self,
        account: AccountId,
        sender: &str,
        now: Timestamp,
        pause: SignedDuration,
    ) -> Result<bool, StoreError> {
        let core = self.accounts.core(account).await?;
        let sender = sender.to_owned();
        blocking(move || core.write(|index| filter::tell(index, &sender, now, pause))).await
    }
}

/// May open every account. The command line has it, and no door does: [`Store::open_root`](crate::Store::open_root)
/// makes the only one.
pub struct Operator {
    accounts: Arc<Accounts>,
}

impl Operator {
    pub(crate) fn new(accounts: Arc<Accounts>) -> Self {
        Self { accounts }
    }

    /// The capability to deliver, and nothing more.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        Delivery {
            accounts: Arc::clone(&self.accounts),
        }
    }

    /// Opens an account's mailbox, making it if it is missing.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn open(&self, account: AccountId) -> Result<Mailbox, StoreError> {
        Ok(Mailbox::new(self.accounts.core(account).await?))
    }

    /// Checks an account's mail; see [`Report`]. `deep` reads every message, `repair` sets counters right. Merely
    /// opening the account already puts in what a crash kept from the index, and rebuilds a missing index from the
    /// message files.
    ///
    /// # Errors
    /// Temporary ones, and [`StoreError::Broken`] where the index can't even be opened.
    pub async fn check(
        &self,
        account: AccountId,
        deep: bool,
        repair: bool,
    ) -> Result<Report, StoreError> {
        let core = self.accounts.core(account).await?;
        blocking(move || core.check(deep, repair)).await
    }

    /// Gives back the disk space of messages that are gone, in every message file that has some. (The store does so by
    /// itself where it is much.) The account stays in use, but changes to it wait while a file is written.
    ///
    /// # Errors
    /// Temporary ones; the file that failed is as it was.
    pub async fn compact(&self, account: AccountId) -> Result<Compacted, StoreError> {
        let core = self.accounts.core(account).await?;
        blocking(move || core.compact(Which::All)).await
    }

    /// Brings the copy of an account in a folder up to date, while the account is in use.
    ///
    /// # Errors
    /// Temporary ones; the copy is then as it was.
    pub async fn back_up(&self, account: AccountId, target: &Path) -> Result<Copied, StoreError> {
        let core = self.accounts.core(account).await?;
        let target = target.to_owned();
        blocking(move || core.back_up(&target)).await
    }
}
