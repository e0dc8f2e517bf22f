//! The disk port: every write, rename, sync, truncation and removal of the mail store goes through [`Disk`].
//!
//! One door to the disk makes durability testable. `kill -9` shows little, since the page cache survives it; [`RecordingDisk`] notes what was
//! written and what was synced, SQLite's own writes among it, and rebuilds the folder as a power cut after any step might have left it.
//!
//! The crate knows nothing of mail, retries nothing and hides no error. It is the one room with `unsafe`: SQLite's virtual file system and one call
//! of the operating system are C interfaces.
//!
//! In reading order: [`port`] is what the store sees; [`real`] passes it on to the operating system; [`recording`] notes it in a `log`, which `replay`
//! makes folders of; `hint` begins writes early; `vfs` is how SQLite's own writes get into it. `snapshot` copies a
//! database for a backup.

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
