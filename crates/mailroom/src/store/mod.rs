//! The mail store: a folder an account, with one SQLite index and append-only message files. Nothing is shared between accounts.
//!
//! A delivery appends the bytes to the account's message file, behind a record that says where they belong, syncs it (and the folder, when the file is
//! new), and commits to the index without waiting for the disk: one sync a delivery, or fewer, since messages that wait at the same account at the same
//! time share it. What a crash takes from the index is found in the message file when the account is opened next (`recovery`). Everything else (flags,
//! COPY, MOVE, EXPUNGE, folders) touches the index alone, by a commit that is synced and takes all earlier ones along.
//!
//! What is written, in which order, before an operation is said to be done:
//!
//! | operation | writes |
//! |---|---|
//! | a new account | its folder, the store's folder synced; the index with its first folders, one synced commit |
//! | delivery, APPEND (one message or several) | the records and messages into the message file, behind them zeros now and then; the file synced, and the account's folder if the file is new; then one commit of the index, not synced (what it holds is prepared while the disk is at it) |
//! | APPEND of what the server kept a copy of | the same, but the commit is synced: the copy goes by it |
//! | STORE, COPY, MOVE, EXPUNGE, removal by POP3 | one synced commit |
//! | a folder made, renamed (with those below), deleted, subscribed to | one synced commit |
//! | how mail is filed, whom a vacation notice was sent to | one synced commit |
//! | compaction | what is left of a message file into a new one; that synced, and the account's folder; one synced commit; the old file removed |
//! | texts for searches | `texts.db`, not synced, behind all of the above; made again from the mail where it is missing or damaged |
//! | opening an account | nothing; after a crash, one synced commit with the records that the index lacks |
//!
//! The bytes of expunged messages stay in the file and are counted as waste; where it is much, the file is written anew without them (`compaction`).
//!
//! A mailbox opens for [`Admitted`], through [`Store::open`], and for two narrow capabilities besides: [`Delivery`], which
//! only adds, and [`Operator`], which the command line holds. There is no other way to a message.
//!
//! In reading order: [`Store`]; `mailbox` is what IMAP works with, `capability` what doors and the command line do; `message`, `list`, `uid`,
//! `name` are their words. Below them `account` joins what is open of an account, `append` adds messages in groups, `files` writes message files of `record`s,
//! `recovery` finishes what a crash interrupted, `compaction` gives back the room of what is gone, `filter` keeps how a person wants mail filed, `sent` what they sent, `check` and `backup` are the operator's,
//! `summary` is what the index keeps of a message, with what [`describe`] says of it in IMAP's words, `snapshots` remembers folders, `texts` is what searches read, and `schema`, `folders`
//! and `messages` are the index.

mod account;
mod append;
mod backup;
mod capability;
mod check;
mod compaction;
pub mod describe;
mod error;
mod files;
mod filter;
mod folders;
mod list;
mod mailbox;
mod message;
mod messages;
mod name;
mod record;
mod recovery;
mod schema;
mod sent;
mod snapshots;
mod summary;
#[cfg(test)]
mod tests;
mod texts;
mod uid;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_checkpoint::ports::Clock;
use sekisho_checkpoint::{AccountId, Admitted};
use sekisho_disk::Disk;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::OnceCell;

use account::Core;
use snapshots::Snapshots;

#[cfg(fuzzing)]
pub(crate) mod fuzzing {
    pub use super::record::fuzz as record;
    pub use super::recovery::fuzz as recovery;
    pub use super::texts::fuzz as search_text;
}

pub use backup::Copied as BackedUp;
pub use capability::{Delivery, Operator};
pub use check::Report;
pub use compaction::Compacted;
pub use error::StoreError;
pub use list::MessageList;
pub use mailbox::{Content, Mailbox, NewMessage};
pub use message::{
    Appended, Changes, Copied, FlagChange, Flags, Folder, MessageRow, MessageState, SearchKeys,
    Snapshot, SpecialUse, Status, Stored, ThreadKeys, Usage,
};
pub use name::{FolderName, NameError};
pub use texts::Needle;
pub use uid::{ContentId, FolderId, ModSeq, Uid, UidSet, UidValidity};

