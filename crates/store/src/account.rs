//! An account's folder, opened: its index, its message files, and who waits for them.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::ports::Clock;
use sekisho_disk::{Disk, ReadFile, WriteFile};
use tokio::sync::watch;

use crate::counters::modseq;
use crate::error::StoreError;
use crate::files::{self, Files};
use crate::limits::Limits;
use crate::location::MessageLocation;
use crate::pending::Pending;
use crate::recovery;
use crate::schema;
use crate::sent;
use crate::snapshots::Snapshots;
use crate::texts::Texts;
use crate::uid::ModSeq;

type Result<T> = std::result::Result<T, StoreError>;

pub(crate) const INDEX: &str = "index.db";
/// How many connections for reading an account keeps while nobody uses them.
const SPARE_READERS: usize = 2;

/// What all accounts of a store have in common.
pub(crate) struct Common {
    /// The folder with the accounts' folders in it.
    pub(crate) root: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) snapshots: Arc<Snapshots>,
}

/// An opened account. All of it blocks; [`super::Mailbox`] calls it from threads made for that.
pub(crate) struct Core {
    pub(crate) account: AccountId,
    pub(crate) limits: Limits,
    pub(crate) pending: Pending,
    pub(crate) changes: watch::Sender<ModSeq>,
    pub(crate) snapshots: Arc<Snapshots>,
    pub(crate) texts: Texts,
    /// Whether the server may keep copies of sent mail that a client has not kept yet.
    pub(crate) keeps_copies: AtomicBool,
    /// Whether somebody compacts, or is about to.
    pub(crate) compacting: AtomicBool,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    /// The message file that was read last.
    last_read: Mutex<Option<(i64, Arc<dyn ReadFile>)>>,
}

struct Writer {
    index: Connection,
    files: Files,
    /// How the index commits at present.
    commits: Commit,
}

/// Whether a commit of the index is on the disk when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commit {
    Synced,
    Unsynced,
}

impl Core {
    /// Opens an account's folder within the store's, making it if it is missing.
    pub(crate) fn open(common: &Common, account: AccountId) -> Result<Self> {
        let Common {
            root,
            disk,
            clock,
            limits,
            snapshots,
        } = common;
        let folder = root.join(account.get().to_string());
        disk.create_folder(&folder)?;
        let mut index = disk.open_database(&folder.join(INDEX))?;
        if schema::is_new(&index)? {
            disk.sync_folder(root)?;
            schema::create(&mut index, clock.now().as_second())?;
        }
        schema::upgrade(&mut index)?;
        let keeps_copies = sent::any(&index.transaction()?)?;
        recovery::recover(&mut index, &**disk, &folder, clock.now().as_second())?;
        let modseq = modseq(&index)?;
        let files = Files::new(Arc::clone(disk), folder.clone(), *limits);
        let texts = Texts::new(Arc::clone(disk), &folder);
        texts.compare(modseq);
        Ok(Self {
            account,
            limits: *limits,
            pending: Pending::default(),
            changes: watch::Sender::new(modseq),
            snapshots: Arc::clone(snapshots),
            texts,
            keeps_copies: AtomicBool::new(keeps_copies),
            compacting: AtomicBool::new(false),
            disk: Arc::clone(disk),
            clock: Arc::clone(clock),
            folder,
            writer: Mutex::new(Writer {
                index,
                files,
                commits: Commit::Synced,
            }),
            readers: Mutex::new(Vec::new()),
            last_read: Mutex::new(None),
        })
    }

