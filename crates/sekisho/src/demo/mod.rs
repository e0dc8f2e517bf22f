//! `sekisho demo`: a campus, a home and two people on one machine, in a temporary folder.
//!
//! The campus and the home differ in their listeners alone: each is given a source address, which no configuration file
//! can do. All else is what `serve` runs.

mod first_mail;
mod outbox;
mod tour;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::Args;
use jiff::SignedDuration;
use sekisho_checkpoint::Password;
use sekisho_checkpoint::account::LoginName;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{Clock, Directory, Records};
use sekisho_directory::{ArgonCost, NewAccount};
use sekisho_disk::RealDisk;
use sekisho_gateway::{DoorTls, PlaintextLogin};
use sekisho_mailroom::incoming::{IncomingDoor, IncomingListener, Protocol};
use sekisho_net::{
    Alpn, Certificate, ForwardedPolicy, GivenSource, Listener, Peers, SourceFrom, TlsKeeper,
    WebSources,
};
use sekisho_queue::CaptureTransport;
use sekisho_queue::system_mail::Mailboxes;
use sekisho_records::SqliteRecords;
use sekisho_source::KeyLength;
use sekisho_upstream::Upstreams;
use sekisho_webmail::OtherFamily;
use tokio::net::TcpListener;

use crate::clock::WallClock;
use crate::config::Passwords;
use crate::folders::{Folders, prepare};
use crate::rooms::Parts;
use crate::system::System;
use crate::terminal::say;
use crate::{config, keys, upstream};

pub use tour::{DoorAddresses, Person, Tour};

/// The address that whoever comes in by the campus' listeners has.
pub const CAMPUS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
/// The address that whoever comes in by the home's listeners has.
pub const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 23));

/// The other address of the home's line.
pub const HOME_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x23, 0, 0, 0, 0, 7));

/// The people of the demo: login name, name, password.
const PEOPLE: [(&str, &str, &str); 2] = [
    ("hanako", "関 花子", "sakura-no-hana-7"),
    ("ken", "Ken Seki", "over-the-hakone-pass"),
];

/// How to run the demo.
#[derive(Debug, Clone, Args)]
pub struct DemoArguments {
    /// Keep everything in this folder instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The first of the ports to use; 0 takes free ones.
    #[arg(long, value_name = "PORT", default_value_t = 8600)]
    pub ports: u16,
    /// Print the addresses as one line of JSON instead of the tour.
    #[arg(long)]
    pub json: bool,
    /// How long a grant lives, such as `30s`.
    #[arg(long, value_name = "TIME", default_value = "14h")]
    pub grant: SignedDuration,
}

/// Runs the demo until Ctrl-C.
///
/// # Errors
/// A port is taken, or the folder can't be used.
pub async fn run(arguments: DemoArguments) -> anyhow::Result<()> {
    let json = arguments.json;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let demo = Demo::start(arguments).await?;
    tracing::info!("ready");
    say(&if json {
        demo.tour.json()
    } else {
        demo.tour.text()
    });
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    demo.stop().await;
    Ok(())
}

/// A running demo.
pub struct Demo {
    /// Where everything is.
    pub tour: Tour,
    /// What runs.
    pub system: System,
    /// The address of whoever comes in at home; a test may move the home elsewhere.
    pub home: GivenSource,
    /// What left the site.
    pub outbox: Arc<CaptureTransport>,
    /// Removed when the demo is dropped, if it is a temporary one.
    folder: Folder,
}

enum Folder {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

/// What a demo does not keep itself; it keeps everything unless told otherwise.
#[derive(Default)]
pub struct Elsewhere {
    /// The mail.
    pub upstreams: Option<Upstreams>,
    /// The checkpoint's records.
    pub records: Option<Arc<dyn Records>>,
    /// The accounts.
    pub directory: Option<Arc<dyn Directory>>,
    /// The passwords of accounts that are kept here: with the mail.
    pub passwords: bool,
}

impl Demo {
    /// Starts the demo on the machine's clock.
    ///
    /// # Errors
    /// A port is taken, or the folder can't be used.
    pub async fn start(arguments: DemoArguments) -> anyhow::Result<Self> {
        let elsewhere = Elsewhere::default();
        Self::start_with(
            arguments,
            Arc::new(WallClock),
            ArgonCost::default(),
            elsewhere,
        )
        .await
    }

