//! Power cuts: what the queue did is cut anywhere, with unsynced writes lost, torn or kept, and what is left is opened.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use jiff::Timestamp;
use sekisho_disk::{Disk, Loss, Op, Origin, RealDisk, Recording, RecordingDisk};

use super::*;
use crate::ledger::{Ledger, Mark, Owner, Route};

/// What waits: each message's bytes, and which of its recipients are held.
type View = BTreeMap<QueueId, (Vec<u8>, Vec<bool>)>;

/// What was acknowledged, and after how many operations of the disk.
struct Acknowledged {
    position: usize,
    view: View,
}

fn start() -> Timestamp {
    Timestamp::constant(1_751_326_200, 0)
}

fn open(root: &FilePath, disk: Arc<dyn Disk>) -> Result<Ledger, QueueError> {
    let ledger = Ledger::open(&root.join("queue"), disk, Owner::Alone)?;
    ledger.sweep()?;
    Ok(ledger)
}

fn view(ledger: &Ledger) -> Result<View, QueueError> {
    let read = |listed: QueueEntry| {
        let held = listed.waiting.iter().map(|to| to.held).collect();
        Ok((listed.id, (ledger.read(listed.id, listed.size)?, held)))
    };
    ledger.list()?.into_iter().map(read).collect()
}

/// Messages are queued, held, released, handed on (with a report), and dropped by hand, with a restart in between.
fn a_day(root: &FilePath) -> (Recording, Vec<Acknowledged>) {
    let disk = Arc::new(RecordingDisk::new(root).expect("disk"));
    let mut told = Vec::new();
    for part in 0..2 {
        let ledger = open(root, disk.clone()).expect("ledger");
        for step in 0..6 {
            let message = Mail {
                message: format!(
                    "Subject: {part}-{step}\r\n\r\n{}\r\n",
                    "x".repeat(step * 999)
                )
                .into_bytes(),
                ..mail(&["x@far.example"])
            };
            let id = ledger.put(&message, start(), Timestamp::MAX).expect("put");
            told.push(note(&disk, &ledger));
            match step {
                0 | 1 => {
                    let it = Selection::Message(id);
                    ledger.apply(&it, QueueAction::Hold, start()).expect("hold");
                    told.push(note(&disk, &ledger));
                    let action = [QueueAction::Release, QueueAction::Bounce][step];
                    ledger.apply(&it, action, start()).expect("action");
                }
                2 => {
                    let it = Selection::Message(id);
                    ledger.apply(&it, QueueAction::Drop, start()).expect("drop");
                }
                3 | 4 => {
                    let due = ledger.due(Route::Remote, start(), &Default::default(), 1);
                    let job = due.expect("due").remove(0);
                    let report = Some((&message, Timestamp::MAX)).filter(|_| step == 4);
                    let settled = ledger.settle(&job, &[Mark::Done], None, report, start());
                    settled.expect("settle");
                }
                _ => {}
            }
            told.push(note(&disk, &ledger));
        }
    }
    (disk.recording(), told)
}

fn note(disk: &RecordingDisk, ledger: &Ledger) -> Acknowledged {
    Acknowledged {
        position: disk.position(),
        view: view(ledger).expect("view"),
    }
}

/// Opens what a crash after `length` operations left. It must show what was acknowledged last, or already what the next
/// step would have acknowledged; and it must take mail.
fn survives(recording: &Recording, told: &[Acknowledged], length: usize, loss: Loss) -> bool {
    let into = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let into = into.expect("folder");
    recording.replay(length, loss, into.path()).expect("replay");
    let Ok(ledger) = open(into.path(), Arc::new(RealDisk)) else {
        return false;
    };
    let Ok(found) = view(&ledger) else {
        return false;
    };
    let known = told.partition_point(|told| told.position <= length);
    let allowed = [known.checked_sub(1), Some(known)].into_iter().flatten();
    let mut allowed = allowed.filter_map(|at| told.get(at));
    let as_told = known == 0 || allowed.any(|told| told.view == found);
    as_told
        && ledger
            .put(&mail(&["y@far.example"]), start(), Timestamp::MAX)
            .is_ok()
}

fn losses(length: usize) -> [Loss; 3] {
    [
        Loss::DropUnsynced,
        Loss::TornLast(length as u64),
        Loss::KeepAll,
    ]
}

#[test]
fn a_power_cut_anywhere_loses_nothing_that_was_taken() {
    let root = tempfile::tempdir().expect("folder");
    let (recording, told) = a_day(root.path());
    for length in 0..=recording.ops().len() {
        for loss in losses(length) {
            let fine = survives(&recording, &told, length, loss);
            assert!(
                fine,
                "after {length} of {} operations, {loss:?}",
                recording.ops().len()
            );
        }
    }
}

#[test]
fn each_sync_is_needed() {
    let root = tempfile::tempdir().expect("folder");
    let (recording, told) = a_day(root.path());
    let is_message = |path: &FilePath| path.extension().is_some_and(|e| e == "eml");
    let bytes = recording.without(|op| matches!(op, Op::Sync(path) if is_message(path)));
    let names = recording.without(|op| matches!(op, Op::SyncFolder(_, Origin::Caller)));
    for (what, without) in [("a message's bytes", bytes), ("the folder's names", names)] {
        let fine = (0..=recording.ops().len())
            .all(|length| survives(&without, &told, length, Loss::DropUnsynced));
        assert!(!fine, "without syncing {what} nothing is lost");
    }
}
