//! `sekisho serve`: the service, for real. SIGHUP reads the configuration again, SIGTERM and Ctrl-C end it in order.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ipnet::IpNet;
use sekisho_authapi::SaslListener;
use sekisho_checkpoint::ports::Clock;
use sekisho_directory::ArgonCost;
use sekisho_disk::RealDisk;
use sekisho_gateway::{PlaintextLogin, Security};
use sekisho_mailroom::dkim::Dkim;
use sekisho_mailroom::incoming::{self, IncomingDoor, IncomingListener, Protocol};
use sekisho_mailroom::queue::{DirectExit, Exit, Relay, RelayLogin, SmtpExit};
use sekisho_net::client::{Connector, Roots};
use sekisho_net::dns::MailHosts;
use sekisho_net::{
    Alpn, Certificate, ForwardedPolicy, Listener, Peers, SourceFrom, TlsKeeper, WebSources,
};
use sekisho_source::KeyLength;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::authapi;
use crate::config::{self, Config, DoorSection, Loaded, ServerTls};
use crate::ldap;
use crate::records::{self, Kept};
use crate::secrets;
use crate::system::{Folders, Plan, System, folders, host_of, prepare};
use crate::upstream;

/// How long connecting to the relay may take.
const RELAY_PATIENCE: Duration = Duration::from_secs(30);

/// Runs the service until it is told to end.
///
/// # Errors
/// The configuration is wrong, or something can't be opened.
pub async fn serve(path: &Path) -> anyhow::Result<()> {
    let loaded = config::load(path).with_context(|| format!("reading {}", path.display()))?;
    for warning in &loaded.warnings {
        tracing::warn!(%warning, "the configuration");
    }
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let service = Service::start(loaded).await?;
    notify("READY=1");
    tracing::info!("ready");
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                notify("RELOADING=1");
                service.reload(path).await;
                notify("READY=1");
            }
            _ = terminate.recv() => break,
            result = tokio::signal::ctrl_c() => { result?; break }
        }
    }
    notify("STOPPING=1");
    tracing::info!("ending");
    if !service.system.stop().await {
        tracing::warn!("some connections took too long and were cut");
    }
    Ok(())
}

/// Opens one of the doors for mail clients.
type RunDoor = fn(&System, Listener, Security, PlaintextLogin);

/// A running service, and what of it can be configured anew.
struct Service {
    system: System,
    mail_tls: Arc<TlsKeeper>,
    web_tls: Arc<TlsKeeper>,
    sources: Arc<WebSources>,
}

impl Service {
    async fn start(loaded: Loaded) -> anyhow::Result<Self> {
        let config = loaded.config.clone();
        let key_length = loaded.key_length;
        prepare(&config.site.data)?;
        let folders = folders(&config.site.data);
        let host = host_of(&config.site.url);
        let Kept {
            records,
            keys,
            clock,
        } = records::open(&config).await?;
        let zone = loaded.zone.clone();
        let system = System::open(Plan {
            exit: exit(&config, &host, &clock)?,
            upstreams: upstream::upstreams(&config, &host)?,
            data: config.site.data.clone(),
            records,
            directory: ldap::directory(&config)?,
            keys,
            clock,
            disk: Arc::new(RealDisk),
            cost: ArgonCost::default(),
            host: host.clone(),
            loaded,
        })
        .await?;
        let service = Self {
            system,
            mail_tls: Arc::new(certificate(&config, &folders, &host, Alpn::None)?),
            web_tls: Arc::new(certificate(&config, &folders, &host, Alpn::Web)?),
            sources: Arc::new(WebSources::new(
                forwarded(&config, key_length),
                "[web] proxies",
            )),
        };
        let mut inherited = inherited()?;
        let mut sockets = Sockets {
            inherited: &mut inherited,
            key_length,
        };
        service.open_mail_doors(&config, &mut sockets).await?;
        service.open_web(&config, zone, &mut sockets).await?;
        service.open_lmtp(&config).await?;
        service.open_smtp(&config, &mut sockets).await?;
        service.open_authapi(&config, &mut sockets).await?;
        for address in inherited.keys() {
            tracing::warn!(%address, "a socket was handed over that the configuration does not name");
        }
        Ok(service)
    }

