//! Runs connections: reading and writing within limits, TLS, asking the checkpoint, and handing over to the mail
//! server.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sekisho_checkpoint::audit;
use sekisho_checkpoint::sasl::Credentials;
use sekisho_checkpoint::{Admitted, Attempt, Checkpoint, NotAdmitted, Password};
use sekisho_net::{
    Accepted, ConnectionSlot, ConnectionSlots, Finisher, Limits, Listener, Panicked, Shutdown,
    Stream, TlsKeeper, serve,
};
use sekisho_source::Source;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Sleep, sleep, timeout};

use crate::account_connections::{AccountConnections, ConnectionPermit};
use crate::dialogue::{Action, Channel, CloseReason, Dialogue, LoginFailure};
use crate::imap::ImapGreeter;
use crate::pop3::Pop3Greeter;
use crate::sieve::SieveGreeter;
use crate::submission::SubmissionGreeter;
use crate::{MailBackend, Opened, Opening};

/// How a door encrypts its connections.
#[derive(Debug, Clone)]
pub enum DoorTls {
    /// TLS from the first byte (RFC 8314: ports 993, 995 and 465).
    Implicit(Arc<TlsKeeper>),
    /// Plaintext until the client starts TLS (ports 143, 110 and 587).
    StartTls(Arc<TlsKeeper>),
    /// No TLS at all.
    None,
}

/// From where a login is accepted on an unencrypted connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlaintextLogin {
    /// From this machine only, and not through a proxy.
    #[default]
    OnThisMachine,
    /// From anywhere, as the site configured.
    Anywhere,
}

/// The settings of a door.
#[derive(Debug, Clone)]
pub struct Door {
    /// How it encrypts its connections.
    pub tls: DoorTls,
    /// From where it accepts a login without encryption.
    pub plaintext: PlaintextLogin,
    /// The limits for a connection before its login.
    pub limits: Limits,
    /// The slots for connections before their login; several doors may share them.
    pub slots: ConnectionSlots,
    /// Counts the connections of each account after the login; all doors share it.
    pub connections: AccountConnections,
    /// The host name in its greeting (submission only).
    pub host: String,
}

/// Runs an IMAP door until a shutdown begins. Its connections run as tasks of `shutdown`.
pub async fn run_imap(
    listener: Listener,
    door: Door,
    checkpoint: Arc<Checkpoint>,
    mail: Arc<dyn MailBackend>,
    shutdown: Shutdown,
) {
    let keeper = Keeper::new(audit::Door::Imap, door, checkpoint, mail, &shutdown);
    let greet =
        |keeper: &Keeper, channel| ImapGreeter::new(channel, keeper.mail.imap_capabilities());
    run(keeper, listener, shutdown, greet).await;
}

/// Runs a POP3 door until a shutdown begins. Its connections run as tasks of `shutdown`.
pub async fn run_pop3(
    listener: Listener,
    door: Door,
    checkpoint: Arc<Checkpoint>,
    mail: Arc<dyn MailBackend>,
    shutdown: Shutdown,
) {
    let keeper = Keeper::new(audit::Door::Pop3, door, checkpoint, mail, &shutdown);
    let greet =
        |keeper: &Keeper, channel| Pop3Greeter::new(channel, keeper.mail.pop3_capabilities());
    run(keeper, listener, shutdown, greet).await;
}

/// Runs a submission door until a shutdown begins. Its connections run as tasks of `shutdown`.
pub async fn run_submission(
    listener: Listener,
    door: Door,
    checkpoint: Arc<Checkpoint>,
    mail: Arc<dyn MailBackend>,
    shutdown: Shutdown,
) {
    let keeper = Keeper::new(audit::Door::Submission, door, checkpoint, mail, &shutdown);
    let greet = |keeper: &Keeper, channel| {
        let extensions = keeper.mail.submission_extensions();
        SubmissionGreeter::new(channel, keeper.door.host.clone(), extensions)
    };
    run(keeper, listener, shutdown, greet).await;
}

