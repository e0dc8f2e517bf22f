//! Power cuts. Everything the store does is recorded; the recording is cut anywhere, with unsynced writes lost, torn or
//! kept, and what is left is opened.

use std::path::PathBuf;

use sekisho_disk::{Loss, Op, Origin, Recording, RecordingDisk};

use super::*;

/// What was acknowledged, and after how many operations of the disk.
struct Told {
    position: usize,
    view: View,
}

/// Message files small enough that several are begun.
fn limits() -> Limits {
    Limits {
        file_size: 400,
        ahead: 300,
        ..Limits::default()
    }
}

/// Everything that changes an account, with a restart in between; each step's result is noted.
async fn a_day(root: &Path) -> (Recording, Vec<Told>) {
    let disk = Arc::new(RecordingDisk::new(root).unwrap());
    let mut told = Vec::new();
    for part in 0..2 {
        let (_, operator) = store_on(&root.join("mail"), disk.clone(), limits());
        let delivery = operator.delivery();
        let account = AccountId::new(AI);
        let mailbox = operator.open(account).await.unwrap();
        let inbox = folder(&mailbox, "INBOX").await;
        let trash = folder(&mailbox, "Trash").await;
        let mut last = Uid::new(1);
        for step in 0..12 {
            match step % 6 {
                0 => {
                    let seen = flags(&["\\Seen", "$Word"]);
                    let set = UidSet::from(last);
                    mailbox
                        .store_flags(inbox, set, FlagChange::Add, seen, None)
                        .await
                        .unwrap();
                }
                1 => {
                    mailbox
                        .move_messages(inbox, UidSet::from(last), trash)
                        .await
                        .unwrap();
                }
                2 => {
                    mailbox.copy(inbox, UidSet::all(), trash).await.unwrap();
                }
                3 => {
                    let gone = flags(&["\\Deleted"]);
                    mailbox
                        .store_flags(trash, UidSet::from(last), FlagChange::Add, gone, None)
                        .await
                        .unwrap();
                    told.push(note(&disk, &mailbox).await);
                    mailbox.expunge(trash, UidSet::all()).await.unwrap();
                }
                4 => {
                    let name = named(&format!("folder {part}-{step}"));
                    mailbox.create_folder(&name).await.unwrap();
                }
                _ => {}
            }
            told.push(note(&disk, &mailbox).await);
            let text = format!("message {part}-{step} {}", "x".repeat(step * 20));
            let at = delivery
                .deliver(account, &FolderName::inbox(), message(&text))
                .await
                .unwrap();
            last = at.uid;
            told.push(note(&disk, &mailbox).await);
        }
        let mut done = async || told.push(note(&disk, &mailbox).await);
        let courses = named(&format!("Courses {part}"));
        let below = named(&format!("Courses {part}/2026"));
        mailbox.create_folder(&below).await.unwrap();
        done().await;
        mailbox.subscribe(&below, true).await.unwrap();
        done().await;
        let three = (0..3).map(|n| message(&format!("one of three {n}")));
        mailbox
            .append_to(&below, three.collect(), None)
            .await
            .unwrap();
        done().await;
        let elsewhere = named(&format!("Old/Courses {part}"));
        mailbox.rename_folder(&courses, &elsewhere).await.unwrap();
        done().await;
        let moved = named(&format!("Old/Courses {part}/2026"));
        let moved_id = mailbox.folder(&moved).await.unwrap().id;
        let first = UidSet::from(Uid::new(1));
        mailbox.remove(moved_id, first).await.unwrap();
        done().await;
        mailbox.subscribe(&moved, false).await.unwrap();
        done().await;
        let rules = Some(format!("rules {part}"));
        mailbox.set_filter(rules).await.unwrap();
        done().await;
        let junk = delivery.deliver_special(account, SpecialUse::Junk, message("junk"));
        junk.await.unwrap();
        done().await;
        let (inbox, kept) = (FolderName::inbox(), named(&format!("Kept {part}")));
        mailbox.rename_folder(&inbox, &kept).await.unwrap();
        done().await;
        mailbox.delete_folder(&moved).await.unwrap();
        done().await;
        mailbox.set_filter(None).await.unwrap();
        done().await;
        let letter = |text: &str| {
            let mut letter = message(text);
            letter.flags = Flags::seen();
            let id = format!("Message-ID: <{part}@kit.example>\r\n");
            letter.bytes.splice(0..0, id.into_bytes());
            letter
        };
        let own = letter("kept by the server");
        delivery.keep_sent(account, own).await.unwrap();
        done().await;
        let clients = vec![letter("kept by the client")];
        let folder = named("Sent");
        let sent = mailbox.append_to(&folder, clients, None);
        sent.await.unwrap();
        done().await;
        // The index may lack these yet when their file is compacted.
        for n in 0..3 {
            let text = format!("just before {n}");
            let inbox = FolderName::inbox();
            let sent = delivery.deliver(account, &inbox, message(&text));
            sent.await.unwrap();
            done().await;
        }
        let compacted = operator.compact(account).await.unwrap();
        assert!(compacted.files > 0);
        done().await;
    }
    (disk.recording(), told)
}

