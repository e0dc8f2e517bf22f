use std::sync::Arc;

use sekisho_fakes::{ALICE, BOB, LineClient, Town};
use sekisho_net::Peers;
use sekisho_queue::Queue;
use sekisho_queue::scene::{Scene, own, tokyo};
use sekisho_store::FolderName;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use sekisho_checkpoint::AccountId;

use super::{Incoming, IncomingDoor, IncomingListener, PeerTls, Protocol, run_incoming};

const MESSAGE: &str = "From: x@y.example\r\nSubject: hi\r\n\r\nHello\r\n..dots";

async fn start(scene: &Scene, listener: IncomingListener) {
    start_with(scene, listener, Protocol::Lmtp, scene.queue(None)).await;
}

async fn start_with(scene: &Scene, listener: IncomingListener, protocol: Protocol, queue: Queue) {
    let incoming = Arc::new(Incoming {
        queue,
        message_size: scene.store.limits().message_size,
        directory: Arc::new(Town),
        clock: scene.clock.clone(),
        own: own(),
        host: "mail.kit.example".to_owned(),
        zone: tokyo(),
    });
    let door = IncomingDoor {
        protocol,
        listed: Peers::default(),
        tls: PeerTls::Nobody,
    };
    let shutdown = scene.shutdown.clone();
    scene
        .shutdown
        .spawn(run_incoming(listener, incoming, door, shutdown));
}

async fn connect(scene: &Scene) -> LineClient<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    start(scene, IncomingListener::Tcp(listener)).await;
    let mut client = LineClient::new(TcpStream::connect(address).await.expect("connect"));
    assert_eq!(client.hear().await, "220 mail.kit.example LMTP");
    client
        .expect(
            "LHLO mx.example",
            "250-mail.kit.example|250-SIZE 10000|250-8BITMIME",
        )
        .await;
    client
}

#[tokio::test]
async fn a_message_is_in_the_mailbox_when_its_250_comes() {
    let scene = Scene::new();
    let mut client = connect(&scene).await;
    client
        .expect("MAIL FROM:<x@y.example> SIZE=60 BODY=8BITMIME", "250 2.1.0")
        .await;
    client
        .expect("RCPT TO:<Alice@KIT.example>", "250 2.1.5")
        .await;
    assert_eq!(client.data(MESSAGE).await, "250 2.1.5 delivered");
    assert_eq!(
        scene.inbox(ALICE).await,
        ["Return-Path: <x@y.example>\r\n\
          Received: from mx.example by mail.kit.example with LMTP;\r\n Mon, 23 Nov 2026 14:00:00 +0900\r\n\
          From: x@y.example\r\nSubject: hi\r\n\r\nHello\r\n.dots\r\n"]
    );
    client.expect("QUIT", "221").await;
    assert_eq!(client.hear().await, "");
}

#[tokio::test]
async fn each_recipient_gets_an_answer_of_its_own() {
    let scene = Scene::new();
    let mut client = connect(&scene).await;
    client.expect("MAIL FROM:<>", "250").await;
    client
        .expect("RCPT TO:<nobody@kit.example>", "550 5.1.1")
        .await;
    client
        .expect("RCPT TO:<alice@elsewhere.example>", "550 5.1.1")
        .await;
    client
        .expect("RCPT TO:<lost@kit.example>", "451 4.3.0")
        .await;
    client
        .expect("RCPT TO:<alice+lists@kit.example>", "250")
        .await;
    client.expect("RCPT TO:<office@kit.example>", "250").await;
    client
        .expect("RCPT TO:<mfa-bounce@kit.example>", "250")
        .await;
    assert!(
        client
            .data(MESSAGE)
            .await
            .starts_with("250 2.1.5 delivered")
    );
    assert_eq!(client.hear().await, "250 2.1.5 delivered");
    assert_eq!(client.hear().await, "250 2.1.5 noted");
    client.expect("NOOP", "250").await;
    assert_eq!(scene.inbox(ALICE).await.len(), 2);
    assert_eq!(scene.inbox(BOB).await.len(), 1);
}

