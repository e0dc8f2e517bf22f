//! The running system: the rooms, with all that listens. The service, the demo and the tests differ in their listeners
//! alone.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sekisho_authapi::{Api, SaslListener};
use sekisho_checkpoint::Checkpoint;
use sekisho_checkpoint::ports::Clock;
use sekisho_directory::OwnAccounts;
use sekisho_gateway::{AccountConnections, Door};
use sekisho_mailroom::incoming::{Incoming, IncomingDoor, IncomingListener};
use sekisho_net::{ConnectionSlots, ForwardedPolicy, Listener, Shutdown, TlsKeeper, WebSources};
use sekisho_queue::Queue;
use sekisho_store::{Operator, Store};
use sekisho_webmail::Entrance;

use crate::mailroom::Mailroom;
use crate::rooms::{Parts, QueueUse, Rooms};
use crate::upstream::UpstreamMail;

/// How long what is busy may take, once the end was asked for.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// How long deliveries under way may take when another process waits for the queue; what is cut off is tried again by
/// that one.
const LAST_TRIES: Duration = Duration::from_secs(3);

/// Everything that runs.
pub struct System {
    /// The checkpoint.
    pub checkpoint: Arc<Checkpoint>,
    /// Own accounts.
    pub accounts: Arc<OwnAccounts>,
    /// The mail store.
    pub store: Store,
    /// Opens any mailbox, for the demo's first mail and the command line.
    pub operator: Operator,
    /// Mail that waits to leave.
    pub queue: Queue,
    /// Ends the connections in order.
    pub shutdown: Shutdown,
    /// Ends the queue's tries in order.
    trying: Shutdown,
    /// Ends the keeping of the checkpoint, which every connection needs as long as it lasts.
    keeping: Shutdown,
    mail: Arc<dyn sekisho_gateway::MailBackend>,
    web_mail: Arc<dyn sekisho_webmail::MailServer>,
    incoming: Arc<Incoming>,
    slots: ConnectionSlots,
    connections: AccountConnections,
    host: String,
    clock: Arc<dyn Clock>,
}

impl System {
    /// Opens the rooms and starts what runs without a listener: the queue, and the keeping of time.
    ///
    /// # Errors
    /// Something can't be opened; the error says what.
    pub(crate) async fn open(parts: Parts) -> anyhow::Result<Self> {
        let rooms = Rooms::open(parts, QueueUse::Run).await?;
        let resealed = rooms.checkpoint.reseal().await;
        resealed.context("looking whether the keys belong to the records")?;
        let shutdown = Shutdown::new();
        let incoming = Incoming {
            queue: rooms.queue.clone(),
            message_size: rooms.limits.message_size,
            directory: Arc::clone(&rooms.directory),
            clock: Arc::clone(&rooms.clock),
            own: rooms.plan.site.own_domains.clone(),
            host: rooms.host.clone(),
            zone: rooms.plan.site.zone.clone(),
        };
        let (mail, web_mail) = mail_servers(&rooms, &shutdown);
        let system = Self {
            connections: rooms.plan.limits.connections(),
            checkpoint: rooms.checkpoint,
            accounts: rooms.own_accounts,
            store: rooms.store,
            operator: rooms.operator,
            queue: rooms.queue,
            shutdown,
            trying: Shutdown::new(),
            keeping: Shutdown::new(),
            mail,
            web_mail,
            incoming: Arc::new(incoming),
            slots: ConnectionSlots::default(),
            host: rooms.host,
            clock: rooms.clock,
        };
        system.keep_going();
        Ok(system)
    }

    fn keep_going(&self) {
        let (queue, until) = (self.queue.clone(), self.trying.clone());
        self.trying.spawn(async move { queue.run(until).await });
        // Each by itself: letters that go wrong must not keep admissions from ending, nor the other way round.
        let checkpoint = Arc::clone(&self.checkpoint);
        self.keeping.spawn_lasting("the keeping of time", move || {
            Arc::clone(&checkpoint).keep()
        });
        let checkpoint = Arc::clone(&self.checkpoint);
        self.keeping
            .spawn_lasting("the sending of letters", move || {
                Arc::clone(&checkpoint).send_letters()
            });
    }

    /// Opens an IMAP door.
    pub fn run_imap(
        &self,
        listener: Listener,
        tls: sekisho_gateway::DoorTls,
        plaintext: sekisho_gateway::PlaintextLogin,
    ) {
        let (door, checkpoint, mail, until) = self.behind_a_door(tls, plaintext);
        self.shutdown.spawn(sekisho_gateway::run_imap(
            listener, door, checkpoint, mail, until,
        ));
    }

    /// Opens a POP3 door.
    pub fn run_pop3(
        &self,
        listener: Listener,
        tls: sekisho_gateway::DoorTls,
        plaintext: sekisho_gateway::PlaintextLogin,
    ) {
        let (door, checkpoint, mail, until) = self.behind_a_door(tls, plaintext);
        self.shutdown.spawn(sekisho_gateway::run_pop3(
            listener, door, checkpoint, mail, until,
        ));
    }

    /// Opens a submission door.
    pub fn run_submission(
        &self,
        listener: Listener,
        tls: sekisho_gateway::DoorTls,
        plaintext: sekisho_gateway::PlaintextLogin,
    ) {
        let (door, checkpoint, mail, until) = self.behind_a_door(tls, plaintext);
        self.shutdown.spawn(sekisho_gateway::run_submission(
            listener, door, checkpoint, mail, until,
        ));
    }

