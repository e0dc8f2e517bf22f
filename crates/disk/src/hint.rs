//! Starts writing to the disk before the sync.

use std::fs::File;

/// Starts writing the file's unsynced bytes from `offset` on, without waiting. Errors are ignored here: the later sync
/// reports them.
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

/// Other systems have no such call.
#[cfg(not(target_os = "linux"))]
pub(crate) fn start_sync(_: &File, _: u64) {}
