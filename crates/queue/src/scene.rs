//! A small site for the tests of this room and of the servers above it: real sockets, a real store and queue on disk, a
//! clock in hand, and a relay that does as it is told.

#![expect(missing_docs, reason = "for tests, which are read beside it")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::address::{MailAddress, OwnDomains};
use sekisho_checkpoint::ports::{
    BoxFuture, Clock, Directory, DirectoryError, PasswordChange, SetPasswordError,
};
use sekisho_checkpoint::{Account, AccountId, LoginName, Password};
use sekisho_disk::RealDisk;
use sekisho_net::Shutdown;
use sekisho_net::client::{Connector, Roots, TlsMode};
use sekisho_store::{FolderName, Limits, Operator, Store};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::delivery::JunkHeader;
use crate::entry::QueueEntry;
use crate::queue::{Parts, Queue, QueueControl};
use crate::relay::{Relay, RelayTransport};
use crate::transport::Transport;

pub const ALICE: i64 = 1;
pub const BOB: i64 = 2;

/// A clock that moves when it is told to.
pub struct HandClock(watch::Sender<Timestamp>);

impl HandClock {
    pub fn new() -> Arc<Self> {
        let start: Timestamp = "2026-11-23T05:00:00Z".parse().expect("time");
        Arc::new(Self(watch::channel(start).0))
    }

    pub fn advance(&self, by: SignedDuration) {
        self.0.send_modify(|now| *now += by);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        let mut now = self.0.subscribe();
        Box::pin(async move {
            now.wait_for(|now| *now >= until).await.expect("clock");
        })
    }
}

/// Alice and Bob of kit.example; `office@` is both of them; `lost@` can't be looked up.
pub struct Town;

impl Town {
    pub fn account(id: i64) -> Account {
        let (login, addresses): (_, &[&str]) = match id {
            ALICE => ("alice", &["alice@kit.example", "a.tanaka@kit.example"]),
            _ => ("bob", &["bob@kit.example"]),
        };
        Account {
            id: AccountId::new(id),
            login: login.to_owned(),
            display_name: String::new(),
            addresses: addresses.iter().map(|a| address(a)).collect(),
            groups: Vec::new(),
            usable: true,
        }
    }
}

#[async_trait]
impl Directory for Town {
    async fn find(&self, _: &LoginName) -> Result<Option<Account>, DirectoryError> {
        Ok(None)
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        Ok([ALICE, BOB]
            .contains(&id.get())
            .then(|| Self::account(id.get())))
    }

    async fn recipients(&self, address: &MailAddress) -> Result<Vec<AccountId>, DirectoryError> {
        let ids: &[i64] = match address.folded().as_str() {
            "alice@kit.example" | "a.tanaka@kit.example" => &[ALICE],
            "bob@kit.example" => &[BOB],
            "office@kit.example" => &[ALICE, BOB],
            "lost@kit.example" => return Err(DirectoryError("gone".to_owned())),
            _ => &[],
        };
        Ok(ids.iter().map(|id| AccountId::new(*id)).collect())
    }

    async fn verify(&self, _: Option<AccountId>, _: &Password) -> Result<bool, DirectoryError> {
        Ok(false)
    }

    fn password_change(&self) -> PasswordChange {
        PasswordChange::Here
    }

    async fn check_new_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Ok(())
    }

    async fn set_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Err(SetPasswordError::Elsewhere)
    }
}

/// The site.
pub struct Scene {
    pub folder: TempDir,
    pub clock: Arc<HandClock>,
    pub store: Store,
    pub operator: Operator,
    pub shutdown: Shutdown,
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    pub fn new() -> Self {
        Self::with(Limits::default())
    }

    /// A site whose accounts hold at most so many messages.
    pub fn with_quota(messages: u64) -> Self {
        Self::with(Limits {
            quota_messages: Some(messages),
            ..Limits::default()
        })
    }

    fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let clock = HandClock::new();
        let limits = Limits {
            message_size: 10_000,
            ..limits
        };
        let root = folder.path().join("mail");
        let opened = Store::open_root(&root, Arc::new(RealDisk), clock.clone(), limits);
        let (store, operator) = opened.expect("store");
        Self {
            folder,
            clock,
            store,
            operator,
            shutdown: Shutdown::new(),
        }
    }

    /// Opens the queue, without running it.
    pub fn queue(&self, transport: Option<Arc<dyn Transport>>) -> Queue {
        let parts = Parts {
            delivery: self.operator.delivery(),
            directory: Arc::new(Town),
            clock: self.clock.clone(),
            disk: Arc::new(RealDisk),
            transport,
            otp_transport: None,
            dkim: None,
            junk: JunkHeader::parse("X-Spam-Flag: YES"),
            host: "mail.kit.example".to_owned(),
            zone: tokyo(),
        };
        Queue::open(&self.folder.path().join("queue"), parts).expect("queue")
    }

    /// Runs the queue in the background.
    pub fn run(&self, queue: &Queue) {
        let (queue, shutdown) = (queue.clone(), self.shutdown.clone());
        self.shutdown
            .spawn(async move { queue.run(shutdown).await });
    }

    /// What waits in the queue.
    pub fn waiting(&self) -> Vec<QueueEntry> {
        self.control().list().expect("list")
    }

    pub fn control(&self) -> QueueControl {
        let folder = self.folder.path().join("queue");
        QueueControl::open(&folder, Arc::new(RealDisk), self.clock.clone()).expect("queue")
    }

    /// The messages in an account's INBOX.
    pub async fn inbox(&self, account: i64) -> Vec<String> {
        let mailbox = self
            .operator
            .open(AccountId::new(account))
            .await
            .expect("mailbox");
        let inbox = mailbox
            .folder(&FolderName::inbox())
            .await
            .expect("inbox")
            .id;
        let snapshot = mailbox.snapshot(inbox).await.expect("snapshot");
        let mut texts = Vec::new();
        for message in snapshot.messages.iter() {
            let content = mailbox.content(inbox, message.uid).await.expect("content");
            let bytes = content.read().await.expect("bytes");
            texts.push(String::from_utf8(bytes).expect("utf-8"));
        }
        texts
    }
}

