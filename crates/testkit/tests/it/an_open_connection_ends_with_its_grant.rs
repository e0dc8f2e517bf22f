//! Security rule 5, over real sockets: when a grant of a few seconds ends, so do the connections that it admitted.

use jiff::SignedDuration;
use sekisho_testkit::stage::{HANAKO, Stage};
use sekisho_testkit::wire::Way;

#[tokio::test]
async fn an_idling_mail_client_is_cut_off_the_next_login_refused_and_the_page_says_so()
-> anyhow::Result<()> {
    // Proving the factor moves the clock forward by 30 s.
    let stage = Stage::start_with_grants_of(SignedDuration::from_secs(40)).await?;
    let app = stage.uses_mfa(HANAKO).await?;
    let mut browser = stage.proves(stage.home(), HANAKO, &app).await?;
    let password = stage.password(HANAKO);
    let (answer, mut idling) = stage
        .mail_client(stage.home(), Way::ImapLogin, HANAKO, password)
        .await?;
    assert!(answer.starts_with("t OK"), "{answer}");
    let (_, mut on_campus) = stage
        .mail_client(stage.campus(), Way::ImapLogin, HANAKO, password)
        .await?;
    let (answer, mut fetching) = stage
        .mail_client(stage.home(), Way::Pop3Pass, HANAKO, password)
        .await?;
    assert!(answer.starts_with("+OK"), "{answer}");
    fetching.pop3("DELE 1").await?;
    idling.imap("SELECT INBOX").await?;
    idling.send("t IDLE\r\n").await?;
    assert!(idling.line().await?.starts_with('+'));

    stage.clock.advance_seconds(10);
    let last_words = idling.until_closed().await;
    assert!(!last_words.contains("t OK"), "{last_words}");
    assert_eq!(fetching.until_closed().await, "");
    assert!(
        on_campus.imap("NOOP").await?.contains("t OK"),
        "a trusted network needs no grant"
    );
    for way in Way::ALL {
        let (answer, _) = stage
            .mail_client(stage.home(), way, HANAKO, password)
            .await?;
        assert!(answer.starts_with(way.refusal()), "{answer}");
    }
    browser.open("/mfa").await?;
    assert!(
        browser.path.starts_with("/mfa-step/app"),
        "{}",
        browser.path
    );

    let mut browser = stage.proves(stage.home(), HANAKO, &app).await?;
    let status = browser.open("/mfa").await?.words();
    assert!(status.contains("198.51.100.23"), "{status}");
    assert!(
        status.contains("Right password, but multi-factor authentication was not passed"),
        "{status}"
    );
    stage.demo.stop().await;
    Ok(())
}
