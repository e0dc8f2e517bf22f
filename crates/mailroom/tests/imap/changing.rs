use crate::client::House;

#[tokio::test]
async fn messages_are_appended_copied_moved_and_expunged() {
    let house = House::build();
    let mut client = house.visit().await;
    client
        .say(
            "C: a APPEND INBOX (\\Seen $x) \"17-Jul-1996 02:44:25 -0700\" {16}
             S: + go ahead
             C: Subject: one
             C:
             C:
             S: a OK [APPENDUID … 1] appended
             C: b APPEND INBOX {14+}
             C: Subject: two
             C:
             S: b OK [APPENDUID … 2] appended
             C: c SELECT INBOX",
        )
        .await;
    while !client.hear().await.starts_with("c OK") {}
    client
        .play(
            "C: d FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)
             S: * 1 FETCH (FLAGS (\\Seen $x) INTERNALDATE \"17-Jul-1996 18:44:25 +0900\" RFC822.SIZE 16)
             S: d OK fetched
             C: e COPY 1:2 Archive
             S: e OK [COPYUID … 1:2 1:2] copied
             C: f UID COPY 1 nowhere
             S: f NO [TRYCREATE] …
             C: g UID COPY 77 Archive
             S: g OK no such messages
             C: h MOVE 1 Trash
             S: * OK [COPYUID … 1 1] moved
             S: * 1 EXPUNGE
             S: h OK moved
             C: i STORE 1 FLAGS (\\Deleted)
             S: * 1 FETCH (FLAGS (\\Deleted))
             S: i OK stored
             C: j EXPUNGE
             S: * 1 EXPUNGE
             S: j OK expunged
             C: k STATUS Archive (MESSAGES UNSEEN RECENT)
             S: * STATUS Archive (MESSAGES 2 UNSEEN 1 RECENT 0)
             S: k OK told
             C: l CLOSE
             S: l OK closed
             C: m FETCH 1 FLAGS
             S: m BAD no folder is selected",
        )
        .await;
}

#[tokio::test]
async fn a_message_too_large_is_refused_before_and_after_it_was_sent() {
    let house = House::build();
    let mut client = house.visit().await;
    let big = "x".repeat(20_001);
    client
        .play(&format!(
            "C: a APPEND INBOX {{20001}}
             S: a NO [TOOBIG] the message is too large
             C: b APPEND INBOX {{20001+}}
             C: {big}
             S: b NO [TOOBIG] the message is too large
             C: c APPEND nowhere {{4+}}
             C: a: b
             S: c NO [TRYCREATE] …
             C: d APPEND INBOX {{0+}}
             C:
             S: d BAD an empty message"
        ))
        .await;
}

#[tokio::test]
async fn a_session_stays_its_accounts_and_says_what_it_can_do() {
    let house = House::build();
    let mut client = house.visit().await;
    client
        .play(
            "C: a LOGIN ken secret
             S: a BAD this session is logged in already
             C: b AUTHENTICATE PLAIN
             S: b BAD this session is logged in already
             C: c STARTTLS
             S: c BAD this session is logged in already
             C: d UNAUTHENTICATE
             S: d BAD unknown command at byte 16
             C: e CAPABILITY
             S: * CAPABILITY IMAP4rev2 IMAP4rev1 LITERAL+ … APPENDLIMIT=20000
             S: e OK that is what works
             C: f ID (\"name\" \"x\")
             S: * ID (\"name\" \"Sekisho\")
             S: f OK pleased to meet you
             C: \"
             S: * BAD expected a tag at byte 1",
        )
        .await;
    client
        .say("C: g LOGOUT\nS: * BYE good-bye\nS: g OK logged out")
        .await;
    assert_eq!(client.hear().await, "");
}
