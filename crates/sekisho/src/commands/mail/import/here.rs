//! Messages of an account of this program: what is there already, and what a backup has.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use sekisho_checkpoint::AccountId;
use sekisho_disk::RealDisk;
use sekisho_store::{Folder, FolderId, Limits, Mailbox, MessageRow, Store, UidSet};

use super::source::{MessageKey, Source, SourceFolder, SourceMessage, header_of};
use crate::clock::WallClock;

/// How many rows of the index are read at once.
const ROWS: usize = 200;
/// How much of a message is read at first for its header.
const BEGINNING: u64 = 16 << 10;

/// The messages of a folder, by rising UID.
pub(super) async fn list(
    mailbox: &Mailbox,
    folder: FolderId,
) -> anyhow::Result<Vec<SourceMessage>> {
    let rows = rows(mailbox, folder).await?;
    let mut listed = Vec::with_capacity(rows.len());
    for some in rows.chunks(ROWS) {
        let beginnings = mailbox.beginnings(some, BEGINNING).await?;
        for (row, beginning) in some.iter().zip(beginnings) {
            let header = match header_of(&beginning) {
                Some(header) => header,
                None => mailbox.content_of(row).await?.read().await?,
            };
            let state = &row.state;
            listed.push(SourceMessage {
                key: MessageKey::new(Some(state.internal_date), &header),
                flags: state.flags.iter().collect(),
                size: state.size,
            });
        }
    }
    Ok(listed)
}

async fn rows(mailbox: &Mailbox, folder: FolderId) -> anyhow::Result<Vec<MessageRow>> {
    let uids: Vec<_> = {
        let snapshot = mailbox.snapshot(folder).await?;
        snapshot.messages.iter().map(|state| state.uid).collect()
    };
    let mut rows = Vec::with_capacity(uids.len());
    for some in uids.chunks(ROWS) {
        let some: UidSet = some.iter().copied().collect();
        rows.extend(mailbox.rows(folder, some).await?);
    }
    Ok(rows)
}

/// An account in a folder that `sekisho mail backup` made.
pub(super) struct Backup {
    mailbox: Mailbox,
    folders: Vec<Folder>,
    open: Vec<MessageRow>,
}

pub(super) async fn open(
    folder: &Path,
    account: AccountId,
    limits: Limits,
) -> anyhow::Result<Backup> {
    let opened = Store::open_root(folder, Arc::new(RealDisk), Arc::new(WallClock), limits);
    let (_, operator) = opened?;
    let mailbox = operator.open(account).await?;
    Ok(Backup {
        folders: mailbox.folders().await?,
        mailbox,
        open: Vec::new(),
    })
}

#[async_trait]
impl Source for Backup {
    fn folders(&self) -> Vec<SourceFolder> {
        let folders = self.folders.iter();
        folders
            .map(|folder| SourceFolder {
                name: folder.name.clone(),
                special: folder.special_use,
            })
            .collect()
    }

    async fn list(&mut self, folder: usize) -> anyhow::Result<Vec<SourceMessage>> {
        let folder = self.folders[folder].id;
        self.open = rows(&self.mailbox, folder).await?;
        list(&self.mailbox, folder).await
    }

    async fn read(&mut self, wanted: &[usize]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        let mut contents = Vec::with_capacity(wanted.len());
        for &at in wanted {
            let content = self.mailbox.content_of(&self.open[at]).await?;
            contents.push(Some(content.read().await?));
        }
        Ok(contents)
    }
}