pub fn tokyo() -> TimeZone {
    TimeZone::get("Asia/Tokyo").expect("zone")
}

pub fn own() -> OwnDomains {
    OwnDomains::new(["kit.example"]).expect("domain")
}

pub fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).expect("address")
}

/// Waits until something holds that another task brings about; fails after half a minute.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    for _ in 0..3_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// A client that says lines and hears replies.
pub struct Client<S> {
    stream: BufReader<S>,
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Client<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The next reply, its lines joined; empty at the end of the stream.
    pub async fn hear(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            let count = self.stream.read_line(&mut line).await.expect("reply");
            reply += line.trim_end();
            if count == 0 || line.as_bytes().get(3) == Some(&b' ') {
                return reply;
            }
            reply.push('|');
        }
    }

    /// The next line.
    pub async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("line");
        line.trim_end().to_owned()
    }

    /// The stream, for TLS.
    pub fn into_stream(self) -> S {
        self.stream.into_inner()
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("write");
    }

    pub async fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.hear().await
    }

    /// Says a line and wants a code.
    pub async fn expect(&mut self, line: &str, code: &str) {
        let reply = self.say(line).await;
        assert!(reply.starts_with(code), "{line} -> {reply}, not {code}");
    }

    /// Sends a message behind `DATA`.
    pub async fn data(&mut self, message: &str) -> String {
        self.expect("DATA", "354").await;
        self.say(&format!("{message}\r\n.")).await
    }
}

/// A relay on a socket. It answers 250 (or what else is proper), unless the script has an answer for a command that
/// begins so; each answer is used once.
pub struct TestRelay {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Vec<(String, String)>>>,
}

impl TestRelay {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let relay = Self {
            port: listener.local_addr().expect("address").port(),
            heard: Arc::default(),
            script: Arc::default(),
        };
        let (heard, script) = (Arc::clone(&relay.heard), Arc::clone(&relay.script));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accept");
                tokio::spawn(converse(stream, Arc::clone(&heard), Arc::clone(&script)));
            }
        });
        relay
    }

    /// Answers the next command that begins so with this; `hang up` closes the connection instead.
    pub fn answer(&self, command: &str, reply: &str) {
        let entry = (command.to_owned(), reply.to_owned());
        self.script.lock().expect("script").push(entry);
    }

    /// Every line it heard, the message's too.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("heard").clone()
    }

    /// How often it heard exactly this line.
    pub fn count(&self, line: &str) -> usize {
        self.heard().iter().filter(|l| *l == line).count()
    }

    /// How to reach it, in the clear.
    pub fn config(&self) -> Relay {
        Relay {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            tls: TlsMode::None,
            login: None,
            hello: "mail.kit.example".to_owned(),
        }
    }

    /// A way out that leads here.
    pub fn transport(&self, clock: Arc<dyn Clock>) -> Arc<dyn Transport> {
        transport_to(self.config(), &Roots::System, clock)
    }
}

pub fn transport_to(relay: Relay, roots: &Roots, clock: Arc<dyn Clock>) -> Arc<dyn Transport> {
    let connector = Connector::new(roots, std::time::Duration::from_secs(10)).expect("connector");
    Arc::new(RelayTransport::new(relay, connector, clock).expect("transport"))
}

async fn converse(
    stream: TcpStream,
    heard: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Vec<(String, String)>>>,
) {
    let mut stream = BufReader::new(stream);
    let mut in_data = false;
    let mut reply = scripted(&script, "CONNECT").unwrap_or("220 relay.example".to_owned());
    loop {
        if reply == "hang up" {
            return;
        }
        if !reply.is_empty()
            && stream
                .write_all(format!("{reply}\r\n").as_bytes())
                .await
                .is_err()
        {
            return;
        }
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let line = String::from_utf8(line)
            .expect("utf-8")
            .trim_end()
            .to_owned();
        heard.lock().expect("heard").push(line.clone());
        if in_data && line != "." {
            reply = String::new();
            continue;
        }
        in_data = false;
        let usual = match line.as_str() {
            "DATA" => "354 go on",
            l if l.starts_with("EHLO") => "250-relay.example\r\n250-8BITMIME\r\n250 SIZE 100000",
            _ => "250 2.0.0 ok",
        };
        reply = scripted(&script, &line).unwrap_or(usual.to_owned());
        in_data |= reply.starts_with("354");
    }
}

fn scripted(script: &Mutex<Vec<(String, String)>>, line: &str) -> Option<String> {
    let mut script = script.lock().expect("script");
    let at = script
        .iter()
        .position(|(begin, _)| line.starts_with(begin.as_str()))?;
    Some(script.remove(at).1)
}
