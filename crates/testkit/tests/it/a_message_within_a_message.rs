//! A message that is attached to another can be read like any other, and is still a message when it is forwarded.

use std::path::Path;

use anyhow::Context as _;
use sekisho_testkit::http::Visitor;
use sekisho_testkit::stage::{HANAKO, Stage};
use sekisho_testkit::wire::Wire;

const TO: &str = "hanako@kit.example";

/// A letter in which a report is attached, to which the minutes are attached.
const NESTED: &str = "From: =?UTF-8?B?5aSq6YOO?= <taro@away.example>\r
To: hanako@kit.example\r
Subject: The report that you asked for\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary=outer\r
\r
--outer\r
Content-Type: text/plain\r
\r
Please read what is attached.\r
--outer\r
Content-Type: message/rfc822\r
\r
From: Jiro <jiro@away.example>\r
To: taro@away.example\r
Subject: =?UTF-8?B?5pyI5qyh5aCx5ZGK?=\r
MIME-Version: 1.0\r
Content-Type: multipart/related; boundary=middle\r
\r
--middle\r
Content-Type: text/html; charset=utf-8\r
\r
<p>\u{4eca}\u{6708}\u{306e}\u{5831}\u{544a}\u{3067}\u{3059}\u{3002}<img src=\"cid:chart@away.example\">\r
--middle\r
Content-Type: image/png\r
Content-ID: <chart@away.example>\r
Content-Transfer-Encoding: base64\r
\r
iVBORw0KGgo=\r
--middle\r
Content-Type: message/rfc822\r
Content-Disposition: attachment; filename=minutes.eml\r
\r
From: saburo@away.example\r
Subject: Minutes\r
\r
Nobody was late.\r
--middle--\r
--outer--\r
";

/// The page of the message with a subject.
async fn page_of(wire: &mut Wire, subject: &str) -> anyhow::Result<(String, String)> {
    let answer = wire
        .imap(&format!("UID SEARCH SUBJECT \"{subject}\""))
        .await?;
    let line = answer.lines().next().unwrap_or_default();
    let uid = line.rsplit(' ').next().context("a UID")?.to_owned();
    Ok((format!("/mail/folder/INBOX/message/{uid}"), uid))
}

fn noname() -> anyhow::Result<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../message/corpus");
    Ok(std::fs::read(corpus.join("rfc822-noname.eml"))?)
}

async fn reads(browser: &mut Visitor, path: &str, words: &[&str]) -> anyhow::Result<()> {
    let page = browser.open(path).await?;
    anyhow::ensure!(page.status == 200, "{path}: {}", page.status);
    let shown = page.words();
    for word in words {
        anyhow::ensure!(shown.contains(word), "{path}: no {word:?} in {shown}");
    }
    Ok(())
}