    /// Starts the demo on another clock, with cheaper hashes, and with what is kept elsewhere: for tests.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(
        arguments: DemoArguments,
        clock: Arc<dyn Clock>,
        cost: ArgonCost,
        elsewhere: Elsewhere,
    ) -> anyhow::Result<Self> {
        let keeps_mail = elsewhere.upstreams.is_none() && elsewhere.directory.is_none();
        let folder = match arguments.dir {
            Some(path) => {
                prepare(&path)?;
                Folder::Kept(path)
            }
            None => Folder::Temporary(tempfile::Builder::new().prefix("sekisho-demo-").tempdir()?),
        };
        let ports = Ports::bind(arguments.ports).await?;
        let mut plan = config::parse(&site(&ports, arguments.grant)?)?;
        if elsewhere.passwords {
            let page = plan.site.url.page();
            plan.accounts.passwords = Passwords::Upstream { page };
        }
        let outbox = CaptureTransport::new(Arc::clone(&clock));
        let keys = keys::load(&folder.path().join("keys"), true)?;
        let records = match elsewhere.records {
            Some(records) => records,
            None => Arc::new(SqliteRecords::open(&Folders::of(folder.path()).records)?),
        };
        if let Some(upstreams) = &elsewhere.upstreams {
            upstream::probe(upstreams, &*clock).await;
        }
        let settings = plan.web.webmail(&plan.site);
        let system = System::open(Parts {
            data: folder.path().to_owned(),
            plan,
            records,
            directory: elsewhere.directory,
            keys,
            clock: Arc::clone(&clock),
            disk: Arc::new(RealDisk),
            transport: Some(Arc::<CaptureTransport>::clone(&outbox)),
            mailboxes: if elsewhere.upstreams.is_none() {
                Mailboxes::Here
            } else {
                Mailboxes::Elsewhere
            },
            upstreams: elsewhere.upstreams,
            cost,
            host: "mail.kit.example".to_owned(),
        })
        .await?;
        let is_new = settle(&system).await?;
        if is_new && keeps_mail {
            first_mail::deliver(&system, clock.now()).await?;
        }
        let tour = ports.tour()?;
        let home = GivenSource::new(HOME);
        open_doors(
            &system,
            ports,
            &tour,
            &home,
            &outbox,
            &settings,
            folder.path(),
        )?;
        Ok(Self {
            tour,
            system,
            home,
            outbox,
            folder,
        })
    }

    /// The folder in which the demo keeps everything.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it in order.
    pub async fn stop(self) {
        self.system.stop().await;
    }
}

/// The site of the demo, as its configuration file would say it.
fn site(ports: &Ports, grant: SignedDuration) -> anyhow::Result<String> {
    ensure!(
        grant.is_positive(),
        "a grant lives longer than nothing: write a time such as `30s`"
    );
    Ok(format!(
        r#"
[site]
name = "鍵岡工業大学 (demo)"
domains = ["kit.example"]
url = "http://127.0.0.1:{}"
app_url = "http://localhost:{}"
zone = "Asia/Tokyo"
language = "en"

[policy]
grant = "{}s"

[[network]]
name = "Campus LAN"
class = "trusted"
prefixes = ["203.0.113.0/24", "2001:db8:113::/48"]

[[network]]
name = "eduroam"
class = "untrusted"
prefixes = ["203.0.113.128/25"]
"#,
        ports.home.web.local_addr()?.port(),
        ports.app.local_addr()?.port(),
        grant.as_secs()
    ))
}

