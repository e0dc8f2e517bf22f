//! A site that keeps its mail in Dovecot: every door leads through the checkpoint and then to Dovecot.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sekisho::clock::WallClock;
use sekisho::demo::Elsewhere;
use sekisho_checkpoint::ports::Clock as _;
use sekisho_gateway::{DoorTls, PlaintextLogin};
use sekisho_net::{Listener, SourceFrom};
use sekisho_source::KeyLength;
use sekisho_testkit::dovecot::Dovecot;
use sekisho_testkit::records;
use sekisho_testkit::stage::{HANAKO, KEN, Stage};
use sekisho_testkit::wire::{Way, Wire};
use sekisho_upstream::{
    AccountSelection, AddressForwarding, LoginMethod, Server, Servers, Upstream, Upstreams,
};

/// The demo's accounts, with the passwords that Dovecot knows.
pub(crate) const PEOPLE: [(&str, &str); 2] =
    [(HANAKO, "sakura-no-hana-7"), (KEN, "over-the-hakone-pass")];

/// Starts a stage with one upstream.
pub(crate) async fn before(upstream: Upstream) -> anyhow::Result<Stage> {
    let mut upstreams = Upstreams::default();
    upstreams.add(Arc::new(upstream), AccountSelection::default());
    Stage::start_before(upstreams).await
}

