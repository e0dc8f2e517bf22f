use std::sync::Arc;

use jiff::SignedDuration;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::ports::Clock as _;
use sekisho_fakes::{ALICE, BOB, LineClient, Town};
use sekisho_imap::Flag;
use sekisho_queue::scene::{Scene, eventually, own, tokyo};
use sekisho_queue::{CaptureTransport, Queue};
use sekisho_store::{FlagChange, Flags, FolderName, Mailbox, NewMessage, UidSet};
use tokio::io::DuplexStream;
use tokio::sync::oneshot;

use super::{Submission, serve_sender};

const MESSAGE: &str = "From: Alice <alice@kit.example>\r\nTo: bob@kit.example\r\nBcc: c@far.example,\r\n d@far.example\r\nSubject: hi\r\n\r\nHello";

struct Stage {
    scene: Scene,
    queue: Queue,
    capture: Arc<CaptureTransport>,
}

impl Stage {
    fn new() -> Self {
        Self::on(Scene::new())
    }

    fn on(scene: Scene) -> Self {
        let capture = CaptureTransport::new(scene.clock.clone());
        let queue = scene.queue(Some(capture.clone()));
        scene.run(&queue);
        Self {
            scene,
            queue,
            capture,
        }
    }

    /// A session of Alice's, which ends when the sender is used or dropped.
    fn alice(&self) -> (LineClient<DuplexStream>, oneshot::Sender<()>) {
        let (near, far) = tokio::io::duplex(1 << 16);
        let submission = Arc::new(Submission {
            queue: self.queue.clone(),
            sent: Some(self.scene.operator.delivery()),
            directory: Arc::new(Town),
            clock: self.scene.clock.clone(),
            own: own(),
            host: "mail.kit.example".to_owned(),
            zone: tokyo(),
            message_size: 10_000,
            recipients: 3,
            shutdown: self.scene.shutdown.clone(),
        });
        let (end, ended) = oneshot::channel();
        let hello = "[192.0.2.7]".to_owned();
        tokio::spawn(async move {
            let ended = async { drop(ended.await) };
            serve_sender(
                far,
                Vec::new(),
                Town::account(ALICE),
                hello,
                submission,
                ended,
            )
            .await;
        });
        (LineClient::new(near), end)
    }
}

#[tokio::test]
async fn mail_reaches_the_neighbour_and_leaves_the_site() {
    let stage = Stage::new();
    let (mut client, _end) = stage.alice();
    client.expect("MAIL FROM:<alice@kit.example>", "250").await;
    client.expect("RCPT TO:<bob@kit.example>", "250").await;
    client.expect("RCPT TO:<friend@far.example>", "250").await;
    let reply = client.data(MESSAGE).await;
    assert!(reply.starts_with("250 2.6.0 queued as "), "{reply}");
    eventually("both have it", async || {
        stage.scene.inbox(BOB).await.len() == 1 && stage.capture.captured().len() == 1
    })
    .await;
    let inbox = stage.scene.inbox(BOB).await;
    let (stamp, rest) = inbox[0].split_once("From: ").expect("From");
    let (date, id) = stamp.split_once("Message-ID: <").expect("Message-ID");
    assert_eq!(
        date,
        "Return-Path: <alice@kit.example>\r\n\
         Received: from client by mail.kit.example with ESMTPSA;\r\n Mon, 23 Nov 2026 14:00:00 +0900\r\n\
         Date: Mon, 23 Nov 2026 14:00:00 +0900\r\n"
    );
    assert!(id.ends_with("@kit.example>\r\n"), "{id}");
    assert_eq!(
        rest,
        "Alice <alice@kit.example>\r\nTo: bob@kit.example\r\nSubject: hi\r\n\r\nHello\r\n"
    );
    let captured = stage.capture.captured();
    assert_eq!(captured[0].recipients.len(), 1);
    assert_eq!(captured[0].recipients[0].as_str(), "friend@far.example");
    let text = String::from_utf8_lossy(&captured[0].message);
    assert!(
        !text.contains("Bcc") && !text.contains("192.0.2.7"),
        "{text}"
    );
}

