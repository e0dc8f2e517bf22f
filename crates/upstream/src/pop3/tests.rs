//! What the POP3 server receives.

use proptest::prelude::*;
use sekisho_net::client::TlsMode;

use super::{begin, kept, log_in};
use crate::error::Fault;
use crate::scene::{Callable, proof, server};

#[tokio::test]
async fn a_server_without_sasl_gets_name_and_password_by_two_commands() {
    let proof = proof("hanako", "pass word").expect("no NUL");
    let (mut wire, heard) = server(&["", "+OK\r\n", "+OK in\r\n"]);
    log_in(&mut wire, &[], &proof).await.expect("let in");
    drop(wire);
    assert_eq!(
        heard.await.expect("heard"),
        b"USER hanako\r\nPASS pass word\r\n"
    );
}

#[tokio::test]
async fn a_message_that_is_too_long_for_a_command_comes_behind_it() {
    let long = "x".repeat(200);
    let proof = proof("hanako", &long).expect("no NUL");
    let (mut wire, heard) = server(&["", "+ \r\n", "+OK in\r\n"]);
    let offered = ["SASL PLAIN LOGIN".to_owned()];
    log_in(&mut wire, &offered, &proof).await.expect("let in");
    drop(wire);
    let heard = heard.await.expect("heard");
    assert!(
        heard.starts_with(b"AUTH PLAIN\r\n"),
        "{}",
        heard.escape_ascii()
    );
}

#[tokio::test]
async fn what_the_server_offers_is_asked_once_and_told_without_what_is_the_doors() {
    let (wire, _) = server(&[
        "+OK hi\r\n",
        "+OK\r\nUSER\r\nSASL PLAIN\r\nSTLS\r\nTOP\r\nUIDL\r\n.\r\n",
    ]);
    let called = Callable::new(TlsMode::None);
    let (_, offered) = begin(wire, &called.call(), None, None)
        .await
        .expect("greeted");
    assert_eq!(kept(&offered), ["TOP", "UIDL"]);
}

#[tokio::test]
async fn the_client_is_named_to_a_server_that_believes_it_and_to_no_other() {
    let called = Callable::new(TlsMode::None);
    let nothing_offered = "+OK\r\n.\r\n";
    let cases = [
        (
            &["+OK [XCLIENT] hi\r\n", "+OK noted\r\n", nothing_offered][..],
            "XCLIENT ADDR=2001:db8::7\r\nCAPA\r\n",
        ),
        (&["+OK hi\r\n", nothing_offered][..], "CAPA\r\n"),
    ];
    for (answers, expected) in cases {
        let (wire, heard) = server(answers);
        let client = "2001:db8::7".parse().ok();
        let begun = begin(wire, &called.call(), client, None).await;
        drop(begun.expect("greeted"));
        assert_eq!(heard.await.expect("heard"), expected.as_bytes());
    }
}

#[tokio::test]
async fn without_tls_nothing_is_said() {
    let (wire, heard) = server(&["+OK hi\r\n", "-ERR no TLS\r\n"]);
    let called = Callable::new(TlsMode::StartTls);
    let begun = begin(wire, &called.call(), None, None).await;
    assert!(matches!(begun, Err(Fault::Away(_))));
    drop(begun);
    assert_eq!(heard.await.expect("heard"), b"STLS\r\n");
}

#[tokio::test]
async fn a_refusal_is_told_from_a_server_that_can_not() {
    for (answer, refused) in [
        ("-ERR [AUTH] no\r\n", true),
        ("-ERR no\r\n", true),
        ("-ERR [SYS/TEMP] later\r\n", false),
        ("-ERR [IN-USE] locked\r\n", false),
        ("hello\r\n", false),
    ] {
        let proof = proof("hanako", "pw").expect("no NUL");
        let (mut wire, _) = server(&["", "+OK\r\n", answer]);
        let outcome = log_in(&mut wire, &[], &proof).await;
        let is_refusal = matches!(outcome, Err(Fault::Refused));
        assert!(outcome.is_err() && is_refusal == refused, "{answer}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_name_and_no_password_becomes_a_command(
        user in "[a\r\n\0 é]{0,8}",
        password in "[a\r\n\0 é]{0,8}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let heard = runtime.block_on(async {
            let Some(proof) = proof(&user, &password) else { return Vec::new() };
            let (mut wire, heard) = server(&["", "+OK\r\n", "+OK in\r\n"]);
            let _ = log_in(&mut wire, &[], &proof).await;
            drop(wire);
            heard.await.expect("heard")
        });
        let whole = [format!("USER {user}\r\n"), format!("USER {user}\r\nPASS {password}\r\n")];
        let sent = String::from_utf8(heard).expect("text");
        prop_assert!(sent.is_empty() || whole.contains(&sent));
        prop_assert!(sent.matches('\n').count() <= 2 && !sent.replace("\r\n", "").contains(char::is_control));
    }
}
