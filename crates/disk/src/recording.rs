//! A disk that works, and records in which order things were done.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use crate::log::{Log, Op, Origin};
use crate::port::{Disk, ReadFile, WriteFile, prepare};
use crate::real::RealDisk;
use crate::replay::Recording;
use crate::vfs;

/// This machine's disk below one folder, with a log of everything done there. For tests.
///
/// Each one leaves a registered SQLite file system behind: a few hundred bytes until the process ends.
pub struct RecordingDisk {
    log: Arc<Log>,
    vfs: String,
}

impl RecordingDisk {
    /// Records what happens below `root`, an empty folder.
    ///
    /// # Errors
    /// The folder doesn't exist, or SQLite refuses to register a file system.
    pub fn new(root: &Path) -> io::Result<Self> {
        let log = Arc::new(Log::new(root.canonicalize()?));
        let vfs = vfs::register(Arc::clone(&log))?;
        Ok(Self { log, vfs })
    }

    /// The name of this disk's SQLite file system, for callers that open a database themselves.
    #[must_use]
    pub fn vfs(&self) -> &str {
        &self.vfs
    }

    /// How many operations were done so far: what is acknowledged now must survive a crash at or after this position.
    #[must_use]
    pub fn position(&self) -> usize {
        self.log.ops().len()
    }

    /// What was done so far.
    #[must_use]
    pub fn recording(&self) -> Recording {
        Recording::new(self.log.ops().clone())
    }

    /// Makes the disk full from now on (or no longer full). A full disk stores half of each write to a file and then
    /// fails; SQLite's writes fail.
    pub fn set_full(&self, full: bool) {
        self.log.set_full(full);
    }

    fn note<T>(&self, path: &Path, done: io::Result<T>, op: Op) -> io::Result<T> {
        if done.is_ok() {
            self.log.note(path, |_| op);
        }
        done
    }

    fn relative(&self, path: &Path) -> io::Result<std::path::PathBuf> {
        self.log
            .relative(path)
            .ok_or_else(|| io::Error::other(format!("{path:?} is not below {:?}", self.log.root())))
    }
}

impl Disk for RecordingDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let relative = self.relative(path)?;
        if path.is_dir() {
            return Ok(());
        }
        self.note(
            path,
            RealDisk.create_folder(path),
            Op::CreateFolder(relative),
        )
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let relative = self.relative(path)?;
        let op = Op::SyncFolder(relative, Origin::Caller);
        self.note(path, RealDisk.sync_folder(path), op)
    }

    fn open_write(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let relative = self.relative(path)?;
        if self.log.is_full() && !path.exists() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let existed = path.exists();
        let file = RealDisk.open_write(path)?;
        if !existed {
            self.log.note(path, Op::Create);
        }
        Ok(Box::new(RecordedFile {
            file,
            path: relative,
            log: Arc::clone(&self.log),
        }))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        RealDisk.open_read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let op = Op::Rename {
            from: self.relative(from)?,
            to: self.relative(to)?,
        };
        self.note(to, RealDisk.rename(from, to), op)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let op = Op::Remove(self.relative(path)?);
        self.note(path, RealDisk.remove(path), op)
    }

    fn open_database(&self, path: &Path) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::default();
        prepare(Connection::open_with_flags_and_vfs(
            path,
            flags,
            self.vfs.as_str(),
        )?)
    }
}

struct RecordedFile {
    file: Box<dyn WriteFile>,
    path: std::path::PathBuf,
    log: Arc<Log>,
}

impl WriteFile for RecordedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let full = self.log.is_full();
        let fitting = if full {
            &bytes[..bytes.len() / 2]
        } else {
            bytes
        };
        self.file.write_at(fitting, offset)?;
        self.log.ops().push(Op::Write {
            path: self.path.clone(),
            offset,
            bytes: fitting.to_vec(),
        });
        if full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.truncate(length)?;
        self.log.ops().push(Op::Truncate {
            path: self.path.clone(),
            length,
        });
        Ok(())
    }

    /// Not recorded, since it promises nothing.
    fn start_sync(&mut self, _: u64) {}

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()?;
        self.log.ops().push(Op::Sync(self.path.clone()));
        Ok(())
    }
}
