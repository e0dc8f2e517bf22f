//! What is in message files and not in the index: a crash took the index's commits, which are not synced at an append.

use std::fs;

use super::*;

const INDEX: [&str; 3] = ["index.db", "index.db-wal", "index.db-shm"];

/// An account with one message, and its index as of then.
async fn account_and_its_index() -> (tempfile::TempDir, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    let mailbox = mailbox(root.path()).await;
    let inbox = folder(&mailbox, "INBOX").await;
    mailbox.append(inbox, message("first")).await.unwrap();
    drop(mailbox);
    closed(root.path());
    let kept = tempfile::tempdir().unwrap();
    for name in INDEX {
        let _ = fs::copy(root.path().join("1").join(name), kept.path().join(name));
    }
    (root, kept)
}

/// Waits until whoever wrote last has closed the index: closing it removes its log.
fn closed(root: &Path) {
    while root.join("1/index.db-wal").exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Puts the older index back, as a crash would.
fn lose(root: &Path, kept: &Path) {
    closed(root);
    for name in INDEX {
        let path = root.join("1").join(name);
        let _ = fs::remove_file(&path);
        let _ = fs::copy(kept.join(name), path);
    }
}

async fn add(root: &Path, text: &str) -> Appended {
    let mailbox = mailbox(root).await;
    let inbox = folder(&mailbox, "INBOX").await;
    let mut new = message(text);
    new.flags = flags(&["\\Seen", "$Label1"]);
    mailbox.append(inbox, new).await.unwrap()
}

async fn subjects(root: &Path) -> Vec<(u32, String)> {
    let mailbox = mailbox(root).await;
    let inbox = folder(&mailbox, "INBOX").await;
    let keys = mailbox.search_keys(inbox, UidSet::all()).await.unwrap();
    let mut found = Vec::new();
    for key in keys {
        let content = mailbox.content(inbox, key.uid).await.unwrap();
        assert_eq!(content.read().await.unwrap(), message(&key.subject).bytes);
        found.push((key.uid.get(), key.subject));
    }
    found
}

fn list(found: &[(u32, String)]) -> Vec<(u32, &str)> {
    found
        .iter()
        .map(|(uid, subject)| (*uid, subject.as_str()))
        .collect()
}

#[tokio::test]
async fn messages_that_the_index_lost_come_back_as_they_were() {
    let (root, kept) = account_and_its_index().await;
    add(root.path(), "second").await;
    let before = {
        let mailbox = mailbox(root.path()).await;
        let archive = folder(&mailbox, "Archive").await;
        mailbox.append(archive, message("elsewhere")).await.unwrap();
        let inbox = folder(&mailbox, "INBOX").await;
        (
            mailbox.snapshot(inbox).await.unwrap(),
            mailbox.snapshot(archive).await.unwrap(),
        )
    };
    for _ in 0..2 {
        lose(root.path(), kept.path());
        let mailbox = mailbox(root.path()).await;
        let inbox = folder(&mailbox, "INBOX").await;
        let archive = folder(&mailbox, "Archive").await;
        assert_eq!(mailbox.snapshot(inbox).await.unwrap(), before.0);
        assert_eq!(mailbox.snapshot(archive).await.unwrap(), before.1);
    }
    let after = add(root.path(), "third").await;
    assert_eq!(after.uid, before.0.uid_next);
    let found = subjects(root.path()).await;
    assert_eq!(list(&found), [(1, "first"), (2, "second"), (3, "third")]);
}

#[tokio::test]
async fn half_a_record_is_passed_over_and_nothing_is_written_behind_it() {
    let (root, kept) = account_and_its_index().await;
    add(root.path(), "second").await;
    let file = root.path().join("1/messages-000001.mail");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 5]).unwrap();
    lose(root.path(), kept.path());
    assert_eq!(list(&subjects(root.path()).await), [(1, "first")]);
    add(root.path(), "another").await;
    assert_eq!(fs::read(&file).unwrap().len(), whole.len() - 5);
    lose(root.path(), kept.path());
    let found = subjects(root.path()).await;
    assert_eq!(list(&found), [(1, "first"), (2, "another")]);
}

#[tokio::test]
async fn a_record_of_an_append_that_failed_stays_out() {
    let (root, kept) = account_and_its_index().await;
    add(root.path(), "refused").await;
    lose(root.path(), kept.path());
    {
        // The index went on without it.
        let index = rusqlite::Connection::open(root.path().join("1/index.db")).unwrap();
        let sql = "UPDATE account SET modseq = modseq + 10";
        index.execute(sql, []).unwrap();
    }
    assert_eq!(list(&subjects(root.path()).await), [(1, "first")]);
    assert_eq!(add(root.path(), "taken").await.uid, Uid::new(2));
    let found = subjects(root.path()).await;
    assert_eq!(list(&found), [(1, "first"), (2, "taken")]);
}

#[tokio::test]
async fn what_was_written_ahead_is_no_message_and_its_room_is_used() {
    let (root, kept) = account_and_its_index().await;
    let limits = Limits {
        ahead: 200,
        ..Limits::default()
    };
    let open = async || {
        let (_, operator) = store_on(root.path(), Arc::new(RealDisk), limits);
        operator.open(AccountId::new(AI)).await.unwrap()
    };
    let add = async |text: &str| {
        let mailbox = open().await;
        let inbox = folder(&mailbox, "INBOX").await;
        mailbox.append(inbox, message(text)).await.unwrap();
    };
    let file = root.path().join("1/messages-000001.mail");
    add("second").await;
    let length = fs::metadata(&file).unwrap().len();
    assert!(fs::read(&file).unwrap().ends_with(&[0; 200]));
    add("third").await;
    assert_eq!(fs::metadata(&file).unwrap().len(), length, "room was there");

    lose(root.path(), kept.path());
    let found = subjects(root.path()).await;
    assert_eq!(list(&found), [(1, "first"), (2, "second"), (3, "third")]);
    add("fourth").await;
    assert!(!root.path().join("1/messages-000002.mail").exists());

    // The power went in the middle of a write: the beginning is there, and nothing may be written over it.
    let end = fs::read(&file).unwrap();
    let end = end.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let torn = fs::OpenOptions::new().write(true).open(&file).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&torn, b"Skm1 torn", end as u64).unwrap();
    add("fifth").await;
    assert!(root.path().join("1/messages-000002.mail").exists());
    let found = subjects(root.path()).await;
    let wanted = ["first", "second", "third", "fourth", "fifth"];
    assert_eq!(
        found.iter().map(|(_, s)| s.as_str()).collect::<Vec<_>>(),
        wanted
    );
}