#[tokio::test]
async fn people_send_in_their_own_name_alone() {
    let stage = Stage::new();
    let (mut client, _end) = stage.alice();
    for stranger in [
        "bob@kit.example",
        "alice@far.example",
        "alice+@bob@kit.example",
    ] {
        let line = format!("MAIL FROM:<{stranger}>");
        client.expect(&line, "553 5.").await;
    }
    for own in [
        "ALICE@kit.example",
        "a.tanaka@kit.example",
        "alice+news@kit.example",
        "",
    ] {
        client.expect(&format!("MAIL FROM:<{own}>"), "250").await;
        client.expect("RSET", "250").await;
    }
    for header in [
        "From: bob@kit.example",
        "From: alice@kit.example\r\nFrom: bob@kit.example",
        "From: alice@kit.example, bob@kit.example",
        "From: <bob@kit.example> <alice@kit.example>",
        "From: alice@kit.example\r\nSender: bob@kit.example",
        "From: undisclosed:;",
        "Subject: nobody",
    ] {
        client.expect("MAIL FROM:<alice@kit.example>", "250").await;
        client.expect("RCPT TO:<bob@kit.example>", "250").await;
        let reply = client.data(&format!("{header}\r\n\r\nHello")).await;
        assert!(reply.starts_with("550 5.7.1"), "{header:?}: {reply}");
    }
    assert_eq!(stage.scene.waiting(), []);
}

#[tokio::test]
async fn recipients_here_are_checked_at_once_and_counted() {
    let stage = Stage::new();
    let (mut client, _end) = stage.alice();
    client.expect("MAIL FROM:<alice@kit.example>", "250").await;
    client
        .expect("RCPT TO:<nobody@kit.example>", "550 5.1.1")
        .await;
    client
        .expect("RCPT TO:<\"bob\"@KIT.example>", "550 5.1.1")
        .await;
    client.expect("RCPT TO:<lost@kit.example>", "451").await;
    client
        .expect("RCPT TO:<someone@dept.kit.example>", "250")
        .await;
    client.expect("RCPT TO:<a..b.@docomo.example>", "250").await;
    client.expect("RCPT TO:<office@kit.example>", "250").await;
    client
        .expect("RCPT TO:<bob@kit.example>", "452 4.5.3")
        .await;
    let reply = client.data(MESSAGE).await;
    assert!(reply.starts_with("250"), "{reply}");
    eventually("all have it", async || stage.scene.waiting().is_empty()).await;
    assert_eq!(stage.scene.inbox(ALICE).await.len(), 1);
    assert_eq!(stage.scene.inbox(BOB).await.len(), 1);
    assert_eq!(stage.capture.captured()[0].recipients.len(), 2);
}

#[tokio::test]
async fn without_a_relay_nothing_for_elsewhere_is_taken() {
    let mut stage = Stage::new();
    stage.queue = stage.scene.queue(None);
    let (mut client, _end) = stage.alice();
    client.expect("MAIL FROM:<alice@kit.example>", "250").await;
    client
        .expect("RCPT TO:<friend@far.example>", "550 5.4.4")
        .await;
    client.expect("RCPT TO:<bob@kit.example>", "250").await;
}

#[tokio::test]
async fn the_session_ends_with_the_admission() {
    let stage = Stage::new();
    let (mut client, end) = stage.alice();
    client
        .expect("EHLO laptop", "250-mail.kit.example|250-SIZE 10000")
        .await;
    end.send(()).expect("session");
    assert!(client.hear().await.starts_with("421 4.7.0"));
    assert_eq!(client.hear().await, "");
}

/// The messages in Alice's folder for sent mail.
async fn sent(stage: &Stage) -> Vec<String> {
    let mailbox = alices(stage).await;
    let folder = mailbox.folder(&sent_folder()).await.expect("Sent").id;
    let mut texts = Vec::new();
    for message in mailbox
        .snapshot(folder)
        .await
        .expect("snapshot")
        .messages
        .iter()
    {
        assert_eq!(message.flags, Flags::seen());
        let content = mailbox.content(folder, message.uid).await.expect("content");
        texts.push(String::from_utf8(content.read().await.expect("bytes")).expect("utf-8"));
    }
    texts
}

async fn alices(stage: &Stage) -> Mailbox {
    let opened = stage.scene.operator.open(AccountId::new(ALICE)).await;
    opened.expect("mailbox")
}

fn sent_folder() -> FolderName {
    FolderName::parse("Sent").expect("name")
}

/// The client puts a message into the folder itself.
async fn client_keeps(stage: &Stage, text: &str) {
    let message = NewMessage {
        bytes: text.as_bytes().to_vec(),
        internal_date: stage.scene.clock.now(),
        flags: Flags::seen(),
    };
    let mailbox = alices(stage).await;
    let folder = sent_folder();
    let added = mailbox.append_to(&folder, vec![message], None);
    added.await.expect("added");
}

async fn send(stage: &Stage, text: &str) {
    let (mut client, _end) = stage.alice();
    client.expect("MAIL FROM:<alice@kit.example>", "250").await;
    client.expect("RCPT TO:<bob@kit.example>", "250").await;
    let reply = client.data(text).await;
    assert!(reply.starts_with("250"), "{reply}");
}

