//! Messages and names that no well-behaved program makes: each is refused with a clear answer, or stored and readable.

use sekisho_testkit::stage::{HANAKO, Stage};
use sekisho_testkit::wire::{Wire, deliver};

const TO: &str = "hanako@kit.example";

fn mail(head: &str, body: &str) -> Vec<u8> {
    format!("From: a@away.example\r\nTo: {TO}\r\n{head}\r\n\r\n{body}").into_bytes()
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_the_reason() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    let mut lmtp = Wire::greeted(&stage.demo.tour.lmtp).await?;
    lmtp.smtp("LHLO mx.example").await?;
    let said = lmtp
        .smtp("MAIL FROM:<a@away.example> SIZE=99999999999")
        .await?;
    assert!(said.starts_with("552 5.3.4"), "announced: {said}");

    let limit = 50 * 1024 * 1024;
    let huge = mail("Subject: huge", &"x".repeat(78).repeat(limit / 78 + 1));
    let said = deliver(&stage.demo.tour.lmtp, TO, &huge).await?;
    assert!(said.starts_with("552 5.3.4"), "sent all the same: {said}");

    let inbox = stage
        .inbox(HANAKO)
        .await?
        .imap("SEARCH SUBJECT huge")
        .await?;
    assert!(inbox.starts_with("* SEARCH\n"), "{inbox}");
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn broken_mail_is_kept_and_readable() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    let endless_head = format!("Subject: long head\r\nX-Long: {}", "a b ".repeat(2_500_000));
    let odd = [
        mail(
            "Subject: no such charset\r\nContent-Type: text/plain; charset=x-klingon",
            "plain words",
        ),
        mail(
            "Subject: never closed\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b",
            "--b\r\nContent-Type: text/plain\r\n\r\nplain words\r\n--b\r\nContent-Type: multipart/alternative",
        ),
        mail(
            "Subject: bad encoding\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64",
            "cGxhaW4gd29yZHM=\r\n!!! this is no base64 !!!",
        ),
        mail(&endless_head, "plain words"),
        b"no head at all, just plain words".to_vec(),
        Vec::new(),
    ];
    let before = stage.inbox(HANAKO).await?.imap("SEARCH ALL").await?;
    for message in &odd {
        stage.receives(TO, message).await?;
    }
    let mut wire = stage.inbox(HANAKO).await?;
    let all = wire.imap("SEARCH ALL").await?;
    let numbers = |answer: &str| answer.lines().next().unwrap_or_default().split(' ').count();
    assert_eq!(numbers(&all), numbers(&before) + odd.len(), "all are kept");
    let lists = wire.imap("FETCH 1:* (ENVELOPE BODYSTRUCTURE)").await?;
    assert!(lists.contains("t OK"), "a mail client lists them");

    let mut browser = stage.sign_in(stage.campus(), HANAKO).await?;
    for subject in [
        "no such charset",
        "never closed",
        "bad encoding",
        "long head",
    ] {
        browser.open("/mail").await?;
        let place = browser
            .page
            .body
            .split("<li")
            .find(|row| row.contains(subject))
            .and_then(|row| row.split("href=\"").nth(1)?.split('"').next())
            .unwrap_or_else(|| panic!("{subject} is in the list"))
            .to_owned();
        let page = browser.open(&place).await?;
        assert_eq!(page.status, 200, "{subject} at {place}: {}", page.words());
        assert!(page.words().contains("plain words"), "{subject}");
    }
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_folder_may_have_any_name_but_no_control_characters() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    let mut wire = stage.inbox(HANAKO).await?;
    let quoted = wire.imap(r#"CREATE "He said \"hi\" \\ once""#).await?;
    assert!(quoted.contains("t OK"), "{quoted}");
    let name = "two\r\nlines";
    wire.send(format!("t CREATE {{{}}}\r\n", name.len()))
        .await?;
    wire.line().await?;
    wire.send(format!("{name}\r\n")).await?;
    let answer = wire.imap_answer().await?;
    assert!(answer.starts_with("t NO [CANNOT]"), "{answer}");
    let folders = wire.imap(r#"LIST "" *"#).await?;
    assert!(folders.contains(r#""He said \"hi\" \\ once""#), "{folders}");
    assert!(!folders.contains("two"), "{folders}");

    let mut browser = stage.sign_in(stage.campus(), HANAKO).await?;
    browser.open("/mail/folders").await?;
    let list = browser.page.words();
    assert!(list.contains(r#"He said "hi" \ once"#), "{list}");
    stage.demo.stop().await;
    Ok(())
}
