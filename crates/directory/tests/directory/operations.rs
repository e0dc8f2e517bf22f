use std::collections::BTreeSet;

use sekisho_checkpoint::account::Group;
use sekisho_checkpoint::ports::Directory;
use sekisho_directory::{AccountsError, ArgonCost, NewAccount};

use crate::site::{Site, address, instant, plain};

#[tokio::test]
async fn what_is_known_of_an_account_survives_reopening() {
    let site = Site::new().await;
    let groups = vec![Group("staff".to_owned()), Group("教員".to_owned())];
    site.accounts
        .set_groups(site.alice, groups.clone())
        .await
        .expect("set");
    let again = site.reopened(ArgonCost::least());
    let alice = again
        .account(site.alice)
        .await
        .expect("asked")
        .expect("there");
    assert_eq!(alice.login, "alice");
    assert_eq!(alice.display_name, "Alice 佐藤");
    assert_eq!(alice.main_address(), Some(&address("alice@kit.example")));
    assert_eq!(alice.addresses.len(), 2);
    assert_eq!(
        BTreeSet::from_iter(alice.groups.iter().map(|g| &g.0)),
        BTreeSet::from_iter(groups.iter().map(|g| &g.0))
    );
    assert!(alice.usable);
    let listed = again.list().await.expect("listed");
    let logins: Vec<_> = listed
        .iter()
        .map(|one| one.account.login.as_str())
        .collect();
    assert_eq!(logins, ["alice", "bob"]);
    assert!(listed.iter().all(|one| one.has_password && !one.disabled));
}

#[tokio::test]
async fn an_account_is_usable_until_it_is_disabled_or_its_end_has_come() {
    let site = Site::new().await;
    let usable = async || site.find("alice").await.expect("there").usable;
    assert!(usable().await);
    site.accounts
        .set_disabled(site.alice, true)
        .await
        .expect("set");
    assert!(!usable().await);
    site.accounts
        .set_disabled(site.alice, false)
        .await
        .expect("set");
    assert!(usable().await);

    let end = site.accounts.parse_end("2027-03-31").expect("a date");
    assert_eq!(
        end,
        instant("2027-04-01T00:00:00+09:00"),
        "its last day, in the site's zone"
    );
    site.accounts
        .set_end(site.alice, Some(end))
        .await
        .expect("set");
    site.clock.set(instant("2027-03-31T23:59:59+09:00"));
    assert!(usable().await);
    site.clock.set(end);
    assert!(!usable().await);
    let to = address("alice@kit.example");
    let mail = site.accounts.recipients(&to);
    assert_eq!(
        mail.await.expect("asked"),
        [site.alice],
        "mail still arrives"
    );
    site.accounts.set_end(site.alice, None).await.expect("set");
    assert!(usable().await);
}

#[tokio::test]
async fn addresses_come_and_go_but_one_stays() {
    let site = Site::new().await;
    let third = address("Sato@大学.example");
    site.accounts
        .add_address(site.alice, third.clone())
        .await
        .expect("added");
    site.accounts
        .add_address(site.alice, third)
        .await
        .expect("has it already");
    assert_eq!(site.found("sato@大学.example").await, Some(site.alice));
    assert_eq!(
        site.found("SATO@xn--pss25c.example").await,
        Some(site.alice)
    );

    for (bad, why) in [
        ("alice@gmail.example", "another's domain"),
        ("alice+x@kit.example", "a detail"),
    ] {
        let added = site.accounts.add_address(site.alice, address(bad)).await;
        assert!(added.is_err(), "{why}");
    }
    for gone in ["alice@kit.example", "A.SATO@kit.example"] {
        let removed = site
            .accounts
            .remove_address(site.alice, &address(gone))
            .await;
        removed.expect(gone);
        assert_eq!(site.found(gone).await, None);
    }
    let last = site
        .accounts
        .remove_address(site.alice, &address("sato@大学.example"))
        .await;
    assert!(matches!(last, Err(AccountsError::NoAddress)));
    let not_hers = site
        .accounts
        .remove_address(site.alice, &address("bob@kit.example"))
        .await;
    assert!(matches!(not_hers, Err(AccountsError::NotItsAddress(_))));
}

#[tokio::test]
async fn nothing_can_be_done_with_a_deleted_account_nor_put_into_a_header() {
    let site = Site::new().await;
    let line = site
        .accounts
        .set_display_name(site.bob, "Bob\r\nBcc: eve@x.example")
        .await;
    assert!(matches!(line, Err(AccountsError::BadText(_))));
    site.accounts.delete(site.bob).await.expect("deleted");
    let again = site.accounts.set_disabled(site.bob, false).await;
    assert!(matches!(again, Err(AccountsError::NoSuchAccount)));
    assert!(matches!(
        site.accounts.show(site.bob).await,
        Err(AccountsError::NoSuchAccount)
    ));
    assert!(matches!(
        site.accounts.delete(site.bob).await,
        Err(AccountsError::NoSuchAccount)
    ));
}

#[tokio::test]
async fn an_account_that_can_not_be_made_leaves_nothing_behind() {
    let site = Site::new().await;
    let clash = NewAccount {
        addresses: vec![address("carol@kit.example"), address("bob@kit.example")],
        ..plain("carol")
    };
    let added = site.accounts.add(clash).await;
    assert!(matches!(added, Err(AccountsError::NameTaken(name)) if name == "bob@kit.example"));
    assert_eq!(site.found("carol").await, None);
    let carol = site.accounts.add(plain("carol")).await;
    assert!(carol.is_ok(), "her names are free");
}
