//! Security rule 6: each change ends everything that it must end, on every node, and nothing else.

use sekisho_checkpoint::account::Password;
use sekisho_checkpoint::lease::LeaseEnd;
use sekisho_checkpoint::ports::Letter;
use sekisho_checkpoint::web::{Person, WebStanding};
use sekisho_checkpoint::{ChangeError, Reproof};
use sekisho_testkit::checkpoint::{App, CAFE, CAMPUS, HOME, Kit, PASSWORD, from, site};

fn with_password() -> Reproof {
    Reproof {
        password: Some(Password::new(PASSWORD.to_owned())),
        ..Reproof::none()
    }
}

fn with_both(app: &App) -> Reproof {
    Reproof {
        proof: Some(app.entry()),
        ..with_password()
    }
}

#[tokio::test]
async fn registering_another_factor_throws_nobody_out() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let elsewhere = kit.prove(&app, from(CAFE)).await?;
    let token = kit.prove(&app, from(HOME)).await?;
    let client = kit
        .mail_client("alice", PASSWORD, from(CAFE))
        .await
        .expect("admitted");
    let session = kit.admitted_again(&token, from(HOME)).await?;
    kit.register_app(Person::from(&session), &token, from(HOME))
        .await?;
    assert!(!client.lease().is_over());
    kit.admitted_again(&elsewhere, from(CAFE)).await?;
    Ok(())
}

#[tokio::test]
async fn turning_mfa_on_ends_other_sessions_and_untrusted_mail_connections() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (other, _) = kit.admitted(from(HOME)).await?;
    let (own, session) = kit.admitted(from(CAMPUS)).await?;
    let at_home = kit
        .mail_client("alice", PASSWORD, from(HOME))
        .await
        .expect("admitted");
    let on_campus = kit
        .mail_client("alice", PASSWORD, from(CAMPUS))
        .await
        .expect("admitted");
    kit.checkpoint
        .set_mfa(&session, true, &Reproof::none(), "")
        .await?;
    assert_eq!(at_home.lease().ended().await, LeaseEnd::Revoked);
    assert!(!on_campus.lease().is_over());
    assert!(kit.checkpoint.resume(&other, from(HOME)).await.is_err());
    kit.admitted_again(&own, from(CAMPUS)).await?;
    Ok(())
}

#[tokio::test]
async fn removing_a_factor_ends_all_but_the_session_and_grant_of_who_did_it() -> anyhow::Result<()>
{
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let elsewhere = kit.prove(&app, from(CAFE)).await?;
    let own = kit.prove(&app, from(HOME)).await?;
    let client = kit
        .mail_client("alice", PASSWORD, from(HOME))
        .await
        .expect("admitted");
    let session = kit.admitted_again(&own, from(HOME)).await?;
    let factor = session.standing().factors[0].id;
    let asked = kit
        .checkpoint
        .remove_factor(&session, factor, &Reproof::none(), "")
        .await;
    assert!(
        matches!(
            asked,
            Err(ChangeError::ReproofNeeded { password: true, .. })
        ),
        "{asked:?}"
    );
    kit.checkpoint
        .remove_factor(&session, factor, &with_both(&app), "")
        .await?;
    assert_eq!(client.lease().ended().await, LeaseEnd::Revoked);
    assert!(kit.checkpoint.resume(&elsewhere, from(CAFE)).await.is_err());
    assert!(
        kit.mail_client("alice", PASSWORD, from(CAFE))
            .await
            .is_err(),
        "its grant is gone"
    );
    kit.admitted_again(&own, from(HOME)).await?;
    assert!(
        kit.mail_client("alice", PASSWORD, from(HOME)).await.is_ok(),
        "the acting place keeps its grant"
    );
    Ok(())
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_opened_on_the_other_node_too() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let node = kit.another(site()).await?;
    let keeper = tokio::spawn(std::sync::Arc::clone(&node).keep());
    let (own, session) = kit.admitted(from(CAMPUS)).await?;
    let attempt = |password: &str| sekisho_checkpoint::Attempt {
        door: sekisho_checkpoint::audit::Door::Imap,
        name: "alice".to_owned(),
        authorization: None,
        password: Password::new(password.to_owned()),
        source: from(HOME),
        client: String::new(),
    };
    let there = node.admit(attempt(PASSWORD)).await.expect("admitted");
    let new = Password::new("a longer and newer one".to_owned());
    let old = Password::new(PASSWORD.to_owned());
    kit.checkpoint
        .change_password(&session, old, &new, Reproof::none(), "")
        .await?;
    kit.clock.advance_seconds(1);
    assert_eq!(there.lease().ended().await, LeaseEnd::Revoked);
    assert!(
        node.admit(attempt(PASSWORD)).await.is_err(),
        "not remembered there either"
    );
    kit.admitted_again(&own, from(CAMPUS)).await?;
    keeper.abort();
    Ok(())
}

#[tokio::test]
async fn who_was_put_out_while_changing_the_password_sets_none() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (_, thief) = kit.admitted(from(CAMPUS)).await?;
    let (_, owner) = kit.admitted(from(CAMPUS)).await?;
    kit.checkpoint.not_me(&owner, "").await?;
    let new = Password::new("a longer and newer one".to_owned());
    let old = Password::new(PASSWORD.to_owned());
    let changed = kit
        .checkpoint
        .change_password(&thief, old, &new, Reproof::none(), "")
        .await;
    assert!(changed.is_err(), "{changed:?}");
    let (_, owner) = kit.admitted(from(CAMPUS)).await?;
    assert!(owner.standing().password_wanted, "a new one is wanted yet");
    Ok(())
}

