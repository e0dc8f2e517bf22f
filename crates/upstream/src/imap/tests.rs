//! What the server receives, parsed with the grammar of an IMAP server.

use proptest::prelude::*;
use sekisho_imap::command::{Body, Command};
use sekisho_imap::framing::{CommandReader, Event, Limits};
use sekisho_net::client::TlsMode;

use super::{authenticate, begin};
use crate::capabilities::kept;
use crate::error::Fault;
use crate::learned::{Heard, Learned};
use crate::scene::{Callable, proof, server};

/// All commands that a server reads in these bytes. The lines of an AUTHENTICATE exchange are not commands and are kept
/// as they are.
fn commands(heard: &[u8]) -> Vec<Body> {
    let mut reader = CommandReader::new(Limits::BEFORE_LOGIN);
    reader.push(heard);
    let mut commands = Vec::new();
    while let Some(event) = reader.next_event().expect("well framed") {
        if let Event::Command(frame) = event {
            commands.push(Command::parse(frame).expect("a command").body);
        }
    }
    commands
}

#[tokio::test]
async fn the_login_is_the_only_command_by_every_way_that_a_server_offers() {
    let learned = Learned::default();
    for password in [
        "pw",
        "p\"w\\",
        "{5+}",
        "x\r\na LOGOUT",
        "\u{3042}",
        "",
        "a b",
    ] {
        let ir = offers(&["AUTH=PLAIN", "SASL-IR"]);
        let (mut wire, heard) = server(&["", "s OK [CAPABILITY IMAP4REV1 IDLE] in\r\n"]);
        let proof = proof("hanako", password).expect("no NUL");
        let heard_before = &learned.welcome;
        let after = authenticate(&mut wire, &ir, &proof, heard_before)
            .await
            .expect("let in");
        assert_eq!(after.as_deref(), Some(&offers(&["IMAP4REV1", "IDLE"])[..]));
        drop(wire);
        let [Body::Authenticate { mechanism, initial }] =
            &commands(&heard.await.expect("heard"))[..]
        else {
            panic!("one command")
        };
        let message = initial.as_ref().map(|m| m.expose().to_vec());
        assert_eq!(mechanism, "PLAIN");
        assert_eq!(message, Some(format!("\0hanako\0{password}").into_bytes()));
    }
}

#[tokio::test]
async fn a_literal_is_announced_and_not_sent_before_the_server_agrees() {
    let proof = proof("hanako", "x\r\na LOGOUT").expect("no NUL");
    let (mut wire, heard) = server(&["", "s NO no\r\n"]);
    let refused = authenticate(&mut wire, &offers(&[]), &proof, &Heard::default()).await;
    assert!(matches!(refused, Err(Fault::Refused)));
    drop(wire);
    let heard = heard.await.expect("heard");
    assert_eq!(
        heard.escape_ascii().to_string(),
        "s LOGIN \\\"hanako\\\" {11}\\r\\n"
    );
}

#[tokio::test]
async fn without_tls_nothing_is_said() {
    let (wire, heard) = server(&["* OK [CAPABILITY IMAP4REV1] hi\r\n", "s NO no TLS\r\n"]);
    let called = Callable::new(TlsMode::StartTls);
    let address = "203.0.113.7".parse().ok();
    let begun = begin(wire, &called.call(), address, &Learned::default()).await;
    assert!(matches!(begun, Err(Fault::Away(_))));
    drop(begun);
    assert_eq!(heard.await.expect("heard"), b"s STARTTLS\r\n");
}

#[tokio::test]
async fn a_refusal_is_told_from_a_server_that_can_not() {
    let cases = [
        ("s NO [AUTHENTICATIONFAILED] no\r\n", true),
        ("s NO no\r\n", true),
        ("s NO [UNAVAILABLE] later\r\n", false),
        ("s NO [LIMIT] too many\r\n", false),
        ("s BAD what\r\n", false),
        ("* BYE going\r\n", false),
        ("garbage\r\n", false),
    ];
    for (answer, refused) in cases {
        let proof = proof("hanako", "pw").expect("no NUL");
        let (mut wire, _) = server(&["", answer]);
        let outcome = authenticate(
            &mut wire,
            &offers(&["AUTH=PLAIN", "SASL-IR"]),
            &proof,
            &Heard::default(),
        )
        .await;
        let is_refusal = matches!(outcome, Err(Fault::Refused));
        assert!(outcome.is_err() && is_refusal == refused, "{answer}");
    }
}

#[test]
fn what_belongs_before_the_login_or_undoes_it_is_not_offered() {
    let offered = offers(&[
        "IMAP4REV1",
        "SASL-IR",
        "AUTH=PLAIN",
        "STARTTLS",
        "LOGINDISABLED",
        "UNAUTHENTICATE",
        "COMPRESS=DEFLATE",
        "IDLE",
    ]);
    assert_eq!(kept(&offered, true), "IMAP4rev1 SASL-IR IDLE");
    assert_eq!(
        kept(&offered, false),
        "IMAP4rev1 SASL-IR COMPRESS=DEFLATE IDLE"
    );
}

fn offers(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_name_and_no_password_becomes_a_command(
        user in "[a\"\\\\{+}1é *]{0,12}",
        password in "[a\r\n\0 \"\\\\{+}1é]{0,12}",
        with_plain in any::<bool>(),
        with_initial in any::<bool>(),
    ) {
        let mut offered = Vec::new();
        if with_plain {
            offered.push("AUTH=PLAIN".to_owned());
        }
        if with_initial {
            offered.push("SASL-IR".to_owned());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let heard = runtime.block_on(async {
            let Some(proof) = proof(&user, &password) else { return Vec::new() };
            let (mut wire, heard) = server(&["", "+ go\r\n", "+ go\r\n", "s OK in\r\n"]);
            // The server agrees to everything and may end at any point; only what it received matters.
            let _ = authenticate(&mut wire, &offered, &proof, &Heard::default()).await;
            drop(wire);
            heard.await.expect("heard")
        });
        if with_plain {
            let lines: Vec<_> = heard.split(|b| *b == b'\n').collect();
            for (at, line) in lines.iter().enumerate() {
                let fits = line.is_empty() || at == 0 && line.starts_with(b"s AUTHENTICATE PLAIN")
                    || line.strip_suffix(b"\r").is_some_and(|l| {
                        l.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b))
                    });
                prop_assert!(fits, "{}", line.escape_ascii());
            }
        } else if !heard.is_empty() {
            for command in commands(&heard) {
                let Body::Login { name, password: sent } = command else {
                    return Err(TestCaseError::fail(format!("{command:?}")));
                };
                prop_assert_eq!(name, user.as_bytes());
                prop_assert_eq!(sent.expose(), password.as_bytes());
            }
        }
    }
}