async fn note(disk: &RecordingDisk, mailbox: &Mailbox) -> Told {
    let position = disk.position();
    Told {
        position,
        view: view(mailbox).await.unwrap(),
    }
}

/// Opens what a crash after `length` operations left. It must show what was acknowledged last, or already what the next
/// step would have acknowledged; and it must take mail.
async fn survives(recording: &Recording, told: &[Told], length: usize, loss: Loss) -> bool {
    let into = scratch();
    recording.replay(length, loss, into.path()).unwrap();
    let (_, operator) = store_on(&into.path().join("mail"), Arc::new(RealDisk), limits());
    let known = told.partition_point(|told| told.position <= length);
    let Ok(mailbox) = operator.open(AccountId::new(AI)).await else {
        return false;
    };
    let Ok(found) = view(&mailbox).await else {
        return false;
    };
    let allowed = [known.checked_sub(1), Some(known)];
    let mut allowed = allowed
        .into_iter()
        .flatten()
        .filter_map(|index| told.get(index));
    if known > 0 && !allowed.any(|told| told.view == found) {
        return false;
    }
    let inbox = folder(&mailbox, "INBOX").await;
    let Ok(at) = mailbox.append(inbox, message("after")).await else {
        return false;
    };
    let bytes = mailbox
        .content(inbox, at.uid)
        .await
        .unwrap()
        .read()
        .await
        .unwrap();
    bytes == message("after").bytes && at.uid == found.1[0].1.uid_next
}

/// A folder in memory where the system has one: what is replayed needn't be synced again.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// The ways of losing what was not synced, for a crash at `length`.
fn losses(length: usize) -> [Loss; 3] {
    [
        Loss::DropUnsynced,
        Loss::TornLast(length as u64),
        Loss::KeepAll,
    ]
}

async fn survives_everywhere(recording: &Recording, told: &[Told], lengths: &[usize]) -> bool {
    for &length in lengths {
        for loss in losses(length) {
            if !survives(recording, told, length, loss).await {
                return false;
            }
        }
    }
    true
}

