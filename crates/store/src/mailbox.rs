//! A mailbox as IMAP sees it.

use std::ops::Range;
use std::sync::Arc;

use rusqlite::Transaction;
use sekisho_checkpoint::AccountId;
use sekisho_disk::ReadFile;
use tokio::sync::watch;

use crate::account::Core;
use crate::append::{append, append_one};
use crate::blocking::blocking;
use crate::error::StoreError;
use crate::flags::{FlagChange, Flags};
use crate::location::MessageLocation;
use crate::message::{
    Appended, Changes, Copied, Folder, MessageRow, NewMessage, SearchKeys, Snapshot, SpecialUse,
    Status, Stored, ThreadKeys, Usage,
};
use crate::name::FolderName;
use crate::pending::{Answer, Destination};
use crate::texts::Needle;
use crate::uid::{ContentId, FolderId, ModSeq, Uid, UidSet};
use crate::{filter, folders, messages};

type Result<T> = std::result::Result<T, StoreError>;

/// An account's mail, opened. Cheap to clone; every clone sees the same.
///
/// Its calls return when what they did is on the disk. None blocks the caller's thread.
#[derive(Clone)]
pub struct Mailbox {
    core: Arc<Core>,
}

impl Mailbox {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Whose mail it is.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        self.core.account
    }

    /// Tells of every change of the account that this process makes, in whatever session: the value is the account's
    /// highest modseq. For IDLE; see [`Self::changes`]. (What another process changes is seen by the next call that
    /// reads.)
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<ModSeq> {
        self.core.changes.subscribe()
    }

    /// All folders, by name, the INBOX first.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn folders(&self) -> Result<Vec<Folder>> {
        self.read(folders::list).await
    }

    /// One folder.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], temporary ones.
    pub async fn folder(&self, name: &FolderName) -> Result<Folder> {
        let name = name.clone();
        self.read(move |index| folders::get(index, &name)).await
    }

    /// Makes a folder, and those above it that are missing.
    ///
    /// # Errors
    /// [`StoreError::FolderExists`], [`StoreError::TooManyFolders`], temporary ones.
    pub async fn create_folder(&self, name: &FolderName) -> Result<Folder> {
        self.create_folder_for(name, None).await
    }

    /// Makes a folder for a special use, or for none. A use whose folder was deleted can be given again.
    ///
    /// # Errors
    /// [`StoreError::UseTaken`], and as [`Self::create_folder`].
    pub async fn create_folder_for(
        &self,
        name: &FolderName,
        special: Option<SpecialUse>,
    ) -> Result<Folder> {
        let name = name.clone();
        let now = self.core.now();
        let most = self.core.limits.folders;
        self.write(move |index| folders::create(index, &name, special, most, now))
            .await
    }

    /// How much the account holds, as its quota counts it.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn usage(&self) -> Result<Usage> {
        self.read(messages::usage).await
    }

    /// Renames a folder and those below it. Renaming the INBOX moves its messages into a new folder and leaves it empty
    /// (RFC 3501, section 6.3.5).
    ///
    /// # Errors [`StoreError::NoSuchFolder`], [`StoreError::FolderExists`], [`StoreError::FolderFixed`] for a name
    /// below its own, temporary ones.
    pub async fn rename_folder(&self, from: &FolderName, to: &FolderName) -> Result<()> {
        let (from, to) = (from.clone(), to.clone());
        let now = self.core.now();
        let most = self.core.limits.folders;
        self.write(move |index| folders::rename(index, &from, &to, most, now))
            .await
    }

    /// Deletes a folder with its messages; folders below it stay.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], [`StoreError::FolderFixed`] for the INBOX, temporary ones.
    pub async fn delete_folder(&self, name: &FolderName) -> Result<()> {
        let name = name.clone();
        self.take_away(move |index| folders::delete(index, &name))
            .await
    }

    /// Subscribes to a folder, or ends the subscription.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], temporary ones.
    pub async fn subscribe(&self, name: &FolderName, subscribed: bool) -> Result<()> {
        let name = name.clone();
        self.write(move |index| folders::subscribe(index, &name, subscribed))
            .await
    }

    /// How the account wants its mail filed; `None` if nothing was set.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn filter(&self) -> Result<Option<String>> {
        self.read(filter::get).await
    }

    /// Sets how mail is to be filed from now on, or that it is no longer.
    ///
    /// # Errors
    /// Temporary ones; nothing was changed then.
    pub async fn set_filter(&self, settings: Option<String>) -> Result<()> {
        self.write(move |index| filter::set(index, settings.as_deref()))
            .await
    }

    /// A folder's counts.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], temporary ones.
    pub async fn status(&self, folder: FolderId) -> Result<Status> {
        self.read(move |index| folders::status(index, folder)).await
    }

    /// All messages of a folder.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], temporary ones.
    pub async fn snapshot(&self, folder: FolderId) -> Result<Snapshot> {
        let core = Arc::clone(&self.core);
        self.read(move |index| {
            let snapshot = core.snapshots.read(index, core.account, folder)?;
            Ok(Arc::unwrap_or_clone(snapshot))
        })
        .await
    }

    /// What happened in a folder after `since`.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], also when the folder was deleted meanwhile; temporary ones.
    pub async fn changes(&self, folder: FolderId, since: ModSeq) -> Result<Changes> {
        let core = Arc::clone(&self.core);
        self.read(move |index| {
            let mut changes = messages::changes(index, folder, since)?;
            core.snapshots
                .complete(core.account, folder, &mut changes, since);
            Ok(changes)
        })
        .await
    }

    /// What the index knows of some messages, by rising UID; those that went away are left out. A row takes some KiB:
    /// ask for a few hundred at a time.
    ///
    /// # Errors [`StoreError::NoSuchFolder`], temporary ones.
    pub async fn rows(&self, folder: FolderId, uids: UidSet) -> Result<Vec<MessageRow>> {
        self.read(move |index| messages::rows(index, folder, &uids))
            .await
    }

    /// The decoded headers of messages, by rising UID.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], temporary ones.
    pub async fn search_keys(&self, folder: FolderId, uids: UidSet) -> Result<Vec<SearchKeys>> {
        self.read(move |index| messages::search_keys(index, folder, &uids))
            .await
    }

    /// What THREAD needs of messages, by rising UID.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], temporary ones.
    pub async fn thread_keys(&self, folder: FolderId, uids: UidSet) -> Result<Vec<ThreadKeys>> {
        self.read(move |index| messages::thread_keys(index, folder, &uids))
            .await
    }

    /// For each needle, which of the messages hold it, by rising UID.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], temporary ones.
    pub async fn find_texts(
        &self,
        folder: FolderId,
        uids: UidSet,
        needles: Vec<Needle>,
    ) -> Result<Vec<Vec<Uid>>> {
        let core = Arc::clone(&self.core);
        blocking(move || core.find_texts(folder, &uids, &needles)).await
    }

    /// A message's bytes, to be read as needed.
    ///
    /// # Errors
    /// [`StoreError::NoSuchMessage`], temporary ones.
    pub async fn content(&self, folder: FolderId, uid: Uid) -> Result<Content> {
        let core = Arc::clone(&self.core);
        blocking(move || {
            let look_up = |index: &Transaction<'_>| messages::place(index, folder, uid);
            let (file, place) = core.reach(core.read(look_up)?, look_up)?;
            Ok(Content { file, place })
        })
        .await
    }

    /// The bytes of a message whose row was read before.
    ///
    /// # Errors
    /// [`StoreError::NoSuchMessage`] if their space was given back meanwhile, temporary ones.
    pub async fn content_of(&self, row: &MessageRow) -> Result<Content> {
        let (core, place, content) = (Arc::clone(&self.core), row.place, row.content);
        blocking(move || {
            let (file, place) = core.reach(place, |index| messages::place_of(index, content))?;
            Ok(Content { file, place })
        })
        .await
    }

    /// The beginning of each message, at most `most` bytes, read in one go.
    ///
    /// # Errors
    /// As [`Self::content_of`].
    pub async fn beginnings(&self, rows: &[MessageRow], most: u64) -> Result<Vec<Vec<u8>>> {
        let core = Arc::clone(&self.core);
        let places: Vec<(ContentId, MessageLocation)> =
            rows.iter().map(|row| (row.content, row.place)).collect();
        blocking(move || {
            let read = |(content, place): (ContentId, MessageLocation)| {
                let (file, place) =
                    core.reach(place, |index| messages::place_of(index, content))?;
                let length = usize::try_from(place.size.min(most)).unwrap_or(0);
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, place.offset)?;
                Ok(bytes)
            };
            places.into_iter().map(read).collect()
        })
        .await
    }

    /// Adds a message to a folder.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::OverQuota`], [`StoreError::NoSuchFolder`], temporary ones.
    pub async fn append(&self, folder: FolderId, message: NewMessage) -> Result<Appended> {
        let destination = Destination::Folder(folder);
        append_one(Arc::clone(&self.core), destination, message).await
    }

    /// Adds messages to the folder of that name, all or none, with rising UIDs. Also returns, where it can, what
    /// [`Self::changes`] would say of the folder that the caller has open.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub async fn append_to(
        &self,
        folder: &FolderName,
        messages: Vec<NewMessage>,
        open: Option<(FolderId, ModSeq)>,
    ) -> Result<(Vec<Appended>, Option<Changes>)> {
        let destination = Destination::Existing(folder.clone());
        let core = Arc::clone(&self.core);
        let Answer { appended, mut news } = append(core, destination, messages, open).await?;
        if let (Some((folder, since)), Some(changes)) = (open, &mut news) {
            let Core {
                snapshots, account, ..
            } = &*self.core;
            snapshots.complete(*account, folder, changes, since);
        }
        Ok((appended, news))
    }

    /// Changes flags. With `unchanged_since`, messages that changed after it are left alone (RFC 7162, section 3.1.3).
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], [`StoreError::TooManyKeywords`], temporary ones; nothing was changed then.
    pub async fn store_flags(
        &self,
        folder: FolderId,
        uids: UidSet,
        change: FlagChange,
        flags: Flags,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Stored> {
        self.write(move |index| {
            messages::store_flags(index, folder, &uids, change, &flags, unchanged_since)
        })
        .await
    }

    /// Copies messages, all or none; the bytes are shared.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`] for either, [`StoreError::OverQuota`], temporary ones.
    pub async fn copy(&self, folder: FolderId, uids: UidSet, to: FolderId) -> Result<Copied> {
        let limits = self.core.limits;
        self.write(move |index| {
            let copied = messages::copy(index, folder, &uids, to)?;
            if limits.allow(messages::usage(index)?) {
                Ok(copied)
            } else {
                Err(StoreError::OverQuota)
            }
        })
        .await
    }

    /// Moves messages, all or none.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`] for either, temporary ones.
    pub async fn move_messages(
        &self,
        folder: FolderId,
        uids: UidSet,
        to: FolderId,
    ) -> Result<Copied> {
        self.write(move |index| messages::relocate(index, folder, &uids, to))
            .await
    }

    /// Removes the messages of `uids` that have `\Deleted` (all of them with [`UidSet::all`]); returns those that went,
    /// by rising UID.
    ///
    /// # Errors [`StoreError::NoSuchFolder`], temporary ones.
    pub async fn expunge(&self, folder: FolderId, uids: UidSet) -> Result<Vec<Uid>> {
        self.take_away(move |index| messages::remove(index, folder, &uids, true))
            .await
    }

    /// Removes messages, whatever their flags; returns those that went, by rising UID.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFolder`], temporary ones; nothing was removed then.
    pub async fn remove(&self, folder: FolderId, uids: UidSet) -> Result<Vec<Uid>> {
        self.take_away(move |index| messages::remove(index, folder, &uids, false))
            .await
    }
}