    async fn open_mail_doors(
        &self,
        config: &Config,
        sockets: &mut Sockets<'_>,
    ) -> anyhow::Result<()> {
        let doors: [(&DoorSection, RunDoor); 4] = [
            (&config.imap, System::run_imap),
            (&config.pop3, System::run_pop3),
            (&config.submission, System::run_submission),
            (&config.sieve, System::run_sieve),
        ];
        for (section, run) in doors {
            let plaintext = if section.plain_login {
                PlaintextLogin::Anywhere
            } else {
                PlaintextLogin::OnThisMachine
            };
            let ways = [
                (
                    &section.listen,
                    Security::StartTls(Arc::clone(&self.mail_tls)),
                ),
                (
                    &section.listen_tls,
                    Security::Implicit(Arc::clone(&self.mail_tls)),
                ),
            ];
            for (addresses, security) in ways {
                for &address in addresses {
                    let listener = sockets.open(address, proxied(section)).await?;
                    run(&self.system, listener, security.clone(), plaintext);
                }
            }
        }
        Ok(())
    }

    async fn open_web(
        &self,
        config: &Config,
        zone: jiff::tz::TimeZone,
        sockets: &mut Sockets<'_>,
    ) -> anyhow::Result<()> {
        let from = if config.web.proxy_protocol.is_empty() {
            SourceFrom::Connection
        } else {
            SourceFrom::Proxies(Peers::new(config.web.proxy_protocol.clone()))
        };
        let tls = config.web.tls.then(|| Arc::clone(&self.web_tls));
        for &address in &config.web.listen {
            let listener = sockets.open(address, from.clone()).await?;
            let entrance = self
                .system
                .entrance(listener, tls.clone(), Arc::clone(&self.sources));
            self.system.run_webmail(
                entrance,
                sekisho_webmail::Config {
                    base_url: config.site.url.parse().context("[site] url")?,
                    cookie_name: "sekisho".to_owned(),
                    site_name: config.site.name.clone(),
                    zone: zone.clone(),
                    app_url: config.site.app_url.parse().context("[site] app_url")?,
                    other_family: other_family(config)?,
                    default_language: language(&config.site.language),
                    max_upload: usize::try_from(config.web.max_message).unwrap_or(usize::MAX),
                },
            );
        }
        for &address in &config.web.app_listen {
            let listener = sockets.open(address, from.clone()).await?;
            let entrance = self
                .system
                .entrance(listener, tls.clone(), Arc::clone(&self.sources));
            self.system.run_pages(entrance, self.system.otp_app());
        }
        Ok(())
    }

    async fn open_lmtp(&self, config: &Config) -> anyhow::Result<()> {
        let door = || IncomingDoor {
            protocol: Protocol::Lmtp,
            listed: Peers::default(),
            security: incoming::Security::Nobody,
        };
        for address in &config.lmtp.listen {
            let socket = tokio::net::TcpListener::bind(address)
                .await
                .with_context(|| format!("listening on {address}"))?;
            self.system
                .run_incoming(IncomingListener::Tcp(socket), door());
        }
        if let Some(path) = &config.lmtp.socket {
            let socket = unix_socket(path)?;
            self.system
                .run_incoming(IncomingListener::Unix(socket), door());
        }
        Ok(())
    }

    /// For relays that do not speak LMTP.
    async fn open_smtp(&self, config: &Config, sockets: &mut Sockets<'_>) -> anyhow::Result<()> {
        for &address in &config.smtp.listen {
            let socket = sockets.open_plain(address).await?;
            let security = if config.smtp.starttls {
                incoming::Security::Tls(Arc::clone(&self.mail_tls))
            } else {
                incoming::Security::None
            };
            let door = IncomingDoor {
                protocol: Protocol::Smtp,
                listed: Peers::new(config.smtp.relays.clone()),
                security,
            };
            self.system
                .run_incoming(IncomingListener::Tcp(socket), door);
        }
        Ok(())
    }

