//! Mail as people report it from everywhere, in `crates/message/corpus`: the server's search, sort, preview and
//! ENVELOPE, and the webmail's list, page, answer and downloads all read the same words from it.

use std::path::Path;

use anyhow::Context;
use sekisho_message::encoded_word;
use sekisho_testkit::stage::{HANAKO, Stage};
use sekisho_testkit::wire::Wire;

const SUZUKI: (&str, &str) = ("鈴木", "suzuki@example.net");

/// A message, and the words that are right.
struct Case {
    file: &'static str,
    subject: &'static str,
    from: (&'static str, &'static str),
    /// In the text, wherever it is shown or searched.
    text: &'static str,
    /// The name of its file, if there is one.
    attached: Option<&'static str>,
    /// When it was written, as the page tells it.
    date: &'static str,
}

const fn case(file: &'static str, subject: &'static str, text: &'static str) -> Case {
    Case {
        file,
        subject,
        from: SUZUKI,
        text,
        attached: None,
        date: "9:00",
    }
}

const fn with_file(case: Case, name: &'static str) -> Case {
    Case {
        attached: Some(name),
        ..case
    }
}

const fn from(case: Case, name: &'static str, address: &'static str) -> Case {
    Case {
        from: (name, address),
        ..case
    }
}

const fn at(case: Case, date: &'static str) -> Case {
    Case { date, ..case }
}

const CASES: &[Case] = &[
    case(
        "subj-long-jis",
        "来週の研究会の日程変更のお知らせについて",
        "x",
    ),
    from(
        case("from-long-jis", "y fromjis", "x"),
        "情報基盤センター長山田太郎",
        "y@example.net",
    ),
    with_file(
        case("fn-long-jis", "y fnjis", "hi"),
        "令和八年度の実験報告書最終版.pdf",
    ),
    case("jis-adjacent-esc", "y adj", "会議のお知らせ"),
    case("jis-ms", "②会議", "①ｶﾝﾊﾞの"),
    with_file(
        case(
            "cp932-everywhere",
            "①会議のお知らせ",
            "①会議の本文です。髙橋",
        ),
        "能力表①.pdf",
    ),
    case(
        "u8-onebad",
        "y onebad",
        "会議のお知らせです。資料は添付をご覧ください。",
    ),
    case("sjis-onebad", "sjis onebad", "会議のお知らせです。"),
    case("b64-footer", "x b64foot", "本文の日本語です。"),
    case(
        "u8-html-onebad",
        "y htmlbad",
        "会議のお知らせです。資料は添付をご覧ください。",
    ),
    with_file(
        case("inline-noref-cid", "z noref", "see photo"),
        "IMG_1.JPG",
    ),
    case("cid-jpg", "c cid-jpg", "pic"),
    case("cid-pct", "c cid-pct", "pic"),
    case("cid-related", "h cid", "pic:"),
    from(
        case("from-docomo", "x docomo", "x"),
        "母",
        "ha..ha.24.@docomo.ne.jp",
    ),
    from(
        case("from-unquoted-comma", "x unq", "x"),
        "YAMADA, Taro",
        "ty@example.org",
    ),
    from(
        case("raw-jis-subject", "予定①の能力について", "x"),
        "山田 太郎",
        "y@example.net",
    ),
    with_file(case("fn-raw-sjis", "x rawsjis", "hi"), "予定表能力.zip"),
    with_file(case("fn-raw-jis", "x rawjis", "hi"), "予定表能力.zip"),
    with_file(case("fn-2231", "x 2231", "hi"), "会議.zip"),
    case(
        "multipart-no-parts",
        "x noparts",
        "Only a plain text without any part.",
    ),
    case("no-boundary", "x nob", "VISIBLE TEXT"),
    case("patch", "z patch", "+PATCHLINE"),
    case("cal-only", "z calonly", "打合せ"),
    at(
        from(case("date-05", "date 5", "x"), "", "d@example.org"),
        "10:00",
    ),
    at(
        from(case("date-15", "date 15", "x"), "", "d@example.org"),
        "9:05",
    ),
    at(
        from(case("date-07", "date 7", "x"), "", "d@example.org"),
        "10:00",
    ),
    case("html2text", "html2text", "四行目 リンク"),
    case("entities", "entities", "… — ’ ¥ © é"),
    case("ew-utf7", "日本語 test", "日本語 body £1"),
    with_file(
        case("rfc822-noname", "x 822", "see attached"),
        "内側の件名.eml",
    ),
    from(case("mid-odd", "h mid", "x"), "", "a@example.org"),
];

