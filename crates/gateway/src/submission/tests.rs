//! Transcripts of the submission door.

use proptest::prelude::*;

use super::SubmissionGreeter;
use crate::Hello;
use crate::dialogue::{Channel, Dialogue as _};
use crate::transcript::{self, ENCRYPTED, PLAIN, Verdict};
use crate::{NotOpened, Protocol};

fn greeter(channel: Channel) -> SubmissionGreeter {
    let extensions = ["SIZE 1000", "PIPELINING"].map(str::to_owned).into();
    SubmissionGreeter::new(channel, "mail.kit.example".to_owned(), extensions)
}

/// What the door does on a connection. It must not depend on how the bytes arrive.
fn hears(channel: Channel, input: &[u8], verdicts: &[Verdict]) -> String {
    let at_once = transcript::of(greeter(channel), input, usize::MAX, verdicts);
    let bytewise = transcript::of(greeter(channel), input, 1, verdicts);
    assert_eq!(at_once, bytewise);
    at_once
}

const HELLO: &str = "250 mail.kit.example\r\n";

#[test]
fn ehlo_says_what_is_possible_now() {
    let greeting = String::from_utf8(greeter(PLAIN).greeting()).expect("ASCII");
    assert_eq!(greeting, "220 mail.kit.example ESMTP Sekisho\r\n");
    assert_eq!(
        hears(PLAIN, b"EHLO laptop\r\n", &[]),
        "250-mail.kit.example\r\n250-SIZE 1000\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
    );
    assert_eq!(
        hears(ENCRYPTED, b"ehlo laptop\r\n", &[]),
        "250-mail.kit.example\r\n250-SIZE 1000\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n"
    );
    assert_eq!(hears(ENCRYPTED, b"HELO laptop\r\n", &[]), HELLO);
}

#[test]
fn a_client_logs_in_and_what_it_sent_behind_is_handed_on() {
    let said = transcript::of(
        greeter(ENCRYPTED),
        b"HELO laptop\r\nAUTH PLAIN AGFsaWNlAHB3\r\nMAIL FROM:<a@kit.example>\r\n",
        usize::MAX,
        &[Verdict::Admitted],
    );
    assert_eq!(
        said,
        format!(
            "{HELLO}<\"alice\" \"pw\" by \"laptop\">\r\n235 2.7.0 Authentication succeeded\r\n\
             rest: MAIL FROM:<a@kit.example>\\r\\n"
        )
    );
}

#[test]
fn auth_runs_with_and_without_an_initial_response() {
    for (input, expected) in [
        (
            &b"AUTH PLAIN\r\nAGFsaWNlAHB3\r\n"[..],
            "334 \r\n<\"alice\" \"pw\" by \"h\">\r\n",
        ),
        (
            b"AUTH PLAIN Ym9iAGFsaWNlAHB3\r\n",
            "<\"alice\" \"pw\" as \"bob\" by \"h\">\r\n",
        ),
        (
            b"auth login\r\nYWxpY2U=\r\ncHc=\r\n",
            "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n<\"alice\" \"pw\" by \"h\">\r\n",
        ),
        (
            b"AUTH LOGIN YWxpY2U=\r\ncHc=\r\n",
            "334 UGFzc3dvcmQ6\r\n<\"alice\" \"pw\" by \"h\">\r\n",
        ),
        (b"AUTH PLAIN\r\n*\r\n", "334 \r\n501 5.7.0 Cancelled\r\n"),
        (b"AUTH PLAIN\r\nx!\r\n", "334 \r\n501 5.5.2 Not base64\r\n"),
        (
            b"AUTH PLAIN =\r\n",
            "501 5.5.2 Not what the mechanism says\r\n",
        ),
        (
            b"AUTH CRAM-MD5\r\n",
            "504 5.5.4 Only PLAIN and LOGIN are known\r\n",
        ),
    ] {
        let input = [b"HELO h\r\n", input].concat();
        let said = hears(ENCRYPTED, &input, &[]);
        assert_eq!(said.strip_prefix(HELLO), Some(expected));
    }
}

