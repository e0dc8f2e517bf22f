//! Security rule 5: a grant expires at its second, whatever the clock does, and closes the connections that it
//! admitted.

use jiff::SignedDuration;
use sekisho_checkpoint::lease::LeaseEnd;
use sekisho_checkpoint::web::WebStanding;
use sekisho_testkit::checkpoint::{CAFE, CAMPUS, HOME, Kit, PASSWORD, from, site};

const ALMOST: SignedDuration = SignedDuration::from_secs(14 * 3600 - 31);

#[tokio::test]
async fn mail_clients_and_the_webmail_are_let_in_until_the_second_before() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    kit.prove(&app, from(HOME)).await?;
    kit.clock.advance(ALMOST);
    assert!(kit.mail_client("alice", PASSWORD, from(HOME)).await.is_ok());
    kit.clock.advance_seconds(1);
    assert!(
        kit.mail_client("alice", PASSWORD, from(HOME))
            .await
            .is_err()
    );
    kit.owed(from(HOME)).await?;
    Ok(())
}

#[tokio::test]
async fn an_open_connection_is_closed_at_that_second() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let keeper = tokio::spawn(std::sync::Arc::clone(&kit.checkpoint).keep());
    let app = kit.alice_uses_mfa().await?;
    kit.prove(&app, from(HOME)).await?;
    let at_home = kit
        .mail_client("alice", PASSWORD, from(HOME))
        .await
        .expect("admitted");
    let on_campus = kit
        .mail_client("alice", PASSWORD, from(CAMPUS))
        .await
        .expect("admitted");
    kit.clock.advance(ALMOST);
    tokio::task::yield_now().await;
    assert!(!at_home.lease().is_over());
    kit.clock.advance_seconds(1);
    assert_eq!(at_home.lease().ended().await, LeaseEnd::Expired);
    assert!(
        !on_campus.lease().is_over(),
        "a trusted network needs no grant"
    );
    keeper.abort();
    Ok(())
}

#[tokio::test]
async fn a_later_success_from_the_same_place_carries_the_connection_on() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let keeper = tokio::spawn(std::sync::Arc::clone(&kit.checkpoint).keep());
    let app = kit.alice_uses_mfa().await?;
    let token = kit.prove(&app, from(HOME)).await?;
    let client = kit
        .mail_client("alice", PASSWORD, from(HOME))
        .await
        .expect("admitted");
    let other = kit
        .mail_client("alice", PASSWORD, from(HOME))
        .await
        .expect("admitted");
    drop(other);
    kit.clock.advance(SignedDuration::from_mins(90));
    let session = kit.admitted_again(&token, from(HOME)).await?;
    kit.checkpoint
        .renew(&session, app.entry(), "browser")
        .await?;
    kit.clock.advance(SignedDuration::from_hours(13));
    let again = kit.mail_client("alice", PASSWORD, from(HOME)).await;
    assert!(
        again.is_ok(),
        "renewed until 15 h 30 min after the first success"
    );
    assert!(!client.lease().is_over());
    kit.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(client.lease().ended().await, LeaseEnd::Expired);
    keeper.abort();
    Ok(())
}

#[tokio::test]
async fn mail_clients_do_not_renew_a_grant() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    kit.prove(&app, from(HOME)).await?;
    for _ in 0..13 {
        kit.clock.advance(SignedDuration::from_hours(1));
        assert!(kit.mail_client("alice", PASSWORD, from(HOME)).await.is_ok());
    }
    kit.clock.advance(SignedDuration::from_hours(1));
    assert!(
        kit.mail_client("alice", PASSWORD, from(HOME))
            .await
            .is_err()
    );
    Ok(())
}

#[tokio::test]
async fn a_grant_survives_a_restart_and_ends_all_the_same() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let token = kit.prove(&app, from(HOME)).await?;
    let restarted = kit.another(site()).await?;
    assert!(matches!(
        restarted.resume(&token, from(HOME)).await?,
        WebStanding::Admitted(_)
    ));
    assert!(matches!(
        restarted.resume(&token, from(CAFE)).await?,
        WebStanding::Owed(_)
    ));
    Ok(())
}

#[tokio::test]
async fn setting_the_clock_back_prolongs_nothing_even_over_a_restart() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    kit.prove(&app, from(HOME)).await?;
    kit.clock.advance(SignedDuration::from_hours(14));
    assert!(
        kit.mail_client("alice", PASSWORD, from(HOME))
            .await
            .is_err()
    );
    kit.clock.advance(SignedDuration::from_hours(-10));
    assert!(
        kit.mail_client("alice", PASSWORD, from(HOME))
            .await
            .is_err()
    );
    let restarted = kit.another(site()).await?;
    assert!(restarted.now() > sekisho_checkpoint::ports::Clock::now(kit.clock.as_ref()));
    Ok(())
}

#[tokio::test]
async fn a_network_that_is_no_longer_trusted_ends_what_lived_by_it() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    kit.alice_uses_mfa().await?;
    let client = kit
        .mail_client("alice", PASSWORD, from(CAMPUS))
        .await
        .expect("admitted");
    let (token, _) = kit.admitted(from(CAMPUS)).await?;
    let mut changed = site();
    changed.networks = sekisho_checkpoint::network::Networks::default();
    kit.checkpoint.reconfigure(changed).await;
    assert_eq!(client.lease().ended().await, LeaseEnd::Revoked);
    assert!(matches!(
        kit.checkpoint.resume(&token, from(CAMPUS)).await?,
        WebStanding::Owed(_)
    ));
    Ok(())
}

#[tokio::test]
async fn a_connection_ends_when_the_day_comes_from_which_the_site_requires_mfa()
-> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let mut strict = site();
    let from_then = kit.checkpoint.now() + SignedDuration::from_hours(1);
    strict.policy.mfa = sekisho_checkpoint::policy::MfaDemand::RequiredFrom(from_then);
    kit.checkpoint.reconfigure(strict).await;
    let keeper = tokio::spawn(std::sync::Arc::clone(&kit.checkpoint).keep());
    let admitted = kit
        .mail_client("alice", PASSWORD, from(HOME))
        .await
        .map_err(|refused| anyhow::anyhow!("{refused:?}"))?;
    tokio::task::yield_now().await;
    kit.clock.advance_seconds(2 * 60 * 60);
    tokio::time::timeout(std::time::Duration::from_secs(10), admitted.lease().ended()).await?;
    keeper.abort();
    Ok(())
}
