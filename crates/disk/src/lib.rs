//! The disk port: every write, rename, sync, truncation and removal by the mail store goes through [`Disk`].
//!
//! Having one port makes durability testable. `kill -9` shows little, since the page cache survives it.
//! [`RecordingDisk`] records what was written and what was synced, including SQLite's own writes, and rebuilds the
//! folder as a power cut after any step might have left it.
//!
//! The crate knows nothing about mail, retries nothing and hides no error. It is the only room with `unsafe` code:
//! SQLite's virtual file system and one system call are C interfaces.
//!
//! In reading order: [`port`] is what the store sees; [`real`] passes it on to the operating system; [`recording`]
//! records it in a `log`, from which `replay` builds folders; `hint` starts writing early; `vfs` makes SQLite's own
//! writes part of the recording; `snapshot` copies a database for a backup.

#[expect(unsafe_code, reason = "the operating system's call is a C function")]
mod hint;
mod log;
pub mod port;
pub mod real;
pub mod recording;
mod replay;
mod snapshot;
#[expect(
    unsafe_code,
    reason = "SQLite takes a virtual file system as a table of C functions"
)]
mod vfs;

pub use log::{Op, Origin};
pub use port::{Disk, ReadFile, WriteFile};
pub use real::RealDisk;
pub use recording::RecordingDisk;
pub use replay::{Loss, Recording};
pub use snapshot::snapshot;
