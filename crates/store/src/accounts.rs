//! The accounts that are open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_checkpoint::AccountId;
use tokio::sync::OnceCell;

use crate::account::{Common, Core};
use crate::blocking::blocking;
use crate::error::StoreError;

/// All accounts, each opened when somebody wants it.
pub(crate) struct Accounts {
    common: Arc<Common>,
    open: Mutex<HashMap<AccountId, Arc<OnceCell<Arc<Core>>>>>,
}

impl Accounts {
    pub(crate) fn new(common: Common) -> Self {
        Self {
            common: Arc::new(common),
            open: Mutex::default(),
        }
    }

    /// What all accounts have in common.
    pub(crate) fn common(&self) -> &Common {
        &self.common
    }

    /// The account, opened by whoever comes first.
    pub(crate) async fn core(&self, account: AccountId) -> Result<Arc<Core>, StoreError> {
        let cell = self.cell(account);
        let core = cell
            .get_or_try_init(|| {
                let common = Arc::clone(&self.common);
                blocking(move || Core::open(&common, account).map(Arc::new))
            })
            .await?;
        Ok(Arc::clone(core))
    }

    fn cell(&self, account: AccountId) -> Arc<OnceCell<Arc<Core>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::clone(open.entry(account).or_default());
        if open.len() > self.common.limits.idle_accounts {
            let idle: Vec<_> = open.extract_if(|_, cell| is_idle(cell)).collect();
            if !idle.is_empty() {
                // Closing an index writes to the disk, which may block.
                drop(tokio::task::spawn_blocking(move || drop(idle)));
            }
        }
        cell
    }
}

/// Whether nobody but the list of open accounts holds this one.
fn is_idle(cell: &Arc<OnceCell<Arc<Core>>>) -> bool {
    Arc::strong_count(cell) == 1 && cell.get().is_none_or(|core| Arc::strong_count(core) == 1)
}
