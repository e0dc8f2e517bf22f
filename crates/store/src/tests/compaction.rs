//! The disk space of messages that are gone is given back, and nobody notices but the disk.

use std::fs;

use sekisho_disk::RecordingDisk;

use super::*;

/// Message files of a few messages each.
fn small_files() -> Limits {
    Limits {
        file_size: 600,
        waste: 200,
        ..Limits::default()
    }
}

/// An account whose messages are spread over files, folders and copies, flagged here and there; most are gone again.
async fn lived_in(root: &Path, limits: Limits) -> Operator {
    let (_, operator) = store_on(root, Arc::new(RealDisk), limits);
    let mailbox = operator.open(AccountId::new(AI)).await.unwrap();
    let inbox = folder(&mailbox, "INBOX").await;
    let own = mailbox.create_folder(&named("会議")).await.unwrap().id;
    for n in 1..=30 {
        mailbox
            .append(inbox, message(&format!("number {n}")))
            .await
            .unwrap();
    }
    mailbox
        .copy(inbox, uids(&[3, 7, 21, 30]), own)
        .await
        .unwrap();
    mailbox
        .move_messages(inbox, uids(&[4, 22]), own)
        .await
        .unwrap();
    let marks = flags(&["\\Flagged", "$Work"]);
    let marked = uids(&[7, 12, 22]);
    mailbox
        .store_flags(inbox, marked, FlagChange::Add, marks, None)
        .await
        .unwrap();
    let going: Vec<u32> = (1..=30).filter(|n| n % 6 != 0).collect();
    mailbox.remove(inbox, uids(&going)).await.unwrap();
    operator
}

fn limits_without_compaction() -> Limits {
    Limits {
        waste: u64::MAX >> 1,
        ..small_files()
    }
}

/// How many bytes the message files in a folder have together, and which ones there are.
fn on_disk(account: &Path) -> (u64, Vec<i64>) {
    let numbers = files::numbers(account).unwrap();
    let length = |number: &i64| fs::metadata(files::path(account, *number)).unwrap().len();
    (numbers.iter().map(length).sum(), numbers)
}

#[tokio::test]
async fn all_that_is_left_stays_as_it_was_and_the_rest_is_nowhere() {
    let root = tempfile::tempdir().unwrap();
    let operator = lived_in(root.path(), limits_without_compaction()).await;
    let account = AccountId::new(AI);
    let mailbox = operator.open(account).await.unwrap();
    let inbox = folder(&mailbox, "INBOX").await;
    let rows = mailbox.rows(inbox, UidSet::all()).await.unwrap();
    let before = view(&mailbox).await.unwrap();
    let (bytes, numbers) = on_disk(&root.path().join("1"));

    let compacted = operator.compact(account).await.unwrap();

    let (fewer, now) = on_disk(&root.path().join("1"));
    assert_eq!(bytes - fewer, compacted.bytes);
    assert!(fewer < bytes / 2, "{fewer} of {bytes}");
    assert!(now.iter().all(|number| !numbers.contains(number)));
    assert_eq!(view(&mailbox).await.unwrap(), before);
    let rows_now = mailbox.rows(inbox, UidSet::all()).await.unwrap();
    let contents = |rows: &[MessageRow]| rows.iter().map(|row| row.content).collect::<Vec<_>>();
    assert_eq!(contents(&rows_now), contents(&rows));
    for number in now {
        let file = fs::read(files::path(&root.path().join("1"), number)).unwrap();
        assert!(memchr::memmem::find(&file, b"number 11").is_none());
    }
    let report = operator.check(account, true, false).await.unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
    let nothing = operator.compact(account).await.unwrap();
    assert_eq!(nothing, Compacted::default());
    let at = mailbox.append(inbox, message("after")).await.unwrap();
    assert_eq!(at.uid, Uid::new(31));
}

