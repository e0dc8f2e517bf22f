//! A small site for the tests of this room and of the servers above it: a real store and queue on disk, with a clock, a
//! directory and a relay from `fakes`.

#![expect(missing_docs, reason = "for tests, which are read beside it")]

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::address::{MailAddress, OwnDomains};
use sekisho_checkpoint::ports::Clock;
use sekisho_disk::RealDisk;
use sekisho_fakes::{HandClock, TestRelay, Town};
use sekisho_net::Shutdown;
use sekisho_net::client::{Connector, Roots, TlsMode};
use sekisho_store::{FolderName, Limits, Operator, Store};
use tempfile::TempDir;

use crate::delivery::JunkHeader;
use crate::entry::QueueEntry;
use crate::queue::{Parts, Queue, QueueControl};
use crate::relay::{Relay, RelayTransport};
use crate::transport::Transport;

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
        let clock = HandClock::at(Timestamp::constant(1_795_410_000, 0));
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

/// How to reach a relay, in the clear.
pub fn to_relay(relay: &TestRelay) -> Relay {
    Relay {
        host: "127.0.0.1".to_owned(),
        port: relay.port,
        tls: TlsMode::None,
        login: None,
        hello: "mail.kit.example".to_owned(),
    }
}

/// A way out that leads to a relay.
pub fn transport(relay: &TestRelay, clock: Arc<dyn Clock>) -> Arc<dyn Transport> {
    transport_to(to_relay(relay), &Roots::System, clock)
}

pub fn transport_to(relay: Relay, roots: &Roots, clock: Arc<dyn Clock>) -> Arc<dyn Transport> {
    let connector = Connector::new(roots, std::time::Duration::from_secs(10)).expect("connector");
    Arc::new(RelayTransport::new(relay, connector, clock).expect("transport"))
}