#[test]
fn nothing_is_done_before_the_login_and_no_login_before_tls() {
    assert_eq!(
        hears(
            PLAIN,
            b"AUTH PLAIN x\r\nHELO h\r\nAUTH PLAIN AGFsaWNlAHB3\r\nMAIL FROM:<>\r\nSTARTTLS\r\n",
            &[]
        ),
        format!(
            "503 5.5.1 Say EHLO first\r\n{HELLO}538 5.7.11 Encryption required\r\n\
             530 5.7.0 Must issue a STARTTLS command first\r\n220 2.0.0 Begin TLS\r\n<TLS>\r\n"
        )
    );
    assert_eq!(
        hears(
            ENCRYPTED,
            b"NOOP\r\nRSET\r\nMAIL FROM:<>\r\nDATA\r\nVRFY alice\r\nQUIT\r\nNOOP\r\n",
            &[]
        ),
        "250 2.0.0 Done\r\n250 2.0.0 Done\r\n530 5.7.0 Authentication required\r\n\
         530 5.7.0 Authentication required\r\n530 5.7.0 Authentication required\r\n\
         221 2.0.0 Goodbye\r\n<close>\r\n"
    );
}

#[test]
fn nothing_sent_before_tls_is_done_or_remembered_after() {
    for input in [
        &b"STARTTLS\r\nAUTH PLAIN AGFsaWNlAHB3\r\n"[..],
        b"STARTTLS\r\nE",
    ] {
        let said = transcript::of(greeter(PLAIN), input, usize::MAX, &[]);
        assert_eq!(said, "421 4.7.0 Plaintext behind STARTTLS\r\n<close>\r\n");
    }
    let mut greeter = greeter(PLAIN);
    greeter.push(b"EHLO injected\r\nSTARTTLS\r\n");
    while greeter.next().is_some() {}
    greeter.tls_started();
    let nothing = Hello {
        name: String::new(),
        extended: false,
        encrypted: true,
    };
    assert_eq!(greeter.protocol(), Protocol::Submission(nothing));
    assert_eq!(
        transcript::of(greeter, b"AUTH PLAIN AGFsaWNlAHB3\r\nSTARTTLS\r\n", 1, &[]),
        "503 5.5.1 Say EHLO first\r\n503 5.5.1 TLS can't be started here\r\n"
    );
}

#[test]
fn a_refusal_is_one_sentence_and_the_third_is_the_last() {
    let input = [
        &b"HELO h\r\n"[..],
        &b"AUTH PLAIN AGFsaWNlAHB3\r\n".repeat(4),
    ]
    .concat();
    let each = "<\"alice\" \"pw\" by \"h\">\r\n535 5.7.8 Ask the desk. Ref 7K\r\n";
    assert_eq!(
        hears(ENCRYPTED, &input, &[Verdict::Refused; 4]),
        format!("{HELLO}{each}{each}{each}421 4.7.0 Too many refused logins\r\n<close>\r\n")
    );
    let input = &b"HELO h\r\nAUTH PLAIN AGFsaWNlAHB3\r\nNOOP\r\n"[..];
    let said = hears(ENCRYPTED, input, &[Verdict::Unavailable]);
    assert!(said.ends_with(
        "454 4.7.0 Logins are temporarily out of order, try again later\r\n250 2.0.0 Done\r\n"
    ));
}

#[test]
fn a_mailbox_that_does_not_open_is_never_a_wrong_password() {
    let input = &b"HELO h\r\nAUTH PLAIN AGFsaWNlAHB3\r\n"[..];
    for (why, answer) in [
        (
            NotOpened::OutOfReach,
            "454 4.7.0 Your mailbox is temporarily out of reach, try again later\r\n",
        ),
        (
            NotOpened::NotTaken,
            "554 5.3.0 The mail server does not open this mailbox, ask the help desk\r\n",
        ),
    ] {
        let said = hears(ENCRYPTED, input, &[Verdict::NotOpened(why)]);
        assert!(said.ends_with(answer), "{said}");
    }
}

#[test]
fn a_line_ends_in_crlf_or_the_connection_ends() {
    for (input, expected) in [
        (&b"EHLO h\nMAIL FROM:<a@b>\r\n"[..], "500 5.5.2"),
        (b"HELO h\r\nAUTH PLAIN\r\nAGFsaWNlAHB3\n", "500 5.5.2"),
        (&[b'x'; 13_000], "500 5.5.6"),
    ] {
        let said = hears(ENCRYPTED, input, &[]);
        assert!(
            said.contains(expected) && said.ends_with("<close>\r\n"),
            "{said}"
        );
        assert!(!said.contains('"'), "nobody was asked about");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_take_a_password_in_plaintext(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let said = transcript::of(greeter(PLAIN), &bytes, 7, &[]);
        let done = said.split("rest: ").next().unwrap_or_default();
        prop_assert!(!done.contains("<\""), "nobody was asked about");
    }
}
