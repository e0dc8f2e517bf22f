use std::sync::Arc;

use tokio::io::DuplexStream;
use tokio::sync::oneshot;

use super::{Submission, serve_sender};
use crate::queue::{Outbox, Queue};
use crate::scene::{ALICE, BOB, Client, Scene, Town, eventually, own, tokyo};

const MESSAGE: &str = "From: Alice <alice@kit.example>\r\nTo: bob@kit.example\r\nBcc: c@far.example,\r\n d@far.example\r\nSubject: hi\r\n\r\nHello";

struct Stage {
    scene: Scene,
    queue: Queue,
    outbox: Arc<Outbox>,
}

impl Stage {
    fn new() -> Self {
        let scene = Scene::new();
        let outbox = Outbox::new(scene.clock.clone());
        let queue = scene.queue(Some(outbox.clone()));
        scene.run(&queue);
        Self {
            scene,
            queue,
            outbox,
        }
    }

    /// A session of Alice's, which ends when the sender is used or dropped.
    fn alice(&self) -> (Client<DuplexStream>, oneshot::Sender<()>) {
        let (near, far) = tokio::io::duplex(1 << 16);
        let submission = Arc::new(Submission {
            queue: self.queue.clone(),
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
        (Client::new(near), end)
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
        stage.scene.inbox(BOB).await.len() == 1 && stage.outbox.departed().len() == 1
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
    let departed = stage.outbox.departed();
    assert_eq!(departed[0].recipients.len(), 1);
    assert_eq!(departed[0].recipients[0].as_str(), "friend@far.example");
    let text = String::from_utf8_lossy(&departed[0].message);
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
    assert_eq!(stage.outbox.departed()[0].recipients.len(), 2);
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
