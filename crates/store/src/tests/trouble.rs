//! Full disks, messages that are too large, many at once.

use sekisho_disk::{Op, RecordingDisk};

use super::*;

#[tokio::test]
async fn a_full_disk_is_a_temporary_error_that_loses_nothing_and_passes() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(RecordingDisk::new(root.path()).unwrap());
    let (_, operator) = store_on(&root.path().join("mail"), disk.clone(), Limits::default());
    let mailbox = operator.open(AccountId::new(AI)).await.unwrap();
    let inbox = folder(&mailbox, "INBOX").await;
    mailbox.append(inbox, message("before")).await.unwrap();
    let before = mailbox.snapshot(inbox).await.unwrap();

    disk.set_full(true);
    for _ in 0..3 {
        let error = mailbox.append(inbox, message("during")).await.unwrap_err();
        assert!(error == StoreError::Full && error.is_temporary());
    }
    let seen = flags(&["\\Seen"]);
    let refused = mailbox
        .store_flags(inbox, uids(&[1]), FlagChange::Add, seen.clone(), None)
        .await;
    assert_eq!(refused, Err(StoreError::Full));
    assert_eq!(mailbox.snapshot(inbox).await.unwrap(), before);

    disk.set_full(false);
    mailbox
        .store_flags(inbox, uids(&[1]), FlagChange::Add, seen, None)
        .await
        .unwrap();
    let at = mailbox.append(inbox, message("after")).await.unwrap();
    assert_eq!(at.uid, before.uid_next);
    for (uid, text) in [(1, "before"), (2, "after")] {
        let content = mailbox.content(inbox, Uid::new(uid)).await.unwrap();
        assert_eq!(content.read().await.unwrap(), message(text).bytes);
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_for_good() {
    let root = tempfile::tempdir().unwrap();
    let limits = Limits {
        message_size: 100,
        ..Limits::default()
    };
    let (_, operator) = store_on(root.path(), Arc::new(RealDisk), limits);
    let mailbox = operator.open(AccountId::new(AI)).await.unwrap();
    let inbox = folder(&mailbox, "INBOX").await;
    let large = message(&"x".repeat(100));
    let size = large.bytes.len() as u64;
    let error = mailbox.append(inbox, large).await.unwrap_err();
    assert_eq!(error, StoreError::TooLarge { size, limit: 100 });
    assert!(!error.is_temporary());
}

#[tokio::test]
async fn a_message_for_a_folder_that_is_gone_fails_alone() {
    let root = tempfile::tempdir().unwrap();
    let mailbox = mailbox(root.path()).await;
    let inbox = folder(&mailbox, "INBOX").await;
    let (lost, kept) = tokio::join!(
        mailbox.append(FolderId::new(999), message("lost")),
        mailbox.append(inbox, message("kept"))
    );
    assert_eq!(lost, Err(StoreError::NoSuchFolder));
    assert_eq!(kept.unwrap().uid, Uid::new(1));
}

#[tokio::test]
async fn accounts_that_nobody_uses_are_closed_and_open_again() {
    let root = tempfile::tempdir().unwrap();
    let limits = Limits {
        idle_accounts: 2,
        ..Limits::default()
    };
    let (_, operator) = store_on(root.path(), Arc::new(RealDisk), limits);
    let held = operator.open(AccountId::new(100)).await.unwrap();
    let inbox = folder(&held, "INBOX").await;
    for round in 1..=2 {
        for account in 1..=6 {
            let mailbox = operator.open(AccountId::new(account)).await.unwrap();
            let inbox = folder(&mailbox, "INBOX").await;
            let at = mailbox.append(inbox, message("x")).await.unwrap();
            assert_eq!(at.uid, Uid::new(round));
        }
    }
    held.append(inbox, message("x")).await.unwrap();
    let same = operator.open(AccountId::new(100)).await.unwrap();
    assert_eq!(same.status(inbox).await.unwrap().messages, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_deliveries_at_once_get_a_number_each_and_share_syncs() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(RecordingDisk::new(root.path()).unwrap());
    let (_, operator) = store_on(&root.path().join("mail"), disk.clone(), Limits::default());
    let delivery = operator.delivery();
    let account = AccountId::new(AI);
    let mailbox = operator.open(account).await.unwrap();
    let mut seen = mailbox.watch();
    let start = *seen.borrow_and_update();
    let deliveries: Vec<_> = (0..100)
        .map(|n| {
            let delivery = delivery.clone();
            tokio::spawn(async move {
                let at = delivery
                    .deliver(
                        account,
                        &FolderName::inbox(),
                        message(&format!("number {n}")),
                    )
                    .await
                    .unwrap();
                (at.uid, n)
            })
        })
        .collect();
    let inbox = folder(&mailbox, "INBOX").await;
    let mut taken = std::collections::BTreeSet::new();
    for delivery in deliveries {
        let (uid, n) = delivery.await.unwrap();
        assert!(taken.insert(uid), "{uid} was given twice");
        let content = mailbox.content(inbox, uid).await.unwrap();
        assert_eq!(
            content.read().await.unwrap(),
            message(&format!("number {n}")).bytes
        );
    }
    assert_eq!(taken.len(), 100);
    assert!(seen.has_changed().unwrap() && *seen.borrow() > start);
    let is_sync =
        |op: &Op| matches!(op, Op::Sync(path) if path.extension().is_some_and(|end| end == "mail"));
    let syncs = disk
        .recording()
        .ops()
        .iter()
        .filter(|op| is_sync(op))
        .count();
    assert!((1..100).contains(&syncs), "{syncs} syncs for 100 messages");
}