impl Mailbox {
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let core = Arc::clone(&self.core);
        blocking(move || core.read(work)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let core = Arc::clone(&self.core);
        blocking(move || core.write(work)).await
    }

    /// As `write`, for changes that may leave waste behind: if a compaction is worthwhile, it begins once the caller
    /// has its answer.
    async fn take_away<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let core = Arc::clone(&self.core);
        let (done, much_waste) = blocking(move || {
            core.write(|index| {
                let done = work(index)?;
                Ok((done, core.has_much_waste(index)))
            })
        })
        .await?;
        if much_waste == Ok(true) {
            self.core.compact_soon();
        }
        Ok(done)
    }
}

/// A message's bytes. They stay readable though the message is removed meanwhile.
#[derive(Clone)]
pub struct Content {
    file: Arc<dyn ReadFile>,
    place: MessageLocation,
}

impl Content {
    /// How many bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.place.size
    }

    /// All of them.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn read(&self) -> Result<Vec<u8>> {
        self.read_range(0..self.place.size).await
    }

    /// Some of them; a range that reaches past the end is cut.
    ///
    /// # Errors
    /// Temporary ones.
    pub async fn read_range(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let end = range.end.min(self.place.size);
        let start = range.start.min(end);
        let length = usize::try_from(end - start).map_err(|_| StoreError::NoSuchMessage)?;
        let (file, offset) = (Arc::clone(&self.file), self.place.offset + start);
        blocking(move || {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, offset)?;
            Ok(bytes)
        })
        .await
    }
}
