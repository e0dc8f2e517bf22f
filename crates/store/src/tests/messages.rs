use super::*;

#[tokio::test]
async fn a_delivered_message_is_read_back_whole_and_described() {
    let root = tempfile::tempdir().unwrap();
    let (_, operator) = store(root.path());
    let delivery = operator.delivery();
    let account = AccountId::new(AI);
    let sent = message("会議");
    let bytes = sent.bytes.clone();
    let at = delivery
        .deliver(account, &named("no such folder"), sent)
        .await
        .unwrap();
    let mailbox = operator.open(account).await.unwrap();
    let inbox = mailbox.folder(&FolderName::inbox()).await.unwrap();
    assert_eq!((at.uid, at.uid_validity), (Uid::new(1), inbox.uid_validity));
    let content = mailbox.content(inbox.id, at.uid).await.unwrap();
    assert_eq!(content.read().await.unwrap(), bytes);
    assert_eq!(content.read_range(6..20).await.unwrap(), bytes[6..20]);
    assert_eq!(content.read_range(9_999..10_000).await.unwrap(), b"");
    let rows = mailbox.rows(inbox.id, UidSet::all()).await.unwrap();
    assert_eq!(rows[0].preview, "会議");
    assert_eq!(rows[0].state.size, bytes.len() as u64);
    assert!(rows[0].structure.starts_with(b"(\"TEXT\" \"PLAIN\""));
    let keys = mailbox.search_keys(inbox.id, UidSet::all()).await.unwrap();
    assert_eq!(
        (keys[0].subject.as_str(), keys[0].sort_from.as_str()),
        ("会議", "ai")
    );
    assert_eq!(keys[0].sent, NOW);
    delivery
        .deliver_special(account, SpecialUse::Sent, message("copy"))
        .await
        .unwrap();
    let sent = folder(&mailbox, "Sent").await;
    assert_eq!(mailbox.status(sent).await.unwrap().messages, 1);
}

#[tokio::test]
async fn flags_are_added_removed_and_replaced_and_only_what_changed_is_told() {
    let root = tempfile::tempdir().unwrap();
    let mailbox = mailbox(root.path()).await;
    let inbox = folder(&mailbox, "INBOX").await;
    for text in ["a", "b", "c"] {
        mailbox.append(inbox, message(text)).await.unwrap();
    }
    let before = mailbox.snapshot(inbox).await.unwrap();
    let seen = flags(&["\\Seen", "$Important"]);
    let stored = mailbox
        .store_flags(inbox, uids(&[1, 2]), FlagChange::Add, seen.clone(), None)
        .await
        .unwrap();
    assert_eq!(stored.changed.len(), 2);
    let again = mailbox
        .store_flags(
            inbox,
            uids(&[1]),
            FlagChange::Add,
            flags(&["$important"]),
            None,
        )
        .await
        .unwrap();
    assert_eq!(again, Stored::default());
    let replaced = mailbox
        .store_flags(
            inbox,
            uids(&[2]),
            FlagChange::Replace,
            flags(&["\\Deleted"]),
            None,
        )
        .await
        .unwrap();
    assert_eq!(replaced.changed[0].flags, flags(&["\\Deleted"]));
    let late = mailbox
        .store_flags(
            inbox,
            UidSet::all(),
            FlagChange::Remove,
            flags(&["\\Seen"]),
            Some(before.highest_modseq),
        )
        .await
        .unwrap();
    assert_eq!(late.modified, [Uid::new(1), Uid::new(2)]);
    assert_eq!(late.changed, []);
    let status = mailbox.status(inbox).await.unwrap();
    assert_eq!((status.messages, status.unseen, status.deleted), (3, 2, 1));
    let changes = mailbox.changes(inbox, before.highest_modseq).await.unwrap();
    let changed: Vec<_> = changes
        .changed
        .iter()
        .map(|state| state.uid.get())
        .collect();
    assert_eq!(changed, [1, 2]);
    assert_eq!(changes.changed[0].flags, seen);
    assert!(changes.highest_modseq > before.highest_modseq);
}

