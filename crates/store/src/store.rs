//! All accounts' mail, and the way in for whoever was admitted.

use std::path::Path;
use std::sync::Arc;

use sekisho_checkpoint::Admitted;
use sekisho_checkpoint::ports::Clock;
use sekisho_disk::Disk;

use crate::account::Common;
use crate::accounts::Accounts;
use crate::capability::Operator;
use crate::error::StoreError;
use crate::limits::Limits;
use crate::mailbox::Mailbox;
use crate::snapshots::Snapshots;

/// All accounts' mail. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    accounts: Arc<Accounts>,
}

impl Store {
    /// Opens the folder that holds the accounts' folders, making it if it is missing (its parent must exist). The
    /// caller gets the only [`Operator`] there is. The clock dates UIDVALIDITY values.
    ///
    /// # Errors
    /// Temporary ones.
    pub fn open_root(
        root: &Path,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<(Self, Operator), StoreError> {
        disk.create_folder(root)?;
        if let Some(parent) = root.parent() {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            disk.sync_folder(parent)?;
        }
        let accounts = Accounts::new(Common {
            root: root.to_owned(),
            disk,
            clock,
            limits,
            snapshots: Arc::new(Snapshots::new(limits.remembered)),
        });
        let accounts = Arc::new(accounts);
        let operator = Operator::new(Arc::clone(&accounts));
        Ok((Self { accounts }, operator))
    }

    /// Opens the mailbox of the account that the checkpoint admitted, making it if it is missing.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn open(&self, admitted: &Admitted) -> Result<Mailbox, StoreError> {
        Ok(Mailbox::new(
            self.accounts.core(admitted.account_id()).await?,
        ))
    }

    /// What the store allows.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.accounts.common().limits
    }
}