#[tokio::test]
async fn a_message_too_big_is_refused_for_each_recipient_and_the_session_goes_on() {
    let scene = Scene::new();
    let mut client = connect(&scene).await;
    client
        .expect("MAIL FROM:<x@y.example> SIZE=99999999", "552 5.3.4")
        .await;
    client.expect("MAIL FROM:<x@y.example>", "250").await;
    client.expect("RCPT TO:<alice@kit.example>", "250").await;
    client.expect("RCPT TO:<bob@kit.example>", "250").await;
    let big = format!("Subject: big\r\n\r\n{}", "x".repeat(20_000));
    assert!(client.data(&big).await.starts_with("552 5.3.4"));
    assert!(client.hear().await.starts_with("552 5.3.4"));
    client.expect("NOOP", "250").await;
    assert_eq!(scene.inbox(ALICE).await, [""; 0]);
}

#[tokio::test]
async fn what_the_filter_marks_goes_into_the_junk_folder() {
    let scene = Scene::new();
    let mut client = connect(&scene).await;
    client.expect("MAIL FROM:<x@y.example>", "250").await;
    client.expect("RCPT TO:<alice@kit.example>", "250").await;
    let marked = "Subject: win\r\nX-Spam-Flag: YES\r\n\r\nb";
    assert_eq!(client.data(marked).await, "250 2.1.5 delivered");
    assert_eq!(scene.inbox(ALICE).await, [""; 0]);
    let mailbox = scene
        .operator
        .open(AccountId::new(ALICE))
        .await
        .expect("mailbox");
    let junk = FolderName::parse("Junk").expect("name");
    let junk = mailbox.folder(&junk).await.expect("folder").id;
    assert_eq!(mailbox.status(junk).await.expect("status").messages, 1);
}

/// RFC 3030: a message in chunks of a given size, with nothing stuffed and no end but `LAST`.
#[tokio::test]
async fn a_message_comes_in_chunks() {
    let scene = Scene::new();
    let mut client = connect(&scene).await;
    client.send(b"BDAT 6\r\nQUIT\r\n").await;
    assert!(client.hear().await.starts_with("503 5.5.1"));
    client.expect("MAIL FROM:<x@y.example>", "250").await;
    client.expect("RCPT TO:<alice@kit.example>", "250").await;
    client.expect("RCPT TO:<bob@kit.example>", "250").await;
    client
        .send(b"BDAT 14\r\nSubject: abc\r\nBDAT 9 LAST\r\n\r\n.\r\nlast")
        .await;
    assert_eq!(client.hear().await, "250 2.0.0 14 bytes taken");
    assert_eq!(client.hear().await, "250 2.1.5 delivered");
    assert_eq!(client.hear().await, "250 2.1.5 delivered");
    let inbox = scene.inbox(ALICE).await;
    assert!(
        inbox[0].ends_with("Subject: abc\r\n\r\n.\r\nlast\r\n"),
        "{inbox:?}"
    );
    client.expect("BDAT", "501 5.5.4").await;
    client.expect("BDAT +1 LAST", "501 5.5.4").await;
}

#[tokio::test]
async fn a_chunk_too_many_or_with_bare_line_ends_spoils_the_message() {
    let scene = Scene::new();
    let mut client = connect(&scene).await;
    client.expect("MAIL FROM:<x@y.example>", "250").await;
    client.expect("RCPT TO:<alice@kit.example>", "250").await;
    client.send(b"BDAT 9 LAST\r\nA: b\n.\r\nc").await;
    assert!(client.hear().await.starts_with("550 5.6.0 bare CR or LF"));
    client.expect("MAIL FROM:<x@y.example>", "250").await;
    client.expect("RCPT TO:<alice@kit.example>", "250").await;
    client
        .send(format!("BDAT 6000\r\n{}", "x".repeat(6_000)).as_bytes())
        .await;
    assert!(client.hear().await.starts_with("250"));
    client.expect("RCPT TO:<bob@kit.example>", "503").await;
    client.expect("DATA", "503").await;
    client
        .send(format!("BDAT 6000\r\n{}", "x".repeat(6_000)).as_bytes())
        .await;
    assert!(client.hear().await.starts_with("552 5.3.4"));
    client.send(b"BDAT 2 LAST\r\nab").await;
    assert!(client.hear().await.starts_with("503"));
    client.send(b"BDAT 99999999\r\n").await;
    assert!(client.hear().await.starts_with("552 5.3.4"));
    assert_eq!(client.hear().await, "");
    assert_eq!(scene.inbox(ALICE).await, [""; 0]);
}

