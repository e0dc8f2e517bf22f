//! Puts the rooms together: one [`System`] for the service, the demo and the tests, which differ in their listeners alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use sekisho_authapi::{Api, SaslListener};
use sekisho_checkpoint::ports::{Clock, Directory, Records};
use sekisho_checkpoint::sealing::KeyRing;
use sekisho_checkpoint::{Account, Admitted, Checkpoint, Parts, Password};
use sekisho_directory::{ArgonCost, OwnAccounts, Settings};
use sekisho_disk::{Disk, RealDisk};
use sekisho_gateway::{Door, NotOpened, Opened, Opening, Protocol, Seats};
use sekisho_mailroom::delivery::JunkHeader;
use sekisho_mailroom::imap::Imap;
use sekisho_mailroom::incoming::{Incoming, IncomingDoor, IncomingListener};
use sekisho_mailroom::letters::{Letters, Mailboxes};
use sekisho_mailroom::pop3::{self, Pop3};
use sekisho_mailroom::queue::{self, Exit, Queue};
use sekisho_mailroom::store::{Limits, Operator, Store};
use sekisho_mailroom::submission::Submission;
use sekisho_net::{
    BoxedStream, ForwardedPolicy, Listener, Places, Shutdown, Stream, TlsKeeper, WebSources,
};
use sekisho_otp::Step;
use sekisho_upstream::{LoginAtUpstream, Upstreams};
use sekisho_webmail::{Entrance, MailServerError};

use crate::config::{Config, Loaded, PasswordsWord};
use crate::ldap;
use crate::records::{self, Kept};
use crate::upstream::Behind;

/// How much of a stream between the webmail and the mailroom waits in between, in bytes.
const IN_PROCESS_BUFFER: usize = 64 * 1024;
/// How long an IMAP command under way may take once the end was asked for; a session that idles has nothing to finish.
const LAST_COMMAND: Duration = Duration::from_secs(1);
/// How long what is busy may take, once the end was asked for.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// How long deliveries under way may take when another process waits for the queue; what is cut off is tried again by that one.
const LAST_TRIES: Duration = Duration::from_secs(3);
/// The most recipients of a message.
const RECIPIENTS: usize = 500;

/// Where everything is kept, below the data folder.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The checkpoint's records.
    pub records: PathBuf,
    /// Own accounts.
    pub accounts: PathBuf,
    /// The accounts' mail.
    pub mail: PathBuf,
    /// Mail that waits to leave.
    pub queue: PathBuf,
    /// The self-signed certificate.
    pub tls: PathBuf,
}

/// Names what is kept in a data folder.
#[must_use]
pub fn folders(data: &Path) -> Folders {
    Folders {
        records: data.join("records.sqlite"),
        accounts: data.join("accounts.sqlite"),
        mail: data.join("mail"),
        queue: data.join("queue"),
        tls: data.join("tls"),
    }
}

/// Where the mailboxes are.
fn mailboxes(kept_here: bool) -> Mailboxes {
    if kept_here {
        Mailboxes::Here
    } else {
        Mailboxes::Elsewhere
    }
}

/// By what the site's filter marks junk.
fn junk(config: &Config) -> Option<JunkHeader> {
    let header = config.lmtp.junk_header.as_deref();
    header.and_then(JunkHeader::parse)
}

/// Whether the passwords of own accounts are those of the site's mail system.
pub(crate) fn passwords_are_upstream(config: &Config) -> bool {
    config.accounts.passwords == PasswordsWord::Upstream
}

/// How many connections an account may have.
fn seats(config: &Config) -> Seats {
    let limits = &config.limits;
    Seats::new(limits.connections, limits.connections_from_one_source)
}

/// What the mail store allows.
#[must_use]
pub fn limits(config: &Config) -> Limits {
    Limits {
        message_size: config.lmtp.max_message,
        quota_bytes: config.mail.quota_bytes,
        quota_messages: config.mail.quota_messages,
        ..Limits::default()
    }
}