#[tokio::test]
async fn copies_share_bytes_and_the_last_one_gone_leaves_waste() {
    let root = tempfile::tempdir().unwrap();
    let (_, operator) = store(root.path());
    let mailbox = operator.open(AccountId::new(AI)).await.unwrap();
    let inbox = folder(&mailbox, "INBOX").await;
    let trash = folder(&mailbox, "Trash").await;
    let mut sent = message("x");
    sent.flags = flags(&["\\Deleted", "word"]);
    let size = sent.bytes.len();
    mailbox.append(inbox, sent).await.unwrap();
    mailbox.append(inbox, message("stays")).await.unwrap();
    let copied = mailbox.copy(inbox, uids(&[1]), trash).await.unwrap();
    assert_eq!(
        (copied.from, copied.to),
        (vec![Uid::new(1)], vec![Uid::new(1)])
    );
    let rows = |folder| mailbox.rows(folder, uids(&[1]));
    let (original, copy) = (rows(inbox).await.unwrap(), rows(trash).await.unwrap());
    assert_eq!(original[0].content, copy[0].content);
    assert_eq!(original[0].state.flags, copy[0].state.flags);

    let content = mailbox.content(inbox, Uid::new(1)).await.unwrap();
    let before = mailbox.snapshot(inbox).await.unwrap().highest_modseq;
    assert_eq!(
        mailbox.expunge(inbox, UidSet::all()).await.unwrap(),
        [Uid::new(1)]
    );
    let changes = mailbox.changes(inbox, before).await.unwrap();
    assert_eq!(
        (changes.expunged, changes.changed),
        (vec![Uid::new(1)], vec![])
    );
    assert_eq!(waste(root.path()), 0);
    assert_eq!(
        mailbox.expunge(trash, uids(&[1])).await.unwrap(),
        [Uid::new(1)]
    );
    assert_eq!(waste(root.path()), size as i64);
    assert_eq!(content.read().await.unwrap().len(), size);
    assert_eq!(
        mailbox.content(trash, Uid::new(1)).await.err(),
        Some(StoreError::NoSuchMessage)
    );
}

fn waste(root: &Path) -> i64 {
    let index = rusqlite::Connection::open(root.join("1/index.db")).unwrap();
    index
        .query_row("SELECT sum(waste) FROM file", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn a_moved_message_is_in_one_folder_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let mailbox = mailbox(root.path()).await;
    let inbox = folder(&mailbox, "INBOX").await;
    let archive = folder(&mailbox, "Archive").await;
    for text in ["a", "b", "c"] {
        mailbox.append(inbox, message(text)).await.unwrap();
    }
    let moved = mailbox
        .move_messages(inbox, uids(&[1, 3, 9]), archive)
        .await
        .unwrap();
    assert_eq!(moved.from, [Uid::new(1), Uid::new(3)]);
    assert_eq!(moved.to, [Uid::new(1), Uid::new(2)]);
    assert_eq!(mailbox.snapshot(inbox).await.unwrap().messages.len(), 1);
    assert_eq!(mailbox.snapshot(archive).await.unwrap().messages.len(), 2);
    // Within one folder a moved message gets a new number.
    let again = mailbox
        .move_messages(inbox, uids(&[2]), inbox)
        .await
        .unwrap();
    assert_eq!(again.to, [Uid::new(4)]);
    assert_eq!(mailbox.snapshot(inbox).await.unwrap().messages.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_at_once_agree_in_the_end() {
    let root = tempfile::tempdir().unwrap();
    let mailbox = mailbox(root.path()).await;
    let inbox = folder(&mailbox, "INBOX").await;
    let trash = folder(&mailbox, "Trash").await;
    for n in 0..20 {
        mailbox
            .append(inbox, message(&n.to_string()))
            .await
            .unwrap();
    }
    let start = mailbox.snapshot(inbox).await.unwrap();
    let sessions: Vec<_> = (0..4_u32)
        .map(|session| {
            let mailbox = mailbox.clone();
            tokio::spawn(async move {
                for uid in 1..=20 {
                    let set = uids(&[uid]);
                    if uid % 4 == session {
                        mailbox.move_messages(inbox, set, trash).await.unwrap();
                    } else {
                        let seen = flags(&["\\Seen"]);
                        mailbox
                            .store_flags(inbox, set, FlagChange::Add, seen, None)
                            .await
                            .unwrap();
                    }
                    mailbox.snapshot(inbox).await.unwrap();
                }
            })
        })
        .collect();
    for session in sessions {
        session.await.unwrap();
    }
    assert_eq!(mailbox.status(inbox).await.unwrap().messages, 0);
    assert_eq!(mailbox.status(trash).await.unwrap().messages, 20);
    let changes = mailbox.changes(inbox, start.highest_modseq).await.unwrap();
    assert_eq!(changes.expunged.len(), 20);
    assert_eq!(changes.changed, []);
}

#[tokio::test]
async fn ten_thousand_messages_are_listed_by_one_call() {
    let root = tempfile::tempdir().unwrap();
    let mailbox = mailbox(root.path()).await;
    let inbox = folder(&mailbox, "INBOX").await;
    for n in 0..10 {
        let mut sent = message(&n.to_string());
        sent.flags = flags(&["\\Seen", "word"]);
        mailbox.append(inbox, sent).await.unwrap();
    }
    for _ in 0..10 {
        mailbox.copy(inbox, UidSet::all(), inbox).await.unwrap();
    }
    let snapshot = mailbox.snapshot(inbox).await.unwrap();
    assert_eq!(snapshot.messages.len(), 10_240);
    assert!(snapshot.messages.iter().is_sorted_by_key(|state| state.uid));
    let flags = &snapshot.messages[0].flags;
    let shared = snapshot
        .messages
        .iter()
        .all(|state| std::ptr::eq(state.flags.keywords().as_ptr(), flags.keywords().as_ptr()));
    assert!(shared, "the same keywords are kept once");
}
