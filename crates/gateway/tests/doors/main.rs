//! The doors over real sockets, with a real checkpoint behind them.

mod fakes;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use sekisho_checkpoint::Admitted;
use sekisho_gateway::{
    AccountConnections, Door, DoorTls, MailBackend, NotOpened, Opened, Opening, PlaintextLogin,
    Protocol, run_imap, run_submission,
};
use sekisho_net::client::{Connector, Roots};
use sekisho_net::{
    Alpn, BoxedStream, Certificate, ConnectionSlots, Limits, Listener, Peers, Shutdown, SourceFrom,
    Stream, TlsKeeper,
};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use self::fakes::World;

/// A mail server that tells the client who came and with what, and then waits for ever.
struct ReportingBackend;

#[async_trait]
impl MailBackend for ReportingBackend {
    fn imap_capabilities(&self) -> Arc<str> {
        "IMAP4rev1 IDLE".into()
    }

    fn pop3_capabilities(&self) -> Arc<[String]> {
        ["UIDL".to_owned()].into()
    }

    fn submission_extensions(&self) -> Arc<[String]> {
        ["SIZE 1000".to_owned()].into()
    }

    fn sieve_capabilities(&self) -> Arc<[String]> {
        Arc::default()
    }

    async fn open(&self, opening: Opening<'_>) -> Result<Box<dyn Opened>, NotOpened> {
        Ok(Box::new(Report(opening.protocol)))
    }
}

struct Report(Protocol);

#[async_trait]
impl Opened for Report {
    async fn serve(self: Box<Self>, mut stream: Stream, already_read: Vec<u8>, admitted: Admitted) {
        let account = admitted.account_id();
        if let Protocol::Submission(hello) = self.0 {
            let line = format!("account {account}, {hello:?}\r\n");
            let _ = stream.write_all(line.as_bytes()).await;
            let _ = stream.shutdown().await;
            return;
        }
        let read = already_read.escape_ascii();
        let line = format!("* account {account}, read {read}\r\n");
        let _ = stream.write_all(line.as_bytes()).await;
        let _ = stream.flush().await;
        std::future::pending::<()>().await;
    }
}

fn door() -> Door {
    Door {
        tls: DoorTls::None,
        plaintext: PlaintextLogin::OnThisMachine,
        limits: Limits::default(),
        slots: ConnectionSlots::default(),
        connections: AccountConnections::default(),
        host: "mail.kit.example".to_owned(),
    }
}

fn tls(folder: &Path) -> (Arc<TlsKeeper>, Connector) {
    let certificate = Certificate::SelfSigned {
        folder: folder.to_owned(),
        names: vec!["localhost".to_owned()],
    };
    let keeper = TlsKeeper::open(certificate, Alpn::None).expect("a certificate");
    let roots = Roots::File(folder.join("self-signed.pem"));
    let connector = Connector::new(&roots, Duration::from_secs(10)).expect("roots");
    (Arc::new(keeper), connector)
}

async fn listen(from: SourceFrom) -> (Listener, SocketAddr) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(any, from, Default::default())
        .await
        .expect("a port");
    let address = listener.local_address().expect("an address");
    (listener, address)
}

async fn imap(world: &World, door: Door, from: SourceFrom) -> (SocketAddr, Shutdown) {
    let (listener, address) = listen(from).await;
    let shutdown = Shutdown::new();
    let checkpoint = Arc::clone(&world.checkpoint);
    let running = run_imap(
        listener,
        door,
        checkpoint,
        Arc::new(ReportingBackend),
        shutdown.clone(),
    );
    shutdown.spawn(running);
    (address, shutdown)
}

async fn submission(world: &World, door: Door) -> (SocketAddr, Shutdown) {
    let (listener, address) = listen(SourceFrom::Connection).await;
    let shutdown = Shutdown::new();
    let checkpoint = Arc::clone(&world.checkpoint);
    let running = run_submission(
        listener,
        door,
        checkpoint,
        Arc::new(ReportingBackend),
        shutdown.clone(),
    );
    shutdown.spawn(running);
    (address, shutdown)
}

/// What has not been received by then will never be.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mail client.
struct Client(BufReader<BoxedStream>);