    /// For servers that stay in front and ask.
    async fn open_authapi(&self, config: &Config, sockets: &mut Sockets<'_>) -> anyhow::Result<()> {
        let section = &config.authapi;
        let is_asked_for = !section.listen.is_empty()
            || !section.sasl_listen.is_empty()
            || section.sasl_socket.is_some();
        if !is_asked_for {
            return Ok(());
        }
        let api = authapi::api(section, &self.system, sockets.key_length)?;
        for &address in &section.listen {
            let listener = sockets.open(address, SourceFrom::Connection).await?;
            self.system.run_api(listener, &api);
        }
        for &address in &section.sasl_listen {
            let listener = SaslListener::Tcp(sockets.open_plain(address).await?);
            self.system.run_sasl(listener, &api);
        }
        if let Some(path) = &section.sasl_socket {
            let listener = SaslListener::Unix(unix_socket(path)?);
            self.system.run_sasl(listener, &api);
        }
        Ok(())
    }

    /// Takes over what can change while running: certificates, networks, policy, trusted proxies. A file with an error changes nothing.
    async fn reload(&self, path: &Path) {
        let loaded = match config::load(path) {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::error!(%error, "the new configuration is wrong; the old one stays in force");
                return;
            }
        };
        for keeper in [&self.mail_tls, &self.web_tls] {
            if let Err(error) = keeper.reload() {
                tracing::error!(%error, "the new certificate is wrong; the old one stays in use");
            }
        }
        self.sources
            .reconfigure(forwarded(&loaded.config, loaded.key_length));
        for warning in &loaded.warnings {
            tracing::warn!(%warning, "the configuration");
        }
        self.system.checkpoint.reconfigure(loaded.site).await;
        tracing::info!("the configuration was read again");
    }
}

/// A Unix socket that whoever may enter its folder may use, as with loopback: the service's umask would shut out the site's other servers.
fn unix_socket(path: &Path) -> anyhow::Result<tokio::net::UnixListener> {
    // One that a killed service left behind would keep this one from starting.
    if path.exists() && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)
            .with_context(|| format!("removing the stale socket {}", path.display()))?;
    }
    let socket = tokio::net::UnixListener::bind(path)
        .with_context(|| format!("listening on {}", path.display()))?;
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(path, everybody)
        .with_context(|| format!("opening {} to the site's servers", path.display()))?;
    Ok(socket)
}

/// Opens listeners, those first that systemd handed over for the same address.
struct Sockets<'a> {
    inherited: &'a mut HashMap<SocketAddr, std::net::TcpListener>,
    key_length: KeyLength,
}

impl Sockets<'_> {
    async fn open(&mut self, address: SocketAddr, from: SourceFrom) -> anyhow::Result<Listener> {
        match self.inherited.remove(&address) {
            Some(socket) => Ok(Listener::from_std(socket, from, self.key_length)?),
            None => Listener::bind(address, from, self.key_length)
                .await
                .with_context(|| format!("listening on {address}")),
        }
    }
}

impl Sockets<'_> {
    /// A socket whose connections come from where they say.
    async fn open_plain(&mut self, address: SocketAddr) -> anyhow::Result<tokio::net::TcpListener> {
        let opened = match self.inherited.remove(&address) {
            Some(socket) => socket
                .set_nonblocking(true)
                .and_then(|()| tokio::net::TcpListener::from_std(socket)),
            None => tokio::net::TcpListener::bind(address).await,
        };
        opened.with_context(|| format!("listening on {address}"))
    }
}

/// The sockets that systemd handed over (sd_listen_fds(3)), by their address.
fn inherited() -> anyhow::Result<HashMap<SocketAddr, std::net::TcpListener>> {
    let mut handed = listenfd::ListenFd::from_env();
    let mut sockets = HashMap::new();
    for index in 0..handed.len() {
        if let Some(socket) = handed.take_tcp_listener(index)? {
            sockets.insert(socket.local_addr()?, socket);
        }
    }
    Ok(sockets)
}

/// Tells systemd how the service is (sd_notify(3)); without systemd nobody listens.
fn notify(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let sent = std::os::unix::net::UnixDatagram::unbound().and_then(|socket| {
        let name = path.to_string_lossy();
        match name.strip_prefix('@') {
            None => socket.send_to(state.as_bytes(), &path),
            Some(name) => {
                use std::os::linux::net::SocketAddrExt;
                let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
                socket.send_to_addr(state.as_bytes(), &address)
            }
        }
    });
    if let Err(error) = sent {
        tracing::warn!(%error, "systemd could not be told");
    }
}

