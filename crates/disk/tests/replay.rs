//! A recording can rebuild what a power cut may leave, including SQLite's own files.

use std::fs;
use std::path::Path;

use sekisho_disk::{Disk, Loss, Op, Origin, Recording, RecordingDisk};

fn replayed(recording: &Recording, length: usize, loss: Loss) -> tempfile::TempDir {
    let into = tempfile::tempdir().unwrap();
    recording.replay(length, loss, into.path()).unwrap();
    into
}

fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    fs::read(folder.join(name)).ok()
}

#[test]
fn what_was_not_synced_may_be_lost_and_what_was_is_not() {
    let root = tempfile::tempdir().unwrap();
    let disk = RecordingDisk::new(root.path()).unwrap();
    let mut file = disk.open_write(&root.path().join("a")).unwrap();
    file.write_at(b"one", 0).unwrap();
    file.sync().unwrap();
    let named = disk.position() + 1;
    disk.sync_folder(root.path()).unwrap();
    file.write_at(b"two", 3).unwrap();
    let recording = disk.recording();
    let all = recording.ops().len();

    let left = |length, loss| read(replayed(&recording, length, loss).path(), "a");
    assert_eq!(left(named - 1, Loss::DropUnsynced), None);
    assert_eq!(left(named - 1, Loss::KeepAll).as_deref(), Some(&b"one"[..]));
    assert_eq!(left(all, Loss::DropUnsynced).as_deref(), Some(&b"one"[..]));
    assert_eq!(left(all, Loss::KeepAll).as_deref(), Some(&b"onetwo"[..]));
    for seed in 0..50 {
        let torn = left(all, Loss::TornLast(seed)).unwrap();
        assert!(torn.starts_with(b"one") && b"onetwo".starts_with(&torn));
        assert_eq!(Some(torn), left(all, Loss::TornLast(seed)));
    }
}

#[test]
fn a_rename_counts_when_its_folder_is_synced() {
    let root = tempfile::tempdir().unwrap();
    let disk = RecordingDisk::new(root.path()).unwrap();
    let (old, new) = (root.path().join("old"), root.path().join("new"));
    drop(disk.open_write(&old).unwrap());
    disk.sync_folder(root.path()).unwrap();
    disk.rename(&old, &new).unwrap();
    let before = disk.position();
    disk.sync_folder(root.path()).unwrap();
    disk.remove(&new).unwrap();
    let recording = disk.recording();
    let names = |length, loss| {
        let folder = replayed(&recording, length, loss);
        ["old", "new"].map(|name| folder.path().join(name).exists())
    };
    assert_eq!(names(before, Loss::DropUnsynced), [true, false]);
    assert_eq!(names(before, Loss::KeepAll), [false, true]);
    assert_eq!(names(before + 2, Loss::DropUnsynced), [false, true]);
    assert_eq!(names(before + 2, Loss::KeepAll), [false, false]);
}

#[test]
fn a_committed_row_survives_and_needs_its_sync_to_do_so() {
    let root = tempfile::tempdir().unwrap();
    let disk = RecordingDisk::new(root.path()).unwrap();
    let database = disk.open_database(&root.path().join("a.db")).unwrap();
    database.execute_batch("CREATE TABLE t (n)").unwrap();
    let mut committed = Vec::new();
    for n in 1..=20 {
        database.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
        committed.push(disk.position());
    }
    let recording = disk.recording();
    let is_log = |path: &Path| path == Path::new("a.db-wal");
    assert!(
        recording
            .ops()
            .iter()
            .any(|op| matches!(op, Op::Write { path, .. } if is_log(path)))
    );
    assert!(
        !recording
            .ops()
            .iter()
            .any(|op| matches!(op, Op::Create(path) if path.ends_with("a.db-shm")))
    );

    let losses = [
        Loss::DropUnsynced,
        Loss::KeepAll,
        Loss::TornLast(1),
        Loss::TornLast(2),
    ];
    let survives = |recording: &Recording| {
        committed.iter().enumerate().all(|(index, &position)| {
            losses.iter().all(|&loss| {
                let folder = replayed(recording, position, loss);
                rows(&folder.path().join("a.db")) == Some(index as u32 + 1)
            })
        })
    };
    assert!(survives(&recording));
    assert!(!survives(
        &recording.without(|op| matches!(op, Op::Sync(path) if is_log(path)))
    ));
    assert!(!survives(&recording.without(|op| matches!(
        op,
        Op::SyncFolder(_, Origin::Database)
    ))));
}

fn rows(path: &Path) -> Option<u32> {
    if !path.exists() {
        return None;
    }
    let database = rusqlite::Connection::open(path).ok()?;
    database
        .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .ok()
}

#[test]
fn a_full_disk_refuses_and_then_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let disk = RecordingDisk::new(root.path()).unwrap();
    let database = disk.open_database(&root.path().join("a.db")).unwrap();
    database.execute_batch("CREATE TABLE t (n)").unwrap();
    let mut file = disk.open_write(&root.path().join("a")).unwrap();
    disk.set_full(true);
    assert!(database.execute("INSERT INTO t VALUES (1)", []).is_err());
    assert_eq!(
        file.write_at(b"four", 0).unwrap_err().kind(),
        std::io::ErrorKind::StorageFull
    );
    assert_eq!(file.len().unwrap(), 2);
    disk.set_full(false);
    database.execute("INSERT INTO t VALUES (2)", []).unwrap();
    assert_eq!(rows(&root.path().join("a.db")), Some(1));
}