/// Adds the people, unless they are there from an earlier run. Says whether they are new.
async fn settle(system: &System) -> anyhow::Result<bool> {
    let mut is_new = false;
    for (login, name, password) in PEOPLE {
        if system
            .accounts
            .find(&LoginName::parse(login)?)
            .await?
            .is_some()
        {
            continue;
        }
        is_new = true;
        let new = NewAccount {
            login: login.to_owned(),
            display_name: name.to_owned(),
            addresses: vec![MailAddress::parse(&format!("{login}@kit.example"))?],
            groups: Vec::new(),
            password: Some(Password::new(password.to_owned())),
            ends_at: None,
        };
        system.accounts.add(new).await?;
    }
    Ok(is_new)
}

/// The listening sockets of one place.
struct DoorSockets {
    web: TcpListener,
    imap: TcpListener,
    imaps: TcpListener,
    submission: TcpListener,
    pop3: TcpListener,
}

/// All listening sockets, bound before anything is told of them.
struct Ports {
    campus: DoorSockets,
    home: DoorSockets,
    app: TcpListener,
    outbox: TcpListener,
    lmtp: TcpListener,
    /// The home's webmail once more, by its line's other address.
    home_ipv6: TcpListener,
}

impl Ports {
    async fn bind(first: u16) -> anyhow::Result<Self> {
        let mut next = NextPort(first);
        let (campus_web, home_web) = (next.bind().await?, next.bind().await?);
        let (app, outbox) = (next.bind().await?, next.bind().await?);
        let mut place = async |web| -> anyhow::Result<DoorSockets> {
            Ok(DoorSockets {
                web,
                imap: next.bind().await?,
                imaps: next.bind().await?,
                submission: next.bind().await?,
                pop3: next.bind().await?,
            })
        };
        Ok(Self {
            campus: place(campus_web).await?,
            home: place(home_web).await?,
            app,
            outbox,
            lmtp: next.bind().await?,
            home_ipv6: next.bind().await?,
        })
    }

    fn tour(&self) -> anyhow::Result<Tour> {
        let port = |socket: &TcpListener| socket.local_addr().map(|a| a.port());
        let door = |socket: &TcpListener| {
            socket
                .local_addr()
                .map(|a| format!("127.0.0.1:{}", a.port()))
        };
        let place = |host: &str, ports: &DoorSockets| -> anyhow::Result<DoorAddresses> {
            Ok(DoorAddresses {
                web: format!("http://{host}:{}", port(&ports.web)?),
                imap: door(&ports.imap)?,
                imaps: door(&ports.imaps)?,
                submission: door(&ports.submission)?,
                pop3: door(&ports.pop3)?,
            })
        };
        Ok(Tour {
            app: format!("http://localhost:{}", port(&self.app)?),
            campus: place("localhost", &self.campus)?,
            home: place("127.0.0.1", &self.home)?,
            lmtp: door(&self.lmtp)?,
            outbox: format!("http://127.0.0.1:{}", port(&self.outbox)?),
            accounts: PEOPLE
                .iter()
                .map(|(login, _, password)| Person {
                    login: (*login).to_owned(),
                    password: (*password).to_owned(),
                    address: format!("{login}@kit.example"),
                })
                .collect(),
        })
    }
}

/// Hands out ports one after the other; free ones from 0.
struct NextPort(u16);

impl NextPort {
    async fn bind(&mut self) -> anyhow::Result<TcpListener> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.0));
        if self.0 != 0 {
            self.0 = self
                .0
                .checked_add(1)
                .context("the ports end at 65535: choose a lower --ports")?;
        }
        TcpListener::bind(address).await.with_context(|| {
            format!(
                "port {} is in use: end what uses it, or choose others with `--ports 0`",
                address.port()
            )
        })
    }
}