impl Client {
    async fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await.expect("a server");
        Self::on(Box::new(stream))
    }

    fn on(stream: BoxedStream) -> Self {
        Self(BufReader::new(stream))
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("sent");
        self.0.flush().await.expect("sent");
    }

    /// The next line, without its CRLF.
    async fn hear(&mut self) -> String {
        let mut line = String::new();
        let hearing = timeout(PATIENCE, self.0.read_line(&mut line));
        hearing.await.expect("in time").expect("a line");
        line.trim_end_matches("\r\n").to_owned()
    }

    /// Everything that is received until the connection ends.
    async fn hear_out(mut self) -> String {
        let mut all = Vec::new();
        // If the connection ends in the middle of TLS, the reader reports an error, but the bytes before are there.
        let hearing = timeout(PATIENCE, self.0.read_to_end(&mut all));
        let _ = hearing.await.expect("in time");
        String::from_utf8(all).expect("text")
    }
}

const THREE_SECONDS: SignedDuration = SignedDuration::from_secs(3);

#[tokio::test]
async fn every_refusal_waits_for_its_time_and_says_the_same() {
    let world = World::start().await;
    let (server, _shutdown) = imap(&world, door(), SourceFrom::Connection).await;
    let mut sentences = Vec::new();
    for (at, login) in ["alice wrong", "nobody right"].into_iter().enumerate() {
        let mut client = Client::connect(server).await;
        client.hear().await;
        client.say(&format!("a LOGIN {login}\r\n")).await;
        world.clock.sleeps(at + 1).await;
        let early = timeout(Duration::ZERO, client.hear()).await;
        assert!(early.is_err(), "it is not time yet");
        world.clock.advance(THREE_SECONDS);
        let answer = client.hear().await;
        let (sentence, reference) = answer.split_once("(Ref ").expect("a reference");
        assert_eq!(reference.len(), "12345678)".len());
        sentences.push(sentence.to_owned());
    }
    assert!(sentences[0].starts_with("a NO [AUTHENTICATIONFAILED] "));
    assert_eq!(sentences[0], sentences[1]);
}

#[tokio::test]
async fn an_admitted_client_is_handed_on_after_starttls_and_cut_off_when_its_admission_ends() {
    let world = World::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (keeper, connector) = tls(folder.path());
    let door = Door {
        tls: DoorTls::StartTls(keeper),
        ..door()
    };
    let (server, _shutdown) = imap(&world, door, SourceFrom::Connection).await;
    let mut client = Client::connect(server).await;
    assert!(client.hear().await.contains("STARTTLS"));
    client.say("a STARTTLS\r\n").await;
    assert_eq!(client.hear().await, "a OK Begin TLS");
    let unread = client.0.buffer().to_vec();
    let stream = connector.start_tls(client.0.into_inner(), "localhost", &unread);
    let mut client = Client::on(stream.await.expect("TLS"));
    client.say("b LOGIN alice right\r\nc NOOP\r\n").await;
    assert_eq!(
        client.hear().await,
        "b OK [CAPABILITY IMAP4rev1 IDLE] Logged in"
    );
    assert_eq!(client.hear().await, "* account 1, read c NOOP\\r\\n");

    world.demand_mfa().await;
    assert_eq!(client.hear_out().await, "");
}

#[tokio::test]
async fn a_submission_client_is_handed_on_with_what_it_said_of_itself() {
    let world = World::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (keeper, connector) = tls(folder.path());
    let door = Door {
        tls: DoorTls::Implicit(keeper),
        ..door()
    };
    let (server, _shutdown) = submission(&world, door).await;
    let stream = connector.connect_tls("localhost", server.port()).await;
    let mut client = Client::on(stream.expect("TLS"));
    client.say("EHLO laptop\r\n").await;
    client.say("AUTH PLAIN AGFsaWNlAHJpZ2h0\r\n").await;
    assert_eq!(
        client.hear_out().await,
        "220 mail.kit.example ESMTP Sekisho\r\n\
         250-mail.kit.example\r\n250-SIZE 1000\r\n250 AUTH PLAIN LOGIN\r\n\
         235 2.7.0 Authentication succeeded\r\n\
         account 1, Hello { name: \"laptop\", extended: true, encrypted: true }\r\n"
    );
}

#[tokio::test]
async fn without_records_nobody_is_admitted_and_no_password_is_called_wrong() {
    let world = World::start().await;
    let (imap, _shutdown) = imap(&world, door(), SourceFrom::Connection).await;
    let (submission, _other) = submission(&world, door()).await;
    world.lose_the_records();
    let mut client = Client::connect(imap).await;
    client.hear().await;
    client.say("a LOGIN alice right\r\n").await;
    assert!(client.hear().await.starts_with("a NO [UNAVAILABLE]"));
    let mut client = Client::connect(submission).await;
    client.hear().await;
    client
        .say("HELO laptop\r\nAUTH PLAIN AGFsaWNlAHJpZ2h0\r\n")
        .await;
    client.hear().await;
    assert!(client.hear().await.starts_with("454 4.7.0"));
}

