use super::*;

async fn names(mailbox: &Mailbox) -> Vec<String> {
    let folders = mailbox.folders().await.unwrap();
    folders
        .into_iter()
        .map(|folder| folder.name.as_str().to_owned())
        .collect()
}

#[tokio::test]
async fn a_new_account_has_its_inbox_and_a_folder_for_each_special_use() {
    let root = tempfile::tempdir().unwrap();
    let mailbox = mailbox(root.path()).await;
    let folders = mailbox.folders().await.unwrap();
    assert!(folders[0].name.is_inbox());
    assert!(folders.iter().all(|folder| folder.subscribed));
    for special in SpecialUse::ALL {
        let folder = folders
            .iter()
            .find(|folder| folder.special_use == Some(special))
            .unwrap();
        assert_eq!(format!("\\{}", folder.name), special.as_str());
    }
    let mut validities: Vec<_> = folders.iter().map(|folder| folder.uid_validity).collect();
    validities.dedup();
    assert_eq!(validities.len(), folders.len());
}

#[tokio::test]
async fn folders_are_made_with_those_above_and_renamed_with_those_below() {
    let root = tempfile::tempdir().unwrap();
    let mailbox = mailbox(root.path()).await;
    let made = mailbox
        .create_folder(&named("部署/会議/2025"))
        .await
        .unwrap();
    mailbox.append(made.id, message("a")).await.unwrap();
    mailbox
        .rename_folder(&named("部署"), &named("old/部"))
        .await
        .unwrap();
    let moved = mailbox.folder(&named("old/部/会議/2025")).await.unwrap();
    assert_eq!((moved.id, moved.uid_validity), (made.id, made.uid_validity));
    assert_eq!(mailbox.status(moved.id).await.unwrap().messages, 1);
    assert!(names(&mailbox).await.contains(&"old".to_owned()));
    assert_eq!(
        mailbox
            .rename_folder(&named("old"), &named("old/deeper"))
            .await,
        Err(StoreError::FolderFixed)
    );
    assert_eq!(
        mailbox.rename_folder(&named("old"), &named("Sent")).await,
        Err(StoreError::FolderExists)
    );
    assert_eq!(
        mailbox.create_folder(&named("inbox")).await,
        Err(StoreError::FolderExists)
    );
}

#[tokio::test]
async fn a_deleted_folder_takes_its_messages_along_and_never_lends_its_numbers() {
    let root = tempfile::tempdir().unwrap();
    let mailbox = mailbox(root.path()).await;
    let first = mailbox.create_folder(&named("a")).await.unwrap();
    mailbox.create_folder(&named("a/b")).await.unwrap();
    mailbox.append(first.id, message("x")).await.unwrap();
    mailbox.delete_folder(&named("a")).await.unwrap();
    assert_eq!(
        mailbox.snapshot(first.id).await,
        Err(StoreError::NoSuchFolder)
    );
    assert!(names(&mailbox).await.contains(&"a/b".to_owned()));
    let second = mailbox.create_folder(&named("a")).await.unwrap();
    assert!(second.id > first.id && second.uid_validity > first.uid_validity);
    assert_eq!(mailbox.status(second.id).await.unwrap().messages, 0);
    assert_eq!(
        mailbox.delete_folder(&named("INBOX")).await,
        Err(StoreError::FolderFixed)
    );
}

#[tokio::test]
async fn renaming_the_inbox_moves_its_messages_and_leaves_it_there() {
    let root = tempfile::tempdir().unwrap();
    let mailbox = mailbox(root.path()).await;
    let inbox = folder(&mailbox, "INBOX").await;
    mailbox.append(inbox, message("x")).await.unwrap();
    mailbox
        .rename_folder(&named("INBOX"), &named("2024"))
        .await
        .unwrap();
    assert_eq!(mailbox.status(inbox).await.unwrap().messages, 0);
    let moved = folder(&mailbox, "2024").await;
    assert_eq!(mailbox.status(moved).await.unwrap().messages, 1);
    assert_eq!(mailbox.status(inbox).await.unwrap().uid_next, Uid::new(2));
}

#[tokio::test]
async fn an_account_has_only_so_many_folders() {
    let root = tempfile::tempdir().unwrap();
    let limits = Limits {
        folders: 8,
        ..Limits::default()
    };
    let (_, operator) = store_on(root.path(), Arc::new(RealDisk), limits);
    let mailbox = operator.open(AccountId::new(AI)).await.unwrap();
    assert_eq!(
        mailbox.create_folder(&named("a/b/c")).await,
        Err(StoreError::TooManyFolders(8))
    );
    assert_eq!(names(&mailbox).await.len(), 6);
    mailbox.create_folder(&named("a/b")).await.unwrap();
}
