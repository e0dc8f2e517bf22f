//! Security rule 3: a code is accepted once, however many requests present it at the same moment.

use sekisho_checkpoint::{Proof, ProofError};
use sekisho_testkit::checkpoint::{CAFE, HOME, Kit, from, site};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_exactly_one_is_let_in() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let mut browsers = Vec::new();
    for _ in 0..16 {
        browsers.push(kit.owed(from(HOME)).await?.1);
    }
    let mut tries = tokio::task::JoinSet::new();
    for owed in browsers {
        let checkpoint = std::sync::Arc::clone(&kit.checkpoint);
        let entry = app.entry();
        tries.spawn(async move { checkpoint.prove(&owed, entry, "browser").await.is_ok() });
    }
    let won = tries.join_all().await.into_iter().filter(|&ok| ok).count();
    assert_eq!(won, 1);
    Ok(())
}

#[tokio::test]
async fn a_used_code_is_told_apart_and_costs_no_try() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let entry = app.entry();
    let (_, owed) = kit.owed(from(HOME)).await?;
    kit.checkpoint.prove(&owed, entry, "browser").await?;
    for _ in 0..20 {
        let (_, owed) = kit.owed(from(CAFE)).await?;
        let again = kit.checkpoint.prove(&owed, app.entry(), "browser").await;
        assert!(
            matches!(
                again,
                Err(ProofError::Used {
                    next_in_seconds: 1..=60
                })
            ),
            "{again:?}"
        );
    }
    kit.clock.advance_seconds(30);
    let (_, owed) = kit.owed(from(CAFE)).await?;
    kit.checkpoint.prove(&owed, app.entry(), "browser").await?;
    Ok(())
}

#[tokio::test]
async fn an_earlier_code_is_refused_after_a_later_one_also_by_another_node() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let (earlier, later) = (app.shows(), app.shows_at(30));
    let entry = |code| Proof::App(code);
    let (_, owed) = kit.owed(from(HOME)).await?;
    kit.checkpoint.prove(&owed, entry(later), "browser").await?;
    let (_, owed) = kit.owed(from(CAFE)).await?;
    let node = kit.another(site()).await?;
    let refused = node.prove(&owed, entry(earlier), "browser").await;
    assert!(
        matches!(refused, Err(ProofError::Used { .. })),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_wrong_clock_is_recognised_and_not_accepted() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let (_, owed) = kit.owed(from(HOME)).await?;
    let entry = Proof::App(app.shows_at(-300));
    let refused = kit.checkpoint.prove(&owed, entry, "browser").await;
    assert!(
        matches!(
            refused,
            Err(ProofError::ClockOff {
                minutes: -6..=-4,
                ..
            })
        ),
        "{refused:?}"
    );
    Ok(())
}
