use sekisho_checkpoint::ports::Directory;
use sekisho_directory::{AccountsError, ArgonCost};

use crate::site::{Site, address, plain};

#[tokio::test]
async fn every_spelling_of_a_name_leads_to_the_one_account() {
    let site = Site::new().await;
    for typed in [
        "alice",
        "ALICE",
        " alice\u{3000}",
        "ａｌｉｃｅ",
        "Ａlice",
        "alice@kit.example",
        "Alice@KIT.Example",
        "alice@kit.example.",
        "ａｌｉｃｅ＠ｋｉｔ．ｅｘａｍｐｌｅ",
        "a.sato@kit.example",
        "A.Sato@kit。example",
    ] {
        assert_eq!(site.found(typed).await, Some(site.alice), "{typed:?}");
    }
    assert_eq!(site.found("bob@kit.example").await, Some(site.bob));
}

#[tokio::test]
async fn a_name_that_only_looks_like_one_leads_nowhere() {
    let site = Site::new().await;
    for typed in [
        "",
        "alice+x",
        "alice+x@kit.example",
        "alice*bob",
        "alice*",
        "alice\0",
        "alice\0bob",
        "al ice",
        "alice\r\nbob",
        "a.sato",
        "alice@",
        "@kit.example",
        "alice@mail.kit.example",
        "alice@kit.example@kit.example",
        "\"alice\"@kit.example",
        "alice@kit.example.net",
        "alіce",
        "%",
        "alic_",
        "' OR 1=1 --",
    ] {
        assert_eq!(site.found(typed).await, None, "{typed:?}");
    }
}

#[tokio::test]
async fn mail_finds_the_account_with_and_without_a_detail() {
    let site = Site::new().await;
    for (to, expected) in [
        ("alice@kit.example", vec![site.alice]),
        ("Alice+lists@kit.example", vec![site.alice]),
        ("a.sato+x+y@kit.example", vec![site.alice]),
        ("nobody@kit.example", vec![]),
        ("nobody+alice@kit.example", vec![]),
        ("+alice@kit.example", vec![]),
        ("alice@elsewhere.example", vec![]),
    ] {
        let found = site.accounts.recipients(&address(to)).await;
        assert_eq!(found.expect("asked"), expected, "{to}");
    }
}

#[tokio::test]
async fn a_renamed_account_is_the_same_account_under_its_new_name_alone() {
    let site = Site::new().await;
    let renamed = site.accounts.rename(site.alice, "Alice.Tanaka").await;
    renamed.expect("renamed");
    assert_eq!(site.found("alice.tanaka").await, Some(site.alice));
    assert_eq!(site.found("alice").await, None);
    assert_eq!(
        site.found("alice@kit.example").await,
        Some(site.alice),
        "addresses are apart from the login name"
    );

    let newcomer = site.accounts.add(plain("alice")).await;
    assert!(
        matches!(newcomer, Err(AccountsError::NameTaken(name)) if name == "alice@kit.example"),
        "the address that it would get is still another's"
    );
    let taken = site.accounts.rename(site.bob, "alice.TANAKA").await;
    assert!(matches!(taken, Err(AccountsError::NameTaken(_))));
    assert_eq!(site.found("bob").await, Some(site.bob), "nothing changed");
}

#[tokio::test]
async fn what_another_process_changes_counts_at_the_next_question() {
    let site = Site::new().await;
    let other = site.reopened(ArgonCost::default());
    let id = site.alice;
    assert_eq!(site.found("alice").await, Some(id));
    other.set_disabled(id, true).await.expect("disabled");
    assert!(!site.find("alice").await.expect("there").usable);
    other.set_disabled(id, false).await.expect("enabled");
    assert!(site.find("alice").await.expect("there").usable);
    other.rename(id, "alicia").await.expect("renamed");
    assert_eq!(site.found("alice").await, None);
    other.rename(site.bob, "alice").await.expect("renamed");
    assert_eq!(site.found("alice").await, Some(site.bob));
    assert_eq!(site.found("alicia").await, Some(id));
}

#[tokio::test]
async fn who_gets_a_deleted_accounts_name_is_another_account() {
    let site = Site::new().await;
    site.accounts.delete(site.alice).await.expect("deleted");
    for typed in ["alice", "alice@kit.example", "a.sato@kit.example"] {
        assert_eq!(site.found(typed).await, None, "{typed}");
    }
    let gone = site.accounts.account(site.alice).await.expect("asked");
    assert!(gone.is_some_and(|account| !account.usable));
    let to = address("alice@kit.example");
    let mail = site.accounts.recipients(&to);
    assert!(mail.await.expect("asked").is_empty());
    assert!(!site.verify(Some(site.alice), crate::site::PASSWORD).await);

    let second = site.accounts.add(plain("alice")).await.expect("added");
    site.accounts.delete(second).await.expect("deleted");
    let third = site.accounts.add(plain("alice")).await.expect("added");
    assert!(site.alice < second && second < third, "no id comes back");
    assert_eq!(site.found("alice").await, Some(third));
}

#[tokio::test]
async fn no_two_accounts_share_a_name_in_any_spelling() {
    let site = Site::new().await;
    for name in ["ALICE", "ｂｏｂ", " bob "] {
        let added = site.accounts.add(plain(name)).await;
        assert!(matches!(added, Err(AccountsError::NameTaken(_))), "{name}");
    }
    let alias = address("Bob@kit.example");
    let added = site.accounts.add_address(site.alice, alias).await;
    assert!(matches!(added, Err(AccountsError::NameTaken(_))));
    for name in [
        "alice+x",
        "alice@kit.example",
        "a*b",
        "a b",
        ".alice",
        "a/b",
        "",
    ] {
        assert!(site.accounts.add(plain(name)).await.is_err(), "{name:?}");
    }
}

#[tokio::test]
async fn a_shared_address_brings_mail_to_all_and_is_nobodys_name() {
    let site = Site::new().await;
    let office = address("Office@kit.example");
    for account in [site.alice, site.bob, site.bob] {
        site.accounts.share(&office, account).await.expect("shared");
    }
    let to = async |text: &str| {
        let found = site.accounts.recipients(&address(text)).await;
        found.expect("recipients")
    };
    assert_eq!(to("office@KIT.example").await, [site.alice, site.bob]);
    assert_eq!(to("office+forms@kit.example").await, [site.alice, site.bob]);
    assert_eq!(site.found("office@kit.example").await, None);
    let shared = site.accounts.shared().await.expect("shared");
    let names = vec!["alice".to_owned(), "bob".to_owned()];
    assert_eq!(shared, [("office@kit.example".to_owned(), names)]);

    let own = site.accounts.add_address(site.bob, office.clone()).await;
    assert!(matches!(own, Err(AccountsError::Shared(_))), "{own:?}");
    let own = address("a.sato@kit.example");
    let taken = site.accounts.share(&own, site.bob).await;
    assert!(
        matches!(taken, Err(AccountsError::NameTaken(_))),
        "{taken:?}"
    );
    let foreign = site
        .accounts
        .share(&address("x@far.example"), site.bob)
        .await;
    assert!(
        matches!(foreign, Err(AccountsError::ForeignDomain(_))),
        "{foreign:?}"
    );

    site.accounts
        .unshare(&office, site.alice)
        .await
        .expect("unshared");
    assert!(site.accounts.unshare(&office, site.alice).await.is_err());
    site.accounts.delete(site.bob).await.expect("deleted");
    assert_eq!(to("office@kit.example").await, []);
}
