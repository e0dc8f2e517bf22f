//! What the relay may see, and when.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sekisho_checkpoint::Password;
use sekisho_fakes::{HandClock, LineClient};
use sekisho_net::client::{Connector, Roots, TlsMode};
use sekisho_net::{Alpn, Certificate, Stream, TlsKeeper};
use tokio::net::TcpListener;

use super::*;
use crate::scene::{to_relay, transport_to};

fn login() -> Option<RelayLogin> {
    Some(RelayLogin {
        user: "kit".to_owned(),
        password: Password::new("secret".to_owned()),
    })
}

#[tokio::test]
async fn a_relay_without_starttls_sees_neither_login_nor_mail() {
    let scene = Scene::new();
    let relay = TestRelay::start().await;
    let config = Relay {
        tls: TlsMode::StartTls,
        login: login(),
        ..to_relay(&relay)
    };
    let queue = scene.queue(Some(transport_to(
        config,
        &Roots::System,
        scene.clock.clone(),
    )));
    queue.put(mail(&["x@far.example"])).await.expect("put");
    scene.run(&queue);
    eventually("a try failed", async || {
        scene.waiting()[0].waiting[0].tries == 1
    })
    .await;
    assert_eq!(relay.heard(), ["EHLO mail.kit.example"]);
}

#[test]
fn a_password_never_goes_out_in_the_clear() {
    let config = Relay {
        host: "relay.example".to_owned(),
        port: 25,
        tls: TlsMode::None,
        login: login(),
        hello: "mail.kit.example".to_owned(),
    };
    let patience = std::time::Duration::from_secs(1);
    let connector = Connector::new(&Roots::System, patience).expect("connector");
    let transport = RelayTransport::new(config, connector, HandClock::new());
    assert_eq!(transport.err(), Some(LoginInTheClear));
}

#[tokio::test]
async fn a_refused_login_is_the_relays_trouble_and_costs_no_mail() {
    let scene = Scene::new();
    let relay = TestRelay::start().await;
    let offer = "250-relay.example\r\n250 AUTH LOGIN PLAIN";
    relay.answer("EHLO", offer);
    relay.answer("AUTH PLAIN", "535 5.7.8 no");
    let config = Relay {
        login: login(),
        ..to_relay(&relay)
    };
    let queue = scene.queue(Some(transport_to(
        config,
        &Roots::System,
        scene.clock.clone(),
    )));
    queue.put(mail(&["x@far.example"])).await.expect("put");
    scene.run(&queue);
    eventually("a try failed", async || {
        scene.waiting()[0].waiting[0].tries == 1
    })
    .await;
    assert_eq!(scene.waiting()[0].waiting[0].diagnostic, "535 5.7.8 no");

    relay.answer("EHLO", "250-relay.example\r\n250 AUTH LOGIN");
    relay.answer("AUTH LOGIN", "334 VXNlcm5hbWU6");
    relay.answer("a2l0", "334 UGFzc3dvcmQ6");
    relay.answer("c2VjcmV0", "235 2.7.0 welcome");
    scene.clock.advance(SignedDuration::from_mins(5));
    eventually("it is gone", async || scene.waiting().is_empty()).await;
}

/// The whole way: STARTTLS, EHLO anew, login, mail; the test plays the relay.
#[tokio::test]
async fn login_and_mail_go_through_tls() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let port = listener.local_addr().expect("address").port();
    let folder = scene.folder.path().join("tls");
    let certificate = folder.join("self-signed.pem");
    let names = vec!["localhost".to_owned()];
    let made = Certificate::SelfSigned { folder, names };
    let tls = TlsKeeper::open(made, Alpn::None).expect("certificate");
    let config = Relay {
        host: "localhost".to_owned(),
        port,
        tls: TlsMode::StartTls,
        login: login(),
        hello: "mail.kit.example".to_owned(),
    };
    let transport = transport_to(config, &Roots::File(certificate), scene.clock.clone());
    let queue = scene.queue(Some(transport));
    queue.put(mail(&["x@far.example"])).await.expect("put");
    scene.run(&queue);

    let (stream, _) = listener.accept().await.expect("accept");
    let mut relay = LineClient::new(Stream::Plain(stream));
    relay.send(b"220 relay.example\r\n").await;
    assert_eq!(relay.line().await, "EHLO mail.kit.example");
    relay.send(b"250-relay.example\r\n250 STARTTLS\r\n").await;
    assert_eq!(relay.line().await, "STARTTLS");
    relay.send(b"220 go\r\n").await;
    let encrypted = relay.into_stream().start_tls(&tls, &[]).await.expect("tls");
    let mut relay = LineClient::new(encrypted);
    assert_eq!(relay.line().await, "EHLO mail.kit.example");
    relay
        .send(b"250-relay.example\r\n250-DSN\r\n250 AUTH PLAIN\r\n")
        .await;
    let secret = BASE64_STANDARD.encode("\0kit\0secret");
    assert_eq!(relay.line().await, format!("AUTH PLAIN {secret}"));
    relay.send(b"235 welcome\r\n").await;
    assert_eq!(relay.line().await, "MAIL FROM:<alice@kit.example>");
    relay.send(b"250 ok\r\n").await;
    assert_eq!(relay.line().await, "RCPT TO:<x@far.example> NOTIFY=FAILURE");
    relay.send(b"250 ok\r\n").await;
    assert_eq!(relay.line().await, "DATA");
    relay.send(b"354 go\r\n").await;
    while relay.line().await != "." {}
    relay.send(b"250 taken\r\n").await;
    eventually("it is gone", async || scene.waiting().is_empty()).await;
}
