//! The site's own mail system as both kinds of doors see it, and how it is configured.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use sekisho_checkpoint::ports::Clock;
use sekisho_checkpoint::{Account, Admitted, Password};
use sekisho_gateway::{NotOpened, Opened, Opening, Protocol};
use sekisho_net::client::{Connector, KeyPin, Roots};
use sekisho_net::{BoxedStream, Shutdown, Stream};
use sekisho_upstream::{
    Keeps, Learned, LoggedIn, Passing, Security, Server, Servers, TokenKey, Told, Upstream,
    UpstreamError, Upstreams, Wanted, pipe, relay,
};
use sekisho_webmail::MailServerError;

use crate::config::check::server_address;
use crate::config::{ClientAddressWord, Config, LoginWord, ServerTls, UpstreamSection};
use crate::secrets;

/// How much of a stream between the webmail and an upstream waits in between, in bytes.
const BUFFER: usize = 64 * 1024;

/// The upstreams of a site; none if its mail is kept here.
///
/// # Errors
/// A file can't be read, or does not hold what it should.
pub(crate) fn upstreams(config: &Config, host: &str) -> anyhow::Result<Option<Upstreams>> {
    if config.upstream.is_empty() {
        return Ok(None);
    }
    let mut all = Upstreams::default();
    for section in &config.upstream {
        let upstream = upstream(section, config, host)
            .with_context(|| format!("the upstream {:?}", section.name))?;
        let logins = match &section.accounts_file {
            Some(file) => secrets::text(file)
                .context("`accounts_file`")?
                .lines()
                .map(|line| line.trim().to_owned())
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .collect(),
            None => Vec::new(),
        };
        let keeps = Keeps {
            logins,
            groups: section.groups.clone(),
            domains: section.domains.clone(),
        };
        all.add(Arc::new(upstream), keeps);
    }
    Ok(Some(all))
}

fn upstream(section: &UpstreamSection, config: &Config, host: &str) -> anyhow::Result<Upstream> {
    let pin = section.key_pin.as_deref().and_then(KeyPin::parse);
    let roots = match (pin, &section.ca_file) {
        (Some(pin), _) => Roots::Pinned(pin),
        (None, Some(file)) => Roots::File(file.clone()),
        (None, None) => Roots::System,
    };
    let patience = Duration::try_from(section.patience)?;
    let security = match section.tls {
        ServerTls::None => Security::None,
        ServerTls::Starttls => Security::StartTls,
        ServerTls::Implicit => Security::Implicit,
    };
    let servers = |list: &[String], usual: u16, usual_tls: u16| {
        let port = match security {
            Security::Implicit => usual_tls,
            Security::StartTls | Security::None => usual,
        };
        let servers = list.iter().filter_map(|text| server_address(text, port));
        Servers::new(
            servers
                .map(|(host, port)| Server::new(host, port))
                .collect(),
        )
    };
    Ok(Upstream {
        name: section.name.clone(),
        imap: servers(&section.imap, 143, 993),
        pop3: servers(&section.pop3, 110, 995),
        submission: servers(&section.submission, 587, 465),
        // It has no port for TLS from the first byte.
        sieve: servers(&section.sieve, 4190, 4190),
        security,
        connector: Connector::new(&roots, patience).context("`ca_file`")?,
        passing: passing(section, config)?,
        user: section.user.clone(),
        told: match section.client_address {
            ClientAddressWord::No => Told::Nothing,
            ClientAddressWord::Proxy => Told::ProxyHeader,
            ClientAddressWord::Dialogue => Told::InDialogue,
        },
        guards: section.block_relogin,
        host: host.to_owned(),
        patience,
        learned: Learned::default(),
    })
}