#[tokio::test]
async fn what_was_looked_up_before_is_read_after() {
    let root = tempfile::tempdir().unwrap();
    let operator = lived_in(root.path(), limits_without_compaction()).await;
    let account = AccountId::new(AI);
    let mailbox = operator.open(account).await.unwrap();
    let inbox = folder(&mailbox, "INBOX").await;
    let rows = mailbox.rows(inbox, UidSet::all()).await.unwrap();
    let held = mailbox.content_of(&rows[0]).await.unwrap();
    let bytes = held.read().await.unwrap();
    operator.compact(account).await.unwrap();
    assert_eq!(held.read().await.unwrap(), bytes);
    let again = mailbox.content_of(&rows[0]).await.unwrap();
    assert_eq!(again.read().await.unwrap(), bytes);
    let beginnings = mailbox.beginnings(&rows, 1 << 20).await.unwrap();
    assert_eq!(beginnings.len(), rows.len());
    assert_eq!(beginnings[0], bytes);
    let going = rows.last().unwrap();
    mailbox
        .remove(inbox, UidSet::from(going.state.uid))
        .await
        .unwrap();
    let own = folder(&mailbox, "会議").await;
    mailbox.remove(own, UidSet::all()).await.unwrap();
    operator.compact(account).await.unwrap();
    let gone = mailbox.content_of(going).await.err();
    assert_eq!(gone, Some(StoreError::NoSuchMessage));
}

/// The command line compacts while the service runs: two programs with the same files.
#[tokio::test]
async fn another_process_compacts_and_this_one_reads_and_writes_on() {
    let root = tempfile::tempdir().unwrap();
    let here = lived_in(root.path(), limits_without_compaction()).await;
    let account = AccountId::new(AI);
    let mailbox = here.open(account).await.unwrap();
    let inbox = folder(&mailbox, "INBOX").await;
    let before = view(&mailbox).await.unwrap();
    let (_, there) = store_on(root.path(), Arc::new(RealDisk), small_files());
    assert!(there.compact(account).await.unwrap().files > 0);
    assert_eq!(view(&mailbox).await.unwrap(), before);
    let at = mailbox.append(inbox, message("from here")).await.unwrap();
    let seen = there.open(account).await.unwrap();
    let bytes = seen.content(inbox, at.uid).await.unwrap().read().await;
    assert_eq!(bytes.unwrap(), message("from here").bytes);
    assert_eq!(view(&mailbox).await.unwrap(), view(&seen).await.unwrap());
}

#[tokio::test]
async fn an_index_that_is_lost_after_it_is_made_anew() {
    let root = tempfile::tempdir().unwrap();
    let account = AccountId::new(AI);
    let before = {
        let operator = lived_in(root.path(), limits_without_compaction()).await;
        operator.compact(account).await.unwrap();
        let mailbox = operator.open(account).await.unwrap();
        let inbox = folder(&mailbox, "INBOX").await;
        mailbox.append(inbox, message("after")).await.unwrap();
        mailbox.snapshot(inbox).await.unwrap()
    };
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(root.path().join(format!("1/index.db{end}")));
    }
    let mailbox = mailbox(root.path()).await;
    let inbox = folder(&mailbox, "INBOX").await;
    let after = mailbox.snapshot(inbox).await.unwrap();
    let told = |snapshot: &Snapshot| {
        let states = snapshot.messages.iter();
        states
            .map(|state| (state.uid, state.flags.clone(), state.size))
            .collect::<Vec<_>>()
    };
    // A message that was in two folders is back in one of them.
    let again = told(&after);
    assert!(again.len() + 1 >= told(&before).len());
    assert!(again.iter().all(|state| told(&before).contains(state)));
    let all: u64 = mailbox.usage().await.unwrap().messages;
    assert_eq!(all, 11);
}

#[tokio::test]
async fn a_damaged_file_is_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let operator = lived_in(root.path(), limits_without_compaction()).await;
    let account = AccountId::new(AI);
    let first = files::path(&root.path().join("1"), 1);
    let mut bytes = fs::read(&first).unwrap();
    bytes[70] ^= 1;
    fs::write(&first, &bytes).unwrap();
    let (before, _) = on_disk(&root.path().join("1"));
    let error = operator.compact(account).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("messages-000001.mail is damaged"),
        "{error}"
    );
    assert_eq!(fs::read(&first).unwrap(), bytes);
    let (now, numbers) = on_disk(&root.path().join("1"));
    assert!(now < before, "the others were written anew");
    assert_eq!(numbers[..2], [1, 6]);
}

