//! Writing begun early.

use std::fs::File;

/// Begins to write what is dirty of a file from `offset` on, and waits for nothing. An error is the sync's to tell.
#[cfg(target_os = "linux")]
pub(crate) fn start_sync(file: &File, offset: u64) {
    use std::os::fd::AsRawFd as _;
    let Ok(offset) = offset.try_into() else {
        return;
    };
    // SAFETY: the descriptor is open as long as `file` is borrowed, and no memory is passed.
    unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset, 0, libc::SYNC_FILE_RANGE_WRITE);
    }
}

/// There is no such call here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn start_sync(_: &File, _: u64) {}