/// Runs a ManageSieve door until a shutdown begins. Its connections run as tasks of `shutdown`.
pub async fn run_sieve(
    listener: Listener,
    door: Door,
    checkpoint: Arc<Checkpoint>,
    mail: Arc<dyn MailBackend>,
    shutdown: Shutdown,
) {
    let keeper = Keeper::new(audit::Door::ManageSieve, door, checkpoint, mail, &shutdown);
    let greet =
        |keeper: &Keeper, channel| SieveGreeter::new(channel, keeper.mail.sieve_capabilities());
    run(keeper, listener, shutdown, greet).await;
}

/// Runs a door. Each connection has a dialogue; when it is admitted and its mailbox open, it is served until it or the
/// admission ends.
async fn run<D, G>(keeper: Keeper, listener: Listener, shutdown: Shutdown, greet: G)
where
    D: Dialogue,
    G: Fn(&Keeper, Channel) -> D + Send + Sync + 'static,
{
    let slots = keeper.door.slots.clone();
    let shared = Arc::new((keeper, greet));
    serve(listener, slots, shutdown, move |accepted| {
        let shared = Arc::clone(&shared);
        async move {
            // Boxed, so that what only the login needs is freed before the connection is served.
            let receiving = Box::pin(async move {
                let (keeper, greet) = &*shared;
                let greeter = |channel| greet(keeper, channel);
                keeper.receive(accepted, greeter).await
            });
            let Some(connection) = receiving.await else {
                return;
            };
            let AdmittedConnection {
                stream,
                already_read,
                admitted,
                opened,
                permit: _permit,
            } = *connection;
            let lease = admitted.lease().clone();
            let served = opened.serve(stream, already_read, admitted);
            tokio::select! {
                biased;
                why = lease.ended() => tracing::debug!(?why, "a connection's admission ended"),
                () = served => {}
            }
        }
    })
    .await;
}

/// An admitted connection, whose login has been answered.
struct AdmittedConnection {
    stream: Stream,
    already_read: Vec<u8>,
    admitted: Admitted,
    opened: Box<dyn Opened>,
    permit: ConnectionPermit,
}

/// What all connections of a door share.
struct Keeper {
    kind: audit::Door,
    door: Door,
    checkpoint: Arc<Checkpoint>,
    mail: Arc<dyn MailBackend>,
    shutdown: Shutdown,
    finisher: Finisher,
}

/// Why a connection was closed before the login.
enum Closed {
    /// The client hung up, or the connection failed.
    ByClient,
    /// The door closes it, and says why.
    ByDoor(CloseReason),
}

impl From<std::io::Error> for Closed {
    fn from(_: std::io::Error) -> Self {
        Self::ByClient
    }
}

/// How long the closing reply may take.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// How much is read at once, in bytes: a command or two. So at most this much is read beyond the login.
const READ: usize = 1024;

impl Keeper {
    fn new(
        kind: audit::Door,
        door: Door,
        checkpoint: Arc<Checkpoint>,
        mail: Arc<dyn MailBackend>,
        shutdown: &Shutdown,
    ) -> Self {
        Self {
            kind,
            door,
            checkpoint,
            mail,
            shutdown: shutdown.clone(),
            finisher: Finisher::new(shutdown.clone()),
        }
    }

    /// Serves a client until it is admitted; `None` if it never is.
    async fn receive<D: Dialogue>(
        &self,
        accepted: Accepted,
        greeter: impl FnOnce(Channel) -> D,
    ) -> Option<Box<AdmittedConnection>> {
        let plaintext_login = match self.door.plaintext {
            PlaintextLogin::Anywhere => true,
            PlaintextLogin::OnThisMachine => accepted.stays_here,
        };
        let (mut stream, encrypted) = (accepted.stream, self.is_implicit());
        if let DoorTls::Implicit(tls) = &self.door.tls {
            stream = secured(stream, tls).await.ok()?;
        }
        let dialogue = greeter(Channel {
            encrypted,
            tls_at_hand: matches!(self.door.tls, DoorTls::StartTls(_)),
            plaintext_login,
        });
        let mut connection = PreLogin {
            keeper: self,
            stream: Some(stream),
            dialogue,
            slot: accepted.slot,
            source: accepted.source,
            allowed: self.door.limits.bytes,
            total: Box::pin(sleep(self.door.limits.total)),
        };
        match connection.talk().await {
            Ok(Some((admitted, opened, permit))) => Some(Box::new(AdmittedConnection {
                stream: connection.stream?,
                already_read: connection.dialogue.into_rest(),
                admitted,
                opened,
                permit,
            })),
            Ok(None) | Err(Closed::ByClient) => None,
            Err(Closed::ByDoor(reason)) => {
                connection.close(reason).await;
                None
            }
        }
    }