#[tokio::test]
async fn a_full_disk_leaves_all_as_it_was_until_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    drop(lived_in(&root.path().join("mail"), limits_without_compaction()).await);
    let disk = Arc::new(RecordingDisk::new(root.path()).unwrap());
    let (_, operator) = store_on(&root.path().join("mail"), disk.clone(), small_files());
    let account = AccountId::new(AI);
    let mailbox = operator.open(account).await.unwrap();
    let before = view(&mailbox).await.unwrap();
    disk.set_full(true);
    assert_eq!(operator.compact(account).await, Err(StoreError::Full));
    assert_eq!(view(&mailbox).await.unwrap(), before);
    disk.set_full(false);
    assert!(operator.compact(account).await.unwrap().files > 0);
    assert_eq!(view(&mailbox).await.unwrap(), before);
    let report = operator.check(account, true, false).await.unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_backup_follows() {
    let (root, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let operator = lived_in(root.path(), limits_without_compaction()).await;
    let account = AccountId::new(AI);
    let target = copy.path().join("1");
    operator.back_up(account, &target).await.unwrap();
    operator.compact(account).await.unwrap();
    operator.back_up(account, &target).await.unwrap();
    assert_eq!(
        on_disk(&target).1,
        on_disk(&root.path().join("1")).1,
        "files of before are gone from the copy"
    );
    let copied = mailbox(copy.path()).await;
    let mailbox = operator.open(account).await.unwrap();
    assert_eq!(view(&copied).await.unwrap(), view(&mailbox).await.unwrap());
}

#[tokio::test]
async fn searches_find_the_same() {
    let root = tempfile::tempdir().unwrap();
    let operator = lived_in(root.path(), limits_without_compaction()).await;
    let account = AccountId::new(AI);
    let mailbox = operator.open(account).await.unwrap();
    let inbox = folder(&mailbox, "INBOX").await;
    let find = async |text: &str| {
        let needles = vec![Needle::body(text)];
        let found = mailbox.find_texts(inbox, UidSet::all(), needles).await;
        found.unwrap().remove(0)
    };
    let before = find("number 1").await;
    assert_eq!(before, [12, 18].map(Uid::new));
    operator.compact(account).await.unwrap();
    assert_eq!(find("number 1").await, before);
    mailbox.append(inbox, message("number 1")).await.unwrap();
    assert_eq!(find("number 1").await, [12, 18, 31].map(Uid::new));
    let texts = rusqlite::Connection::open(root.path().join("1/texts.db")).unwrap();
    let kept: i64 = texts
        .query_row("SELECT count(*) FROM text", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 11, "those of messages that are gone are gone too");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_done_unasked_once_half_of_a_file_is_waste() {
    let root = tempfile::tempdir().unwrap();
    let operator = lived_in(root.path(), small_files()).await;
    let mailbox = operator.open(AccountId::new(AI)).await.unwrap();
    let inbox = folder(&mailbox, "INBOX").await;
    mailbox.remove(inbox, uids(&[6])).await.unwrap();
    mailbox.delete_folder(&named("会議")).await.unwrap();
    // The store compacts by itself, on a thread of its own.
    let is_written_anew = || on_disk(&root.path().join("1")).1.first() > Some(&1);
    for _ in 0..3_000 {
        if is_written_anew() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(is_written_anew());
    let left = mailbox.snapshot(inbox).await.unwrap();
    for state in left.messages.iter() {
        let bytes = mailbox.content(inbox, state.uid).await.unwrap();
        let expected = message(&format!("number {}", state.uid.get())).bytes;
        assert_eq!(bytes.read().await.unwrap(), expected);
    }
}
