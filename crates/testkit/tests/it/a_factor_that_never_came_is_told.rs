//! When somebody proves the password but not the factor, the account's owner hears of it: once a day for each source,
//! by mail and on the status page.

use std::sync::Arc;

use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::ports::{Letter, Notice};
use sekisho_checkpoint::web::WebStanding;
use sekisho_testkit::browser::until;
use sekisho_testkit::checkpoint::{CAFE, CAMPUS, HOME, Kit, from};

const BUS: &str = "192.0.2.10";
const TRAIN: &str = "192.0.2.20";

fn told(kit: &Kit) -> Vec<Notice> {
    let letters = kit.letters.letters().into_iter();
    letters
        .filter_map(|letter| match letter {
            Letter::Notice(notice) if notice.what == EventKind::FactorNeverCame => Some(notice),
            _ => None,
        })
        .collect()
}

/// How many such events the status page lists.
async fn listed(kit: &Kit) -> anyhow::Result<usize> {
    let kinds = [EventKind::FactorNeverCame];
    let events = kit.checkpoint.recent(kit.alice, &kinds, 30, 10).await?;
    Ok(events.len())
}

#[tokio::test]
async fn the_person_hears_of_it_and_of_nothing_else() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let keeper = tokio::spawn(Arc::clone(&kit.checkpoint).keep());
    // Alice's own sign-ins: on campus no factor is owed; at home she proves one at the second attempt.
    kit.admitted(from(CAMPUS)).await?;
    kit.owed(from(HOME)).await?;
    kit.prove(&app, from(HOME)).await?;
    // Her phone signs in from one address and proves the factor from another.
    let (token, _) = kit.owed(from(BUS)).await?;
    let WebStanding::Owed(owed) = kit.checkpoint.resume(&token, from(TRAIN)).await? else {
        anyhow::bail!("let in on the train");
    };
    kit.checkpoint.prove(&owed, app.entry(), "phone").await?;
    // The thief tries twice, and stops when the factor is asked for.
    kit.owed(from(CAFE)).await?;
    kit.clock.advance_seconds(60);
    kit.owed(from(CAFE)).await?;

    kit.clock.advance_seconds(16 * 60);
    until(async || Ok((listed(&kit).await? > 0).then_some(()))).await?;
    assert_eq!(listed(&kit).await?, 1, "one source, one line");
    let letters = told(&kit);
    assert_eq!(letters.len(), 1, "told once: {letters:?}");
    assert_eq!(letters[0].from, Some(CAFE.parse()?));
    assert_eq!(letters[0].page, "https://mail.kit.example/mfa");

    // On the next day it is reported again.
    kit.clock.advance_seconds(24 * 3600);
    kit.owed(from(CAFE)).await?;
    kit.clock.advance_seconds(16 * 60);
    until(async || Ok((listed(&kit).await? == 2).then_some(()))).await?;
    until(async || Ok((told(&kit).len() == 2).then_some(()))).await?;
    assert_eq!(told(&kit).len(), 2);
    keeper.abort();
    Ok(())
}
