//! `sekisho serve`: the service, for real. SIGHUP reads the configuration again, SIGUSR2 has a new process take over, SIGTERM and Ctrl-C end it in order.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ipnet::IpNet;
use jiff::SignedDuration;
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
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;
use zeroize::Zeroizing;

use crate::authapi;
use crate::config::{self, Config, DoorSection, Loaded, ServerTls};
use crate::ldap;
use crate::records::{self, Kept};
use crate::secrets;
use crate::sockets::Sockets;
use crate::system::{Folders, Plan, System, folders, host_of, prepare};
use crate::takeover::{self, Control, Heir, News, Predecessor, Successor};
use crate::upstream;

/// How long connecting to the relay may take.
const RELAY_PATIENCE: Duration = Duration::from_secs(30);

/// Runs the service until it is told to end, or another process has taken over and all connections have ended here. `take_over` is how a running service calls
/// that other process.
///
/// # Errors
/// The configuration is wrong, or something can't be opened.
pub async fn serve(path: &Path, take_over: bool) -> anyhow::Result<()> {
    let program = takeover::program()?;
    let (mut predecessor, handed) = if take_over {
        let (predecessor, handed) = Predecessor::meet().await?;
        (Some(predecessor), handed)
    } else {
        (None, Vec::new())
    };
    let loaded = config::load(path).with_context(|| format!("reading {}", path.display()))?;
    for warning in &loaded.warnings {
        tracing::warn!(%warning, "the configuration");
    }
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut replace = signal(SignalKind::user_defined2())?;
    let prepared = Prepared::new(loaded).await?;
    if let Some(predecessor) = &mut predecessor {
        predecessor.is_ready().await?;
    }
    let data = prepared.config.site.data.clone();
    let (mut service, sockets) = Service::start(prepared, handed).await?;
    let control = Control::open(&data)?;
    match &mut predecessor {
        // Which tells systemd as well.
        Some(predecessor) => predecessor.serves().await?,
        None => notify("READY=1"),
    }
    service.predecessor = predecessor;
    tracing::info!("ready");
    loop {
        let asker = tokio::select! {
            _ = hangup.recv() => {
                notify("RELOADING=1");
                service.reload(path).await;
                notify("READY=1");
                continue;
            }
            () = gone(&mut service.predecessor) => {
                service.predecessor = None;
                continue;
            }
            asker = control.asked() => Some(asker),
            _ = replace.recv() => None,
            _ = terminate.recv() => break,
            result = tokio::signal::ctrl_c() => { result?; break }
        };
        tracing::info!("starting the process that is to take over");
        let started = tokio::select! {
            started = Successor::start(&program, path, &sockets) => started,
            _ = terminate.recv() => break,
        };
        let successor = match started {
            Ok(successor) => successor,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "not replaced");
                if let Some(asker) = asker {
                    asker.tell(&Err(error)).await;
                }
                continue;
            }
        };
        service.system.leave().await;
        let (id, heir) = successor
            .let_serve()
            .await
            .context("the new process failed after it had taken over; its log says why")?;
        notify(&format!("MAINPID={id}\nREADY=1"));
        let staying = service.system.shutdown.tasks();
        let limit = service.after_restart;
        tracing::info!(id, staying, "another process has taken over");
        if let Some(asker) = asker {
            let here = std::process::id();
            asker
                .tell(&Ok(format!(
                    "process {id} serves now; {staying} connections stay with process {here} until they end, at most {limit:#}"
                )))
                .await;
        }
        service.stay(heir, path, &mut terminate).await?;
        break;
    }
    notify("STOPPING=1");
    tracing::info!("ending");
    if !service.system.stop().await {
        tracing::warn!("some connections took too long and were cut");
    }
    Ok(())
}

/// Completes when the process that was replaced has ended; never, if there is none.
async fn gone(predecessor: &mut Option<Predecessor>) {
    match predecessor {
        Some(predecessor) => predecessor.ended().await,
        None => std::future::pending().await,
    }
}

/// Opens one of the doors for mail clients.
type RunDoor = fn(&System, Listener, Security, PlaintextLogin);

/// What can be open in two processes at once, and takes long or may fail.
struct Prepared {
    config: Config,
    zone: jiff::tz::TimeZone,
    plan: Plan,
    mail_tls: Arc<TlsKeeper>,
    web_tls: Arc<TlsKeeper>,
    sources: Arc<WebSources>,
    key_length: KeyLength,
}

impl Prepared {
    async fn new(loaded: Loaded) -> anyhow::Result<Self> {
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
        let upstreams = upstream::upstreams(&config, &host)?;
        if let Some(upstreams) = &upstreams {
            upstream::probe(upstreams, &*clock).await;
        }
        Ok(Self {
            zone: loaded.zone.clone(),
            mail_tls: Arc::new(certificate(&config, &folders, &host, Alpn::None)?),
            web_tls: Arc::new(certificate(&config, &folders, &host, Alpn::Web)?),
            sources: Arc::new(WebSources::new(
                forwarded(&config, key_length),
                "[web] proxies",
            )),
            plan: Plan {
                exit: exit(&config, &host, &clock)?,
                upstreams,
                data: config.site.data.clone(),
                records,
                directory: ldap::directory(&config)?,
                keys,
                clock,
                disk: Arc::new(RealDisk),
                cost: ArgonCost::default(),
                host,
                loaded,
            },
            config,
            key_length,
        })
    }
}