    /// The time in seconds.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    /// The clock.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Reads the index, all of it as of one moment.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let spare = lock(&self.readers).pop();
        let mut index = match spare {
            Some(index) => index,
            None => self.disk.open_database(&self.folder.join(INDEX))?,
        };
        let done = work(&index.transaction()?);
        let mut spares = lock(&self.readers);
        if spares.len() < SPARE_READERS {
            spares.push(index);
        }
        done
    }

    /// Works with a connection of its own, outside of any transaction.
    pub(crate) fn with_reader<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&self.disk.open_database(&self.folder.join(INDEX))?)
    }

    /// A message file by its number.
    pub(crate) fn open_file(&self, number: i64) -> io::Result<Box<dyn ReadFile>> {
        self.disk.open_read(&files::path(&self.folder, number))
    }

    /// A message file by its number, made if it is missing.
    pub(crate) fn open_file_to_write(&self, number: i64) -> io::Result<Box<dyn WriteFile>> {
        self.disk.open_write(&files::path(&self.folder, number))
    }

    /// The numbers of the message files on the disk, rising.
    pub(crate) fn files_there(&self) -> io::Result<Vec<i64>> {
        files::numbers(&self.folder)
    }

    /// Makes the names of message files durable.
    pub(crate) fn sync_names(&self) -> io::Result<()> {
        self.disk.sync_folder(&self.folder)
    }

    /// Removes a message file.
    pub(crate) fn try_remove_file(&self, number: i64) -> io::Result<()> {
        self.disk.remove(&files::path(&self.folder, number))
    }

    /// How long a message file is on the disk.
    pub(crate) fn file_length(&self, number: i64) -> io::Result<u64> {
        self.open_file(number)?.len()
    }

    /// Changes the index, in one step that is on the disk when this returns, or not at all.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        self.change(Commit::Synced, |index, _| work(index))
    }

    /// Adds to message files, which are synced, and tells the index by a commit that is not. A crash may lose that
    /// commit; it is made up for when the account is opened again (see [`recovery`]).
    pub(crate) fn append<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>, &mut Files) -> Result<T>,
    ) -> Result<T> {
        self.change(Commit::Unsynced, work)
    }

    /// Changes message files and the index together: what was appended is synced, and the index's part is on the disk
    /// when this returns, or not done at all.
    pub(crate) fn change_files<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>, &mut Files) -> Result<T>,
    ) -> Result<T> {
        self.change(Commit::Synced, work)
    }

    fn change<T>(
        &self,
        commit: Commit,
        work: impl FnOnce(&Transaction<'_>, &mut Files) -> Result<T>,
    ) -> Result<T> {
        let mut writer = lock(&self.writer);
        let Writer {
            index,
            files,
            commits,
        } = &mut *writer;
        if *commits != commit {
            // A commit that is synced takes all before it along: the log is one file.
            let level = match commit {
                Commit::Synced => "FULL",
                Commit::Unsynced => "NORMAL",
            };
            index.pragma_update(None, "synchronous", level)?;
            *commits = commit;
        }
        files.forget_unsynced();
        let transaction = index.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction, files)?;
        let modseq = modseq(&transaction)?;
        files.sync()?;
        transaction.commit()?;
        self.changes.send_if_modified(|known| {
            let newer = *known < modseq;
            *known = modseq.max(*known);
            newer
        });
        Ok(done)
    }

    /// A message's file, opened for reading, and the message's place in it. A compaction may have moved the message
    /// since its place was read; then `again` looks it up anew.
    pub(crate) fn reach(
        &self,
        mut place: MessageLocation,
        again: impl Fn(&Transaction<'_>) -> Result<MessageLocation>,
    ) -> Result<(Arc<dyn ReadFile>, MessageLocation)> {
        loop {
            match self.message_file(place) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let now = self.read(&again)?;
                    if now == place {
                        return Err(error.into());
                    }
                    place = now;
                }
                file => return Ok((file?, place)),
            }
        }
    }

    /// Closes a message file that was read.
    pub(crate) fn close_read(&self, number: i64) {
        lock(&self.last_read).take_if(|(open, _)| *open == number);
    }

    /// A message file, to read.
    pub(crate) fn message_file(&self, place: MessageLocation) -> io::Result<Arc<dyn ReadFile>> {
        let mut last = lock(&self.last_read);
        match &*last {
            Some((number, file)) if *number == place.file => Ok(Arc::clone(file)),
            _ => {
                let path = files::path(&self.folder, place.file);
                let file: Arc<dyn ReadFile> = self.disk.open_read(&path)?.into();
                *last = Some((place.file, Arc::clone(&file)));
                Ok(file)
            }
        }
    }
}

/// The lock of a thread that panicked is taken over: the index has its transactions, so nothing is half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
