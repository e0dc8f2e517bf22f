//! The mail store: a folder an account, with one SQLite index and append-only message files. Nothing is shared between accounts.
//!
//! A delivery appends the bytes to the account's message file, syncs it (and the folder, when the file is new), and then commits to the index once; only
//! then is it acknowledged. Messages that wait at the same account at the same time share the syncs. COPY and MOVE touch the index alone.
//! The bytes of expunged messages stay in the file and are counted as waste, until somebody compacts it.
//!
//! A mailbox opens for [`Admitted`](sekisho_checkpoint::Admitted), through [`Store::open`], and for two narrow capabilities besides: [`Delivery`], which
//! only adds, and [`Operator`], which the command line holds. There is no other way to a message.
//!
//! In reading order: [`Store`]; `mailbox` is what IMAP works with, `capability` what doors and the command line do; `message`, `uid`, `name` are their
//! words.

mod account;
mod capability;
mod error;
mod mailbox;
mod message;
mod name;
mod uid;

use std::path::Path;
use std::sync::Arc;

use sekisho_checkpoint::Admitted;
use sekisho_checkpoint::ports::Clock;
use sekisho_disk::Disk;

pub use capability::{Delivery, Operator};
pub use error::StoreError;
pub use mailbox::{Content, Mailbox, NewMessage};
pub use message::{
    Appended, Changes, Copied, FlagChange, Flags, Folder, MessageRow, MessageState, SearchKeys,
    Snapshot, SpecialUse, Status, Stored,
};
pub use name::{FolderName, NameError};
pub use uid::{ContentId, FolderId, ModSeq, Uid, UidSet, UidValidity};

/// What the store allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest message, in bytes.
    pub message_size: u64,
    /// From how many bytes on a new message file is begun.
    pub file_size: u64,
    /// The most folders of an account.
    pub folders: u32,
    /// How many accounts stay open though nobody uses them.
    pub idle_accounts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size: 50 << 20,
            file_size: 64 << 20,
            folders: 2_000,
            idle_accounts: 256,
        }
    }
}

/// All accounts' mail. Cheap to clone.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens the folder that holds the accounts' folders, making it if it is missing (its parent must exist). The caller gets the one
    /// [`Operator`] there is; the clock dates UIDVALIDITY values.
    ///
    /// # Errors
    /// Temporary ones.
    pub fn open_root(
        root: &Path,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<(Self, Operator), StoreError> {
        todo!()
    }

    /// Opens the mailbox of the account that the checkpoint admitted, making it if it is missing.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn open(&self, admitted: &Admitted) -> Result<Mailbox, StoreError> {
        todo!()
    }

    /// What the store allows.
    #[must_use]
    pub fn limits(&self) -> Limits {
        todo!()
    }
}
