//! Checks, copies, and an index that was lost.

use std::fs;

use super::*;

async fn filled(root: &Path) -> Operator {
    let (_, operator) = store(root);
    let mailbox = operator.open(AccountId::new(AI)).await.unwrap();
    let inbox = folder(&mailbox, "INBOX").await;
    let own = mailbox.create_folder(&named("会議")).await.unwrap().id;
    for text in ["one", "two", "three"] {
        mailbox.append(inbox, message(text)).await.unwrap();
    }
    mailbox.append(own, message("four")).await.unwrap();
    mailbox.copy(inbox, uids(&[2]), own).await.unwrap();
    mailbox.remove(inbox, uids(&[1])).await.unwrap();
    operator
}

#[tokio::test]
async fn a_whole_account_passes_and_counters_are_counted_anew() {
    let root = tempfile::tempdir().unwrap();
    let operator = filled(root.path()).await;
    let account = AccountId::new(AI);
    let report = operator.check(account, true, false).await.unwrap();
    assert_eq!((report.messages, &report.faults[..]), (4, &[][..]));
    {
        let index = rusqlite::Connection::open(root.path().join("1/index.db")).unwrap();
        index
            .execute_batch(
                "UPDATE account SET bytes = 1; UPDATE folder SET uid_next = 1 WHERE id = 1;",
            )
            .unwrap();
    }
    let report = operator.check(account, false, true).await.unwrap();
    assert_eq!(report.faults.len(), 2, "{report:?}");
    assert_eq!(report.repaired.len(), 2);
    let report = operator.check(account, true, false).await.unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
    let mailbox = operator.open(account).await.unwrap();
    let usage = mailbox.usage().await.unwrap();
    let mut counted = (0, 0);
    for folder in mailbox.folders().await.unwrap() {
        let status = mailbox.status(folder.id).await.unwrap();
        counted = (
            counted.0 + status.size,
            counted.1 + u64::from(status.messages),
        );
    }
    assert_eq!((usage.bytes, usage.messages), counted);
}

#[tokio::test]
async fn damage_is_named_by_message() {
    let root = tempfile::tempdir().unwrap();
    let operator = filled(root.path()).await;
    let account = AccountId::new(AI);
    let file = root.path().join("1/messages-000001.mail");
    let whole = fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let shallow = operator.check(account, false, false).await.unwrap();
    assert!(shallow.faults.is_empty());
    let deep = operator.check(account, true, false).await.unwrap();
    assert!(
        deep.faults
            .iter()
            .any(|fault| fault == "message 1 of 会議 can't be read whole"),
        "{deep:?}"
    );
    fs::write(&file, &whole[..at]).unwrap();
    let report = operator.check(account, false, false).await.unwrap();
    assert_eq!(report.faults.len(), 1, "{report:?}");
    fs::remove_file(&file).unwrap();
    let report = operator.check(account, false, false).await.unwrap();
    assert!(
        report
            .faults
            .contains(&"messages-000001.mail is missing".to_owned()),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_lost_index_is_made_anew_from_the_message_files() {
    let root = tempfile::tempdir().unwrap();
    drop(filled(root.path()).await);
    for name in ["index.db", "index.db-wal", "index.db-shm"] {
        let _ = fs::remove_file(root.path().join("1").join(name));
    }
    let mailbox = mailbox(root.path()).await;
    let inbox = folder(&mailbox, "INBOX").await;
    let lost = folder(&mailbox, "Recovered 7").await;
    assert_eq!(mailbox.status(inbox).await.unwrap().messages, 3);
    assert_eq!(mailbox.status(lost).await.unwrap().messages, 1);
    let at = mailbox.append(inbox, message("new")).await.unwrap();
    assert_eq!(at.uid, Uid::new(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_made_while_mail_comes_and_holds_what_its_index_names() {
    let root = tempfile::tempdir().unwrap();
    let (_, operator) = store(root.path());
    let delivery = operator.delivery();
    let account = AccountId::new(AI);
    let copy = tempfile::tempdir().unwrap();
    let target = copy.path().join("1");
    let deliveries = tokio::spawn({
        let delivery = delivery.clone();
        async move {
            for n in 0..60 {
                let inbox = FolderName::inbox();
                delivery
                    .deliver(account, &inbox, message(&format!("number {n}")))
                    .await
                    .unwrap();
            }
        }
    });
    let mut before = 0;
    for _ in 0..4 {
        let copied = operator.back_up(account, &target).await.unwrap();
        assert!(copied.messages >= before);
        before = copied.messages;
    }
    deliveries.await.unwrap();
    let last = operator.back_up(account, &target).await.unwrap();
    assert_eq!(last.messages, 60);
    assert_eq!(operator.back_up(account, &target).await.unwrap().bytes, 0);
    let restored = store_on(copy.path(), Arc::new(RealDisk), Limits::default()).1;
    let report = restored.check(account, true, false).await.unwrap();
    assert_eq!((report.messages, &report.faults[..]), (60, &[][..]));
    let error = operator.back_up(AccountId::new(2), &target).await;
    assert!(
        error.is_ok(),
        "an account without mail has nothing to mix up"
    );
}