    /// Opens a ManageSieve door.
    pub fn run_sieve(
        &self,
        listener: Listener,
        tls: sekisho_gateway::DoorTls,
        plaintext: sekisho_gateway::PlaintextLogin,
    ) {
        let (door, checkpoint, mail, until) = self.behind_a_door(tls, plaintext);
        self.shutdown.spawn(sekisho_gateway::run_sieve(
            listener, door, checkpoint, mail, until,
        ));
    }

    /// What every door for mail clients works with.
    fn behind_a_door(
        &self,
        tls: sekisho_gateway::DoorTls,
        plaintext: sekisho_gateway::PlaintextLogin,
    ) -> (
        Door,
        Arc<Checkpoint>,
        Arc<dyn sekisho_gateway::MailBackend>,
        Shutdown,
    ) {
        let door = Door {
            tls,
            plaintext,
            limits: sekisho_net::Limits::default(),
            slots: self.slots.clone(),
            connections: self.connections.clone(),
            host: self.host.clone(),
        };
        let checkpoint = Arc::clone(&self.checkpoint);
        let mail = Arc::clone(&self.mail);
        (door, checkpoint, mail, self.shutdown.clone())
    }

    /// Opens the webmail.
    pub fn run_webmail(&self, entrance: Entrance, config: sekisho_webmail::Config) {
        let context = sekisho_webmail::Context {
            checkpoint: Arc::clone(&self.checkpoint),
            mail: Arc::clone(&self.web_mail),
            config,
        };
        self.shutdown.spawn(sekisho_webmail::serve(
            entrance,
            Arc::new(context),
            self.shutdown.clone(),
        ));
    }

    /// Serves other pages: the OTP app, the demo's outbox.
    pub fn run_pages(&self, entrance: Entrance, pages: axum::Router) {
        self.shutdown.spawn(sekisho_webmail::serve_router(
            entrance,
            pages,
            self.shutdown.clone(),
        ));
    }

    /// The pages of the OTP app.
    pub fn otp_app(&self) -> axum::Router {
        sekisho_webmail::otp_app::router(Arc::clone(&self.checkpoint))
    }

    /// An entrance for [`Self::run_webmail`] and [`Self::run_pages`].
    #[must_use]
    pub fn entrance(
        &self,
        listener: Listener,
        tls: Option<Arc<TlsKeeper>>,
        sources: Arc<WebSources>,
    ) -> Entrance {
        Entrance {
            listener,
            tls,
            slots: self.slots.clone(),
            sources,
        }
    }

    /// Answers servers that ask over HTTP. They are few, and each asks for many.
    pub fn run_api(&self, listener: Listener, api: &Arc<Api>) {
        let nobody = ForwardedPolicy::default();
        let entrance = Entrance {
            listener,
            tls: None,
            slots: ConnectionSlots::new(10_000, 10_000),
            sources: Arc::new(WebSources::new(nobody, "[authapi] listen")),
        };
        self.run_pages(entrance, api.router());
    }

    /// Answers servers that ask in Dovecot's SASL protocol.
    pub fn run_sasl(&self, listener: SaslListener, api: &Arc<Api>) {
        self.shutdown.spawn(sekisho_authapi::run_sasl(
            listener,
            Arc::clone(api),
            self.shutdown.clone(),
        ));
    }

    /// The clock that everything here goes by.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Opens the LMTP door.
    pub fn run_incoming(&self, listener: IncomingListener, door: IncomingDoor) {
        let (incoming, until) = (Arc::clone(&self.incoming), self.shutdown.clone());
        self.shutdown.spawn(sekisho_mailroom::run_incoming(
            listener, incoming, door, until,
        ));
    }

    /// Lets another process take over: takes no more connections, ends what that process can do as well, and gives it
    /// the queue. Connections to an upstream go on, and end as their admissions do.
    pub async fn leave(&self) {
        self.shutdown.leave();
        self.trying.drain(LAST_TRIES).await;
        self.queue.step_aside();
    }

    /// Ends everything in order: what is busy gets a few seconds. Says whether all ended by itself.
    pub async fn stop(self) -> bool {
        let (connections, tries) = tokio::join!(
            self.shutdown.drain(LAST_WORDS),
            self.trying.drain(LAST_WORDS)
        );
        connections && tries && self.keeping.drain(LAST_WORDS).await
    }
}

/// What mail clients and the webmail are led to: the mailroom, or the site's own mail system.
fn mail_servers(
    rooms: &Rooms,
    shutdown: &Shutdown,
) -> (
    Arc<dyn sekisho_gateway::MailBackend>,
    Arc<dyn sekisho_webmail::MailServer>,
) {
    match &rooms.upstreams {
        None => {
            let room = Mailroom::new(rooms, shutdown);
            (Arc::new(room.clone()), Arc::new(room))
        }
        Some(upstreams) => {
            let mail = UpstreamMail {
                upstreams: Arc::clone(upstreams),
                clock: Arc::clone(&rooms.clock),
                shutdown: shutdown.clone(),
                host: rooms.host.clone(),
            };
            (Arc::new(mail.clone()), Arc::new(mail))
        }
    }
}
