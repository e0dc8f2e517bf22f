use sekisho_checkpoint::account::{AccountId, Password};
use sekisho_checkpoint::ports::{Directory, PasswordChange, SetPasswordError};
use sekisho_directory::{ArgonCost, NewAccount};

use crate::site::{PASSWORD, Site};

#[tokio::test]
async fn the_right_password_of_the_right_account_is_right() {
    let site = Site::new().await;
    assert!(site.verify(Some(site.alice), PASSWORD).await);
    for wrong in ["", "four plain little word", "FOUR plain little words"] {
        assert!(!site.verify(Some(site.alice), wrong).await, "{wrong:?}");
    }
    let padded = format!("{PASSWORD}{}", " ".repeat(4096));
    assert!(!site.verify(Some(site.alice), &padded).await);
}

#[tokio::test]
async fn an_unknown_account_costs_the_same_work_as_a_known_one() {
    let site = Site::new().await;
    let without = NewAccount {
        login: "carol".to_owned(),
        ..NewAccount::default()
    };
    let carol = site.accounts.add(without).await.expect("added");
    let csv = "login,password_hash\ndave,{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0\n";
    let report = site.accounts.import_csv(csv.as_bytes(), false).await;
    assert!(report.expect("read").written);
    let dave = site.found("dave").await;
    site.accounts.delete(site.bob).await.expect("deleted");
    for (who, account) in [
        ("nobody", None),
        ("an id never given", Some(AccountId::new(999))),
        ("known", Some(site.alice)),
        ("without a password", Some(carol)),
        ("with another system's hash", dave),
        ("deleted", Some(site.bob)),
    ] {
        let before = site.accounts.hashes_computed();
        assert!(!site.verify(account, "wrong").await, "{who}");
        assert_eq!(site.accounts.hashes_computed(), before + 1, "{who}");
    }
}

#[tokio::test]
async fn another_systems_hash_is_replaced_at_the_first_right_password() {
    let site = Site::new().await;
    let csv = "login,password_hash\ndave,{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0\n";
    let report = site.accounts.import_csv(csv.as_bytes(), false).await;
    assert!(report.expect("read").written);
    let dave = site.found("dave").await.expect("there");
    assert!(!site.verify(Some(dave), "wrong").await);
    assert!(site.stored_hash(dave).starts_with("{SSHA}"));
    assert!(site.verify(Some(dave), "secret").await);
    assert!(site.stored_hash(dave).starts_with("$argon2id$"));
    assert!(site.verify(Some(dave), "secret").await);
    assert!(!site.verify(Some(dave), "wrong").await);
}

#[tokio::test]
async fn a_raised_cost_holds_for_old_passwords_too() {
    let site = Site::new().await;
    let dearer = site.reopened(ArgonCost::new(64, 2, 1).expect("a cost"));
    let password = Password::new(PASSWORD.to_owned());
    let verdict = dearer.verify(Some(site.alice), &password).await;
    assert!(verdict.expect("asked"));
    assert!(site.stored_hash(site.alice).contains("m=64,t=2,p=1"));
    let verdict = dearer.verify(Some(site.alice), &password).await;
    assert!(verdict.expect("asked"));
}

#[tokio::test]
async fn a_new_password_takes_the_place_of_the_old_if_it_keeps_the_rules() {
    let site = Site::new().await;
    assert_eq!(site.accounts.password_change(), PasswordChange::Here);
    let set = |typed: &str| {
        let typed = Password::new(typed.to_owned());
        let accounts = &site.accounts;
        async move { accounts.set_password(site.alice, &typed).await }
    };
    assert!(matches!(
        set("short").await,
        Err(SetPasswordError::TooShort(12))
    ));
    assert!(matches!(
        set("Alice-Alice-2027").await,
        Err(SetPasswordError::TooCommon)
    ));
    assert!(site.verify(Some(site.alice), PASSWORD).await);

    set("五月の会議室は青い鳥の家").await.expect("set");
    assert!(!site.verify(Some(site.alice), PASSWORD).await);
    assert!(
        site.verify(Some(site.alice), "五月の会議室は青い鳥の家")
            .await
    );
    let nobody = AccountId::new(999);
    let new = Password::new("some other words".to_owned());
    let set = site.accounts.set_password(nobody, &new).await;
    assert!(matches!(set, Err(SetPasswordError::Directory(_))));
}