#[tokio::test]
async fn a_smuggled_message_is_refused_with_its_carrier() {
    let scene = Scene::new();
    for end in ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r.\r\n"] {
        let mut client = connect(&scene).await;
        client.expect("MAIL FROM:<x@y.example>", "250").await;
        client.expect("RCPT TO:<alice@kit.example>", "250").await;
        let forged = "MAIL FROM:<boss@kit.example>\r\nRCPT TO:<bob@kit.example>\r\nDATA\r\nforged";
        let reply = client
            .data(&format!("Subject: a\r\n\r\nb{end}{forged}"))
            .await;
        assert!(
            reply.starts_with("550 5.6.0 bare CR or LF"),
            "{end:?}: {reply}"
        );
        client.expect("NOOP", "250 2.0.0 ok").await;
    }
    assert_eq!(scene.inbox(ALICE).await, [""; 0]);
    assert_eq!(scene.inbox(BOB).await, [""; 0]);
}

#[tokio::test]
async fn commands_have_an_order() {
    let scene = Scene::new();
    let mut client = connect(&scene).await;
    client.expect("EHLO mx.example", "500 5.5.1").await;
    client
        .expect("RCPT TO:<alice@kit.example>", "503 5.5.1")
        .await;
    client.expect("DATA", "503 5.5.1").await;
    client.expect("MAIL FROM:<x@y.example>", "250").await;
    client.expect("MAIL FROM:<x@y.example>", "503").await;
    client.expect("DATA", "503 5.5.1").await;
    client.expect("RSET", "250").await;
    client.expect("RCPT TO:<alice@kit.example>", "503").await;
    client.expect("AUTH PLAIN AGEAYg==", "503").await;
    client.expect("VRFY alice", "252").await;
    client.expect("HELP", "214").await;
    client.send(b"NOOP\n").await;
    assert_eq!(client.hear().await, "500 5.5.2 lines end with CR LF");
    assert_eq!(client.hear().await, "");
}

#[tokio::test]
async fn what_is_sent_in_one_go_is_answered_in_order() {
    let scene = Scene::new();
    let mut client = connect(&scene).await;
    client
        .send(b"MAIL FROM:<x@y.example>\r\nRCPT TO:<bob@kit.example>\r\nDATA\r\nSubject: a\r\n\r\nb\r\n.\r\nQUIT\r\n")
        .await;
    for code in ["250", "250", "354", "250", "221"] {
        let reply = client.hear().await;
        assert!(reply.starts_with(code), "{reply}, not {code}");
    }
    assert_eq!(scene.inbox(BOB).await.len(), 1);
}

#[tokio::test]
async fn a_unix_socket_serves_and_ends_with_the_process() {
    let scene = Scene::new();
    let path = scene.folder.path().join("lmtp.sock");
    let listener = UnixListener::bind(&path).expect("bind");
    start(&scene, IncomingListener::Unix(listener)).await;
    let mut client = LineClient::new(UnixStream::connect(&path).await.expect("connect"));
    assert!(client.hear().await.starts_with("220"));
    client.expect("LHLO mx", "250").await;
    let grace = std::time::Duration::from_secs(10);
    assert!(scene.shutdown.drain(grace).await);
    assert!(client.hear().await.starts_with("421 4.3.2"));
}

#[tokio::test]
async fn a_silent_peer_is_let_go() {
    let scene = Scene::new();
    let mut client = connect(&scene).await;
    client.expect("NOOP", "250").await;
    sekisho_queue::scene::eventually("the connection is closed", async || {
        scene.clock.advance(jiff::SignedDuration::from_mins(6));
        let wait = tokio::time::timeout(std::time::Duration::from_millis(50), client.hear());
        wait.await.is_ok_and(|heard| heard.is_empty())
    })
    .await;
}