/// What a system is made of.
pub struct Plan {
    /// The data folder; it exists.
    pub data: PathBuf,
    /// What the site configured.
    pub loaded: Loaded,
    /// The checkpoint's records.
    pub records: Arc<dyn Records>,
    /// The directory of the site; without one, accounts are kept here.
    pub directory: Option<Arc<dyn Directory>>,
    /// The keys that seal factors.
    pub keys: KeyRing,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The disk under the mail store and the queue.
    pub disk: Arc<dyn Disk>,
    /// Where mail leaves the site; without it, mail to other domains is refused.
    pub exit: Option<Arc<dyn Exit>>,
    /// The site's own mail system, which was asked what it offers; without one, mail is kept here.
    pub upstreams: Option<Upstreams>,
    /// What a password hash costs.
    pub cost: ArgonCost,
    /// The host name that servers greet with.
    pub host: String,
}

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
    mail: Arc<dyn sekisho_gateway::MailServer>,
    web_mail: Arc<dyn sekisho_webmail::MailServer>,
    incoming: Arc<Incoming>,
    places: Places,
    seats: Seats,
    host: String,
    clock: Arc<dyn Clock>,
}

impl System {
    /// Opens the databases and starts what runs without a listener: the queue, and the keeping of time.
    ///
    /// # Errors
    /// Something can't be opened; the error says what.
    pub async fn open(plan: Plan) -> anyhow::Result<Self> {
        let folders = folders(&plan.data);
        let zone = plan.loaded.zone.clone();
        let own = plan.loaded.site.policy.own_domains.clone();
        let clock = Arc::clone(&plan.clock);
        let accounts = Arc::new(open_accounts(
            &plan.loaded,
            &folders,
            plan.cost,
            Arc::clone(&clock),
        )?);
        let upstreams = plan.upstreams.map(Arc::new);
        let directory: Arc<dyn Directory> = match (plan.directory, &upstreams) {
            (Some(directory), _) => directory,
            (None, Some(upstreams)) if passwords_are_upstream(&plan.loaded.config) => {
                Arc::new(LoginAtUpstream {
                    accounts: Arc::<OwnAccounts>::clone(&accounts),
                    upstreams: Arc::clone(upstreams),
                    clock: Arc::clone(&clock),
                    password_url: plan.loaded.config.accounts.password_url.clone(),
                })
            }
            (None, _) => Arc::<OwnAccounts>::clone(&accounts),
        };
        let limits = limits(&plan.loaded.config);
        let keep_sent = plan.loaded.config.mail.keep_sent;
        let (store, operator) = Store::open_root(
            &folders.mail,
            Arc::clone(&plan.disk),
            Arc::clone(&clock),
            limits,
        )
        .context("opening the mail store")?;
        let queue = Queue::open(
            &folders.queue,
            queue::Parts {
                store: store.clone(),
                directory: Arc::clone(&directory),
                clock: Arc::clone(&clock),
                disk: plan.disk,
                exit: plan.exit,
                otp_exit: None,
                dkim: crate::serve::dkim(&plan.loaded.config)?,
                junk: junk(&plan.loaded.config),
                host: plan.host.clone(),
                zone: zone.clone(),
            },
        )
        .context("opening the queue")?;
        let checkpoint = Checkpoint::start(Parts {
            records: plan.records,
            directory: Arc::clone(&directory),
            courier: Arc::new(Letters::new(
                queue.clone(),
                mailboxes(upstreams.is_none()),
                Arc::clone(&clock),
                zone.clone(),
            )),
            clock: Arc::clone(&clock),
            keys: plan.keys,
            site: plan.loaded.site,
        })
        .await?;
        let shutdown = Shutdown::new();
        let incoming = Incoming {
            queue: queue.clone(),
            message_size: limits.message_size,
            directory: Arc::clone(&directory),
            clock: Arc::clone(&clock),
            own: own.clone(),
            host: plan.host.clone(),
            zone: zone.clone(),
        };
        let room = Mailroom {
            imap: Imap {
                store: store.clone(),
                clock: Arc::clone(&clock),
                zone: zone.clone(),
            },
            pop3: Pop3 {
                store: store.clone(),
                clock: Arc::clone(&clock),
                shutdown: shutdown.clone(),
            },
            submission: Arc::new(Submission {
                queue: queue.clone(),
                sent: keep_sent.then(|| store.clone()),
                directory: Arc::clone(&directory),
                clock: Arc::clone(&clock),
                own,
                host: plan.host.clone(),
                zone,
                message_size: limits.message_size,
                recipients: RECIPIENTS,
                shutdown: shutdown.clone(),
            }),
            shutdown: shutdown.clone(),
        };
        let (mail, web_mail): (
            Arc<dyn sekisho_gateway::MailServer>,
            Arc<dyn sekisho_webmail::MailServer>,
        ) = match upstreams {
            None => (Arc::new(room.clone()), Arc::new(room)),
            Some(upstreams) => {
                let behind = Behind {
                    upstreams,
                    clock,
                    shutdown: shutdown.clone(),
                    host: plan.host.clone(),
                };
                (Arc::new(behind.clone()), Arc::new(behind))
            }
        };
        let system = Self {
            checkpoint,
            accounts,
            store,
            operator,
            queue,
            shutdown,
            trying: Shutdown::new(),
            keeping: Shutdown::new(),
            mail,
            web_mail,
            incoming: Arc::new(incoming),
            places: Places::default(),
            seats: seats(&plan.loaded.config),
            host: plan.host,
            clock: plan.clock,
        };
        system.keep_going();
        Ok(system)
    }