#[tokio::test]
async fn an_attached_message_has_a_page_of_its_own() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    stage.receives(TO, &noname()?).await?;
    let (stored, _) = page_of(&mut stage.inbox(HANAKO).await?, "x 822").await?;
    let mut browser = stage.sign_in(stage.campus(), HANAKO).await?;
    let name = "\u{5185}\u{5074}\u{306e}\u{4ef6}\u{540d}";
    reads(
        &mut browser,
        &stored,
        &["see attached", &format!("{name}.eml")],
    )
    .await?;
    let attached = format!("{stored}/attached/2");
    assert!(browser.page.body.contains(&format!("href=\"{attached}\"")));

    let inner = [
        name,
        "inner@example.org",
        "x@example.org",
        "inner text",
        "inner.pdf",
    ];
    reads(&mut browser, &attached, &inner).await?;
    reads(
        &mut browser,
        &attached,
        &["Attached to \u{201c}x 822\u{201d}"],
    )
    .await?;
    let page = browser.page.body.clone();
    assert!(page.contains(&format!("href=\"{stored}\"")), "the way back");
    let file = browser.open(&format!("{stored}/part/2.2")).await?;
    assert_eq!(file.body, "%PDF-");
    let disposition = file.header("content-disposition").unwrap_or_default();
    assert!(disposition.contains("inner.pdf"), "{disposition}");
    let whole = browser.open(&format!("{stored}/part/2")).await?;
    assert!(whole.body.starts_with("From: inner@example.org"));

    browser.always_send("accept-language", "ja");
    let words = [
        "\u{300c}x 822\u{300d}\u{306b}\u{6dfb}\u{4ed8}",
        "\u{5dee}\u{51fa}\u{4eba}",
    ];
    reads(&mut browser, &attached, &words).await?;
    for odd in ["1", "2.1", "2.2", "9", "2.9", "0", "x"] {
        let page = browser.open(&format!("{stored}/attached/{odd}")).await?;
        assert_eq!(page.status, 404, "{odd}");
    }
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_message_within_an_attached_message_leads_back_to_it() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    stage.receives(TO, NESTED.as_bytes()).await?;
    let (stored, _) = page_of(&mut stage.inbox(HANAKO).await?, "The report that").await?;
    let mut browser = stage.sign_in(stage.campus(), HANAKO).await?;
    let middle = format!("{stored}/attached/2");
    let report = "\u{6708}\u{6b21}\u{5831}\u{544a}";
    reads(
        &mut browser,
        &stored,
        &["Please read", &format!("{report}.eml")],
    )
    .await?;
    reads(
        &mut browser,
        &middle,
        &[report, "Jiro", "jiro@away.example", "minutes.eml"],
    )
    .await?;
    assert!(!browser.page.words().contains("Please read"));
    let frame = browser.open(&format!("{stored}/html/2.1")).await?;
    assert!(
        frame
            .words()
            .contains("\u{4eca}\u{6708}\u{306e}\u{5831}\u{544a}")
    );
    assert!(
        frame.body.contains("data:image/png;base64,"),
        "its own picture"
    );

    let inner = format!("{stored}/attached/2.3");
    let minutes = ["Minutes", "saburo@away.example", "Nobody was late."];
    reads(&mut browser, &inner, &minutes).await?;
    reads(
        &mut browser,
        &inner,
        &[&format!("Attached to \u{201c}{report}\u{201d}")],
    )
    .await?;
    let back = format!("href=\"{middle}\"");
    assert!(
        browser.page.body.contains(&back),
        "the way back is one step"
    );
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_forwarded_message_within_a_message_is_one_still() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    for message in [noname()?, NESTED.as_bytes().to_vec()] {
        stage.receives(TO, &message).await?;
    }
    let mut browser = stage.sign_in(stage.campus(), HANAKO).await?;
    for (subject, encoding) in [("x 822", "7bit"), ("The report that", "8bit")] {
        let mut wire = stage.inbox(HANAKO).await?;
        let (_, uid) = page_of(&mut wire, subject).await?;
        let original = wire.imap(&format!("UID FETCH {uid} BODY.PEEK[2]")).await?;
        let form = format!("/mail/compose?forward={uid}&folder=INBOX");
        let form = browser.open(&form).await?.body.clone();
        let value = |name: &str| {
            let field = form.split_once(&format!("name=\"{name}\" value=\""));
            let value = field.and_then(|(_, rest)| rest.split_once('"'));
            value.map_or_else(String::new, |(value, _)| value.to_owned())
        };
        let (of, folder) = (value("of"), value("of-folder"));
        let letter = [
            ("to", "somebody@elsewhere.example"),
            ("subject", subject),
            ("body", "For you."),
            ("of", of.as_str()),
            ("of-folder", folder.as_str()),
            ("how", "forward"),
            ("original", "2"),
            ("do", "send"),
        ];
        browser.submit("/mail/compose", &letter).await?;

        wire.imap("SELECT Sent").await?;
        let (_, sent) = page_of(&mut wire, subject).await?;
        let structure = wire
            .imap(&format!("UID FETCH {sent} BODYSTRUCTURE"))
            .await?;
        let kind = "(\"message\" \"rfc822\"";
        assert!(structure.to_lowercase().contains(kind), "{structure}");
        let head = wire
            .imap(&format!("UID FETCH {sent} BODY.PEEK[2.MIME]"))
            .await?;
        assert!(head.contains(&format!("Encoding: {encoding}")), "{head}");
        let copy = wire.imap(&format!("UID FETCH {sent} BODY.PEEK[2]")).await?;
        let bytes = |answer: &str| answer.split_once('\n').map(|(_, rest)| rest.to_owned());
        assert_eq!(bytes(&copy), bytes(&original), "not a byte differs");
    }
    stage.demo.stop().await;
    Ok(())
}