fn open_doors(
    system: &System,
    ports: Ports,
    tour: &Tour,
    home: &GivenSource,
    outbox: &Arc<CaptureTransport>,
    settings: &sekisho_webmail::Config,
    folder: &Path,
) -> anyhow::Result<()> {
    let names = ["localhost", "127.0.0.1", "mail.kit.example"].map(str::to_owned);
    let certificate = Certificate::SelfSigned {
        folder: Folders::of(folder).tls,
        names: names.to_vec(),
    };
    let tls = Arc::new(TlsKeeper::open(certificate, Alpn::None)?);
    let campus = GivenSource::new(CAMPUS);
    let other_family = OtherFamily {
        ipv4: None,
        ipv6: Some(format!("http://localhost:{}", ports.home_ipv6.local_addr()?.port()).parse()?),
    };
    let webmail = |place: &DoorAddresses,
                   cookie: &str,
                   other_family|
     -> anyhow::Result<sekisho_webmail::Config> {
        Ok(sekisho_webmail::Config {
            base_url: place.web.parse()?,
            cookie_name: cookie.to_owned(),
            other_family,
            ..settings.clone()
        })
    };
    let home_ipv6 = GivenSource::new(HOME_IPV6);
    for web in with_ipv6_twin(ports.home_ipv6, true)? {
        let entrance = system.entrance(given(web, &home_ipv6)?, None, no_proxies());
        let config = webmail(&tour.home, "sekisho-home", other_family.clone())?;
        system.run_webmail(entrance, config);
    }
    for (place, ports, at, cookie, other_family) in [
        (
            &tour.campus,
            ports.campus,
            &campus,
            "sekisho-campus",
            OtherFamily::default(),
        ),
        (&tour.home, ports.home, home, "sekisho-home", other_family),
    ] {
        let listener = |socket| given(socket, at);
        for web in with_ipv6_twin(ports.web, place.web.contains("localhost"))? {
            let entrance = system.entrance(listener(web)?, None, no_proxies());
            let config = webmail(place, cookie, other_family.clone())?;
            system.run_webmail(entrance, config);
        }
        let here = PlaintextLogin::OnThisMachine;
        system.run_imap(
            listener(ports.imap.into_std()?)?,
            DoorTls::StartTls(Arc::clone(&tls)),
            here,
        );
        system.run_imap(
            listener(ports.imaps.into_std()?)?,
            DoorTls::Implicit(Arc::clone(&tls)),
            here,
        );
        system.run_pop3(
            listener(ports.pop3.into_std()?)?,
            DoorTls::StartTls(Arc::clone(&tls)),
            here,
        );
        system.run_submission(
            listener(ports.submission.into_std()?)?,
            DoorTls::StartTls(Arc::clone(&tls)),
            here,
        );
    }
    for app in with_ipv6_twin(ports.app, true)? {
        let entrance = system.entrance(given(app, home)?, None, no_proxies());
        system.run_pages(entrance, system.otp_app());
    }
    let entrance = system.entrance(given(ports.outbox.into_std()?, home)?, None, no_proxies());
    system.run_pages(entrance, outbox::router(Arc::clone(outbox)));
    let door = IncomingDoor {
        protocol: Protocol::Lmtp,
        listed: Peers::default(),
        tls: sekisho_mailroom::incoming::PeerTls::Nobody,
    };
    system.run_incoming(IncomingListener::Tcp(ports.lmtp), door);
    Ok(())
}

fn given(socket: std::net::TcpListener, at: &GivenSource) -> anyhow::Result<Listener> {
    Ok(Listener::from_std(
        socket,
        SourceFrom::Given(at.clone()),
        KeyLength::default(),
    )?)
}

fn no_proxies() -> Arc<WebSources> {
    Arc::new(WebSources::new(
        ForwardedPolicy::default(),
        "none in the demo",
    ))
}

/// A browser tries `localhost` at `::1` first on some machines: the same port is taken there too, where the machine has
/// IPv6 and it is free.
fn with_ipv6_twin(
    socket: TcpListener,
    by_name: bool,
) -> anyhow::Result<Vec<std::net::TcpListener>> {
    let port = socket.local_addr()?.port();
    let mut sockets = vec![socket.into_std()?];
    if by_name {
        sockets.extend(std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, port)));
    }
    Ok(sockets)
}
