//! A virtual file system for SQLite that passes everything to the default one and records what changes the disk.
//!
//! SQLite allocates each open file as `szOsFile` bytes: [`ShimFile`] first, then the default system's file.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::io;
use std::mem::{offset_of, size_of};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi::{
    SQLITE_FULL, SQLITE_OK, SQLITE_OPEN_CREATE, SQLITE_OPEN_MAIN_JOURNAL,
    SQLITE_OPEN_SUPER_JOURNAL, SQLITE_OPEN_WAL, sqlite3_file, sqlite3_filename, sqlite3_int64,
    sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find, sqlite3_vfs_register,
};

use crate::log::{Log, Op, Origin};

static REGISTERED: AtomicU64 = AtomicU64::new(0);

/// Registers a file system that records to `log`, and returns its name. File system and log stay until the process
/// ends.
pub(crate) fn register(log: Arc<Log>) -> io::Result<String> {
    let number = REGISTERED.fetch_add(1, Ordering::Relaxed);
    let name = format!("sekisho-recording-{number}");
    let c_name = CString::new(name.clone()).map_err(io::Error::other)?;
    // SAFETY: a null name asks for the default file system, which lives as long as the process.
    let base = unsafe { sqlite3_vfs_find(ptr::null()) };
    if base.is_null() {
        return Err(io::Error::other("SQLite has no file system"));
    }
    let shim = Box::leak(Box::new(Shim { base, log }));
    // SAFETY: checked above; SQLite never changes a registered file system's fields but `pNext`.
    let (file_size, longest) = unsafe { ((*base).szOsFile, (*base).mxPathname) };
    let header = c_int::try_from(size_of::<ShimFile>()).map_err(io::Error::other)?;
    let vfs = Box::leak(Box::new(sqlite3_vfs {
        iVersion: 2,
        szOsFile: header + file_size,
        mxPathname: longest,
        pNext: ptr::null_mut(),
        zName: c_name.into_raw(),
        pAppData: ptr::from_mut(shim).cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: Some(last_error),
        xCurrentTimeInt64: Some(current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }));
    // SAFETY: the structure was leaked, so it is never freed or moved.
    match unsafe { sqlite3_vfs_register(vfs, 0) } {
        SQLITE_OK => Ok(name),
        code => Err(io::Error::other(format!(
            "SQLite took no file system: {code}"
        ))),
    }
}

/// The file system's own data (`pAppData`).
struct Shim {
    base: *mut sqlite3_vfs,
    log: Arc<Log>,
}

/// An open file. The default system's file follows it in memory.
#[repr(C)]
struct ShimFile {
    file: sqlite3_file,
    /// Made from a `Box`; null for files that have no name.
    noted: *mut Noted,
}

/// What is recorded for a file with a name.
struct Noted {
    log: Arc<Log>,
    path: PathBuf,
    /// Whether the first sync also syncs the folder: SQLite's default system does so for journals that it creates.
    syncs_folder: bool,
}

/// The default system's file that follows a shim's in memory.
fn inner(file: *mut sqlite3_file) -> *mut sqlite3_file {
    file.cast::<u8>().wrapping_add(size_of::<ShimFile>()).cast()
}

/// Calls a method of the default system's file; an I/O error if it has no such method.
macro_rules! forward {
    ($file:ident, $method:ident $(, $argument:expr)*) => {{
        let inner = inner($file);
        // SAFETY: SQLite passes a file that `open` opened, so the inner one has its methods.
        match unsafe { (*(*inner).pMethods).$method } {
            // SAFETY: the arguments are SQLite's own, passed on as they came.
            Some(method) => unsafe { method(inner $(, $argument)*) },
            None => rusqlite::ffi::SQLITE_IOERR,
        }
    }};
}

/// Calls a method of the default file system; `$absent` if it has no such method.
macro_rules! forward_vfs {
    ($vfs:ident, $absent:expr, $method:ident $(, $argument:expr)*) => {{
        let base = shim($vfs).base;
        // SAFETY: the default file system lives as long as the process.
        match unsafe { (*base).$method } {
            // SAFETY: the arguments are SQLite's own, passed on as they came.
            Some(method) => unsafe { method(base $(, $argument)*) },
            None => $absent,
        }
    }};
}

fn shim<'a>(vfs: *mut sqlite3_vfs) -> &'a Shim {
    // SAFETY: SQLite passes the structure that was registered, whose data was leaked there.
    unsafe { &*(*vfs).pAppData.cast::<Shim>() }
}

fn noted<'a>(file: *mut sqlite3_file) -> Option<&'a mut Noted> {
    // SAFETY: `open` initialised the shim; SQLite uses a file from one thread at a time, and `close` is its last use.
    unsafe { (*file.cast::<ShimFile>()).noted.as_mut() }
}

/// A path that SQLite passed; `None` for a file without a name.
fn path(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite's names end with a NUL and live through the call.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    Some(Path::new(OsStr::from_bytes(bytes)).to_owned())
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let shim_file = file.cast::<ShimFile>();
    // SAFETY: SQLite gives `szOsFile` bytes, of which the shim's are the first.
    unsafe {
        shim_file.write(ShimFile {
            file: sqlite3_file {
                pMethods: ptr::null(),
            },
            noted: ptr::null_mut(),
        });
    }
    let path = path(name);
    let is_new = path.as_ref().is_some_and(|path| !path.exists());
    let code = forward_vfs!(
        vfs,
        rusqlite::ffi::SQLITE_CANTOPEN,
        xOpen,
        name,
        inner(file),
        flags,
        out_flags
    );
    if code != SQLITE_OK {
        return code;
    }
    let log = &shim(vfs).log;
    if let Some(path) = path {
        if is_new {
            log.note(&path, Op::Create);
        }
        let journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
        let noted = Noted {
            log: Arc::clone(log),
            path,
            syncs_folder: flags & SQLITE_OPEN_CREATE != 0 && flags & journals != 0,
        };
        // SAFETY: as above.
        unsafe { (*shim_file).noted = Box::into_raw(Box::new(noted)) };
    }
    // SAFETY: as above. From here on SQLite calls the methods, the last of them `close`.
    unsafe { (*file).pMethods = &raw const METHODS };
    code
}

unsafe extern "C" fn delete(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    let code = forward_vfs!(vfs, SQLITE_OK, xDelete, name, sync_folder);
    if let (SQLITE_OK, Some(path)) = (code, path(name)) {
        let log = &shim(vfs).log;
        log.note(&path, Op::Remove);
        if sync_folder & 1 != 0 {
            note_folder(log, &path);
        }
    }
    code
}

fn note_folder(log: &Log, path: &Path) {
    if let Some(folder) = path.parent() {
        log.note(folder, |folder| Op::SyncFolder(folder, Origin::Database));
    }
}

unsafe extern "C" fn access(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    forward_vfs!(vfs, SQLITE_OK, xAccess, name, flags, out)
}

unsafe extern "C" fn full_pathname(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    size: c_int,
    out: *mut c_char,
) -> c_int {
    forward_vfs!(vfs, SQLITE_OK, xFullPathname, name, size, out)
}

unsafe extern "C" fn randomness(vfs: *mut sqlite3_vfs, size: c_int, out: *mut c_char) -> c_int {
    forward_vfs!(vfs, 0, xRandomness, size, out)
}

unsafe extern "C" fn sleep(vfs: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    forward_vfs!(vfs, 0, xSleep, microseconds)
}

unsafe extern "C" fn current_time(vfs: *mut sqlite3_vfs, out: *mut f64) -> c_int {
    forward_vfs!(vfs, SQLITE_OK, xCurrentTime, out)
}

unsafe extern "C" fn current_time_int64(vfs: *mut sqlite3_vfs, out: *mut sqlite3_int64) -> c_int {
    forward_vfs!(vfs, SQLITE_OK, xCurrentTimeInt64, out)
}

unsafe extern "C" fn last_error(vfs: *mut sqlite3_vfs, size: c_int, out: *mut c_char) -> c_int {
    forward_vfs!(vfs, SQLITE_OK, xGetLastError, size, out)
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 3,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: Some(fetch),
    xUnfetch: Some(unfetch),
};

/// SQLite wants files aligned to 8 bytes, so the inner file must begin at a multiple of 8.
const _: () = assert!(size_of::<ShimFile>().is_multiple_of(8) && offset_of!(ShimFile, file) == 0);

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    let code = forward!(file, xClose);
    let shim_file = file.cast::<ShimFile>();
    // SAFETY: `open` initialised the shim, and nothing uses the file after this.
    let noted = unsafe { std::mem::replace(&mut (*shim_file).noted, ptr::null_mut()) };
    if !noted.is_null() {
        // SAFETY: it came from a `Box`, and was taken out above.
        drop(unsafe { Box::from_raw(noted) });
    }
    code
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    out: *mut c_void,
    size: c_int,
    offset: sqlite3_int64,
) -> c_int {
    forward!(file, xRead, out, size, offset)
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    data: *const c_void,
    size: c_int,
    offset: sqlite3_int64,
) -> c_int {
    let noted = noted(file);
    if noted.as_ref().is_some_and(|noted| noted.log.is_full()) {
        return SQLITE_FULL;
    }
    let code = forward!(file, xWrite, data, size, offset);
    if let (SQLITE_OK, Some(noted)) = (code, noted) {
        let length = usize::try_from(size).unwrap_or(0);
        // SAFETY: SQLite passes `size` readable bytes.
        let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) };
        noted.log.note(&noted.path, |path| Op::Write {
            path,
            offset: offset.unsigned_abs(),
            bytes: bytes.to_vec(),
        });
    }
    code
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, length: sqlite3_int64) -> c_int {
    let code = forward!(file, xTruncate, length);
    if let (SQLITE_OK, Some(noted)) = (code, noted(file)) {
        noted.log.note(&noted.path, |path| Op::Truncate {
            path,
            length: length.unsigned_abs(),
        });
    }
    code
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    let code = forward!(file, xSync, flags);
    if let (SQLITE_OK, Some(noted)) = (code, noted(file)) {
        noted.log.note(&noted.path, Op::Sync);
        if std::mem::take(&mut noted.syncs_folder) {
            note_folder(&noted.log, &noted.path);
        }
    }
    code
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut sqlite3_int64) -> c_int {
    forward!(file, xFileSize, out)
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    forward!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    forward!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    forward!(file, xCheckReservedLock, out)
}

unsafe extern "C" fn file_control(
    file: *mut sqlite3_file,
    what: c_int,
    argument: *mut c_void,
) -> c_int {
    forward!(file, xFileControl, what, argument)
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    forward!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    forward!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    forward!(file, xShmMap, page, size, extend, out)
}

unsafe extern "C" fn shm_lock(
    file: *mut sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    forward!(file, xShmLock, offset, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    let inner = inner(file);
    // SAFETY: SQLite passes a file that `open` opened, so the inner one has its methods.
    if let Some(barrier) = unsafe { (*(*inner).pMethods).xShmBarrier } {
        // SAFETY: as above.
        unsafe { barrier(inner) };
    }
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    forward!(file, xShmUnmap, delete)
}

unsafe extern "C" fn fetch(
    file: *mut sqlite3_file,
    offset: sqlite3_int64,
    size: c_int,
    out: *mut *mut c_void,
) -> c_int {
    forward!(file, xFetch, offset, size, out)
}

unsafe extern "C" fn unfetch(
    file: *mut sqlite3_file,
    offset: sqlite3_int64,
    page: *mut c_void,
) -> c_int {
    forward!(file, xUnfetch, offset, page)
}