/// A running service, and what of it can be configured anew.
struct Service {
    system: System,
    mail_tls: Arc<TlsKeeper>,
    web_tls: Arc<TlsKeeper>,
    sources: Arc<WebSources>,
    after_restart: SignedDuration,
    /// The process that was replaced by this one, if it still has connections.
    predecessor: Option<Predecessor>,
}

impl Service {
    /// Opens all doors, and returns their sockets, for another process to take over.
    async fn start(
        prepared: Prepared,
        handed: Vec<OwnedFd>,
    ) -> anyhow::Result<(Self, Vec<OwnedFd>)> {
        let config = prepared.config;
        let service = Self {
            system: System::open(prepared.plan).await?,
            mail_tls: prepared.mail_tls,
            web_tls: prepared.web_tls,
            sources: prepared.sources,
            after_restart: config.limits.after_restart,
            predecessor: None,
        };
        let mut sockets = Sockets::new(handed, prepared.key_length)?;
        service.open_mail_doors(&config, &mut sockets)?;
        service.open_web(&config, prepared.zone, &mut sockets)?;
        service.open_lmtp(&config, &mut sockets)?;
        service.open_smtp(&config, &mut sockets)?;
        service.open_authapi(&config, &mut sockets)?;
        Ok((service, sockets.into_given()))
    }

    /// Waits, after another process has taken over, until all connections have ended here and in the process that this one replaced.
    async fn stay(
        &mut self,
        mut heir: Heir,
        path: &Path,
        terminate: &mut Signal,
    ) -> anyhow::Result<()> {
        let shutdown = self.system.shutdown.clone();
        let mut ending = std::pin::pin!(shutdown.all_ended());
        let mut limit = std::pin::pin!(sleep(self.after_restart.try_into()?));
        let mut has_some = true;
        while has_some || self.predecessor.is_some() {
            tokio::select! {
                () = &mut ending, if has_some => has_some = false,
                () = gone(&mut self.predecessor) => self.predecessor = None,
                () = &mut limit => break,
                _ = terminate.recv() => break,
                news = heir.news() => match news {
                    News::Reload => self.reload(path).await,
                    News::Ended => break,
                },
            }
        }
        Ok(())
    }

    fn open_mail_doors(&self, config: &Config, sockets: &mut Sockets) -> anyhow::Result<()> {
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
                    let listener = sockets.listener(address, proxied(section))?;
                    run(&self.system, listener, security.clone(), plaintext);
                }
            }
        }
        Ok(())
    }

    fn open_web(
        &self,
        config: &Config,
        zone: jiff::tz::TimeZone,
        sockets: &mut Sockets,
    ) -> anyhow::Result<()> {
        let from = if config.web.proxy_protocol.is_empty() {
            SourceFrom::Connection
        } else {
            SourceFrom::Proxies(Peers::new(config.web.proxy_protocol.clone()))
        };
        let tls = config.web.tls.then(|| Arc::clone(&self.web_tls));
        for &address in &config.web.listen {
            let listener = sockets.listener(address, from.clone())?;
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
            let listener = sockets.listener(address, from.clone())?;
            let entrance = self
                .system
                .entrance(listener, tls.clone(), Arc::clone(&self.sources));
            self.system.run_pages(entrance, self.system.otp_app());
        }
        Ok(())
    }

    fn open_lmtp(&self, config: &Config, sockets: &mut Sockets) -> anyhow::Result<()> {
        let door = || IncomingDoor {
            protocol: Protocol::Lmtp,
            listed: Peers::default(),
            security: incoming::Security::Nobody,
        };
        for &address in &config.lmtp.listen {
            let socket = sockets.tcp(address)?;
            self.system
                .run_incoming(IncomingListener::Tcp(socket), door());
        }
        if let Some(path) = &config.lmtp.socket {
            let socket = sockets.unix(path)?;
            self.system
                .run_incoming(IncomingListener::Unix(socket), door());
        }
        Ok(())
    }

    /// For relays that do not speak LMTP.
    fn open_smtp(&self, config: &Config, sockets: &mut Sockets) -> anyhow::Result<()> {
        for &address in &config.smtp.listen {
            let socket = sockets.tcp(address)?;
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
    fn open_authapi(&self, config: &Config, sockets: &mut Sockets) -> anyhow::Result<()> {
        let section = &config.authapi;
        let is_asked_for = !section.listen.is_empty()
            || !section.sasl_listen.is_empty()
            || section.sasl_socket.is_some();
        if !is_asked_for {
            return Ok(());
        }
        let api = authapi::api(section, &self.system, sockets.key_length)?;
        for &address in &section.listen {
            let listener = sockets.listener(address, SourceFrom::Connection)?;
            self.system.run_api(listener, &api);
        }
        for &address in &section.sasl_listen {
            let listener = SaslListener::Tcp(sockets.tcp(address)?);
            self.system.run_sasl(listener, &api);
        }
        if let Some(path) = &section.sasl_socket {
            let listener = SaslListener::Unix(sockets.unix(path)?);
            self.system.run_sasl(listener, &api);
        }
        self.system
            .shutdown
            .spawn(async move { api.catch_up().await });
        Ok(())
    }

    /// Takes over what can change while running: certificates, networks, policy, trusted proxies; so does the process that was replaced by this one. A file with an
    /// error changes nothing.
    async fn reload(&mut self, path: &Path) {
        if let Some(predecessor) = &mut self.predecessor {
            predecessor.reload().await;
        }
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
        tracing::info!(
            "the configuration was read again: certificates, networks, policy and trusted proxies are in force, all else at the next start"
        );
    }
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
