//! A site that keeps its mail in Cyrus: people can use what Cyrus offers, but nothing that leads past the checkpoint
//! reaches it.

use anyhow::Context as _;
use sekisho_testkit::cyrus::Cyrus;
use sekisho_testkit::postgres::is_root;
use sekisho_testkit::stage::HANAKO;
use sekisho_testkit::wire::{MailDoor, Way};

use crate::in_front_of_dovecot::{PEOPLE, before, store_a_mail};

#[tokio::test]
async fn refused_without_a_grant_admitted_with_one_read_in_the_webmail_and_cut()
-> anyhow::Result<()> {
    if !is_root()? {
        return Ok(());
    }
    let cyrus = Cyrus::start(&PEOPLE).await?;
    let stage = before(cyrus.upstream()?).await?;
    let app = stage.uses_mfa(HANAKO).await?;
    let password = stage.password(HANAKO);
    let ways = Way::ALL
        .into_iter()
        .filter(|way| way.door() != MailDoor::Submission);
    for way in ways.clone() {
        let (answer, _) = stage
            .mail_client(stage.home(), way, HANAKO, password)
            .await?;
        assert!(answer.starts_with(way.refusal()), "{way:?}: {answer}");
    }

    let mut browser = stage.proves(stage.home(), HANAKO, &app).await?;
    let mut open = Vec::new();
    for way in ways.clone() {
        let (answer, wire) = stage
            .mail_client(stage.home(), way, HANAKO, password)
            .await?;
        assert!(way.lets_in(&answer), "{way:?}: {answer}\n{}", cyrus.log());
        open.push((way, wire));
    }
    let (_, wire) = open.first_mut().context("a connection")?;
    store_a_mail(wire, "lanterns on Friday").await?;
    let found = wire.imap("EXAMINE INBOX").await?;
    assert!(found.contains("* 1 EXISTS"), "{found}");

    let page = browser.open("/mail").await?.words();
    assert!(page.contains("lanterns on Friday"), "{page}");
    let missed = browser.open("/mail?q=candles").await?.words();
    assert!(!missed.contains("lanterns on Friday"), "{missed}");
    let letter = browser.open("/mail?q=lanterns").await?.words();
    assert!(letter.contains("lanterns on Friday"), "{letter}");

    // A client that sends UNAUTHENTICATE, to log in as somebody else, is disconnected, whether Cyrus offers the command
    // or not.
    let (_, mut wire) = stage
        .mail_client(stage.home(), Way::ImapLogin, HANAKO, password)
        .await?;
    wire.send("u UNAUTHENTICATE\r\n").await?;
    let words = wire.until_closed().await;
    assert!(!words.contains("u OK"), "{words}");

    stage.clock.advance(jiff::SignedDuration::from_hours(14));
    for (way, wire) in &mut open {
        let words = wire.until_closed().await;
        assert_eq!(words, "", "{way:?} ends without a word, and ends");
    }
    stage.demo.stop().await;
    Ok(())
}
