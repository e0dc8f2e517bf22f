//! Each request of a session is judged for its own source: a session that began on campus owes a factor at home.

use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::web::{NoSession, Person, WebStanding};
use sekisho_testkit::checkpoint::{CAMPUS, HOME, Kit, from};

#[tokio::test]
async fn the_session_falls_back_and_comes_back_with_what_was_being_written() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let (token, session) = kit.admitted(from(CAMPUS)).await?;
    kit.checkpoint
        .put_stash(
            session.session_id(),
            Some(Sealed(b"half a letter".to_vec())),
        )
        .await?;
    let WebStanding::Owed(owed) = kit.checkpoint.resume(&token, from(HOME)).await? else {
        anyhow::bail!("let in at home");
    };
    let new = kit.checkpoint.prove(&owed, app.entry(), "browser").await?;
    let session = kit.admitted_again(&new, from(HOME)).await?;
    assert_eq!(
        session.record().stash,
        Some(Sealed(b"half a letter".to_vec()))
    );
    let old = kit.checkpoint.resume(&token, from(HOME)).await;
    assert!(
        matches!(old, Err(NoSession::Gone)),
        "the old token is worth nothing after the rise"
    );
    Ok(())
}

#[tokio::test]
async fn a_session_ends_after_two_idle_hours_and_after_fourteen_in_all() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (token, _) = kit.admitted(from(CAMPUS)).await?;
    kit.clock.advance_seconds(2 * 3600);
    assert!(
        kit.checkpoint.resume(&token, from(CAMPUS)).await.is_err(),
        "idle"
    );
    let (token, _) = kit.admitted(from(CAMPUS)).await?;
    for _ in 0..13 {
        kit.clock.advance_seconds(3600);
        kit.admitted_again(&token, from(CAMPUS)).await?;
    }
    kit.clock.advance_seconds(3600);
    assert!(
        kit.checkpoint.resume(&token, from(CAMPUS)).await.is_err(),
        "fourteen hours"
    );
    Ok(())
}

#[tokio::test]
async fn a_second_browser_at_the_same_place_needs_no_code() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    kit.prove(&app, from(HOME)).await?;
    kit.admitted(from(HOME)).await?;
    Ok(())
}

#[tokio::test]
async fn the_registration_under_way_is_there_again_after_a_reload() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (token, session) = kit.admitted(from(CAMPUS)).await?;
    let none = sekisho_checkpoint::Reproof::none();
    let shown = kit
        .checkpoint
        .offer_user_code(Person::from(&session), &none, "browser")
        .await?;
    let sekisho_checkpoint::RegistrationState::UserCode { user, .. } = shown else {
        anyhow::bail!("no user code");
    };
    kit.clock.advance_seconds(599);
    let session = kit.admitted_again(&token, from(CAMPUS)).await?;
    let again = kit.checkpoint.registration(Person::from(&session)).await?;
    let Some(sekisho_checkpoint::RegistrationState::UserCode { user: same, .. }) = again else {
        anyhow::bail!("it is gone");
    };
    assert_eq!(user.grouped(), same.grouped());
    kit.clock.advance_seconds(1);
    let session = kit.admitted_again(&token, from(CAMPUS)).await?;
    assert!(
        kit.checkpoint
            .registration(Person::from(&session))
            .await?
            .is_none(),
        "ten minutes, not more"
    );
    Ok(())
}
