use crate::client::{Client, House};

/// A question, two answers to it, one answer to the second of them, another question with the same subject, and one
/// with its own.
async fn debate() -> (House, Client) {
    let house = House::build();
    for message in [
        "Message-ID: <a@x>\nSubject: Lunch\nDate: Tue, 1 Jul 2025 01:00:00 +0000\n\n",
        "Message-ID: <c@x>\nReferences: <a@x> <b@x>\nSubject: Re: Lunch\nDate: Tue, 1 Jul 2025 04:00:00 +0000\n\n",
        "Message-ID: <b@x>\nIn-Reply-To: <a@x>\nSubject: Re: Lunch\nDate: Tue, 1 Jul 2025 03:00:00 +0000\n\n",
        "Message-ID: <d@x>\nIn-Reply-To: <a@x>\nSubject: Re: Lunch\nDate: Tue, 1 Jul 2025 02:00:00 +0000\n\n",
        "Message-ID: <e@x>\nSubject: lunch\nDate: Tue, 1 Jul 2025 05:00:00 +0000\n\n",
        "Subject: Other\nDate: Tue, 1 Jul 2025 00:00:00 +0000\n\n",
    ] {
        house.keep("INBOX", message).await;
    }
    let mut client = house.visit().await;
    client.say("C: a SELECT INBOX").await;
    while !client.hear().await.starts_with("a OK") {}
    (house, client)
}

/// RFC 5256, section 3 and the THREAD command
#[tokio::test]
async fn messages_are_threaded_by_what_they_answer_and_by_subject() {
    let (_house, mut client) = debate().await;
    client
        .play(
            "C: b THREAD REFERENCES UTF-8 ALL
             S: * THREAD (6)((1 (4)(3 2))(5))
             S: b OK threaded
             C: c UID THREAD REFERENCES US-ASCII NOT SUBJECT Other
             S: * THREAD ((1 (4)(3 2))(5))
             S: c OK threaded
             C: d THREAD ORDEREDSUBJECT UTF-8 ALL
             S: * THREAD (6)(1 (4)(3)(2)(5))
             S: d OK threaded
             C: e THREAD REFERENCES UTF-8 KEYWORD nobody
             S: * THREAD
             S: e OK threaded
             C: f THREAD REFS UTF-8 ALL
             S: f BAD expected ORDEREDSUBJECT or REFERENCES at byte …
             C: g THREAD REFERENCES EUC-JP ALL
             S: g NO [BADCHARSET (US-ASCII UTF-8)] …",
        )
        .await;
}

/// RFC 8474, section 5.2
#[tokio::test]
async fn a_thread_has_one_identity_in_every_folder() {
    let (_house, mut client) = debate().await;
    client.say("C: b FETCH 1 (THREADID)").await;
    let told = client.hear().await;
    let thread = told
        .split_once("THREADID (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(thread, _)| thread.to_owned())
        .unwrap();
    client
        .play(&format!(
            "S: b OK fetched
             C: c FETCH 2:3 (THREADID)
             S: * 2 FETCH (THREADID ({thread}))
             S: * 3 FETCH (THREADID ({thread}))
             S: c OK fetched
             C: d FETCH 6 (THREADID)
             S: * 6 FETCH (THREADID NIL)
             S: d OK fetched
             C: e SEARCH THREADID {thread}
             S: * SEARCH 1 2 3 4
             S: e OK searched
             C: f COPY 1 Archive
             S: f OK [COPYUID …
             C: g SELECT Archive
             S: * OK [CLOSED] …
             S: * FLAGS …
             S: * OK [PERMANENTFLAGS …
             S: * 1 EXISTS
             S: * 0 RECENT
             S: * OK [UNSEEN …
             S: * OK [UIDVALIDITY …
             S: * OK [UIDNEXT …
             S: * OK [HIGHESTMODSEQ …
             S: * OK [MAILBOXID …
             S: g OK …
             C: h FETCH 1 (THREADID)
             S: * 1 FETCH (THREADID ({thread}))
             S: h OK fetched"
        ))
        .await;
}
