use crate::client::{Client, House};

async fn two_clients_with_three_messages() -> (House, Client, Client) {
    let house = House::build();
    for number in 1..=3 {
        house
            .keep("INBOX", &format!("Subject: {number}\n\n{number}\n"))
            .await;
    }
    let mut clients = (house.visit().await, house.visit().await);
    for client in [&mut clients.0, &mut clients.1] {
        client.say("C: a SELECT INBOX").await;
        while !client.hear().await.starts_with("a OK") {}
    }
    (house, clients.0, clients.1)
}

#[tokio::test]
async fn numbers_hold_until_the_client_may_hear_that_messages_are_gone() {
    let (_house, mut one, mut other) = two_clients_with_three_messages().await;
    one.play(
        "C: b STORE 1:2 +FLAGS.SILENT \\Deleted
         S: b OK stored
         C: c UID EXPUNGE 2
         S: * 2 EXPUNGE
         S: c OK expunged",
    )
    .await;
    other
        .play(
            "C: d FETCH 3 UID
             S: * 3 FETCH (UID 3)
             S: * 1 FETCH (FLAGS (\\Deleted))
             S: d OK fetched
             C: e SEARCH ALL
             S: * SEARCH 1 2 3
             S: e OK searched
             C: f STORE 3 +FLAGS (\\Flagged)
             S: * 3 FETCH (FLAGS (\\Flagged))
             S: f OK stored
             C: g FETCH 2 RFC822.HEADER
             S: g OK fetched
             C: h NOOP
             S: * 2 EXPUNGE
             S: h OK done
             C: i FETCH 2 UID
             S: * 2 FETCH (UID 3)
             S: i OK fetched",
        )
        .await;
}

#[tokio::test]
async fn an_idle_client_hears_of_mail_flags_and_removals_at_once() {
    let (house, mut one, mut other) = two_clients_with_three_messages().await;
    other.say("C: b IDLE\nS: + idling").await;
    house.keep("INBOX", "Subject: new\n\n").await;
    other.say("S: * 4 EXISTS").await;
    one.say("C: c UID STORE 1 +FLAGS $Junk").await;
    other
        .say(
            "S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)
             S: * 1 FETCH (FLAGS ($Junk))",
        )
        .await;
    while !one.hear().await.starts_with("c OK") {}
    one.say("C: d UID MOVE 1:3 Trash").await;
    other
        .say("S: * 3 EXPUNGE\nS: * 2 EXPUNGE\nS: * 1 EXPUNGE\nC: done\nS: b OK idled")
        .await;
    other
        .play("C: e FETCH 1 UID\nS: * 1 FETCH (UID 4)\nS: e OK fetched")
        .await;
}

#[tokio::test]
async fn mod_sequences_are_told_to_those_who_know_them_and_guard_a_store() {
    let (_house, mut one, mut other) = two_clients_with_three_messages().await;
    one.say("C: b ENABLE CONDSTORE X-OTHER\nS: * ENABLED CONDSTORE\nS: b OK enabled what is known")
        .await;
    one.say("C: c FETCH 1:3 (MODSEQ)").await;
    let mut newest = 0;
    for _ in 0..3 {
        let line = one.hear().await;
        let (_, number) = line.rsplit_once("MODSEQ (").unwrap();
        newest = number.trim_end_matches(')').parse().unwrap();
    }
    one.say("S: c OK fetched").await;
    other
        .play("C: d STORE 2 +FLAGS.SILENT \\Seen\nS: d OK stored")
        .await;
    one.play(&format!(
        "C: e STORE 1:3 (UNCHANGEDSINCE {newest}) +FLAGS.SILENT \\Flagged
         S: * 1 FETCH (UID 1 MODSEQ (…))
         S: * 3 FETCH (UID 3 MODSEQ (…))
         S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (…))
         S: e OK [MODIFIED 2] …
         C: f UID FETCH 1:* (FLAGS) (CHANGEDSINCE {newest})
         S: * 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (…))
         S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (…))
         S: * 3 FETCH (UID 3 FLAGS (\\Flagged) MODSEQ (…))
         S: f OK fetched
         C: g SEARCH MODSEQ {newest} SEEN
         S: * SEARCH 2 (MODSEQ …)
         S: g OK searched"
    ))
    .await;
}

#[tokio::test]
async fn a_session_ends_with_its_admission() {
    let (_house, mut one, mut other) = two_clients_with_three_messages().await;
    one.end_admission();
    one.say("S: * BYE …").await;
    assert_eq!(one.hear().await, "", "the stream is closed");
    other.say("C: b IDLE\nS: + idling").await;
    other.end_admission();
    other.say("S: * BYE …").await;
    assert_eq!(other.hear().await, "");
}

#[tokio::test]
async fn a_folder_deleted_by_another_session_ends_the_one_that_is_in_it() {
    let (_house, mut one, mut other) = two_clients_with_three_messages().await;
    one.say("C: b CREATE x\nS: b OK […] created\nC: c SELECT x")
        .await;
    while !one.hear().await.starts_with("c OK") {}
    other.play("C: d DELETE x\nS: d OK deleted").await;
    one.say("C: e NOOP\nS: * BYE the selected folder is gone")
        .await;
    assert_eq!(one.hear().await, "");
}
