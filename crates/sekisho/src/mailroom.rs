//! The mailroom, as both kinds of doors see it: streams to its servers, for whoever was admitted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sekisho_checkpoint::{Account, Admitted, Password};
use sekisho_gateway::{NotOpened, Opened, Opening, Protocol};
use sekisho_mailroom::imap::Imap;
use sekisho_mailroom::pop3::{self, Pop3};
use sekisho_mailroom::submission::Submission;
use sekisho_net::{BoxedStream, Shutdown, Stream};
use sekisho_webmail::MailServerError;

use crate::rooms::Rooms;

/// How much of a stream between the webmail and the mailroom waits in between, in bytes.
const IN_PROCESS_BUFFER: usize = 64 * 1024;
/// How long an IMAP command under way may take once the end was asked for; a session that idles has nothing to finish.
const LAST_COMMAND: Duration = Duration::from_secs(1);
/// The most recipients of a message.
const RECIPIENTS: usize = 500;

/// The mailroom, as both kinds of doors see it.
#[derive(Clone)]
pub(crate) struct Mailroom {
    imap: Imap,
    pop3: Pop3,
    submission: Arc<Submission>,
    shutdown: Shutdown,
}

impl Mailroom {
    /// The servers of the rooms' mail.
    pub(crate) fn new(rooms: &Rooms, shutdown: &Shutdown) -> Self {
        let clock = || Arc::clone(&rooms.clock);
        let site = &rooms.plan.site;
        Self {
            imap: Imap {
                store: rooms.store.clone(),
                clock: clock(),
                zone: site.zone.clone(),
            },
            pop3: Pop3 {
                store: rooms.store.clone(),
                clock: clock(),
                shutdown: shutdown.clone(),
            },
            submission: Arc::new(Submission {
                queue: rooms.queue.clone(),
                sent: rooms.plan.mail.keep_sent.then(|| rooms.operator.delivery()),
                directory: Arc::clone(&rooms.directory),
                clock: clock(),
                own: site.own_domains.clone(),
                host: rooms.host.clone(),
                zone: site.zone.clone(),
                message_size: rooms.limits.message_size,
                recipients: RECIPIENTS,
                shutdown: shutdown.clone(),
            }),
            shutdown: shutdown.clone(),
        }
    }

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
impl sekisho_gateway::MailBackend for Mailroom {
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
        Ok(Box::new(MailroomConnection {
            room: self.clone(),
            protocol: opening.protocol,
        }))
    }
}

/// The mailroom, for one connection.
struct MailroomConnection {
    room: Mailroom,
    protocol: Protocol,
}

#[async_trait]
impl Opened for MailroomConnection {
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