/// A relay that speaks SMTP: one answer for all recipients, and the queue behind it.
async fn connect_smtp(scene: &Scene, queue: Queue) -> LineClient<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address");
    let listener = IncomingListener::Tcp(listener);
    start_with(scene, listener, Protocol::Smtp, queue).await;
    let mut client = LineClient::new(TcpStream::connect(address).await.expect("connect"));
    assert_eq!(client.hear().await, "220 mail.kit.example ESMTP");
    client
        .expect("EHLO mx.example", "250-mail.kit.example|250-SIZE 10000|")
        .await;
    client
}

#[tokio::test]
async fn by_smtp_one_answer_stands_for_all_and_nobody_gets_it_twice() {
    let scene = Scene::new();
    let queue = scene.queue(None);
    scene.run(&queue);
    let mut client = connect_smtp(&scene, queue).await;
    client.expect("LHLO mx.example", "500 5.5.1").await;
    client
        .expect("MAIL FROM:<x@y.example> RET=HDRS ENVID=q", "250")
        .await;
    client
        .expect("RCPT TO:<nobody@kit.example>", "550 5.1.1")
        .await;
    client
        .expect("RCPT TO:<alice@elsewhere.example>", "550 5.1.1")
        .await;
    client
        .expect("RCPT TO:<alice@kit.example> NOTIFY=NEVER", "250")
        .await;
    client.expect("RCPT TO:<office@kit.example>", "250").await;
    let reply = client.data(MESSAGE).await;
    assert!(reply.starts_with("250 2.6.0 taken as"), "{reply}");
    client.expect("NOOP", "250 2.0.0 ok").await;
    sekisho_queue::scene::eventually("both have it", async || {
        (scene.inbox(ALICE).await.len(), scene.inbox(BOB).await.len()) == (1, 1)
    })
    .await;
    sekisho_queue::scene::eventually("nothing waits", async || scene.waiting().is_empty()).await;
    let message = &scene.inbox(ALICE).await[0];
    let top = "Return-Path: <x@y.example>\r\nReceived: from mx.example by mail.kit.example with ESMTP;\r\n";
    assert!(message.starts_with(top), "{message}");
    // The filter's mark counts on this way as well.
    client.expect("MAIL FROM:<x@y.example>", "250").await;
    client.expect("RCPT TO:<alice@kit.example>", "250").await;
    client
        .data("Subject: win\r\nX-Spam-Flag: YES\r\n\r\nb")
        .await;
    sekisho_queue::scene::eventually("nothing waits", async || scene.waiting().is_empty()).await;
    assert_eq!(scene.inbox(ALICE).await.len(), 1);
    // A sender that merely claims to be the site gets no special treatment.
    client
        .expect("MAIL FROM:<mfa-bounce@kit.example>", "250")
        .await;
    client
        .expect("RCPT TO:<mfa-bounce@kit.example>", "250")
        .await;
    assert_eq!(client.data(MESSAGE).await, "250 2.6.0 noted");
}

#[tokio::test]
async fn the_sender_elsewhere_hears_of_what_failed_for_good() {
    let scene = Scene::with_quota(1);
    let relay = sekisho_fakes::TestRelay::start().await;
    let queue = scene.queue(Some(sekisho_queue::scene::transport(
        &relay,
        scene.clock.clone(),
    )));
    scene.run(&queue);
    let mut client = connect_smtp(&scene, queue).await;
    for _ in 0..2 {
        client.expect("MAIL FROM:<x@y.example>", "250").await;
        client.expect("RCPT TO:<alice@kit.example>", "250").await;
        let reply = client.data(MESSAGE).await;
        assert!(reply.starts_with("250 2.6.0"), "{reply}");
        sekisho_queue::scene::eventually("nothing waits", async || scene.waiting().is_empty())
            .await;
    }
    assert_eq!(scene.inbox(ALICE).await.len(), 1);
    let heard = relay.heard();
    assert!(
        heard.iter().any(|l| l == "RCPT TO:<x@y.example>"),
        "{heard:?}"
    );
    assert!(heard.iter().any(|l| l.starts_with("MAIL FROM:<>")));
    assert!(heard.iter().any(|l| l.contains("Status: 5.2.2")));
}