    fn keep_going(&self) {
        let (queue, until) = (self.queue.clone(), self.trying.clone());
        self.trying.spawn(async move { queue.run(until).await });
        let (keeper, until) = (Arc::clone(&self.checkpoint), self.keeping.clone());
        self.keeping.spawn(async move {
            tokio::select! {
                () = until.asked() => {}
                () = keeper.keep() => {}
            }
        });
    }

    /// Opens an IMAP door.
    pub fn run_imap(
        &self,
        listener: Listener,
        security: sekisho_gateway::Security,
        plaintext: sekisho_gateway::PlaintextLogin,
    ) {
        let (door, checkpoint, mail, until) = self.behind_a_door(security, plaintext);
        self.shutdown.spawn(sekisho_gateway::run_imap(
            listener, door, checkpoint, mail, until,
        ));
    }

    /// Opens a POP3 door.
    pub fn run_pop3(
        &self,
        listener: Listener,
        security: sekisho_gateway::Security,
        plaintext: sekisho_gateway::PlaintextLogin,
    ) {
        let (door, checkpoint, mail, until) = self.behind_a_door(security, plaintext);
        self.shutdown.spawn(sekisho_gateway::run_pop3(
            listener, door, checkpoint, mail, until,
        ));
    }

    /// Opens a submission door.
    pub fn run_submission(
        &self,
        listener: Listener,
        security: sekisho_gateway::Security,
        plaintext: sekisho_gateway::PlaintextLogin,
    ) {
        let (door, checkpoint, mail, until) = self.behind_a_door(security, plaintext);
        self.shutdown.spawn(sekisho_gateway::run_submission(
            listener, door, checkpoint, mail, until,
        ));
    }

    /// Opens a ManageSieve door.
    pub fn run_sieve(
        &self,
        listener: Listener,
        security: sekisho_gateway::Security,
        plaintext: sekisho_gateway::PlaintextLogin,
    ) {
        let (door, checkpoint, mail, until) = self.behind_a_door(security, plaintext);
        self.shutdown.spawn(sekisho_gateway::run_sieve(
            listener, door, checkpoint, mail, until,
        ));
    }

    /// What every door for mail clients works with.
    fn behind_a_door(
        &self,
        security: sekisho_gateway::Security,
        plaintext: sekisho_gateway::PlaintextLogin,
    ) -> (
        Door,
        Arc<Checkpoint>,
        Arc<dyn sekisho_gateway::MailServer>,
        Shutdown,
    ) {
        let door = Door {
            security,
            plaintext,
            limits: sekisho_net::Limits::default(),
            places: self.places.clone(),
            seats: self.seats.clone(),
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
            places: self.places.clone(),
            sources,
        }
    }