fn passing(section: &UpstreamSection, config: &Config) -> anyhow::Result<Passing> {
    Ok(match section.login {
        LoginWord::Password => Passing::SamePassword,
        LoginWord::Master => {
            let user = section.master_user.clone().context("no `master_user`")?;
            let file = section.master_password_file.as_deref();
            Passing::Master {
                user,
                password: master_password(file.context("no `master_password_file`")?)
                    .context("`master_password_file`")?,
            }
        }
        LoginWord::Token => {
            let file = section.token_key_file.as_deref();
            let file = file.context("no `token_key_file`")?;
            let audience = section.token_audience.as_ref().unwrap_or(&section.name);
            let (id, issuer) = (&section.token_key_id, &config.site.url);
            let text = secrets::text(file).context("`token_key_file`")?;
            let key = TokenKey::new(&text, id, issuer, audience);
            Passing::Token(Box::new(key.with_context(|| file.display().to_string())?))
        }
    })
}

fn master_password(file: &Path) -> anyhow::Result<Password> {
    let password = secrets::read(file)?;
    anyhow::ensure!(!password.expose().is_empty(), "{} is empty", file.display());
    Ok(password)
}

/// The site's own mail system.
#[derive(Clone)]
pub(crate) struct Behind {
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

impl Behind {
    async fn connection(
        &self,
        protocol: &Protocol,
        admitted: &Admitted,
        password: Option<&Password>,
    ) -> Result<LoggedIn, UpstreamError> {
        let found = self.connect_by(protocol, admitted, password).await;
        if let Err(UpstreamError::NoneForThis) = found {
            let (account, protocol) = (admitted.account(), protocol.name());
            tracing::warn!(%account, protocol, "no upstream keeps the account's mail, or that one has no server of the protocol");
        }
        found
    }

    async fn connect_by(
        &self,
        protocol: &Protocol,
        admitted: &Admitted,
        password: Option<&Password>,
    ) -> Result<LoggedIn, UpstreamError> {
        let upstream = self.upstreams.of(admitted.details())?;
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
impl sekisho_gateway::MailServer for Behind {
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
        Ok(Box::new(Passed {
            connection: connection.map_err(|error| match error {
                UpstreamError::Away => NotOpened::OutOfReach,
                UpstreamError::Refused | UpstreamError::NoneForThis => NotOpened::NotTaken,
            })?,
            is_submission: matches!(protocol, Protocol::Submission(_)),
            behind: self.clone(),
        }))
    }
}

/// A connection to an upstream, for one client.
struct Passed {
    connection: LoggedIn,
    is_submission: bool,
    behind: Behind,
}

#[async_trait]
impl Opened for Passed {
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

impl Passed {
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
        let Behind { host, shutdown, .. } = self.behind;
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

impl Behind {
    /// A stream to the upstream for the webmail, which closes when the admission ends.
    async fn stream(
        &self,
        protocol: Protocol,
        admitted: Admitted,
        password: Option<Password>,
    ) -> Result<BoxedStream, MailServerError> {
        let connection = self.connection(&protocol, &admitted, password.as_ref());
        let passed = Passed {
            connection: connection.await.map_err(|error| match error {
                UpstreamError::Refused => MailServerError::Refused(error.to_string()),
                UpstreamError::Away | UpstreamError::NoneForThis => {
                    MailServerError::OutOfReach(error.to_string())
                }
            })?,
            is_submission: matches!(protocol, Protocol::Submission(_)),
            behind: self.clone(),
        };
        let (near, far) = tokio::io::duplex(BUFFER);
        self.shutdown.spawn(async move {
            let lease = admitted.lease().clone();
            tokio::select! {
                biased;
                _ = lease.ended() => {}
                () = passed.carry(far, Vec::new()) => {}
            }
        });
        Ok(Box::new(near))
    }
}

#[async_trait]
impl sekisho_webmail::MailServer for Behind {
    fn wants_password(&self, account: &Account) -> bool {
        let upstream = self.upstreams.of(account);
        upstream.is_ok_and(|upstream| matches!(upstream.passing, Passing::SamePassword))
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