pub(crate) async fn store_a_mail(wire: &mut Wire, subject: &str) -> anyhow::Result<()> {
    let mail = format!("Subject: {subject}\r\n\r\nhello\r\n");
    wire.send(format!("t APPEND INBOX {{{}}}\r\n", mail.len()))
        .await?;
    assert!(wire.line().await?.starts_with('+'));
    wire.send(format!("{mail}\r\n")).await?;
    let answer = wire.imap_answer().await?;
    assert!(answer.contains("t OK"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn refused_without_a_grant_admitted_with_one_and_cut_when_it_ends() -> anyhow::Result<()> {
    let dovecot = Dovecot::start(&PEOPLE).await?;
    let stage = before(dovecot.upstream(dovecot.by_master())?).await?;
    let app = stage.uses_mfa(HANAKO).await?;
    let password = stage.password(HANAKO);
    for way in Way::ALL {
        let (answer, _) = stage
            .mail_client(stage.home(), way, HANAKO, password)
            .await?;
        assert!(answer.starts_with(way.refusal()), "{way:?}: {answer}");
    }

    let mut browser = stage.proves(stage.home(), HANAKO, &app).await?;
    let mut open = Vec::new();
    for way in Way::ALL {
        let (answer, wire) = stage
            .mail_client(stage.home(), way, HANAKO, password)
            .await?;
        assert!(way.lets_in(&answer), "{way:?}: {answer}\n{}", dovecot.log());
        open.push(wire);
    }
    let capability = open[0].imap("CAPABILITY").await?;
    assert!(capability.contains("IDLE"), "Dovecot answers: {capability}");
    store_a_mail(&mut open[0], "kept by Dovecot").await?;
    let found = open[1].imap("EXAMINE INBOX").await?;
    assert!(found.contains("* 1 EXISTS"), "{found}");
    let page = browser.open("/mail").await?.words();
    assert!(page.contains("kept by Dovecot"), "{page}");

    stage.clock.advance(jiff::SignedDuration::from_hours(14));
    for (way, wire) in Way::ALL.into_iter().zip(&mut open) {
        let words = wire.until_closed().await;
        assert_eq!(words, "", "{way:?} ends without a word, and ends");
    }
    let (answer, _) = stage
        .mail_client(stage.home(), Way::ImapLogin, HANAKO, password)
        .await?;
    assert!(answer.starts_with(Way::ImapLogin.refusal()), "{answer}");
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn dovecot_hears_who_it_is_and_from_where_by_every_way_of_telling() -> anyhow::Result<()> {
    let dovecot = Dovecot::start(&PEOPLE).await?;
    let ways: [(LoginMethod, AddressForwarding); 4] = [
        (LoginMethod::SamePassword, AddressForwarding::InProtocol),
        (dovecot.by_master(), AddressForwarding::ProxyHeader),
        (dovecot.by_token()?, AddressForwarding::InProtocol),
        (dovecot.by_master(), AddressForwarding::None),
    ];
    for (login_method, forwarding) in ways {
        let case = format!("{login_method:?}, {forwarding:?}");
        let mut upstream = dovecot.upstream(login_method)?;
        upstream.address_forwarding = forwarding;
        if forwarding == AddressForwarding::ProxyHeader {
            let only = |port| Servers::new(vec![Server::new("localhost".to_owned(), port)]);
            upstream.imap = only(dovecot.ports.imap_proxied);
            upstream.pop3 = only(dovecot.ports.pop3_proxied);
        }
        let stage = before(upstream).await?;
        // Dovecot uses the machine's clock, so the stage's clock is set to it.
        let wall = WallClock.now();
        stage.clock.advance(wall.duration_since(stage.clock.now()));
        let before = dovecot.log().len();
        let password = stage.password(KEN);
        let (answer, mut wire) = stage
            .mail_client(stage.home(), Way::ImapLogin, KEN, password)
            .await?;
        assert!(
            answer.starts_with("t OK"),
            "{case}: {answer}\n{}",
            dovecot.log()
        );
        assert!(!answer.contains("AUTH="), "{case}: {answer}");
        wire.imap("LOGOUT").await?;
        let (answer, mut wire) = stage
            .mail_client(stage.home(), Way::Pop3Pass, KEN, password)
            .await?;
        assert!(
            Way::Pop3Pass.lets_in(&answer),
            "{case}: {answer}\n{}",
            dovecot.log()
        );
        wire.pop3("QUIT").await?;
        stage.demo.stop().await;
        let log = dovecot.log().split_off(before);
        let address = if forwarding == AddressForwarding::None {
            "rip=127.0.0.1"
        } else {
            "rip=198.51.100.23"
        };
        for door in ["imap-login: Info: Login", "pop3-login: Info: Login"] {
            let line = log.lines().find(|line| line.contains(door));
            let line = line.with_context(|| format!("{case}, {door}: {log}"))?;
            assert!(
                line.contains("user=<ken>") && line.contains(address),
                "{case}: {line}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_mail_is_submitted_through_dovecot_and_nothing_else_is() -> anyhow::Result<()> {
    let dovecot = Dovecot::start(&PEOPLE).await?;
    let stage = before(dovecot.upstream(dovecot.by_master())?).await?;
    let password = stage.password(KEN);
    let (_, mut wire) = stage
        .mail_client(stage.home(), Way::SubmissionPlain, KEN, password)
        .await?;
    assert!(wire.smtp("XCLIENT LOGIN=hanako").await?.starts_with("500"));
    assert!(wire.smtp("STARTTLS").await?.starts_with("503"));
    assert!(wire.smtp("EHLO again").await?.starts_with("250 "));
    for line in [
        "MAIL FROM:<ken@kit.example>",
        "RCPT TO:<somebody@elsewhere.example>",
        "DATA",
    ] {
        let reply = wire.smtp(line).await?;
        assert!(reply.starts_with(['2', '3']), "{line}: {reply}");
    }
    let reply = wire.smtp("Subject: out\r\n\r\n..dot\r\n.").await?;
    assert!(reply.starts_with("250"), "{reply}");
    assert!(wire.smtp("QUIT").await?.starts_with("221"));
    let heard = dovecot.sink.heard();
    assert!(heard.iter().any(|line| line == "Subject: out"), "{heard:?}");
    assert!(heard.iter().any(|line| line == "..dot"), "{heard:?}");
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn mail_is_written_found_and_thrown_away_in_the_webmail() -> anyhow::Result<()> {
    let dovecot = Dovecot::start(&PEOPLE).await?;
    let stage = before(dovecot.upstream(dovecot.by_master())?).await?;
    let mut browser = stage.sign_in(stage.campus(), KEN).await?;
    browser.open("/mail/compose").await?;
    let letter = [
        ("to", "somebody@elsewhere.example"),
        ("subject", "\u{4f1a}\u{8b70} on Friday"),
        ("body", "Bring the lanterns."),
        ("do", "send"),
    ];
    browser.submit("/mail/compose", &letter).await?;
    let heard = dovecot.sink.heard();
    assert!(
        heard
            .iter()
            .any(|line| line == "RCPT TO:<somebody@elsewhere.example>"),
        "{heard:?}\n{}",
        browser.page.words()
    );
    assert!(heard.iter().any(|line| line == "Bring the lanterns."));

    let sent = browser.open("/mail/folder/Sent").await?.words();
    assert!(sent.contains("\u{4f1a}\u{8b70} on Friday"), "{sent}");
    let found = browser.open("/mail/folder/Sent?q=lanterns").await?.words();
    assert!(found.contains("on Friday"), "{found}");
    let missed = browser.open("/mail/folder/Sent?q=candles").await?.words();
    assert!(!missed.contains("on Friday"), "{missed}");
    browser.open("/mail/folder/Sent").await?;
    let value = |name: &str| {
        let field = format!("name=\"{name}\" value=\"");
        let rest = browser.page.body.split_once(&field)?.1;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let (uid, validity) = (
        value("uid").context("a uid")?,
        value("validity").context("a folder")?,
    );
    let away = [
        ("uid", uid.as_str()),
        ("validity", validity.as_str()),
        ("do", "delete"),
    ];
    browser.submit("/mail/folder/Sent/act", &away).await?;
    let sent = browser.open("/mail/folder/Sent?q=lanterns").await?.words();
    assert!(!sent.contains("on Friday"), "{sent}");
    let trash = browser.open("/mail/folder/Trash").await?.words();
    assert!(trash.contains("on Friday"), "{trash}");
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_webmail_passes_on_a_password_that_the_browser_alone_unseals() -> anyhow::Result<()> {
    let dovecot = Dovecot::start(&[PEOPLE[0], (KEN, "another")]).await?;
    let stage = before(dovecot.upstream(LoginMethod::SamePassword)?).await?;
    let app = stage.uses_mfa(HANAKO).await?;
    // Proving the factor gives the session a new token; the sealed password must survive that.
    let mut hanako = stage.proves(stage.home(), HANAKO, &app).await?;
    let inbox = hanako.open("/mail").await?;
    assert_eq!(inbox.status, 200, "{}", inbox.words());
    let kept = records::kept_passwords(stage.demo.folder())?;
    assert!(!kept.is_empty());
    for (_, password) in PEOPLE {
        let holds = |bytes: &Vec<u8>| {
            bytes
                .windows(password.len())
                .any(|part| part == password.as_bytes())
        };
        assert!(!kept.iter().any(holds), "a password can be read");
    }

    let letter = [
        ("to", "somebody@elsewhere.example"),
        ("subject", "by her own password"),
        ("body", "Hello."),
        ("do", "send"),
    ];
    hanako.open("/mail/compose").await?;
    hanako.submit("/mail/compose", &letter).await?;
    let heard = dovecot.sink.heard();
    let subject = "Subject: by her own password";
    assert!(heard.iter().any(|line| line == subject), "{heard:?}");

    // Ken's mailbox does not take his password: the page says so and asks for another.
    let ken = stage.sign_in(stage.campus(), KEN).await?;
    let words = ken.page.words();
    assert!(words.contains("Your mailbox did not accept"), "{words}");
    assert!(ken.page.body.contains("name=\"password\""), "{words}");
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn where_dovecot_has_the_passwords_they_are_checked_by_a_login_there() -> anyhow::Result<()> {
    let mut dovecot = Dovecot::start(&[(HANAKO, "known-to-dovecot"), PEOPLE[1]]).await?;
    let mut upstreams = Upstreams::default();
    // The master user lets everyone in whom the checkpoint admits, so nothing but the password check protects the mail.
    let upstream = dovecot.upstream(dovecot.by_master())?;
    upstreams.add(Arc::new(upstream), AccountSelection::default());
    let stage = Stage::start_with(Elsewhere {
        upstreams: Some(upstreams),
        passwords: true,
        ..Elsewhere::default()
    })
    .await?;
    let tries = [
        (HANAKO, "known-to-dovecot", true),
        // The password of the account here, which Dovecot does not know.
        (HANAKO, PEOPLE[0].1, false),
        (HANAKO, "", false),
        // Dovecot's spelling for the master user logging in as hanako.
        ("hanako*sekisho", "the-master-of-all", false),
        ("nobody", "known-to-dovecot", false),
        (KEN, PEOPLE[1].1, true),
    ];
    for (login, password, is_right) in tries {
        let (answer, _) = stage
            .mail_client(stage.campus(), Way::ImapPlain, login, password)
            .await?;
        assert_eq!(
            Way::ImapPlain.lets_in(&answer),
            is_right,
            "{login} {password:?}: {answer}\n{}",
            dovecot.log()
        );
    }
    let mut browser = stage.sign_in(stage.campus(), KEN).await?;
    let page = browser.open("/mail").await?;
    assert_eq!(page.status, 200, "{}", page.words());

    dovecot.stop()?;
    let (answer, _) = stage
        .mail_client(stage.campus(), Way::ImapPlain, KEN, "another password")
        .await?;
    assert!(
        answer.starts_with(Way::ImapPlain.unavailable()),
        "not called wrong: {answer}"
    );
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_away_is_passed_over_and_all_away_is_said_so() -> anyhow::Result<()> {
    let mut dovecot = Dovecot::start(&PEOPLE).await?;
    let mut upstream = dovecot.upstream(dovecot.by_master())?;
    let nobody = sekisho_testkit::ports::free_port()?;
    upstream.imap = Servers::new(vec![
        Server::new("localhost".to_owned(), nobody),
        Server::new("localhost".to_owned(), dovecot.ports.imap),
    ]);
    let stage = before(upstream).await?;
    let password = stage.password(KEN);
    let (answer, _) = stage
        .mail_client(stage.home(), Way::ImapLogin, KEN, password)
        .await?;
    assert!(answer.starts_with("t OK"), "{answer}");
    dovecot.stop()?;
    for way in Way::ALL {
        let (answer, mut wire) = stage.mail_client(stage.home(), way, KEN, password).await?;
        assert!(answer.starts_with(way.unavailable()), "{way:?}: {answer}");
        assert!(
            answer.contains("Your mailbox is temporarily out of reach"),
            "{answer}"
        );
        // The client can try again on the same connection.
        let again = way.try_on(&mut wire, KEN, "not the password").await?;
        assert!(again.starts_with(way.refusal()), "{way:?}: {again}");
    }
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn scripts_are_managed_by_whoever_is_admitted_and_by_nobody_else() -> anyhow::Result<()> {
    let dovecot = Dovecot::start(&PEOPLE).await?;
    let stage = before(dovecot.upstream(dovecot.by_master())?).await?;
    let home = SourceFrom::Given(stage.demo.home.clone());
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(any, home, KeyLength::default()).await?;
    let door = listener.local_address()?.to_string();
    let here = PlaintextLogin::OnThisMachine;
    stage.demo.system.run_sieve(listener, DoorTls::None, here);

    let app = stage.uses_mfa(HANAKO).await?;
    let (mut wire, greeting) = sieve_greeted(&door).await?;
    assert!(greeting.contains("\"SIEVE\" \"fileinto"), "{greeting}");
    let message = format!("\0{HANAKO}\0{}", stage.password(HANAKO));
    let login = format!(
        "AUTHENTICATE \"PLAIN\" \"{}\"",
        BASE64_STANDARD.encode(message)
    );
    let refusal = wire.pop3(&login).await?;
    assert!(refusal.starts_with("NO \"Sign-in refused."), "{refusal}");

    stage.proves(stage.home(), HANAKO, &app).await?;
    let answer = wire.pop3(&login).await?;
    assert!(answer.starts_with("OK"), "{answer}\n{}", dovecot.log());
    let answer = wire.pop3("PUTSCRIPT \"mine\" {7+}\r\nkeep;\r\n").await?;
    assert!(answer.starts_with("OK"), "{answer}");
    assert_eq!(wire.pop3("LISTSCRIPTS").await?, "\"mine\"");
    assert!(wire.line().await?.starts_with("OK"));

    stage.clock.advance(jiff::SignedDuration::from_hours(14));
    assert_eq!(wire.until_closed().await, "");
    let (mut wire, _) = sieve_greeted(&door).await?;
    let refusal = wire.pop3(&login).await?;
    assert!(refusal.starts_with("NO \"Sign-in refused."), "{refusal}");
    stage.demo.stop().await;
    Ok(())
}

/// Connects to ManageSieve and reads the greeting.
async fn sieve_greeted(door: &str) -> anyhow::Result<(Wire, String)> {
    let mut wire = Wire::connect(door).await?;
    let mut greeting = String::new();
    loop {
        let line = wire.line().await?;
        greeting = greeting + &line + "\n";
        if line.starts_with("OK") {
            return Ok((wire, greeting));
        }
    }
}