const NAMED: &str = "From: alice@kit.example\r\nTo: bob@kit.example\r\nMessage-ID: <7@laptop>\r\nSubject: hi\r\n\r\nHello\r\n";

#[tokio::test]
async fn what_people_send_is_kept_for_them() {
    let stage = Stage::new();
    send(&stage, MESSAGE).await;
    let [copy] = &sent(&stage).await[..] else {
        panic!("one copy");
    };
    assert!(copy.starts_with("Date: Mon, 23 Nov 2026 14:00:00 +0900\r\nMessage-ID: <"));
    assert!(copy.ends_with(&format!("{MESSAGE}\r\n")), "{copy}");
    let (mut client, _end) = stage.alice();
    client.expect("MAIL FROM:<>", "250").await;
    client.expect("RCPT TO:<bob@kit.example>", "250").await;
    let receipt = client.data(NAMED).await;
    assert!(receipt.starts_with("250"), "{receipt}");
    assert_eq!(sent(&stage).await.len(), 1, "a receipt is no letter");
}

#[tokio::test]
async fn a_client_that_keeps_its_own_copy_makes_no_second_one() {
    let own = format!("Bcc: c@far.example\r\n{NAMED}");
    for client_first in [false, true] {
        let stage = Stage::new();
        if client_first {
            client_keeps(&stage, &own).await;
        }
        send(&stage, NAMED).await;
        if !client_first {
            assert_eq!(sent(&stage).await.len(), 1);
            client_keeps(&stage, &own).await;
        }
        assert_eq!(sent(&stage).await, [own.as_str()]);
        // A message that the client adds a second time is wanted twice.
        client_keeps(&stage, &own).await;
        assert_eq!(sent(&stage).await.len(), 2);
    }
}

/// MULTIAPPEND (RFC 3502) with one identifier twice: two messages, and the one copy that there was is counted once.
#[tokio::test]
async fn two_of_a_name_at_once_replace_the_copy_once() {
    let stage = Stage::on(Scene::with_quota(2));
    send(&stage, NAMED).await;
    let small = NewMessage {
        bytes: b"Message-ID: <7@laptop>\r\n\r\n".to_vec(),
        internal_date: stage.scene.clock.now(),
        flags: Flags::seen(),
    };
    let mailbox = alices(&stage).await;
    let folder = sent_folder();
    let added = mailbox.append_to(&folder, vec![small.clone(), small], None);
    added.await.expect("added");
    assert_eq!(sent(&stage).await.len(), 2);
    assert_eq!(mailbox.usage().await.expect("usage").messages, 2);
}

#[tokio::test]
async fn a_copy_that_the_person_has_touched_stays() {
    let stage = Stage::new();
    send(&stage, NAMED).await;
    let mailbox = alices(&stage).await;
    let folder = mailbox.folder(&sent_folder()).await.expect("Sent").id;
    let word = Flag::parse(b"$Important").expect("flag");
    let important = Flags::new([&word]).expect("flags");
    let change = |change| {
        let important = important.clone();
        mailbox.store_flags(folder, UidSet::all(), change, important, None)
    };
    change(FlagChange::Add).await.expect("flagged");
    client_keeps(&stage, NAMED).await;
    change(FlagChange::Remove).await.expect("unflagged");
    assert_eq!(sent(&stage).await.len(), 2);
}

#[tokio::test]
async fn after_a_day_or_without_a_folder_nothing_is_taken_for_a_copy() {
    let stage = Stage::new();
    send(&stage, NAMED).await;
    stage.scene.clock.advance(SignedDuration::from_hours(24));
    client_keeps(&stage, NAMED).await;
    assert_eq!(sent(&stage).await.len(), 2);
    let mailbox = alices(&stage).await;
    mailbox
        .delete_folder(&sent_folder())
        .await
        .expect("deleted");
    send(&stage, NAMED).await;
    assert_eq!(stage.scene.inbox(ALICE).await.len(), 0);
}

/// The client's copy finds room although the mailbox is full: it takes the place of the server's.
#[tokio::test]
async fn a_full_mailbox_has_room_for_what_is_replaced() {
    let stage = Stage::on(Scene::with_quota(1));
    send(&stage, NAMED).await;
    client_keeps(&stage, NAMED).await;
    assert_eq!(sent(&stage).await.len(), 1);
    send(&stage, &NAMED.replace("7@", "8@")).await;
    assert_eq!(sent(&stage).await.len(), 1, "it is sent all the same");
}
