//! What changes for clients that enable UTF-8 (RFC 6855) or IMAP4rev2 (RFC 9051, appendix E).

use crate::client::House;

#[tokio::test]
async fn with_utf8_names_travel_as_they_are() {
    let house = House::build();
    let mut client = house.visit().await;
    client
        .play(
            "C: a CREATE \"R&-D\"
             S: a OK …
             C: b ENABLE UTF8=ACCEPT
             S: * ENABLED UTF8=ACCEPT
             S: b OK enabled what is known
             C: c CREATE \"会議 \\\"A\\\"\"
             S: c OK …
             C: d CREATE Q&A
             S: d OK …
             C: e LIST \"\" \"会*\"
             S: * LIST (\\HasNoChildren) \"/\" \"会議 \\\"A\\\"\"
             S: e OK listed
             C: f LIST \"\" \"?&?\"
             S: f OK listed
             C: g STATUS R&D (MESSAGES)
             S: * STATUS R&D (MESSAGES 0)
             S: g OK told
             C: h SUBSCRIBE Q&A
             S: h OK noted
             C: i LSUB \"\" *A
             S: * LSUB () \"/\" Q&A
             S: i OK listed
             C: j GETQUOTAROOT Q&A
             S: * QUOTAROOT Q&A \"\"
             S: * QUOTA \"\" ()
             S: j OK …",
        )
        .await;
    // A client that did not enable it gets the names as before.
    let mut other = house.visit().await;
    other
        .play(
            "C: a LIST \"\" \"Q*\"
             S: * LIST (\\HasNoChildren) \"/\" Q&-A
             S: a OK listed",
        )
        .await;
}

/// RFC 6855, section 4: a message whose header is in UTF-8. Section 3: no character sets in searches.
#[tokio::test]
async fn messages_with_utf8_headers_are_appended_and_found() {
    let house = House::build();
    let mut client = house.visit().await;
    let header = "Subject: 会議\r\n\r\nx";
    let size = header.len();
    let append = format!("APPEND INBOX (\\Seen) UTF8 (~{{{size}+}}\r\n{header})");
    client
        .play(
            &format!("C: a {append}\nS: a BAD ENABLE UTF8=ACCEPT comes first")
                .replace("\r\n", "\nC: "),
        )
        .await;
    client
        .play("C: b ENABLE UTF8=ACCEPT\nS: * ENABLED UTF8=ACCEPT\nS: b OK enabled what is known")
        .await;
    client
        .play(&format!("C: c {append}\nS: c OK [APPENDUID …").replace("\r\n", "\nC: "))
        .await;
    client
        .play(
            "C: d EXAMINE INBOX
             S: * FLAGS …
             S: * OK [PERMANENTFLAGS …
             S: * 1 EXISTS
             S: * 0 RECENT
             S: * OK [UIDVALIDITY …
             S: * OK [UIDNEXT …
             S: * OK [HIGHESTMODSEQ …
             S: * OK [MAILBOXID …
             S: d OK …
             C: e SEARCH SUBJECT \"会\"
             S: * SEARCH 1
             S: e OK searched
             C: f SEARCH CHARSET UTF-8 SUBJECT x
             S: f BAD with UTF8=ACCEPT enabled, searches name no character set
             C: g APPEND INBOX UTF8 {3+}
             C: a b
             S: g BAD expected an opening parenthesis at byte …",
        )
        .await;
}

#[tokio::test]
async fn imap4rev2_selects_and_searches_in_its_own_way() {
    let house = House::build();
    for subject in ["one", "two", "three"] {
        house
            .keep("INBOX", &format!("Subject: {subject}\n\n"))
            .await;
    }
    let mut client = house.visit().await;
    client
        .play(
            "C: a ENABLE IMAP4rev2 CONDSTORE
             S: * ENABLED CONDSTORE IMAP4rev2
             S: a OK enabled what is known
             C: b SELECT INBOX
             S: * FLAGS …
             S: * OK [PERMANENTFLAGS …
             S: * 3 EXISTS
             S: * LIST () \"/\" INBOX
             S: * OK [UIDVALIDITY …
             S: * OK [UIDNEXT …
             S: * OK [HIGHESTMODSEQ …
             S: * OK [MAILBOXID …
             S: b OK [READ-WRITE] selected
             C: c SEARCH SUBJECT t
             S: * ESEARCH (TAG \"c\") ALL 2:3
             S: c OK searched
             C: d UID SEARCH SUBJECT nothing
             S: * ESEARCH (TAG \"d\") UID
             S: d OK searched
             C: e SEARCH RETURN (SAVE) SUBJECT t
             S: e OK searched and saved
             C: e SEARCH CHARSET UTF-8 SUBJECT t
             S: * ESEARCH (TAG \"e\") ALL 2:3
             S: e OK searched
             C: f MOVE $ Archive
             S: * OK [COPYUID …
             S: * 3 EXPUNGE
             S: * 2 EXPUNGE
             S: f OK moved
             C: g SELECT \"会議\"
             S: * OK [CLOSED] …
             S: g NO [NONEXISTENT] there is no such folder",
        )
        .await;
}