    /// Answers servers that ask over HTTP. They are few, and each asks for many.
    pub fn run_api(&self, listener: Listener, api: &Arc<Api>) {
        let nobody = ForwardedPolicy::default();
        let entrance = Entrance {
            listener,
            tls: None,
            places: Places::new(10_000, 10_000),
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

    /// Lets another process take over: takes no more connections, ends what that process can do as well, and gives it the queue. Connections to an upstream go on,
    /// and end as their admissions do.
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

/// The mailroom, as both kinds of doors see it.
#[derive(Clone)]
struct Mailroom {
    imap: Imap,
    pop3: Pop3,
    submission: Arc<Submission>,
    shutdown: Shutdown,
}

impl Mailroom {
    /// Serves IMAP until the client leaves, the admission ends, or the program does.
    async fn serve_imap(&self, stream: BoxedStream, already_read: Vec<u8>, admitted: Admitted) {
        let serving =
            sekisho_mailroom::serve_imap(stream, already_read, admitted, self.imap.clone());
        let ending = async {
            self.shutdown.leaving().await;
            tokio::time::sleep(LAST_COMMAND).await;
        };
        tokio::select! {
            served = serving => {
                if let Err(error) = served {
                    tracing::debug!(%error, "an IMAP session ended");
                }
            }
            () = ending => {}
        }
    }
}

#[async_trait]
impl sekisho_gateway::MailServer for Mailroom {
    fn imap_capabilities(&self) -> Arc<str> {
        sekisho_mailroom::imap::capability(self.imap.store.limits().message_size).into()
    }

    fn pop3_capabilities(&self) -> Arc<[String]> {
        pop3::capabilities().into()
    }

    fn submission_extensions(&self) -> Arc<[String]> {
        self.submission.extensions().into()
    }

    fn sieve_capabilities(&self) -> Arc<[String]> {
        Arc::default()
    }

    async fn open(&self, opening: Opening<'_>) -> Result<Box<dyn Opened>, NotOpened> {
        if opening.protocol == Protocol::ManageSieve {
            // Scripts are not run here.
            return Err(NotOpened::NotTaken);
        }
        Ok(Box::new(RoomFor {
            room: self.clone(),
            protocol: opening.protocol,
        }))
    }
}

/// The mailroom, for one connection.
struct RoomFor {
    room: Mailroom,
    protocol: Protocol,
}

#[async_trait]
impl Opened for RoomFor {
    async fn serve(self: Box<Self>, stream: Stream, already_read: Vec<u8>, admitted: Admitted) {
        let Self { room, protocol } = *self;
        let stream: BoxedStream = Box::new(stream);
        match protocol {
            Protocol::Imap => room.serve_imap(stream, already_read, admitted).await,
            Protocol::ManageSieve => {}
            Protocol::Pop3 => {
                sekisho_mailroom::serve_pop3(stream, already_read, admitted, room.pop3).await;
            }
            Protocol::Submission(hello) => {
                let (name, server) = (hello.name, room.submission);
                sekisho_mailroom::serve_submission(stream, already_read, admitted, name, server)
                    .await;
            }
        }
    }
}

#[async_trait]
impl sekisho_webmail::MailServer for Mailroom {
    fn wants_password(&self, _: &Account) -> bool {
        false
    }

    async fn imap(
        &self,
        admitted: Admitted,
        _: Option<Password>,
    ) -> Result<BoxedStream, MailServerError> {
        let (near, far) = tokio::io::duplex(IN_PROCESS_BUFFER);
        let room = self.clone();
        self.shutdown
            .spawn(async move { room.serve_imap(Box::new(far), Vec::new(), admitted).await });
        Ok(Box::new(near))
    }

    async fn submission(
        &self,
        admitted: Admitted,
        _: Option<Password>,
    ) -> Result<BoxedStream, MailServerError> {
        let (near, far) = tokio::io::duplex(IN_PROCESS_BUFFER);
        let submission = Arc::clone(&self.submission);
        self.shutdown.spawn(async move {
            let hello = "webmail".to_owned();
            sekisho_mailroom::serve_submission(far, Vec::new(), admitted, hello, submission).await;
        });
        Ok(Box::new(near))
    }
}

/// The help desk's view, at the command line, beside a running service or without one.
pub struct Desk {
    /// The checkpoint, on the same records.
    pub checkpoint: Arc<Checkpoint>,
    /// Where accounts are.
    pub directory: Arc<dyn Directory>,
    own: Option<Arc<OwnAccounts>>,
    records: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
}

impl Desk {
    /// Opens the databases of a configured site.
    ///
    /// # Errors
    /// Something can't be opened.
    pub async fn open(loaded: &Loaded) -> anyhow::Result<Self> {
        let data = &loaded.config.site.data;
        prepare(data)?;
        let folders = folders(data);
        let Kept {
            records,
            keys,
            clock,
        } = records::open(&loaded.config).await?;
        let (directory, own): (Arc<dyn Directory>, _) = match ldap::directory(&loaded.config)? {
            Some(directory) => (directory, None),
            None => {
                let cost = ArgonCost::default();
                let own = open_accounts(loaded, &folders, cost, Arc::clone(&clock))?;
                let own = Arc::new(own);
                (Arc::<OwnAccounts>::clone(&own), Some(own))
            }
        };
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let (store, _) = Store::open_root(
            &folders.mail,
            Arc::clone(&disk),
            Arc::clone(&clock),
            Limits::default(),
        )?;
        let host = host_of(&loaded.config.site.url);
        let queue = Queue::beside(
            &folders.queue,
            queue::Parts {
                store,
                directory: Arc::clone(&directory),
                clock: Arc::clone(&clock),
                disk,
                exit: crate::serve::exit(&loaded.config, &host, &clock)?,
                otp_exit: None,
                dkim: crate::serve::dkim(&loaded.config)?,
                junk: junk(&loaded.config),
                host,
                zone: loaded.zone.clone(),
            },
        )?;
        let checkpoint = Checkpoint::start(Parts {
            records: Arc::clone(&records),
            directory: Arc::clone(&directory),
            courier: Arc::new(Letters::new(
                queue,
                mailboxes(loaded.config.upstream.is_empty()),
                Arc::clone(&clock),
                loaded.zone.clone(),
            )),
            clock: Arc::clone(&clock),
            keys,
            site: loaded.site.clone(),
        })
        .await?;
        Ok(Self {
            checkpoint,
            directory,
            own,
            records,
            clock,
        })
    }

    /// Ends everything that was live in records that were restored from an old copy.
    ///
    /// # Errors
    /// They are out of reach.
    pub async fn end_what_was_live(&self) -> anyhow::Result<()> {
        let now = self.clock.now();
        // A code is taken a step before its time, too.
        let steps_before = Step(Step::at(now.as_second()).0 + 1);
        Ok(self.records.restored(steps_before, now).await?)
    }

    /// Own accounts, for what is done with them alone.
    ///
    /// # Errors
    /// The site keeps its accounts in a directory of its own.
    pub fn accounts(&self) -> anyhow::Result<&Arc<OwnAccounts>> {
        let own = self.own.as_ref();
        own.context(
            "the accounts are in the directory of [ldap]: add, change and remove them there",
        )
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &dyn Records {
        self.records.as_ref()
    }
}

fn open_accounts(
    loaded: &Loaded,
    folders: &Folders,
    cost: ArgonCost,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<OwnAccounts> {
    let settings = Settings {
        cost,
        shortest_password: loaded.config.accounts.min_password,
        zone: loaded.zone.clone(),
        ..Settings::new(loaded.site.policy.own_domains.clone())
    };
    OwnAccounts::open(&folders.accounts, settings, clock).context("opening the accounts")
}

/// Makes the data folder, for its owner alone, if it is missing.
///
/// # Errors
/// It can't be made.
pub fn prepare(data: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .with_context(|| format!("making the data folder {}", data.display()))
}

/// The host name within an origin.
#[must_use]
pub fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    if host.is_empty() { "localhost" } else { host }.to_owned()
}