/// Where to cut: everywhere if `SEKISHO_LONG` is set; else a sample, with the places right behind an acknowledgement, a
/// removal or a write to a message file among them.
fn cuts(recording: &Recording, told: &[Told]) -> Vec<usize> {
    let every = if std::env::var_os("SEKISHO_LONG").is_some() {
        1
    } else {
        7
    };
    let mut cuts: Vec<usize> = (0..=recording.ops().len()).step_by(every).collect();
    cuts.extend(told.iter().map(|told| told.position));
    let matters = |op: &Op| match op {
        Op::Remove(_) => true,
        Op::Write { path, .. } => path.extension().is_some_and(|end| end == "mail"),
        _ => false,
    };
    let ops = recording.ops();
    cuts.extend((1..=ops.len()).filter(|at| matters(&ops[at - 1])));
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_anywhere_loses_nothing_that_was_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let (recording, told) = a_day(root.path()).await;
    for length in cuts(&recording, &told) {
        for loss in losses(length) {
            assert!(
                survives(&recording, &told, length, loss).await,
                "after {length} of {} operations, {loss:?}; the last was {:?}",
                recording.ops().len(),
                length
                    .checked_sub(1)
                    .and_then(|last| recording.ops().get(last))
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sync_is_needed() {
    let root = tempfile::tempdir().unwrap();
    let (recording, told) = a_day(root.path()).await;
    let account = PathBuf::from("mail/1");
    let lengths: Vec<usize> = told.iter().map(|told| told.position).collect();
    assert!(survives_everywhere(&recording, &told, &lengths[..4]).await);
    let is_needed = async |name: &str, sync: &dyn Fn(&Op) -> bool| {
        let without = recording.without(sync);
        assert_ne!(without.ops(), recording.ops(), "{name} are never synced");
        assert!(
            !survives_everywhere(&without, &told, &lengths).await,
            "nothing shows that {name} must be synced"
        );
    };
    is_needed(
        "message files",
        &|op| matches!(op, Op::Sync(path) if path.extension().is_some_and(|end| end == "mail")),
    )
    .await;
    is_needed("names of message files", &|op| {
        *op == Op::SyncFolder(account.clone(), Origin::Caller)
    })
    .await;
    is_needed(
        "the index",
        &|op| matches!(op, Op::Sync(path) if path.ends_with("index.db-wal")),
    )
    .await;
    is_needed("names of accounts", &|op| {
        *op == Op::SyncFolder("mail".into(), Origin::Caller)
    })
    .await;
    is_needed("the store's name", &|op| {
        *op == Op::SyncFolder("".into(), Origin::Caller)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_among_many_deliveries_at_once_leaves_each_acknowledged_one_whole() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(RecordingDisk::new(root.path()).unwrap());
    let (_, operator) = store_on(&root.path().join("mail"), disk.clone(), Limits::default());
    let delivery = operator.delivery();
    let deliveries: Vec<_> = (0..60)
        .map(|n| {
            let (delivery, disk) = (delivery.clone(), disk.clone());
            tokio::spawn(async move {
                let sent = message(&format!("number {n}"));
                let bytes = sent.bytes.clone();
                let account = AccountId::new(AI);
                delivery
                    .deliver(account, &FolderName::inbox(), sent)
                    .await
                    .unwrap();
                (disk.position(), bytes)
            })
        })
        .collect();
    let mut told = Vec::new();
    for delivery in deliveries {
        told.push(delivery.await.unwrap());
    }
    let recording = disk.recording();
    for length in (0..=recording.ops().len()).step_by(3) {
        for loss in losses(length) {
            let into = scratch();
            recording.replay(length, loss, into.path()).unwrap();
            let found = messages_in(&into.path().join("mail")).await;
            let lost = told
                .iter()
                .filter(|(position, bytes)| *position <= length && !found.contains(bytes))
                .count();
            assert_eq!(lost, 0, "after {length} operations, {loss:?}");
        }
    }
}

/// The INBOX's messages, the account being made anew where nothing of it was left.
async fn messages_in(root: &Path) -> Vec<Vec<u8>> {
    let (_, operator) = store_on(root, Arc::new(RealDisk), limits());
    let mailbox = operator.open(AccountId::new(AI)).await.unwrap();
    let view = view(&mailbox).await.unwrap();
    view.1
        .into_iter()
        .next()
        .map(|(_, _, bytes)| bytes)
        .unwrap_or_default()
}
