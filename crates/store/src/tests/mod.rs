//! The store, as its callers see it.

mod compaction;
mod crash;
mod folders;
mod keeping;
mod messages;
mod recovery;
mod texts;
mod trouble;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_disk::{Disk, RealDisk};
use sekisho_fakes::HandClock;

use super::*;

const AI: i64 = 1;
/// When everything happens.
const NOW: Timestamp = Timestamp::constant(1_751_326_200, 0);

fn store_on(root: &Path, disk: Arc<dyn Disk>, limits: Limits) -> (Store, Operator) {
    Store::open_root(root, disk, HandClock::at(NOW), limits).unwrap()
}

fn store(root: &Path) -> (Store, Operator) {
    store_on(root, Arc::new(RealDisk), Limits::default())
}

async fn mailbox(root: &Path) -> Mailbox {
    store(root).1.open(AccountId::new(AI)).await.unwrap()
}

async fn folder(mailbox: &Mailbox, name: &str) -> FolderId {
    mailbox.folder(&named(name)).await.unwrap().id
}

fn named(name: &str) -> FolderName {
    FolderName::parse(name).unwrap()
}

fn message(text: &str) -> NewMessage {
    NewMessage {
        bytes: format!("From: ai@kit.example\r\nSubject: {text}\r\n\r\n{text}\r\n").into_bytes(),
        internal_date: NOW,
        flags: Flags::default(),
    }
}

fn flags(words: &[&str]) -> Flags {
    let parsed: Vec<_> = words
        .iter()
        .map(|word| sekisho_imap::Flag::parse(word.as_bytes()).unwrap())
        .collect();
    Flags::new(&parsed).unwrap()
}

fn uids(numbers: &[u32]) -> UidSet {
    numbers.iter().copied().map(Uid::new).collect()
}

/// All that can be seen of an account: how mail is filed, and per folder its snapshot and its messages' bytes.
type View = (Option<String>, Vec<(Folder, Snapshot, Vec<Vec<u8>>)>);

async fn view(mailbox: &Mailbox) -> Result<View, StoreError> {
    let mut view = Vec::new();
    for folder in mailbox.folders().await? {
        let snapshot = mailbox.snapshot(folder.id).await?;
        let mut bytes = Vec::new();
        for state in snapshot.messages.iter() {
            bytes.push(mailbox.content(folder.id, state.uid).await?.read().await?);
        }
        view.push((folder, snapshot, bytes));
    }
    Ok((mailbox.filter().await?, view))
}