#[tokio::test]
async fn whoever_comes_through_a_proxy_is_not_on_this_machine() {
    let world = World::start().await;
    let proxies = Peers::new(vec!["127.0.0.1/32".parse().expect("a prefix")]);
    let (server, _shutdown) = imap(&world, door(), SourceFrom::Proxies(proxies)).await;
    let mut client = Client::connect(server).await;
    client
        .say("PROXY TCP4 203.0.113.7 192.0.2.1 5 143\r\n")
        .await;
    assert!(client.hear().await.contains("LOGINDISABLED"));
    client.say("a LOGIN alice right\r\n").await;
    assert!(client.hear().await.starts_with("a NO [PRIVACYREQUIRED]"));
}

#[tokio::test]
async fn who_is_silent_or_sends_too_much_is_shown_out() {
    let world = World::start().await;
    let (silent, much) = (
        Limits {
            idle: Duration::ZERO,
            ..Limits::default()
        },
        Limits {
            bytes: 100,
            ..Limits::default()
        },
    );
    for (limits, input, farewell) in [
        (silent, "", "* BYE Too slow\r\n"),
        (
            much,
            "x".repeat(101).as_str(),
            "* BYE Too much before the login\r\n",
        ),
    ] {
        let door = Door { limits, ..door() };
        let (server, _shutdown) = imap(&world, door, SourceFrom::Connection).await;
        let mut client = Client::connect(server).await;
        client.say(input).await;
        let said = client.hear_out().await;
        assert!(said.ends_with(farewell), "{said}");
    }
}

#[tokio::test]
async fn a_source_has_so_many_slots_before_its_logins() {
    let world = World::start().await;
    let door = Door {
        slots: ConnectionSlots::new(10, 1),
        ..door()
    };
    let (server, _shutdown) = imap(&world, door, SourceFrom::Connection).await;
    let mut first = Client::connect(server).await;
    first.hear().await;
    assert_eq!(Client::connect(server).await.hear_out().await, "");
    first.say("a LOGIN alice right\r\n").await;
    first.hear().await;
    assert!(first.hear().await.starts_with("* account 1"));
    let mut second = Client::connect(server).await;
    assert!(second.hear().await.starts_with("* OK"));
}

#[tokio::test]
async fn an_account_has_so_many_connections_at_once() {
    let world = World::start().await;
    let door = Door {
        connections: AccountConnections::new(2, 2),
        ..door()
    };
    let (server, _shutdown) = imap(&world, door, SourceFrom::Connection).await;
    let log_in = async || {
        let mut client = Client::connect(server).await;
        client.hear().await;
        client.say("a LOGIN alice right\r\n").await;
        (client.hear().await, client)
    };
    let (answer, _first) = log_in().await;
    assert!(answer.starts_with("a OK"), "{answer}");
    let (answer, _second) = log_in().await;
    assert!(answer.starts_with("a OK"), "{answer}");
    let (answer, _third) = log_in().await;
    assert!(answer.starts_with("a NO [LIMIT] Too many"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_has_ended_leaves_its_seat_to_the_next() {
    let world = World::start().await;
    let door = Door {
        connections: AccountConnections::new(1, 1),
        ..door()
    };
    let (server, _shutdown) = submission(&world, door).await;
    let log_in = async || {
        let mut client = Client::connect(server).await;
        client
            .say("EHLO client\r\nAUTH PLAIN AGFsaWNlAHJpZ2h0\r\n")
            .await;
        client.hear_out().await
    };
    for _ in 0..3 {
        // The client may see the last words before the door knows that the mailbox is done.
        let let_in = async { while !log_in().await.contains("235 ") {} };
        timeout(PATIENCE, let_in).await.expect("let in");
    }
}

#[tokio::test]
async fn at_the_end_those_before_their_login_are_told_and_the_others_cut_off() {
    let world = World::start().await;
    let (server, shutdown) = imap(&world, door(), SourceFrom::Connection).await;
    let mut inside = Client::connect(server).await;
    inside.hear().await;
    inside.say("a LOGIN alice right\r\n").await;
    inside.hear().await;
    inside.hear().await;
    let mut outside = Client::connect(server).await;
    outside.hear().await;
    let drained = tokio::spawn(async move { shutdown.drain(Duration::from_secs(1)).await });
    assert_eq!(
        outside.hear_out().await,
        "* BYE Shutting down, try again soon\r\n"
    );
    assert!(!drained.await.expect("drained"));
    assert_eq!(inside.hear_out().await, "");
}
