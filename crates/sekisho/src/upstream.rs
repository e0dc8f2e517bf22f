//! The site's own mail system, as both kinds of doors see it.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use sekisho_checkpoint::ports::Clock;
use sekisho_checkpoint::{Account, Admitted, Password};
use sekisho_gateway::{NotOpened, Opened, Opening, Protocol};
use sekisho_net::{BoxedStream, Shutdown, Stream};
use sekisho_upstream::{LoggedIn, LoginMethod, UpstreamError, Upstreams, Wanted, pipe, relay};
use sekisho_webmail::MailServerError;

/// How much of a stream between the webmail and an upstream waits in between, in bytes.
const BUFFER: usize = 64 * 1024;

/// The site's own mail system.
#[derive(Clone)]
pub(crate) struct UpstreamMail {
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shutdown: Shutdown,
    pub(crate) host: String,
}

/// Asks all servers what they offer, so that clients can be told before their login; says which are away.
pub(crate) async fn probe(upstreams: &Upstreams, clock: &dyn Clock) {
    for upstream in upstreams.iter() {
        for probed in upstream.probe(clock.now()).await {
            if let Err(why) = probed.answer {
                let (upstream, protocol) = (&upstream.name, probed.protocol);
                let (host, port) = (probed.server.host(), probed.server.port());
                tracing::warn!(
                    upstream,
                    protocol,
                    host,
                    port,
                    fault = why,
                    "a server of the upstream is away"
                );
            }
        }
    }
}

impl UpstreamMail {
    async fn connection(
        &self,
        protocol: &Protocol,
        admitted: &Admitted,
        password: Option<&Password>,
    ) -> Result<LoggedIn, UpstreamError> {
        let found = self.connect_by(protocol, admitted, password).await;
        if let Err(UpstreamError::NoneForThis) = found {
            let (account, protocol) = (admitted.account_id(), protocol.name());
            tracing::warn!(%account, protocol, "no upstream keeps the account's mail, or that one has no server of \
             the protocol");
        }
        found
    }

    async fn connect_by(
        &self,
        protocol: &Protocol,
        admitted: &Admitted,
        password: Option<&Password>,
    ) -> Result<LoggedIn, UpstreamError> {
        let upstream = self.upstreams.of(admitted.account())?;
        let wanted = Wanted {
            admitted,
            password,
            now: self.clock.now(),
        };
        match protocol {
            Protocol::Imap => upstream.imap(wanted).await,
            Protocol::Pop3 => upstream.pop3(wanted).await,
            Protocol::Submission(hello) => upstream.submission(wanted, &hello.name).await,
            Protocol::ManageSieve => upstream.sieve(wanted).await,
        }
    }
}

#[async_trait]
impl sekisho_gateway::MailBackend for UpstreamMail {
    fn imap_capabilities(&self) -> Arc<str> {
        self.upstreams.imap_capabilities()
    }

    fn pop3_capabilities(&self) -> Arc<[String]> {
        self.upstreams.pop3_capabilities()
    }

    fn submission_extensions(&self) -> Arc<[String]> {
        self.upstreams.submission_extensions()
    }

    fn sieve_capabilities(&self) -> Arc<[String]> {
        self.upstreams.sieve_capabilities()
    }

    async fn open(&self, opening: Opening<'_>) -> Result<Box<dyn Opened>, NotOpened> {
        let Opening {
            protocol,
            admitted,
            password,
        } = opening;
        let connection = self.connection(&protocol, admitted, Some(password)).await;
        Ok(Box::new(UpstreamConnection {
            connection: connection.map_err(|error| match error {
                UpstreamError::Away => NotOpened::OutOfReach,
                UpstreamError::Refused | UpstreamError::NoneForThis => NotOpened::NotTaken,
            })?,
            is_submission: matches!(protocol, Protocol::Submission(_)),
            mail: self.clone(),
        }))
    }
}

/// A connection to an upstream, for one client.
struct UpstreamConnection {
    connection: LoggedIn,
    is_submission: bool,
    mail: UpstreamMail,
}

#[async_trait]
impl Opened for UpstreamConnection {
    fn imap_capabilities(&self) -> Option<Arc<str>> {
        Some(Arc::clone(&self.connection.imap_capabilities))
    }

    fn serve<'a>(
        self: Box<Self>,
        stream: Stream,
        already_read: Vec<u8>,
        _: Admitted,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>
    where
        Self: 'a,
    {
        self.carry(stream, already_read)
    }
}

impl UpstreamConnection {
    /// Carries the connection to its end. Nothing else of the login is kept for as long as that takes.
    fn carry(
        self,
        client: impl sekisho_net::Duplex + 'static,
        already_read: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let LoggedIn {
            stream,
            read,
            extensions,
            relogin,
            ..
        } = self.connection;
        let UpstreamMail { host, shutdown, .. } = self.mail;
        if !self.is_submission {
            return Box::pin(pipe::run(
                client,
                stream,
                already_read,
                read,
                relogin,
                shutdown,
            ));
        }
        let relay = relay::Relay::new(host, extensions);
        Box::pin(async move {
            let relayed = relay::run(client, stream, already_read, read, relay, &shutdown).await;
            if let Err(error) = relayed {
                tracing::debug!(?error, "a submission connection ended");
            }
        })
    }
}

impl UpstreamMail {
    /// A stream to the upstream for the webmail, which closes when the admission ends.
    async fn stream(
        &self,
        protocol: Protocol,
        admitted: Admitted,
        password: Option<Password>,
    ) -> Result<BoxedStream, MailServerError> {
        let connection = self.connection(&protocol, &admitted, password.as_ref());
        let connection = UpstreamConnection {
            connection: connection.await.map_err(|error| match error {
                UpstreamError::Refused => MailServerError::Refused(error.to_string()),
                UpstreamError::Away | UpstreamError::NoneForThis => {
                    MailServerError::OutOfReach(error.to_string())
                }
            })?,
            is_submission: matches!(protocol, Protocol::Submission(_)),
            mail: self.clone(),
        };
        let (near, far) = tokio::io::duplex(BUFFER);
        self.shutdown.spawn(async move {
            let lease = admitted.lease().clone();
            tokio::select! {
                biased;
                _ = lease.ended() => {}
                () = connection.carry(far, Vec::new()) => {}
            }
        });
        Ok(Box::new(near))
    }
}

#[async_trait]
impl sekisho_webmail::MailServer for UpstreamMail {
    fn wants_password(&self, account: &Account) -> bool {
        let upstream = self.upstreams.of(account);
        upstream.is_ok_and(|upstream| matches!(upstream.login_method, LoginMethod::SamePassword))
    }

    async fn imap(
        &self,
        admitted: Admitted,
        password: Option<Password>,
    ) -> Result<BoxedStream, MailServerError> {
        self.stream(Protocol::Imap, admitted, password).await
    }

    async fn submission(
        &self,
        admitted: Admitted,
        password: Option<Password>,
    ) -> Result<BoxedStream, MailServerError> {
        let hello = sekisho_gateway::Hello {
            name: self.host.clone(),
            extended: true,
            encrypted: true,
        };
        self.stream(Protocol::Submission(hello), admitted, password)
            .await
    }
}
