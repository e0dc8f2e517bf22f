//! Security rule 1, at the checkpoint: with MFA in use, no door opens without a trusted network or a grant.

use sekisho_checkpoint::NotAdmitted;
use sekisho_checkpoint::account::Password;
use sekisho_checkpoint::audit::{Door, EventKind};
use sekisho_checkpoint::door::Attempt;
use sekisho_checkpoint::rule::Reason;
use sekisho_testkit::checkpoint::{CAFE, CAMPUS, HOME, Kit, PASSWORD, from};

#[tokio::test]
async fn the_password_alone_opens_no_door_from_outside() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    kit.alice_uses_mfa().await?;
    for door in [
        Door::Imap,
        Door::Pop3,
        Door::Submission,
        Door::ManageSieve,
        Door::AuthApi,
    ] {
        for name in [
            "alice",
            "ALICE",
            " alice ",
            "ａｌｉｃｅ",
            "alice@kit.example",
            "Alice@KIT.example",
        ] {
            let attempt = Attempt {
                door,
                name: name.to_owned(),
                authorization: None,
                password: Password::new(PASSWORD.to_owned()),
                source: from(HOME),
                client: String::new(),
            };
            let answer = kit.checkpoint.admit(attempt).await;
            assert!(
                matches!(answer, Err(NotAdmitted::Refused(_))),
                "{door:?} as {name:?}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_same_password_on_campus_just_works() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    kit.alice_uses_mfa().await?;
    let admitted = kit.mail_client("alice", PASSWORD, from(CAMPUS)).await;
    assert!(admitted.is_ok_and(|a| a.reason() == Reason::Trusted));
    Ok(())
}

#[tokio::test]
async fn a_sign_in_with_the_factor_opens_mail_clients_at_that_place_alone() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    kit.prove(&app, from(HOME)).await?;
    assert!(kit.mail_client("alice", PASSWORD, from(HOME)).await.is_ok());
    assert!(
        kit.mail_client("alice", PASSWORD, from(CAFE))
            .await
            .is_err(),
        "another place"
    );
    assert!(
        kit.mail_client("alice", "wrong", from(HOME)).await.is_err(),
        "another password"
    );
    Ok(())
}

#[tokio::test]
async fn another_accounts_grant_opens_nothing() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    kit.prove(&app, from(HOME)).await?;
    let bob = kit.accounts.show(kit.bob).await?.account;
    kit.checkpoint.desk_set_mfa(&bob, true, "test").await?;
    assert!(kit.mail_client("bob", PASSWORD, from(HOME)).await.is_err());
    Ok(())
}

#[tokio::test]
async fn another_identity_in_the_sasl_exchange_is_refused() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    for (authorization, admitted) in [
        (None, true),
        (Some(""), true),
        (Some("ALICE"), true),
        (Some("bob"), false),
        (Some("\0"), false),
    ] {
        let attempt = Attempt {
            door: Door::Imap,
            name: "alice".to_owned(),
            authorization: authorization.map(str::to_owned),
            password: Password::new(PASSWORD.to_owned()),
            source: from(HOME),
            client: String::new(),
        };
        assert_eq!(
            kit.checkpoint.admit(attempt).await.is_ok(),
            admitted,
            "{authorization:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_person_finds_on_the_own_page_what_really_happened() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    kit.alice_uses_mfa().await?;
    let Err(NotAdmitted::Refused(refusal)) = kit.mail_client("alice", PASSWORD, from(HOME)).await
    else {
        anyhow::bail!("let in");
    };
    assert!(refusal.sentence.contains(refusal.reference.as_str()));
    let events = kit.checkpoint.recent(kit.alice, &[], 30, 500).await?;
    let told = events
        .iter()
        .find(|e| e.reference.as_ref() == Some(&refusal.reference));
    assert_eq!(told.map(|e| e.what), Some(EventKind::RefusedNoGrant));
    assert_eq!(told.and_then(|e| e.address), HOME.parse().ok());
    Ok(())
}