fn certificate(
    config: &Config,
    folders: &Folders,
    host: &str,
    alpn: Alpn,
) -> anyhow::Result<TlsKeeper> {
    let certificate = match (&config.tls.certificate, &config.tls.key) {
        (Some(chain), Some(key)) => Certificate::Files {
            chain: chain.clone(),
            key: key.clone(),
        },
        _ => Certificate::SelfSigned {
            folder: folders.tls.clone(),
            names: vec![host.to_owned(), host_of(&config.site.app_url)],
        },
    };
    TlsKeeper::open(certificate, alpn).context("setting up TLS")
}

/// The way out of the site that is configured.
pub(crate) fn exit(
    config: &Config,
    host: &str,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<Arc<dyn Exit>>> {
    let section = &config.relay;
    let Some(relay_host) = &section.host else {
        return direct(config, host, clock);
    };
    let login = match (&section.user, &section.password_file) {
        (Some(user), Some(file)) => Some(RelayLogin {
            user: user.clone(),
            password: secrets::read(file)?,
        }),
        _ => None,
    };
    let roots = section.ca_file.clone().map_or(Roots::System, Roots::File);
    let relay = Relay {
        host: relay_host.clone(),
        port: section.port,
        tls: match section.tls {
            ServerTls::None => sekisho_mailroom::queue::RelayTls::None,
            ServerTls::Starttls => sekisho_mailroom::queue::RelayTls::StartTls,
            ServerTls::Implicit => sekisho_mailroom::queue::RelayTls::Implicit,
        },
        login,
        hello: host.to_owned(),
    };
    let connector = Connector::new(&roots, RELAY_PATIENCE)?;
    Ok(Some(Arc::new(SmtpExit::new(
        relay,
        connector,
        Arc::clone(clock),
    )?)))
}

/// The way to each domain's own servers, if that is configured.
fn direct(
    config: &Config,
    host: &str,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<Arc<dyn Exit>>> {
    if !config.relay.direct {
        return Ok(None);
    }
    Ok(Some(Arc::new(DirectExit {
        hosts: Arc::new(MailHosts::of_system()?),
        // The senders of what comes back, and whoever is written to, name the servers.
        connector: Connector::new(&Roots::Anybody, RELAY_PATIENCE)?.to_the_internet_alone(),
        clock: Arc::clone(clock),
        hello: host.to_owned(),
        port: 25,
    })))
}

/// What signs mail that leaves, if the site signs.
pub(crate) fn dkim(config: &Config) -> anyhow::Result<Option<Arc<Dkim>>> {
    let section = &config.dkim;
    let (Some(selector), Some(file)) = (&section.selector, &section.key_file) else {
        return Ok(None);
    };
    let own = config.site.domains.first().map(String::as_str);
    let domain = section.domain.as_deref().or(own).unwrap_or_default();
    let pem = std::fs::read_to_string(file).map(Zeroizing::new);
    let pem = pem.with_context(|| format!("[dkim] key_file: reading {}", file.display()))?;
    let dkim = Dkim::new(domain, selector, &pem);
    Ok(Some(
        dkim.with_context(|| format!("[dkim]: {}", file.display()))?,
    ))
}

fn forwarded(config: &Config, key_length: KeyLength) -> ForwardedPolicy {
    ForwardedPolicy {
        peers: Peers::new(config.web.proxies.clone()),
        key_length,
        ..ForwardedPolicy::default()
    }
}

fn proxied(section: &DoorSection) -> SourceFrom {
    let peers: &[IpNet] = &section.proxy_protocol;
    if peers.is_empty() {
        SourceFrom::Connection
    } else {
        SourceFrom::Proxies(Peers::new(peers.to_vec()))
    }
}

/// Where the webmail is found by one address family alone.
fn other_family(config: &Config) -> anyhow::Result<sekisho_webmail::OtherFamily> {
    let url = |url: &Option<String>| url.as_ref().map(|url| url.parse()).transpose();
    Ok(sekisho_webmail::OtherFamily {
        ipv4: url(&config.site.ipv4_url).context("[site] ipv4_url")?,
        ipv6: url(&config.site.ipv6_url).context("[site] ipv6_url")?,
    })
}

fn language(word: &str) -> sekisho_webmail::lang::Lang {
    if word == "en" {
        sekisho_webmail::lang::Lang::En
    } else {
        sekisho_webmail::lang::Lang::Ja
    }
}
