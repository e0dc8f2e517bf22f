//! The log of what was done to the disk, in order.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One operation. Paths are relative to the recording's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A file was made.
    Create(PathBuf),
    /// A folder was made.
    CreateFolder(PathBuf),
    /// Bytes were written.
    Write {
        /// The file.
        path: PathBuf,
        /// The offset of the first byte.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A file was shortened or lengthened.
    Truncate {
        /// The file.
        path: PathBuf,
        /// Its new length in bytes.
        length: u64,
    },
    /// A file's bytes were synced.
    Sync(PathBuf),
    /// A folder's names were synced.
    SyncFolder(PathBuf, Origin),
    /// A file or folder was renamed.
    Rename {
        /// The name before.
        from: PathBuf,
        /// The name after.
        to: PathBuf,
    },
    /// A file was removed.
    Remove(PathBuf),
    /// Nothing: the placeholder for an operation that a test left out.
    Nothing,
}

/// Who did the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user of the port.
    Caller,
    /// SQLite.
    Database,
}

/// The log of one [`crate::RecordingDisk`].
#[derive(Debug)]
pub(crate) struct Log {
    root: PathBuf,
    ops: Mutex<Vec<Op>>,
    full: AtomicBool,
}

impl Log {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            ops: Mutex::default(),
            full: AtomicBool::new(false),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Records an operation on `path`, if `path` lies below the root.
    pub(crate) fn note(&self, path: &Path, op: impl FnOnce(PathBuf) -> Op) {
        if let Some(path) = self.relative(path) {
            self.ops().push(op(path));
        }
    }

    pub(crate) fn relative(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.root).ok().map(Path::to_owned)
    }

    pub(crate) fn ops(&self) -> MutexGuard<'_, Vec<Op>> {
        self.ops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::SeqCst)
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }
}
