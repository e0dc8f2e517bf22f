use crate::client::House;

const LETTER: &str = "From: Hana <hana@kit.example>\nTo: ken@kit.example\nSubject: =?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=\nDate: Mon, 30 Jun 2025 10:00:00 +0900\nMessage-ID: <1@kit.example>\n\nHello\nKen\n";

#[tokio::test]
async fn a_letter_is_selected_fetched_and_seen() {
    let house = House::build();
    house.keep("INBOX", LETTER).await;
    let mut client = house.visit().await;
    client
        .play(
            "C: a SELECT inbox
             S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
             S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] …
             S: * 1 EXISTS
             S: * 0 RECENT
             S: * OK [UNSEEN 1] …
             S: * OK [UIDVALIDITY …
             S: * OK [UIDNEXT 2] …
             S: * OK [HIGHESTMODSEQ …
             S: * OK [MAILBOXID (F1)] its identity
             S: a OK [READ-WRITE] selected
             C: b FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)
             S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE \" 1-Jul-2025 08:30:00 +0900\" RFC822.SIZE 179)
             S: b OK fetched
             C: c FETCH 1 ENVELOPE
             S: * 1 FETCH (ENVELOPE (\"Mon, 30 Jun 2025 10:00:00 +0900\" \"=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=\" ((\"Hana\" NIL \"hana\" \"kit.example\")) …
             S: c OK fetched
             C: d UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (to \"SUBJECT\")] BODY.PEEK[TEXT]<2.5>)
             S: * 1 FETCH (UID 1 BODY[HEADER.FIELDS (to SUBJECT)] {68}
             S: To: ken@kit.example
             S: Subject: =?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=
             S:
             S:  BODY[TEXT]<2> {5}
             S: llo
             S: )
             S: d OK fetched
             C: e FETCH 1 (BODY[]<0.4> RFC822.HEADER BODY[3])
             S: * 1 FETCH (BODY[]<0> {4}
             S: From RFC822.HEADER {167}
             S: From: Hana <hana@kit.example>
             S: To: ken@kit.example
             S: Subject: …
             S: Date: …
             S: Message-ID: <1@kit.example>
             S:
             S:  BODY[3] NIL FLAGS (\\Seen))
             S: e OK fetched
             C: f FETCH 1 PREVIEW
             S: * 1 FETCH (PREVIEW \"Hello Ken\")
             S: f OK fetched",
        )
        .await;
}

#[tokio::test]
async fn what_is_opened_for_reading_only_stays_as_it_is() {
    let house = House::build();
    house.keep("INBOX", LETTER).await;
    let mut client = house.visit().await;
    client.say("C: a EXAMINE INBOX").await;
    while client.hear().await != "a OK [READ-ONLY] selected" {}
    client
        .play(
            "C: b FETCH 1 BODY[TEXT]<0.1>
             S: * 1 FETCH (BODY[TEXT]<0> {1}
             S: H)
             S: b OK fetched
             C: c FETCH 1 FLAGS
             S: * 1 FETCH (FLAGS ())
             S: c OK fetched
             C: d STORE 1 +FLAGS \\Deleted
             S: d NO [NOPERM] …
             C: e EXPUNGE
             S: e NO [NOPERM] …
             C: f UID MOVE 1 Trash
             S: f NO [NOPERM] …",
        )
        .await;
}

#[tokio::test]
async fn a_message_of_broken_mime_can_still_be_read() {
    let house = House::build();
    let broken = "Content-Type: multipart/mixed; boundary=\"b\nContent-Transfer-Encoding: x-none\nSubject: =?x?Q?=ff\n\n--b\nContent-Type: text/\n\n\u{0}--b--never";
    house.keep("INBOX", broken).await;
    house.keep("INBOX", "no header at all").await;
    let mut client = house.visit().await;
    client.say("C: a SELECT INBOX").await;
    while !client.hear().await.starts_with("a OK") {}
    client
        .say("C: b FETCH 1:2 (ENVELOPE BODYSTRUCTURE PREVIEW BODY.PEEK[1] BODY.PEEK[2.MIME])")
        .await;
    while client.hear().await != "b OK fetched" {}
    client
        .play(
            "C: c FETCH 2 BODY.PEEK[]
             S: * 2 FETCH (BODY[] {16}
             S: no header at all)
             S: c OK fetched
             C: d SEARCH TEXT never
             S: * SEARCH…
             S: d OK searched",
        )
        .await;
}

#[tokio::test]
async fn a_big_message_arrives_whole() {
    let house = House::build();
    let body = "0123456789abcdef".repeat(1_000);
    house
        .keep("INBOX", &format!("Subject: big\n\n{body}"))
        .await;
    let mut client = house.visit().await;
    client.say("C: a SELECT INBOX").await;
    while !client.hear().await.starts_with("a OK") {}
    client
        .play(&format!(
            "C: b UID FETCH 1:* BODY.PEEK[]
             S: * 1 FETCH (UID 1 BODY[] {{16016}}
             S: Subject: big
             S:
             S: {body})
             S: b OK fetched"
        ))
        .await;
}