    fn is_implicit(&self) -> bool {
        matches!(self.door.tls, DoorTls::Implicit(_))
    }
}

/// Starts TLS on a connection without unread bytes.
async fn secured(stream: Stream, tls: &TlsKeeper) -> Result<Stream, Closed> {
    // Boxed, since the future is large and is done before the login.
    Box::pin(stream.start_tls(tls, &[])).await.map_err(|error| {
        tracing::debug!(?error, "TLS did not start");
        Closed::ByClient
    })
}

/// A connection before its login.
struct PreLogin<'a, D> {
    keeper: &'a Keeper,
    /// `None` only while TLS is being started.
    stream: Option<Stream>,
    dialogue: D,
    slot: ConnectionSlot,
    source: Source,
    /// How many more bytes may be received.
    allowed: usize,
    total: Pin<Box<Sleep>>,
}

impl<D: Dialogue> PreLogin<'_, D> {
    async fn talk(
        &mut self,
    ) -> Result<Option<(Admitted, Box<dyn Opened>, ConnectionPermit)>, Closed> {
        self.send(&self.dialogue.greeting()).await?;
        let mut buffer = vec![0; READ];
        loop {
            match self.dialogue.next() {
                None => {
                    let count = self.receive(&mut buffer).await?;
                    self.dialogue.push(&buffer[..count]);
                    // The buffer may have contained a password.
                    buffer[..count].fill(0);
                }
                Some(Action::Send(bytes)) => self.send(&bytes).await?,
                Some(Action::StartTls) => self.start_tls().await?,
                Some(Action::Attempt(credentials)) => {
                    let password = credentials.password.clone();
                    if let Some(admitted) = self.attempt(credentials).await?
                        && let Some(permit) = self.permit_for(&admitted)
                        && let Some(opened) = self.open(&admitted, &password).await?
                    {
                        let answer = self.dialogue.admitted(opened.imap_capabilities());
                        self.send(&answer).await?;
                        return Ok(Some((admitted, opened, permit)));
                    }
                }
                Some(Action::Close) => {
                    if let Some(stream) = &mut self.stream {
                        timeout(CLOSING_TIME, stream.shutdown()).await.ok();
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// Asks the checkpoint, whose judgement runs to its end even if the connection ends before, since a guess must
    /// count. A refusal waits in a timer until it is due, and then becomes the dialogue's next answer.
    async fn attempt(&mut self, credentials: Credentials) -> Result<Option<Admitted>, Closed> {
        let attempt = Attempt {
            door: self.keeper.kind,
            name: credentials.name,
            authorization: credentials.authorization,
            password: credentials.password,
            source: self.source,
            client: self.dialogue.client().to_owned(),
        };
        let Keeper {
            finisher,
            checkpoint,
            ..
        } = self.keeper;
        let permit = tokio::select! {
            () = self.slot.evicted() => return Err(Closed::ByDoor(CloseReason::Evicted)),
            () = &mut self.total => return Err(Closed::ByDoor(CloseReason::TooSlow)),
            permit = finisher.permit(&self.source) => permit,
        };
        let Ok(permit) = permit else {
            self.dialogue.failed(LoginFailure::NotJudged);
            return Ok(None);
        };
        let asked = Arc::clone(checkpoint);
        let answer = finisher.finish(permit, async move { asked.admit(attempt).await });
        match answer.await {
            Ok(Ok(admitted)) => return Ok(Some(admitted)),
            Ok(Err(NotAdmitted::Unavailable)) | Err(Panicked) => {
                self.dialogue.failed(LoginFailure::NotJudged);
            }
            Ok(Err(NotAdmitted::Refused(refusal))) => {
                let due = checkpoint.clock().sleep_until(refusal.answer_at);
                tokio::select! {
                    () = self.slot.evicted() => return Err(Closed::ByDoor(CloseReason::Evicted)),
                    () = self.keeper.shutdown.asked() => return Err(Closed::ByDoor(CloseReason::ShuttingDown)),
                    () = due => {}
                }
                self.dialogue.refused(&refusal.sentence);
            }
        }
        Ok(None)
    }

    /// Acquires a permit for a connection, or tells the client that the account has too many.
    fn permit_for(&mut self, admitted: &Admitted) -> Option<ConnectionPermit> {
        let permit = self.keeper.door.connections.acquire(admitted);
        if permit.is_none() {
            tracing::info!(account = %admitted.account_id(), "an account has as many connections as it may have");
            self.dialogue.failed(LoginFailure::TooMany);
        }
        permit
    }

    /// Has the mailbox opened, or tells the client why it can't be.
    async fn open(
        &mut self,
        admitted: &Admitted,
        password: &Password,
    ) -> Result<Option<Box<dyn Opened>>, Closed> {
        let opening = Opening {
            protocol: self.dialogue.protocol(),
            admitted,
            password,
        };
        let opened = tokio::select! {
            () = self.slot.evicted() => return Err(Closed::ByDoor(CloseReason::Evicted)),
            () = &mut self.total => return Err(Closed::ByDoor(CloseReason::TooSlow)),
            opened = self.keeper.mail.open(opening) => opened,
        };
        match opened {
            Ok(opened) => Ok(Some(opened)),
            Err(why) => {
                self.dialogue.failed(LoginFailure::NotOpened(why));
                Ok(None)
            }
        }
    }

    async fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Closed> {
        let stream = self.stream.as_mut().ok_or(Closed::ByClient)?;
        let reading = timeout(self.keeper.door.limits.idle, stream.read(buffer));
        let count = tokio::select! {
            () = self.slot.evicted() => return Err(Closed::ByDoor(CloseReason::Evicted)),
            () = self.keeper.shutdown.asked() => return Err(Closed::ByDoor(CloseReason::ShuttingDown)),
            () = &mut self.total => return Err(Closed::ByDoor(CloseReason::TooSlow)),
            read = reading => read.map_err(|_| Closed::ByDoor(CloseReason::TooSlow))??,
        };
        if count == 0 {
            return Err(Closed::ByClient);
        }
        self.allowed = self
            .allowed
            .checked_sub(count)
            .ok_or(Closed::ByDoor(CloseReason::TooMuch))?;
        Ok(count)
    }

    /// Sends bytes. If the client doesn't read them in time, the connection ends.
    async fn send(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        let stream = self.stream.as_mut().ok_or(Closed::ByClient)?;
        let sending = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        tokio::select! {
            // Usually the bytes are sent at once, so that is tried first.
            biased;
            sent = timeout(self.keeper.door.limits.idle, sending) => Ok(sent.map_err(|_| Closed::ByClient)??),
            () = self.slot.evicted() => Err(Closed::ByClient),
            () = &mut self.total => Err(Closed::ByClient),
        }
    }

    async fn start_tls(&mut self) -> Result<(), Closed> {
        let DoorTls::StartTls(tls) = &self.keeper.door.tls else {
            return Err(Closed::ByClient);
        };
        let plain = self.stream.take().ok_or(Closed::ByClient)?;
        self.stream = Some(secured(plain, tls).await?);
        self.dialogue.tls_started();
        Ok(())
    }

    async fn close(&mut self, reason: CloseReason) {
        let words = self.dialogue.closing_reply(reason);
        if let Some(stream) = &mut self.stream {
            let last = async {
                stream.write_all(&words).await?;
                stream.shutdown().await
            };
            timeout(CLOSING_TIME, last).await.ok();
        }
    }
}
