//! A site with a load balancer: Debian's haproxy in front of every door, with the PROXY protocol, and in front of the
//! webmail with forwarding headers.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use sekisho_gateway::{DoorTls, PlaintextLogin};
use sekisho_net::{ForwardedPolicy, Listener, Peers, SourceFrom, WebSources};
use sekisho_source::KeyLength;
use sekisho_testkit::checkpoint::HOME;
use sekisho_testkit::http::Visitor;
use sekisho_testkit::ports::free_port;
use sekisho_testkit::stage::{HANAKO, Stage};
use sekisho_testkit::wire::{MailDoor, Way, Wire};
use tempfile::TempDir;

/// A running haproxy. Tests choose their client address: the mail doors take it from the PROXY protocol, the web door
/// from the header field `X-Test-Client`.
struct Haproxy {
    child: Child,
    _folder: TempDir,
    imap: u16,
    submission: u16,
    pop3: u16,
    web: u16,
}

impl Haproxy {
    async fn before(stage: &Stage) -> anyhow::Result<Self> {
        let system = &stage.demo.system;
        let loopback = Peers::new(vec!["127.0.0.0/8".parse()?]);
        let proxied = SourceFrom::Proxies(loopback.clone());
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut ports = Vec::new();
        for run in [
            sekisho::system::System::run_imap,
            sekisho::system::System::run_submission,
            sekisho::system::System::run_pop3,
        ] {
            let listener = Listener::bind(any, proxied.clone(), KeyLength::default()).await?;
            ports.push(listener.local_address()?.port());
            run(system, listener, DoorTls::None, PlaintextLogin::Anywhere);
        }
        let listener = Listener::bind(any, SourceFrom::Connection, KeyLength::default()).await?;
        ports.push(listener.local_address()?.port());
        let policy = ForwardedPolicy {
            peers: loopback,
            ..ForwardedPolicy::default()
        };
        let sources = Arc::new(WebSources::new(policy, "[web] proxies"));
        let entrance = system.entrance(listener, None, sources);
        let [imap, submission, pop3, web] =
            [free_port()?, free_port()?, free_port()?, free_port()?];
        let config = sekisho_webmail::Config {
            base_url: format!("http://127.0.0.1:{web}").parse()?,
            cookie_name: "sekisho".to_owned(),
            site_name: "behind haproxy".to_owned(),
            zone: jiff::tz::TimeZone::UTC,
            app_url: stage.demo.tour.app.parse()?,
            other_family: sekisho_webmail::OtherFamily::default(),
            default_language: sekisho_webmail::lang::Lang::En,
            max_upload: 1024 * 1024,
        };
        system.run_webmail(entrance, config);

        let folder = tempfile::Builder::new().prefix("haproxy-").tempdir()?;
        let mut config =
            "defaults\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
                .to_owned();
        for (name, front, behind) in [
            ("imap", imap, ports[0]),
            ("submission", submission, ports[1]),
            ("pop3", pop3, ports[2]),
        ] {
            config.push_str(&format!(
                "listen {name}\n  mode tcp\n  bind 127.0.0.1:{front} accept-proxy\n  \
                 server node 127.0.0.1:{behind} send-proxy-v2\n"
            ));
        }
        config.push_str(&format!(
            "listen web\n  mode http\n  bind 127.0.0.1:{web}\n  http-request set-src hdr(x-test-client)\n  \
             option forwardfor\n  server node 127.0.0.1:{}\n",
            ports[3]
        ));
        std::fs::write(folder.path().join("haproxy.cfg"), config)?;
        let child = Command::new("/usr/sbin/haproxy")
            .arg("-db")
            .arg("-f")
            .arg(folder.path().join("haproxy.cfg"))
            .stderr(Stdio::null())
            .spawn()
            .context("starting haproxy: scripts/test installs it")?;
        let haproxy = Self {
            child,
            _folder: folder,
            imap,
            submission,
            pop3,
            web,
        };
        let mut waited = Duration::ZERO;
        while tokio::net::TcpStream::connect(("127.0.0.1", web))
            .await
            .is_err()
        {
            ensure!(waited < Duration::from_secs(30), "haproxy does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
            waited += Duration::from_millis(20);
        }
        Ok(haproxy)
    }

    async fn mail_client(
        &self,
        from: &str,
        way: Way,
        name: &str,
        password: &str,
    ) -> anyhow::Result<String> {
        let port = match way.door() {
            MailDoor::Imap => self.imap,
            MailDoor::Submission => self.submission,
            MailDoor::Pop3 => self.pop3,
        };
        let mut wire = Wire::greeted_for(from.parse()?, port).await?;
        way.try_on(&mut wire, name, password).await
    }

    fn browser(&self, from: &str) -> Visitor {
        let mut browser = Visitor::new(&format!("http://127.0.0.1:{}", self.web));
        browser.always_send("X-Test-Client", from);
        browser
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_sees_where_the_client_is() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    let haproxy = Haproxy::before(&stage).await?;
    let app = stage.uses_mfa(HANAKO).await?;
    let password = stage.password(HANAKO);
    let campus = sekisho::demo::CAMPUS.to_string();
    for way in Way::ALL {
        let answer = haproxy.mail_client(HOME, way, HANAKO, password).await?;
        assert!(answer.starts_with(way.refusal()), "{way:?}: {answer}");
        let answer = haproxy.mail_client(&campus, way, HANAKO, password).await?;
        assert!(way.lets_in(&answer), "{way:?}: {answer}");
    }

    let signed_in = async |from: &str, forged: Option<&str>| {
        let mut browser = haproxy.browser(from);
        if let Some(forged) = forged {
            browser.always_send("X-Forwarded-For", forged);
        }
        browser.open("/login").await?;
        let fields = [("user", HANAKO), ("password", password)];
        browser.submit("/login", &fields).await?;
        anyhow::Ok(browser)
    };
    let on_campus = signed_in(&campus, None).await?;
    assert!(on_campus.path.starts_with("/mail"), "{}", on_campus.path);
    let forged = signed_in(HOME, Some(&campus)).await?;
    assert!(forged.path.starts_with("/mfa-step"), "{}", forged.path);
    let mut at_home = signed_in(HOME, None).await?;
    assert!(at_home.path.starts_with("/mfa-step"), "{}", at_home.path);
    let code = app.shows();
    at_home.submit("/mfa-step/app", &[("otp", &code)]).await?;
    assert!(at_home.path.starts_with("/mail"), "{}", at_home.path);

    for way in Way::ALL {
        let answer = haproxy.mail_client(HOME, way, HANAKO, password).await?;
        assert!(way.lets_in(&answer), "{way:?}: {answer}");
        let answer = haproxy
            .mail_client("192.0.2.77", way, HANAKO, password)
            .await?;
        assert!(answer.starts_with(way.refusal()), "{way:?}: {answer}");
    }
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_protocol_a_door_that_wants_it_says_nothing() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    let loopback = Peers::new(vec!["127.0.0.0/8".parse()?]);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let proxied = SourceFrom::Proxies(loopback);
    let listener = Listener::bind(any, proxied, KeyLength::default()).await?;
    let door = listener.local_address()?.to_string();
    let system = &stage.demo.system;
    system.run_imap(listener, DoorTls::None, PlaintextLogin::Anywhere);
    let mut wire = Wire::connect(&door).await?;
    wire.send("t LOGIN hanako sakura-no-hana-7\r\n").await?;
    assert_eq!(wire.until_closed().await, "");
    stage.demo.stop().await;
    Ok(())
}
