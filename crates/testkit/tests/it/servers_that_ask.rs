//! A site that keeps its own servers in front, which ask the auth API: Debian's Dovecot, nginx, Postfix and Exim.

use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sekisho_checkpoint::throttle::PASSWORDS_FOR_ACCOUNT;
use sekisho_testkit::asking::{self, AuthApi, Exim, Nginx, Postfix};
use sekisho_testkit::dovecot::Dovecot;
use sekisho_testkit::http::Visitor;
use sekisho_testkit::postgres::is_root;
use sekisho_testkit::stage::{HANAKO, KEN, Stage};
use sekisho_testkit::wire::{MailDoor, Way, Wire};

use crate::in_front_of_dovecot::PEOPLE;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stage whose mail clients log in at the site's own servers.
pub(crate) struct Site {
    pub(crate) stage: Stage,
    pub(crate) dovecot: Dovecot,
    pub(crate) nginx: Nginx,
    pub(crate) by_root: Option<(Postfix, Exim)>,
    pub(crate) api: AuthApi,
    _behind: Dovecot,
}

impl Site {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let place = asking::place()?;
        let dovecot = Dovecot::start_asking(&PEOPLE, Some(&place.1)).await?;
        // This Dovecot is behind nginx, which asks already.
        let behind = Dovecot::start(&PEOPLE).await?;
        let stage = Stage::start().await?;
        let doveadm = asking::doveadm(&stage, &dovecot)?;
        let api = AuthApi::open(&stage, place, Some(doveadm), &behind).await?;
        let nginx = Nginx::start(&api.asked).await?;
        // Postfix and Exim must be started by root, as in CI.
        let by_root = match is_root()? {
            true => {
                let exim = Exim::start(&api.sasl_socket()).await?;
                Some((Postfix::start(api.sasl).await?, exim))
            }
            false => None,
        };
        Ok(Self {
            stage,
            dovecot,
            nginx,
            by_root,
            api,
            _behind: behind,
        })
    }

    /// Every login method at every server that asks: the server, the method, and its port.
    pub(crate) fn ways(&self) -> Vec<(&'static str, Way, u16)> {
        let ports = &self.dovecot.ports;
        let mut ways = Vec::new();
        for way in Way::ALL {
            match way.door() {
                MailDoor::Imap => {
                    ways.push(("Dovecot", way, ports.imap_proxied));
                    ways.push(("nginx", way, self.nginx.imap));
                }
                MailDoor::Pop3 => {
                    ways.push(("Dovecot", way, ports.pop3_proxied));
                    ways.push(("nginx", way, self.nginx.pop3));
                }
                MailDoor::Submission => {
                    ways.push(("nginx", way, self.nginx.submission));
                    if let Some((postfix, exim)) = &self.by_root {
                        ways.push(("Postfix", way, postfix.submission));
                        ways.push(("Exim", way, exim.submission));
                    }
                }
            }
        }
        ways
    }

    /// Logs in at a server from the home's address.
    pub(crate) async fn try_way(
        &self,
        (server, way, port): (&'static str, Way, u16),
        name: &str,
        password: &str,
    ) -> anyhow::Result<(String, Wire)> {
        let trying = async {
            let mut wire = Wire::greeted_for(self.stage.demo.home.get(), port).await?;
            let answer = way.try_on(&mut wire, name, password).await?;
            anyhow::Ok((answer, wire))
        };
        let tried = match tokio::time::timeout(PATIENCE, trying).await {
            Ok(tried) => tried,
            Err(late) => Err(late.into()),
        };
        tried.with_context(|| {
            let by_root = self.by_root.as_ref();
            let by_root = by_root.map(|(postfix, exim)| postfix.log() + &exim.log());
            let (dovecot, nginx) = (self.dovecot.log(), self.nginx.log());
            format!("{server}, {way:?}: {by_root:?}\n{dovecot}\n{nginx}")
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_without_a_grant_admitted_with_one_and_cut_where_that_can_be() -> anyhow::Result<()>
{
    let site = Site::start().await?;
    let stage = &site.stage;
    let app = stage.uses_mfa(HANAKO).await?;
    let password = stage.password(HANAKO);
    for way in site.ways() {
        let (answer, _) = site.try_way(way, HANAKO, password).await?;
        assert!(!way.1.lets_in(&answer), "{way:?}: {answer}");
        let as_told = match way.0 {
            // Exim sends only its own text.
            "Exim" => answer.starts_with("535"),
            // Dovecot puts its own text before ours.
            "Dovecot" => answer.contains("first sign in at"),
            _ => answer.starts_with(way.1.refusal()) && answer.contains("first sign in at"),
        };
        assert!(as_told, "{way:?}: {answer}");
    }

    stage.proves(stage.home(), HANAKO, &app).await?;
    let mut open = Vec::new();
    for way in site.ways() {
        let (answer, wire) = site.try_way(way, HANAKO, password).await?;
        assert!(
            way.1.lets_in(&answer),
            "{way:?}: {answer}\n{}\n{}",
            site.dovecot.log(),
            site.nginx.log()
        );
        let (answer, _) = site.try_way(way, HANAKO, "wrong").await?;
        assert!(!way.1.lets_in(&answer), "{way:?}: {answer}");
        open.push((way, wire));
    }
    stage.demo.home.set(sekisho::demo::CAMPUS);
    let on_campus = ("Dovecot", Way::ImapLogin, site.dovecot.ports.imap_proxied);
    let (answer, mut on_campus) = site.try_way(on_campus, HANAKO, password).await?;
    assert!(answer.starts_with("t OK"), "{answer}");

    stage.clock.advance(jiff::SignedDuration::from_hours(14));
    for (way, wire) in &mut open {
        if way.0 == "Dovecot" {
            wire.until_closed().await;
        }
    }
    let noop = on_campus.imap("NOOP").await?;
    assert!(noop.contains("t OK"), "on campus one stays in: {noop}");
    site.stage.demo.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_checkpoint_nobody_comes_in() -> anyhow::Result<()> {
    let mut site = Site::start().await?;
    let password = site.stage.password(KEN).to_owned();
    for way in site.ways() {
        let (answer, _) = site.try_way(way, KEN, &password).await?;
        assert!(way.1.lets_in(&answer), "{way:?}: {answer}");
    }
    sekisho_testkit::records::break_in(site.stage.demo.folder())?;
    for way in site.ways() {
        let (answer, _) = site.try_way(way, KEN, &password).await?;
        assert!(!way.1.lets_in(&answer), "{way:?}: {answer}");
        let is_temporary = match way.0 {
            "Dovecot" => answer.contains("temporarily"),
            "Exim" => answer.starts_with("435"),
            _ => answer.starts_with(way.1.unavailable()),
        };
        assert!(is_temporary, "{way:?}: {answer}");
    }
    let gone = std::mem::replace(&mut site.stage, Stage::start().await?);
    gone.demo.stop().await;
    // The auth API is gone, so the servers get no answer.
    for way in site.ways() {
        let answer = site.try_way(way, KEN, &password).await;
        let let_in = answer.is_ok_and(|(answer, _)| way.1.lets_in(&answer));
        assert!(!let_in, "{way:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_show_the_secret_is_told_nothing() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let mut peer = Visitor::new(&format!("http://127.0.0.1:{}", site.api.asked.port));
    let fields = [
        ("Auth-Method", "plain"),
        ("Auth-Protocol", "imap"),
        ("Auth-User", KEN),
        ("Auth-Pass", site.stage.password(KEN)),
        ("Client-IP", "203.0.113.7"),
    ];
    for (name, value) in fields {
        peer.always_send(name, value);
    }
    for shown in [None, Some(""), Some("another secret")] {
        if let Some(shown) = shown {
            peer.always_send("X-Sekisho-Secret", shown);
        }
        for (method, path) in [
            ("GET", "/auth/nginx"),
            ("POST", "/auth/dovecot?command=allow"),
            ("GET", "/login"),
        ] {
            let page = peer.request(method, path, "{}").await?;
            assert_eq!(page.status, 403, "{shown:?} {path}");
            assert!(page.header("auth-status").is_none());
        }
    }
    peer.always_send("X-Sekisho-Secret", &site.api.asked.secret);
    let page = peer.request("GET", "/auth/nginx", "").await?;
    assert_eq!(page.header("auth-status"), Some("OK"));
    // A protocol that nginx never asks about, and client addresses that are none.
    peer.always_send("Auth-Protocol", "gopher");
    let page = peer.request("GET", "/auth/nginx", "").await?;
    assert_eq!(page.status, 400);
    site.stage.uses_mfa(KEN).await?;
    peer.always_send("Auth-Protocol", "imap");
    for address in ["", "campus", "203.0.113.7, 203.0.113.7"] {
        peer.always_send("Client-IP", address);
        let page = peer.request("GET", "/auth/nginx", "").await?;
        assert_ne!(page.header("auth-status"), Some("OK"), "{address:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_that_dovecot_sees_count_here() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let dovecot = ("Dovecot", Way::ImapLogin, site.dovecot.ports.imap_proxied);
    for guess in 0..PASSWORDS_FOR_ACCOUNT.count {
        let guess = format!("guess {guess}");
        let (answer, _) = site.try_way(dovecot, KEN, &guess).await?;
        assert!(!answer.starts_with("t OK"), "{answer}");
    }
    // Dovecot reports the failures after its answer.
    let counted = async {
        loop {
            let browser = site.stage.sign_in(site.stage.home(), KEN).await?;
            if browser.page.words().contains("too many wrong attempts") {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(PATIENCE, counted).await??;
    let password = site.stage.password(KEN);
    let (answer, _) = site.try_way(dovecot, KEN, password).await?;
    assert!(!answer.starts_with("t OK"), "{answer}");
    site.stage.demo.home.set(sekisho::demo::CAMPUS);
    let (answer, _) = site.try_way(dovecot, KEN, password).await?;
    assert!(answer.starts_with("t OK"), "{answer}");
    let mut browser = site.stage.sign_in(site.stage.campus(), KEN).await?;
    let page = browser.open("/mfa").await?.words();
    assert!(
        page.contains("Dovecot imap"),
        "he sees what was tried: {page}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_of_the_sasl_protocol_gets_answers_to_questions_and_nothing_else()
-> anyhow::Result<()> {
    let site = Site::start().await?;
    let password = site.stage.password(KEN);
    let plain = |message: &str| BASE64_STANDARD.encode(message.replace('|', "\0"));
    let greeted = async || {
        let mut wire = Wire::connect(&format!("127.0.0.1:{}", site.api.sasl)).await?;
        while wire.line().await? != "DONE" {}
        wire.send("VERSION\t1\t1\nCPID\t77\n").await?;
        anyhow::Ok(wire)
    };
    let mut wire = greeted().await?;
    let right = plain(&format!("|{KEN}|{password}"));
    let at_once = format!("AUTH\t1\tPLAIN\tservice=smtp\trip=203.0.113.7\tresp={right}\n");
    wire.send(&at_once).await?;
    assert_eq!(wire.line().await?, "OK\t1\tuser=ken");
    wire.send("AUTH\t2\tPLAIN\tservice=smtp\trip=203.0.113.7\n")
        .await?;
    assert_eq!(wire.line().await?, "CONT\t2\t");
    wire.send(format!("CONT\t2\t{right}\n")).await?;
    assert_eq!(wire.line().await?, "OK\t2\tuser=ken");
    for (id, question) in [
        (3, plain(&format!("hanako|{KEN}|{password}"))),
        (4, plain(&format!("|{KEN}|wrong"))),
        (5, plain(&format!("|{KEN}\tuser=hanako|{password}"))),
        (6, plain("|nobody|at all")),
        (7, plain("no message of PLAIN")),
        (8, "no base64".to_owned()),
    ] {
        wire.send(format!(
            "AUTH\t{id}\tPLAIN\trip=203.0.113.7\tresp={question}\n"
        ))
        .await?;
        let answer = wire.line().await?;
        assert!(
            answer.starts_with(&format!("FAIL\t{id}\treason=")),
            "{answer}"
        );
    }
    wire.send("AUTH\t9\tCRAM-MD5\tservice=smtp\n").await?;
    assert_eq!(wire.line().await?, "FAIL\t9\treason=No such mechanism");
    wire.send("SOMETHING\tNEW\n").await?;
    wire.send(&at_once).await?;
    assert_eq!(wire.line().await?, "OK\t1\tuser=ken", "it goes on");

    for odd in [
        format!("AUTH\t1\tPLAIN\tresp={}\n", "A".repeat(20_000)),
        "AUTH\tone\tPLAIN\n".to_owned(),
        "AUTH\n".to_owned(),
        "CONT\t5\tAAAA\n".to_owned(),
        "VERSION\t2\t0\n".to_owned(),
        "AUTH\t1\tLOGIN\nAUTH\t1\tLOGIN\n".to_owned(),
    ] {
        let mut wire = greeted().await?;
        wire.send(&odd).await?;
        let rest = wire.until_closed().await;
        assert!(!rest.contains("OK\t"), "{odd:.40}: {rest}");
    }
    let mut too_early = Wire::connect(&format!("127.0.0.1:{}", site.api.sasl)).await?;
    too_early.send(&at_once).await?;
    assert!(!too_early.until_closed().await.contains("OK\t"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_dovecot_let_in_before_the_service_began_is_cut_off_or_watched() -> anyhow::Result<()>
{
    let place = asking::place()?;
    let dovecot = Dovecot::start_asking(&PEOPLE, Some(&place.1)).await?;
    let behind = Dovecot::start(&PEOPLE).await?;
    let stage = Stage::start().await?;
    let asked = place.1.clone();
    // An API that can't use doveadm: it knows nothing of the connections afterwards, like a process that has ended.
    let _former = AuthApi::open(&stage, place, None, &behind).await?;
    let app = stage.uses_mfa(HANAKO).await?;
    stage.proves(stage.home(), HANAKO, &app).await?;
    let mut let_in = Vec::new();
    for name in [HANAKO, KEN] {
        let home = stage.demo.home.get();
        let mut wire = Wire::greeted_for(home, dovecot.ports.imap_proxied).await?;
        let password = stage.password(name);
        let answer = Way::ImapLogin.try_on(&mut wire, name, password).await?;
        assert!(answer.starts_with("t OK"), "{answer}\n{}", dovecot.log());
        let_in.push(wire);
    }
    let [mut hanako, mut ken] = <[Wire; 2]>::try_from(let_in).ok().context("two")?;
    stage.clock.advance(jiff::SignedDuration::from_hours(14));
    let noop = hanako.imap("NOOP").await?;
    assert!(noop.contains("t OK"), "nobody knows of her: {noop}");

    let doveadm = asking::doveadm(&stage, &dovecot)?;
    let present = asking::api(&stage, &asked, Some(doveadm), &behind);
    present.catch_up().await;
    tokio::time::timeout(PATIENCE, hanako.until_closed()).await?;
    let noop = ken.imap("NOOP").await?;
    assert!(noop.contains("t OK"), "he needs no grant: {noop}");
    stage.uses_mfa(KEN).await?;
    tokio::time::timeout(PATIENCE, ken.until_closed()).await?;
    stage.demo.stop().await;
    Ok(())
}