fn message(case: &Case) -> anyhow::Result<Vec<u8>> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../message/corpus");
    Ok(std::fs::read(place.join(case.file).with_extension("eml"))?)
}

async fn deliver_all(stage: &Stage) -> anyhow::Result<()> {
    for case in CASES {
        let arrived = stage.receives("hanako@kit.example", &message(case)?).await;
        arrived.with_context(|| case.file)?;
    }
    Ok(())
}

async fn found(wire: &mut Wire, key: &str, text: &str) -> anyhow::Result<Vec<u32>> {
    let command = format!(
        "UID SEARCH CHARSET UTF-8 {key} {{{}+}}\r\n{text}",
        text.len()
    );
    let answer = wire.imap(&command).await?;
    let line = answer.lines().find(|line| line.starts_with("* SEARCH"));
    let line = line.with_context(|| format!("{key} {text}: {answer}"))?;
    Ok(line
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect())
}

#[tokio::test]
async fn the_server_and_the_webmail_read_the_same_words() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    deliver_all(&stage).await?;
    let mut wire = stage.inbox(HANAKO).await?;
    let mut browser = stage.sign_in(stage.campus(), HANAKO).await?;
    browser.open("/mail").await?;
    let list = browser.page.body.clone();
    let mut wrong = Vec::new();
    for case in CASES {
        let mut want = |place: &str, text: &str, word: &str| {
            if !text.contains(word) {
                wrong.push(format!("{} {place}: no {word:?} in {text:?}", case.file));
            }
        };
        let (name, address) = case.from;
        let (local, _) = address.split_once('@').context("an address")?;

        // The server.
        let uids = found(&mut wire, "SUBJECT", case.subject).await?;
        let Some(uid) = uids.last().copied() else {
            want("SEARCH SUBJECT", "", case.subject);
            continue;
        };
        for (key, text) in [("FROM", name), ("FROM", local), ("BODY", case.text)] {
            let uids = found(&mut wire, key, text).await?;
            let found = if uids.contains(&uid) { text } else { "" };
            want(&format!("SEARCH {key}"), found, text);
        }
        let told = wire
            .imap(&format!("UID FETCH {uid} (ENVELOPE PREVIEW)"))
            .await?;
        let told = encoded_word::decode(told.as_bytes());
        want("ENVELOPE", &told, case.subject);
        want("ENVELOPE", &told, name);
        want("PREVIEW", &told, first_word(case.text));

        // The webmail.
        let place = format!("/mail/folder/INBOX/message/{uid}");
        let row = list
            .split("<li")
            .find(|row| row.contains(&format!("{place}\"")) || row.contains(&format!("{place}?")));
        let row = words(row.unwrap_or_default());
        want("list", &row, case.subject);
        want("list", &row, if name.is_empty() { address } else { name });
        want("list", &row, first_word(case.text));
        let page = browser.open(&place).await?.clone();
        let mut shown = page.words();
        want("page", &shown, case.subject);
        want("page", &shown, name);
        want("page", &shown, case.date);
        for frame in page.body.split("<iframe").skip(1) {
            let source = attribute(frame, "src").context("a frame's document")?;
            shown.push_str(&browser.open(&source).await?.words());
        }
        want("page", &shown, case.text);
        if let Some(attached) = case.attached {
            want("page", &shown, attached);
            let link = page.body.split("<a ").find(|link| link.contains("/part/"));
            let link = attribute(link.unwrap_or_default(), "href").unwrap_or_default();
            let download = browser.open(&link).await?.clone();
            let disposition = download.header("content-disposition").unwrap_or_default();
            let name = disposition
                .split_once("UTF-8''")
                .map_or("", |(_, name)| name);
            want("download", &decoded(name), attached);
        }

        // The answer.
        browser
            .open(&format!("/mail/compose?reply={uid}&folder=INBOX"))
            .await?;
        let form = browser.page.body.clone();
        let value = |name: &str| {
            let input = form
                .split("<input")
                .find(|input| input.contains(&format!("id=\"{name}\"")));
            input
                .and_then(|input| attribute(input, "value"))
                .unwrap_or_default()
        };
        want("answer's subject", &value("subject"), case.subject);
        want("answer's recipient", &value("to"), name);
        want("answer's recipient", &value("to"), local);
        let quoted = browser
            .page
            .within("<textarea", "</textarea>")
            .unwrap_or_default();
        want("answer", &quoted, case.text);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_server_sorts_by_the_words_that_it_shows() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    deliver_all(&stage).await?;
    let mut wire = stage.inbox(HANAKO).await?;
    let mut subjects = Vec::new();
    for case in CASES {
        if let Some(uid) = found(&mut wire, "SUBJECT", case.subject).await?.last() {
            subjects.push((case.subject.to_lowercase(), *uid));
        }
    }
    subjects.sort();
    let answer = wire.imap("UID SORT (SUBJECT) UTF-8 ALL").await?;
    let known: Vec<u32> = subjects.iter().map(|(_, uid)| *uid).collect();
    let line = answer.lines().next().unwrap_or_default();
    let sorted = line.split(' ').filter_map(|word| word.parse().ok());
    let sorted: Vec<u32> = sorted.filter(|uid| known.contains(uid)).collect();
    assert_eq!(sorted, known);
    stage.demo.stop().await;
    Ok(())
}

