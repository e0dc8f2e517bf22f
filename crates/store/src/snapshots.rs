//! Folders as they were last read, kept in memory: opening a big folder again reads only what changed since.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Transaction;
use sekisho_checkpoint::AccountId;

use crate::error::StoreError;
use crate::message::{Changes, Snapshot};
use crate::uid::{FolderId, ModSeq};
use crate::{counters, messages};

type Result<T> = std::result::Result<T, StoreError>;

/// The snapshots of all accounts, up to a number of messages; those that were not asked for the longest go first. A
/// snapshot is never believed without a look at the index, because another process may have changed the folder.
pub(crate) struct Snapshots {
    kept: Mutex<Kept>,
    /// The most messages in all snapshots together.
    most: usize,
}

#[derive(Default)]
struct Kept {
    folders: HashMap<(AccountId, FolderId), Entry>,
    messages: usize,
    /// A counter of the requests, which tells the oldest snapshot.
    time: u64,
}

struct Entry {
    snapshot: Arc<Snapshot>,
    used: u64,
}

impl Snapshots {
    /// Keeps at most so many messages.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            kept: Mutex::default(),
            most,
        }
    }

    /// All messages of a folder.
    pub(crate) fn read(
        &self,
        index: &Transaction<'_>,
        account: AccountId,
        folder: FolderId,
    ) -> Result<Arc<Snapshot>> {
        let head = counters::head(index, folder)?;
        let snapshot = match self.get(account, folder) {
            Some(known) if known.highest_modseq >= head.highest_modseq => return Ok(known),
            Some(known) => {
                let changes = messages::changes(index, folder, known.highest_modseq)?;
                followed(&known, &changes)
            }
            None => messages::snapshot(index, folder)?,
        };
        Ok(self.put(account, folder, snapshot))
    }

    /// Adds the folder's list to these changes, as it is after them, if a snapshot is at hand.
    pub(crate) fn complete(
        &self,
        account: AccountId,
        folder: FolderId,
        changes: &mut Changes,
        since: ModSeq,
    ) {
        let Some(known) = self.get(account, folder) else {
            return;
        };
        if known.highest_modseq == changes.highest_modseq {
            changes.list = Some(known.messages.clone());
        } else if known.highest_modseq == since {
            let snapshot = followed(&known, changes);
            changes.list = Some(snapshot.messages.clone());
            self.put(account, folder, snapshot);
        }
    }

    fn get(&self, account: AccountId, folder: FolderId) -> Option<Arc<Snapshot>> {
        let mut kept = self.lock();
        kept.time += 1;
        let time = kept.time;
        let entry = kept.folders.get_mut(&(account, folder))?;
        entry.used = time;
        Some(Arc::clone(&entry.snapshot))
    }

    /// Keeps a snapshot unless a newer one is there.
    fn put(&self, account: AccountId, folder: FolderId, snapshot: Snapshot) -> Arc<Snapshot> {
        let snapshot = Arc::new(snapshot);
        let mut kept = self.lock();
        let used = kept.time;
        if let Some(known) = kept.folders.get(&(account, folder))
            && known.snapshot.highest_modseq >= snapshot.highest_modseq
        {
            return snapshot;
        }
        kept.messages += snapshot.messages.len();
        let entry = Entry {
            snapshot: Arc::clone(&snapshot),
            used,
        };
        if let Some(old) = kept.folders.insert((account, folder), entry) {
            kept.messages -= old.snapshot.messages.len();
        }
        while kept.messages > self.most && kept.folders.len() > 1 {
            let oldest = kept.folders.iter().min_by_key(|(_, entry)| entry.used);
            let Some(key) = oldest.map(|(key, _)| *key) else {
                break;
            };
            if let Some(old) = kept.folders.remove(&key) {
                kept.messages -= old.snapshot.messages.len();
            }
        }
        snapshot
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A snapshot brought up to date by some changes.
fn followed(known: &Snapshot, changes: &Changes) -> Snapshot {
    let mut messages = known.messages.clone();
    messages.apply(&changes.changed, &changes.expunged);
    Snapshot {
        uid_validity: known.uid_validity,
        uid_next: changes.uid_next,
        highest_modseq: changes.highest_modseq,
        messages,
    }
}
