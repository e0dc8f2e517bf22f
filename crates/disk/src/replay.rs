//! What a power cut may leave of the recorded operations.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::log::Op;

/// What happens to bytes and names that were not synced before the power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of them are lost.
    DropUnsynced,
    /// For each write a random choice decides whether it is lost, kept, or kept in part; and for each folder, how many
    /// of its changes of names, counted from the first, are kept. The same seed chooses the same.
    TornLast(u64),
    /// All are kept.
    KeepAll,
}

/// The operations that were done to a disk.
#[derive(Debug, Clone)]
pub struct Recording(Vec<Op>);

impl Recording {
    pub(crate) fn new(ops: Vec<Op>) -> Self {
        Self(ops)
    }

    /// All operations, in order.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.0
    }

    /// The recording without some operations; the others keep their positions. For showing that a sync is needed.
    #[must_use]
    pub fn without(&self, left_out: impl Fn(&Op) -> bool) -> Self {
        let keep = |op: &Op| {
            if left_out(op) {
                Op::Nothing
            } else {
                op.clone()
            }
        };
        Self(self.0.iter().map(keep).collect())
    }

    /// Builds in `into`, an existing folder, what a crash right after the first `length` operations may have left.
    ///
    /// # Errors
    /// As the operating system reports for writing there.
    pub fn replay(&self, length: usize, loss: Loss, into: &Path) -> io::Result<()> {
        let mut world = World::default();
        for op in &self.0[..length.min(self.0.len())] {
            world.apply(op);
        }
        world.crash(loss, into)
    }
}

/// The disk in two states: as programs see it, and as it would be after a power cut.
#[derive(Default)]
struct World {
    nodes: Vec<Node>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names since their folder was synced, in order.
    unsynced_names: Vec<NameChange>,
}

enum Node {
    Folder,
    File {
        synced: Vec<u8>,
        unsynced: Vec<Change>,
    },
}

enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

enum NameChange {
    Add(PathBuf, usize),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

impl NameChange {
    fn folder(&self) -> Option<&Path> {
        let (Self::Add(path, _) | Self::Remove(path) | Self::Rename(_, path, _)) = self;
        path.parent()
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Add(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Rename(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

impl World {
    fn apply(&mut self, op: &Op) {
        match op {
            Op::Create(path) => self.add(
                path,
                Node::File {
                    synced: Vec::new(),
                    unsynced: Vec::new(),
                },
            ),
            Op::CreateFolder(path) => self.add(path, Node::Folder),
            Op::Write {
                path,
                offset,
                bytes,
            } => self.change(path, Change::Write(*offset, bytes.clone())),
            Op::Truncate { path, length } => self.change(path, Change::Truncate(*length)),
            Op::Sync(path) => {
                if let Some(Node::File { synced, unsynced }) = self.node(path) {
                    for change in unsynced.drain(..) {
                        change.apply(synced);
                    }
                }
            }
            Op::SyncFolder(path, _) => {
                let changes = std::mem::take(&mut self.unsynced_names);
                for change in changes {
                    if change.folder() == Some(path) {
                        change.apply(&mut self.durable_names);
                    } else {
                        self.unsynced_names.push(change);
                    }
                }
            }
            Op::Rename { from, to } => {
                if let Some(&node) = self.names.get(from) {
                    self.rename(NameChange::Rename(from.clone(), to.clone(), node));
                }
            }
            Op::Remove(path) => self.rename(NameChange::Remove(path.clone())),
            Op::Nothing => {}
        }
    }

    fn add(&mut self, path: &Path, node: Node) {
        self.nodes.push(node);
        self.rename(NameChange::Add(path.to_owned(), self.nodes.len() - 1));
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }

    fn change(&mut self, path: &Path, change: Change) {
        if let Some(Node::File { unsynced, .. }) = self.node(path) {
            unsynced.push(change);
        }
    }

    fn node(&mut self, path: &Path) -> Option<&mut Node> {
        self.nodes.get_mut(*self.names.get(path)?)
    }

    fn crash(mut self, loss: Loss, into: &Path) -> io::Result<()> {
        let mut chance = match loss {
            Loss::DropUnsynced => Chance::Never,
            Loss::KeepAll => Chance::Always,
            Loss::TornLast(seed) => Chance::Seeded(seed),
        };
        let mut stopped: Vec<PathBuf> = Vec::new();
        for change in &self.unsynced_names {
            let folder = change.folder().map(Path::to_owned).unwrap_or_default();
            if stopped.contains(&folder) {
                continue;
            }
            if chance.keeps() {
                change.apply(&mut self.durable_names);
            } else {
                stopped.push(folder);
            }
        }
        // Sorted by path, a folder comes before its contents. The contents of a lost folder are lost.
        for (path, node) in &self.durable_names {
            let target = into.join(path);
            if !target.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match &mut self.nodes[*node] {
                Node::Folder => fs::create_dir(&target)?,
                Node::File { synced, unsynced } => {
                    for change in unsynced.drain(..) {
                        chance.tear(change, synced);
                    }
                    fs::write(&target, &*synced)?;
                }
            }
        }
        Ok(())
    }
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Truncate(length) => bytes.resize(index(length), 0),
            Self::Write(offset, new) => {
                let start = index(offset);
                let end = start + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[start..end].copy_from_slice(&new);
            }
        }
    }
}

/// The recorded files were small enough for memory, so their offsets fit.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

enum Chance {
    Never,
    Always,
    Seeded(u64),
}

impl Chance {
    fn keeps(&mut self) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Seeded(_) => self.draw(2) == 0,
        }
    }

    /// Applies all, a part or nothing of a change.
    fn tear(&mut self, change: Change, bytes: &mut Vec<u8>) {
        match (self, change) {
            (Self::Never, _) => {}
            (Self::Always, change) => change.apply(bytes),
            (seeded, Change::Write(offset, mut new)) => {
                match seeded.draw(3) {
                    0 => return,
                    1 => new.truncate(seeded.draw(new.len() + 1)),
                    _ => {}
                }
                Change::Write(offset, new).apply(bytes);
            }
            (seeded, change) => {
                if seeded.keeps() {
                    change.apply(bytes);
                }
            }
        }
    }

    /// A random number below `limit` (splitmix64).
    fn draw(&mut self, limit: usize) -> usize {
        let Self::Seeded(state) = self else {
            return 0;
        };
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed % limit.max(1) as u64) as usize
    }
}
