//! Transcripts of the POP3 door.

use proptest::prelude::*;

use super::Pop3Greeter;
use crate::NotOpened;
use crate::dialogue::{Channel, Dialogue as _};
use crate::transcript::{self, ENCRYPTED, PLAIN, Verdict};

fn greeter(channel: Channel) -> Pop3Greeter {
    Pop3Greeter::new(channel, ["TOP", "UIDL"].map(str::to_owned).into())
}

/// What the door does on a connection. It must not depend on how the bytes arrive.
fn hears(channel: Channel, input: &[u8], verdicts: &[Verdict]) -> String {
    let at_once = transcript::of(greeter(channel), input, usize::MAX, verdicts);
    let bytewise = transcript::of(greeter(channel), input, 1, verdicts);
    assert_eq!(at_once, bytewise);
    at_once
}

#[test]
fn capa_says_what_is_possible_now() {
    assert_eq!(greeter(PLAIN).greeting(), b"+OK Sekisho ready\r\n");
    assert_eq!(
        hears(PLAIN, b"CAPA\r\n", &[]),
        "+OK Capabilities\r\nTOP\r\nUIDL\r\nSTLS\r\n.\r\n"
    );
    assert_eq!(
        hears(ENCRYPTED, b"capa\r\nAUTH\r\n", &[]),
        "+OK Capabilities\r\nTOP\r\nUIDL\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n\
         +OK Mechanisms\r\nPLAIN\r\nLOGIN\r\n.\r\n"
    );
}

#[test]
fn a_client_logs_in_and_what_it_sent_behind_is_handed_on() {
    let said = transcript::of(
        greeter(ENCRYPTED),
        b"USER alice\r\nPASS  two  blanks \r\nSTAT\r\nQUIT\r\n",
        usize::MAX,
        &[Verdict::Admitted],
    );
    assert_eq!(
        said,
        "+OK Now the password\r\n<\"alice\" \" two  blanks \">\r\n+OK Logged in\r\nrest: STAT\\r\\nQUIT\\r\\n"
    );
}

#[test]
fn user_and_pass_come_in_this_order_and_a_name_serves_once() {
    for (input, expected) in [
        (&b"PASS pw\r\n"[..], "-ERR Say USER first\r\n"),
        (b"USER\r\n", "-ERR USER needs a name\r\n"),
        (
            b"USER a\r\nPASS\r\nPASS pw\r\n",
            "+OK Now the password\r\n-ERR PASS needs a password\r\n-ERR Say USER first\r\n",
        ),
        (
            b"USER a\r\nUSER b\r\nPASS pw\r\n",
            "+OK Now the password\r\n+OK Now the password\r\n<\"b\" \"pw\">\r\n",
        ),
        (
            b"APOP alice c4c9334bac560ecc979e58001b3e22fb\r\nSTAT\r\n",
            "-ERR Log in first\r\n-ERR Log in first\r\n",
        ),
        (b"QUIT\r\nUSER a\r\n", "+OK Goodbye\r\n<close>\r\n"),
    ] {
        assert_eq!(hears(ENCRYPTED, input, &[]), expected);
    }
}

#[test]
fn auth_runs_with_and_without_an_initial_response() {
    for (input, expected) in [
        (
            &b"AUTH PLAIN\r\nAGFsaWNlAHB3\r\n"[..],
            "+ \r\n<\"alice\" \"pw\">\r\n",
        ),
        (
            b"auth plain Ym9iAGFsaWNlAHB3\r\n",
            "<\"alice\" \"pw\" as \"bob\">\r\n",
        ),
        (
            b"AUTH LOGIN\r\nYWxpY2U=\r\ncHc=\r\n",
            "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n<\"alice\" \"pw\">\r\n",
        ),
        (b"AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR Cancelled\r\n"),
        (b"AUTH PLAIN\r\nx!\r\n", "+ \r\n-ERR Not base64\r\n"),
        (b"AUTH PLAIN =\r\n", "-ERR Not what the mechanism says\r\n"),
        (
            b"AUTH CRAM-MD5\r\n",
            "-ERR Only PLAIN and LOGIN are known\r\n",
        ),
    ] {
        assert_eq!(hears(ENCRYPTED, input, &[]), expected);
    }
}

#[test]
fn no_login_is_taken_before_tls_and_nothing_sent_before_it_counts() {
    let no = "-ERR No login on an unencrypted connection, start TLS first\r\n";
    assert_eq!(
        hears(
            PLAIN,
            b"USER alice\r\nPASS pw\r\nAUTH PLAIN AGFsaWNlAHB3\r\nSTLS\r\n",
            &[]
        ),
        format!("{no}{no}{no}+OK Begin TLS\r\n<TLS>\r\n")
    );
    for input in [&b"STLS\r\nUSER alice\r\n"[..], b"STLS\r\nU"] {
        let said = transcript::of(greeter(PLAIN), input, usize::MAX, &[]);
        assert_eq!(said, "-ERR Plaintext behind STLS\r\n<close>\r\n");
    }
    let loopback = Channel {
        plaintext_login: true,
        ..PLAIN
    };
    let mut greeter = greeter(loopback);
    greeter.push(b"USER injected\r\nSTLS\r\n");
    while greeter.next().is_some() {}
    greeter.tls_started();
    assert_eq!(
        transcript::of(greeter, b"PASS pw\r\nSTLS\r\n", 1, &[]),
        "-ERR Say USER first\r\n-ERR TLS can't be started here\r\n"
    );
}

#[test]
fn a_refusal_is_one_sentence_and_the_third_is_the_last() {
    let input = b"USER alice\r\nPASS pw\r\n".repeat(4);
    let each = "+OK Now the password\r\n<\"alice\" \"pw\">\r\n-ERR [AUTH] Ask the desk. Ref 7K\r\n";
    assert_eq!(
        hears(ENCRYPTED, &input, &[Verdict::Refused; 4]),
        format!("{each}{each}{each}-ERR Too many refused logins\r\n<close>\r\n")
    );
    let said = hears(ENCRYPTED, b"USER a\r\nPASS pw\r\n", &[Verdict::Unavailable]);
    assert!(
        said.ends_with("-ERR [SYS/TEMP] Logins are temporarily out of order, try again later\r\n")
    );
}

#[test]
fn a_mailbox_that_does_not_open_is_never_a_wrong_password() {
    for (why, answer) in [
        (
            NotOpened::OutOfReach,
            "-ERR [SYS/TEMP] Your mailbox is temporarily out of reach, try again later\r\n",
        ),
        (
            NotOpened::NotTaken,
            "-ERR [SYS/PERM] The mail server does not open this mailbox, ask the help desk\r\n",
        ),
    ] {
        let verdict = Verdict::NotOpened(why);
        let said = hears(ENCRYPTED, b"USER a\r\nPASS pw\r\n", &[verdict]);
        assert!(said.ends_with(answer), "{said}");
    }
}

#[test]
fn a_line_ends_in_crlf_or_the_connection_ends() {
    for input in [
        &b"USER a\nPASS pw\r\n"[..],
        b"AUTH PLAIN\r\nAGFsaWNlAHB3\n",
        &[b'x'; 13_000],
    ] {
        let said = hears(ENCRYPTED, input, &[]);
        assert!(said.ends_with("<close>\r\n"), "{said}");
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