#[tokio::test]
async fn ending_a_grant_by_hand_closes_what_lived_by_it_alone() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    kit.prove(&app, from(CAFE)).await?;
    let own = kit.prove(&app, from(HOME)).await?;
    let cafe = kit
        .mail_client("alice", PASSWORD, from(CAFE))
        .await
        .expect("admitted");
    let home = kit
        .mail_client("alice", PASSWORD, from(HOME))
        .await
        .expect("admitted");
    let session = kit.admitted_again(&own, from(HOME)).await?;
    let grants = kit.checkpoint.grants(&session).await?;
    let elsewhere = grants.iter().find(|g| !g.here).expect("the café's");
    kit.checkpoint
        .end_grants(&session, Some(elsewhere.grant.id), "")
        .await?;
    assert_eq!(cafe.lease().ended().await, LeaseEnd::Revoked);
    assert!(!home.lease().is_over());
    assert!(
        kit.mail_client("alice", PASSWORD, from(CAFE))
            .await
            .is_err()
    );
    Ok(())
}

#[tokio::test]
async fn that_was_not_me_ends_everything() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let thief = kit.prove(&app, from(CAFE)).await?;
    let (own, session) = kit.admitted(from(CAMPUS)).await?;
    let client = kit
        .mail_client("alice", PASSWORD, from(CAMPUS))
        .await
        .expect("admitted");
    kit.checkpoint.not_me(&session, "").await?;
    assert_eq!(client.lease().ended().await, LeaseEnd::Revoked);
    assert!(kit.checkpoint.resume(&thief, from(CAFE)).await.is_err());
    assert!(kit.checkpoint.resume(&own, from(CAMPUS)).await.is_err());
    Ok(())
}

#[tokio::test]
async fn every_change_is_written_down_and_told_by_mail() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    kit.alice_uses_mfa().await?;
    let (_, session) = kit.admitted(from(CAMPUS)).await?;
    kit.checkpoint
        .set_mfa(&session, false, &with_password(), "")
        .await?;
    use sekisho_checkpoint::audit::EventKind;
    let told: Vec<_> = kit
        .letters
        .letters()
        .into_iter()
        .filter_map(|l| match l {
            Letter::Notice(notice) => Some(notice.what),
            Letter::Otp(_) => None,
        })
        .collect();
    let changes = [
        EventKind::AppRegistered,
        EventKind::MfaOn,
        EventKind::MfaOff,
    ];
    assert_eq!(told, changes);
    let written: Vec<_> = kit
        .checkpoint
        .recent(kit.alice, &[], 1, 500)
        .await?
        .into_iter()
        .map(|e| e.what)
        .collect();
    assert!(changes.iter().all(|c| written.contains(c)), "{written:?}");
    Ok(())
}

#[tokio::test]
async fn a_disabled_account_is_out_at_its_next_request() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (token, _) = kit.admitted(from(CAMPUS)).await?;
    let client = kit
        .mail_client("alice", PASSWORD, from(CAMPUS))
        .await
        .expect("admitted");
    let alice = kit.accounts.show(kit.alice).await?.account;
    kit.accounts.set_disabled(kit.alice, true).await?;
    kit.checkpoint
        .desk_end_everything(
            &alice,
            sekisho_checkpoint::audit::EventKind::GrantEnded,
            "left the university",
        )
        .await?;
    assert_eq!(client.lease().ended().await, LeaseEnd::Revoked);
    assert!(kit.checkpoint.resume(&token, from(CAMPUS)).await.is_err());
    assert!(
        kit.mail_client("alice", PASSWORD, from(CAMPUS))
            .await
            .is_err()
    );
    assert!(matches!(kit.sign_in(from(CAMPUS)).await, Err(e) if e.to_string().contains("wrong")));
    Ok(())
}

#[tokio::test]
async fn logging_out_ends_the_session_and_leaves_the_grant() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let token = kit.prove(&app, from(HOME)).await?;
    let session = kit.admitted_again(&token, from(HOME)).await?;
    kit.checkpoint.sign_out(session.session_id()).await?;
    assert!(kit.checkpoint.resume(&token, from(HOME)).await.is_err());
    assert!(matches!(
        kit.sign_in(from(HOME)).await?.1,
        WebStanding::Admitted(_)
    ));
    Ok(())
}

/// When another database takes over without the last revocations, nobody knows what they ended.
#[tokio::test]
async fn where_revocations_were_lost_everybody_is_judged_anew() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    kit.prove(&app, from(HOME)).await?;
    let node = kit.another(site()).await?;
    let keeper = tokio::spawn(std::sync::Arc::clone(&node).keep());
    let attempt = |place| sekisho_checkpoint::Attempt {
        door: sekisho_checkpoint::audit::Door::Imap,
        name: "alice".to_owned(),
        authorization: None,
        password: Password::new(PASSWORD.to_owned()),
        source: from(place),
        client: String::new(),
    };
    let at_home = node.admit(attempt(HOME)).await.expect("admitted");
    let on_campus = node.admit(attempt(CAMPUS)).await.expect("admitted");
    sekisho_testkit::records::lose_the_last_revocations(kit.folder())?;
    kit.clock.advance_seconds(1);
    assert_eq!(at_home.lease().ended().await, LeaseEnd::Revoked);
    assert!(
        !on_campus.lease().is_over(),
        "the rule still admits this one"
    );
    keeper.abort();
    Ok(())
}