/// An answer can be sent to whoever wrote, however the address is written, and refers to what it answers.
#[tokio::test]
async fn an_answer_can_be_sent_to_every_author() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    deliver_all(&stage).await?;
    let mut wire = stage.inbox(HANAKO).await?;
    let mut browser = stage.sign_in(stage.campus(), HANAKO).await?;
    for (subject, to, refers) in [
        (
            "x docomo",
            "\"ha..ha.24.\"@docomo.ne.jp",
            Some("<h5-65@example.net>"),
        ),
        (
            "x unq",
            "\"YAMADA, Taro\" <ty@example.org>",
            Some("<h5-64@example.net>"),
        ),
        ("h mid", "<a@example.org>", None),
    ] {
        let uid = found(&mut wire, "SUBJECT", subject).await?;
        let uid = uid.last().context(subject)?.to_owned();
        browser
            .open(&format!("/mail/compose?reply={uid}&folder=INBOX"))
            .await?;
        let form = browser.page.body.clone();
        let value = |name: &str| {
            let input = form
                .split("<input")
                .find(|input| input.contains(&format!("name=\"{name}\"")));
            input
                .and_then(|input| attribute(input, "value"))
                .unwrap_or_default()
        };
        let (written_to, written_subject) = (value("to"), value("subject"));
        let body = [
            ("_", ""),
            ("to", &written_to),
            ("cc", ""),
            ("bcc", ""),
            ("subject", &written_subject),
            ("body", "answer"),
            ("do", "save"),
        ];
        let page = browser.submit("/mail/compose", &body[1..]).await?;
        assert_eq!(page.status, 200, "{subject}: {}", page.words());
        wire.imap("SELECT Drafts").await?;
        let drafts = wire.imap("FETCH * BODY.PEEK[HEADER]").await?;
        let drafts = encoded_word::decode(drafts.as_bytes());
        assert!(drafts.contains(to), "{subject}: {drafts}");
        match refers {
            Some(id) => assert!(drafts.contains(&format!("In-Reply-To: {id}")), "{drafts}"),
            None => assert!(!drafts.contains("In-Reply-To"), "{drafts}"),
        }
        assert!(!drafts.contains("X-Sekisho-To"), "{subject}: {drafts}");
        wire.imap("SELECT INBOX").await?;
    }
    stage.demo.stop().await;
    Ok(())
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

fn words(html: &str) -> String {
    let page = sekisho_testkit::http::Page {
        body: html.to_owned(),
        ..Default::default()
    };
    page.words()
}

/// An attribute's value; the tag is the first thing in the text.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let value = rest.split('"').next()?;
    let value = value
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    Some(value.replace("&amp;", "&"))
}

/// Without percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
