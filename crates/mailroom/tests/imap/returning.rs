//! Clients that reconnect and ask what changed: QRESYNC (RFC 7162), and results that are saved or reported in part (RFC
//! 5182, RFC 9394).

use crate::client::{Client, House};

async fn five_messages() -> (House, Client) {
    let house = House::build();
    for number in 1..=5 {
        house
            .keep("INBOX", &format!("Subject: {number}\n\n{number}\n"))
            .await;
    }
    let mut client = house.visit().await;
    client.say("C: a SELECT INBOX").await;
    while !client.hear().await.starts_with("a OK") {}
    (house, client)
}

/// The UIDVALIDITY and HIGHESTMODSEQ that STATUS tells.
async fn known(client: &mut Client) -> (u64, u64) {
    client
        .say("C: k STATUS INBOX (UIDVALIDITY HIGHESTMODSEQ)")
        .await;
    let mut status = client.hear().await;
    while !status.starts_with("* STATUS") {
        status = client.hear().await;
    }
    while !client.hear().await.starts_with("k OK") {}
    let mut numbers = status
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// RFC 7162, section 3.2.5: SELECT reports what was removed and what changed since.
#[tokio::test]
async fn a_client_that_comes_back_is_told_what_it_missed() {
    let (house, mut client) = five_messages().await;
    let (validity, modseq) = known(&mut client).await;
    client
        .play(
            "C: b STORE 2,4 +FLAGS.SILENT (\\Deleted)
             S: * 2 FETCH (UID 2 MODSEQ (…))
             S: * 4 FETCH (UID 4 MODSEQ (…))
             S: b OK stored
             C: c EXPUNGE
             S: * 4 EXPUNGE
             S: * 2 EXPUNGE
             S: c OK [HIGHESTMODSEQ …] expunged
             C: d UID STORE 5 +FLAGS.SILENT (\\Flagged)
             S: * 3 FETCH (UID 5 MODSEQ (…))
             S: d OK stored",
        )
        .await;
    house.keep("INBOX", "Subject: 6\n\n6\n").await;
    let mut back = house.visit().await;
    back.play(&format!(
        "C: a SELECT INBOX (QRESYNC ({validity} {modseq}))
         S: a BAD ENABLE QRESYNC comes first
         C: b ENABLE QRESYNC CONDSTORE X-UNKNOWN
         S: * ENABLED CONDSTORE QRESYNC
         S: b OK enabled what is known
         C: c SELECT INBOX (QRESYNC ({validity} {modseq} 1:5 (1,3 1,3)))
         S: * FLAGS …
         S: * OK [PERMANENTFLAGS …
         S: * 4 EXISTS
         S: * 0 RECENT
         S: * OK [UNSEEN 1] …
         S: * OK [UIDVALIDITY {validity}] …
         S: * OK [UIDNEXT 7] …
         S: * OK [HIGHESTMODSEQ …
         S: * OK [MAILBOXID (F1)] …
         S: * VANISHED (EARLIER) 2,4
         S: * 3 FETCH (UID 5 FLAGS (\\Flagged) MODSEQ (…))
         S: c OK [READ-WRITE] selected
         C: d UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)
         S: * VANISHED (EARLIER) 2,4
         S: * 3 FETCH (UID 5 FLAGS (\\Flagged) MODSEQ (…))
         S: * 4 FETCH (UID 6 FLAGS () MODSEQ (…))
         S: d OK fetched"
    ))
    .await;
    let other = validity + 1;
    back.say(&format!(
        "C: e SELECT INBOX (QRESYNC ({other} {modseq}))
         S: * OK [CLOSED] …"
    ))
    .await;
    loop {
        let line = back.hear().await;
        assert!(
            !line.contains("VANISHED"),
            "UIDs of another time mean nothing: {line}"
        );
        if line.starts_with("e OK") {
            break;
        }
    }
}

/// RFC 7162, section 3.2.10: from ENABLE on, VANISHED takes the place of EXPUNGE, in IDLE and after MOVE as well.
#[tokio::test]
async fn a_client_that_knows_qresync_hears_of_uids_that_went() {
    let (_house, mut client) = five_messages().await;
    client
        .play(
            "C: a ENABLE QRESYNC
             S: * ENABLED QRESYNC
             S: a OK enabled what is known
             C: b MOVE 2:3 Archive
             S: * OK [COPYUID … 2:3 1:2] moved
             S: * VANISHED 2:3
             S: b OK moved
             C: c UID STORE 4 +FLAGS (\\Deleted)
             S: * 2 FETCH (UID 4 FLAGS (\\Deleted) MODSEQ (…))
             S: c OK stored
             C: d UID EXPUNGE 4
             S: * VANISHED 4
             S: d OK [HIGHESTMODSEQ …] expunged
             C: e STORE 2 +FLAGS.SILENT (\\Deleted)
             S: * 2 FETCH (UID 5 MODSEQ (…))
             S: e OK stored
             C: f CLOSE
             S: f OK [HIGHESTMODSEQ …] closed",
        )
        .await;
}

/// RFC 5182: what a search found can be named `$`.
#[tokio::test]
async fn a_result_is_kept_and_used() {
    let (_house, mut client) = five_messages().await;
    client
        .play(
            "C: a SEARCH RETURN (SAVE) OR SUBJECT 2 SUBJECT 4
             S: a OK searched and saved
             C: b FETCH $ UID
             S: * 2 FETCH (UID 2)
             S: * 4 FETCH (UID 4)
             S: b OK fetched
             C: c UID SEARCH $ SUBJECT 4
             S: * SEARCH 4
             S: c OK searched
             C: d SEARCH RETURN (SAVE COUNT MIN) NOT $
             S: * ESEARCH (TAG \"d\") MIN 1 COUNT 3
             S: d OK searched
             C: e STORE $ +FLAGS.SILENT (\\Deleted)
             S: e OK stored
             C: f EXPUNGE
             S: * 5 EXPUNGE
             S: * 3 EXPUNGE
             S: * 1 EXPUNGE
             S: f OK expunged
             C: g SEARCH RETURN (COUNT) $
             S: * ESEARCH (TAG \"g\") COUNT 0
             S: g OK searched
             C: h SEARCH RETURN (SAVE MAX) ALL
             S: * ESEARCH (TAG \"h\") MAX 2
             S: h OK searched
             C: i UID COPY $ Archive
             S: i OK [COPYUID … 4 1] copied
             C: j SORT RETURN (SAVE) (ARRIVAL) UTF-8 ALL
             S: j BAD only SEARCH can SAVE
             C: k SELECT Archive
             S: * OK [CLOSED] …
             S: * FLAGS …
             S: * OK [PERMANENTFLAGS …
             S: * 1 EXISTS
             S: * 0 RECENT
             S: * OK [UNSEEN 1] …
             S: * OK [UIDVALIDITY …
             S: * OK [UIDNEXT 2] …
             S: * OK [HIGHESTMODSEQ …
             S: * OK [MAILBOXID …
             S: k OK [READ-WRITE] selected
             C: l FETCH $ UID
             S: l OK fetched",
        )
        .await;
}

/// RFC 9394: a part of a result, counted from its beginning or its end.
#[tokio::test]
async fn a_result_is_told_in_parts() {
    let (_house, mut client) = five_messages().await;
    client
        .play(
            "C: a UID SEARCH RETURN (PARTIAL 1:2 COUNT) ALL
             S: * ESEARCH (TAG \"a\") UID COUNT 5 PARTIAL (1:2 1:2)
             S: a OK searched
             C: b SEARCH RETURN (PARTIAL -2:-1) ALL
             S: * ESEARCH (TAG \"b\") PARTIAL (-1:-2 4:5)
             S: b OK searched
             C: c SEARCH RETURN (PARTIAL 9:12) ALL
             S: * ESEARCH (TAG \"c\") PARTIAL (9:12 NIL)
             S: c OK searched
             C: d UID FETCH 1:* (FLAGS) (PARTIAL -1:-2)
             S: * 4 FETCH (UID 4 FLAGS ())
             S: * 5 FETCH (UID 5 FLAGS ())
             S: d OK fetched
             C: e SEARCH RETURN (ALL PARTIAL 1:2) ALL
             S: e BAD …
             C: f SEARCH RETURN (SAVE PARTIAL 2:3) ALL
             S: * ESEARCH (TAG \"f\") PARTIAL (2:3 2:3)
             S: f OK searched
             C: g UID SEARCH $
             S: * SEARCH 2 3
             S: g OK searched
             C: h SORT RETURN (PARTIAL 1:2) (REVERSE ARRIVAL SUBJECT) UTF-8 ALL
             S: * ESEARCH (TAG \"h\") PARTIAL (1:2 1:2)
             S: h OK sorted",
        )
        .await;
}