/// What the store allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest message, in bytes.
    pub message_size: u64,
    /// From how many bytes on a new message file is begun.
    pub file_size: u64,
    /// How many bytes of a message file are written ahead, once it has a quarter of them.
    pub ahead: u64,
    /// From how many bytes of expunged messages on, if they are half of it, a message file is written anew without them.
    pub waste: u64,
    /// The most folders of an account.
    pub folders: u32,
    /// The most bytes of an account's messages together, each copy counted; no limit if `None`.
    pub quota_bytes: Option<u64>,
    /// The most messages of an account, each copy counted.
    pub quota_messages: Option<u64>,
    /// How many accounts stay open though nobody uses them.
    pub idle_accounts: usize,
    /// Of how many messages, in all accounts together, the state is kept in memory so that folders open at once (about 80 bytes each).
    pub remembered: usize,
}

impl Limits {
    /// Whether an account may come to hold so much.
    fn allow(&self, usage: Usage) -> bool {
        self.quota_bytes.is_none_or(|most| usage.bytes <= most)
            && self
                .quota_messages
                .is_none_or(|most| usage.messages <= most)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size: 50 << 20,
            file_size: 64 << 20,
            ahead: 1 << 20,
            waste: 1 << 20,
            folders: 2_000,
            quota_bytes: None,
            quota_messages: None,
            idle_accounts: 256,
            remembered: 1_000_000,
        }
    }
}

/// All accounts' mail. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    snapshots: Arc<Snapshots>,
    accounts: Mutex<HashMap<AccountId, Arc<OnceCell<Arc<Core>>>>>,
}

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
        disk.create_folder(root)?;
        if let Some(parent) = root.parent() {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            disk.sync_folder(parent)?;
        }
        let shared = Shared {
            root: root.to_owned(),
            disk,
            clock,
            limits,
            snapshots: Arc::new(Snapshots::new(limits.remembered)),
            accounts: Mutex::default(),
        };
        let store = Self {
            shared: Arc::new(shared),
        };
        Ok((store.clone(), Operator::new(store)))
    }

    /// Opens the mailbox of the account that the checkpoint admitted, making it if it is missing.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn open(&self, admitted: &Admitted) -> Result<Mailbox, StoreError> {
        Ok(Mailbox::new(self.core(admitted.account()).await?))
    }

    /// What the store allows.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.shared.limits
    }

    /// The account, opened by whoever comes first.
    async fn core(&self, account: AccountId) -> Result<Arc<Core>, StoreError> {
        let cell = self.cell(account);
        let core = cell
            .get_or_try_init(|| {
                let shared = Arc::clone(&self.shared);
                blocking(move || Core::open(&shared, account).map(Arc::new))
            })
            .await?;
        Ok(Arc::clone(core))
    }

    fn cell(&self, account: AccountId) -> Arc<OnceCell<Arc<Core>>> {
        let accounts = &self.shared.accounts;
        let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::clone(accounts.entry(account).or_default());
        if accounts.len() > self.shared.limits.idle_accounts {
            let idle: Vec<_> = accounts.extract_if(|_, cell| is_idle(cell)).collect();
            if !idle.is_empty() {
                // Closing an index writes to the disk.
                drop(tokio::task::spawn_blocking(move || drop(idle)));
            }
        }
        cell
    }
}

/// Whether only the list of open accounts knows of it.
fn is_idle(cell: &Arc<OnceCell<Arc<Core>>>) -> bool {
    Arc::strong_count(cell) == 1 && cell.get().is_none_or(|core| Arc::strong_count(core) == 1)
}

/// Runs what blocks without holding up other tasks. Where the runtime has several threads, another one takes over the tasks of this: nobody has to be
/// woken for the work nor for its result, which takes longer than a short look into an index. Else it runs on a thread made for it. (No task of a
/// `LocalSet` on such a runtime may call it: tokio can't move those.)
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let work = move || {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            Err(StoreError::Broken(
                "a task of the store was cut short".to_owned(),
            ))
        })
    };
    if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
        return tokio::task::block_in_place(work);
    }
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(StoreError::Broken("the service ends".to_owned())))
}
