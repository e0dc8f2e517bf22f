//! Transcripts of the IMAP door.

use proptest::prelude::*;

use super::ImapGreeter;
use crate::NotOpened;
use crate::dialogue::{Channel, Dialogue as _};
use crate::transcript::{self, ENCRYPTED, PLAIN, Verdict};

fn greeter(channel: Channel) -> ImapGreeter {
    ImapGreeter::new(channel, "IMAP4rev1 IDLE".into())
}

/// What the door does on a connection. It must not depend on how the bytes arrive.
fn hears(channel: Channel, input: &[u8], verdicts: &[Verdict]) -> String {
    let at_once = transcript::of(greeter(channel), input, usize::MAX, verdicts);
    let bytewise = transcript::of(greeter(channel), input, 1, verdicts);
    assert_eq!(at_once, bytewise);
    at_once
}

const REFUSED: &str = "NO [AUTHENTICATIONFAILED] Ask the desk. Ref 7K\r\n";

#[test]
fn the_greeting_says_what_is_possible_now() {
    let greeting = |channel| String::from_utf8(greeter(channel).greeting()).expect("ASCII");
    assert_eq!(
        greeting(PLAIN),
        "* OK [CAPABILITY IMAP4rev1 LITERAL- SASL-IR ID STARTTLS LOGINDISABLED] Sekisho ready\r\n"
    );
    assert_eq!(
        greeting(ENCRYPTED),
        "* OK [CAPABILITY IMAP4rev1 LITERAL- SASL-IR ID AUTH=PLAIN AUTH=LOGIN] Sekisho ready\r\n"
    );
    let this_machine = Channel {
        plaintext_login: true,
        ..PLAIN
    };
    assert_eq!(
        greeting(this_machine),
        "* OK [CAPABILITY IMAP4rev1 LITERAL- SASL-IR ID STARTTLS AUTH=PLAIN AUTH=LOGIN] Sekisho ready\r\n"
    );
}

/// RFC 9051, section 7.2.2: a server with both revisions announces both from the beginning.
#[test]
fn the_second_revision_is_offered_where_it_is_had_behind_the_login() {
    let greeter = ImapGreeter::new(ENCRYPTED, "IMAP4rev2 IMAP4rev1 IDLE".into());
    let greeting = String::from_utf8(greeter.greeting()).expect("ASCII");
    assert!(greeting.starts_with("* OK [CAPABILITY IMAP4rev2 IMAP4rev1 LITERAL- "));
}

#[test]
fn a_client_tells_its_name_logs_in_and_what_it_sent_behind_is_handed_on() {
    let said = transcript::of(
        greeter(ENCRYPTED),
        b"a1 CAPABILITY\r\n\
          a2 ID (\"name\" \"Thunderbird\" \"version\" \"140.1\" \"os\" NIL)\r\n\
          a3 LOGIN alice \"p\\\"w \\\\\"\r\n\
          a4 SELECT INBOX\r\na5 NO",
        usize::MAX,
        &[Verdict::Admitted],
    );
    assert_eq!(
        said,
        "* CAPABILITY IMAP4rev1 LITERAL- SASL-IR ID AUTH=PLAIN AUTH=LOGIN\r\na1 OK Done\r\n\
         * ID (\"name\" \"Sekisho\")\r\na2 OK Done\r\n\
         <\"alice\" \"p\\\"w \\\\\" by \"Thunderbird 140.1\">\r\n\
         a3 OK [CAPABILITY IMAP4rev1 IDLE] Logged in\r\n\
         rest: a4 SELECT INBOX\\r\\na5 NO"
    );
}

#[test]
fn passwords_come_as_literals_in_eight_bits_and_by_sasl() {
    let said = hears(
        ENCRYPTED,
        b"a LOGIN {5}\r\nalice {8+}\r\np}{ \r\nx!\r\n\
          b LOGIN \"\xe5\xb1\xb1\" \"\xff\"\r\n\
          c AUTHENTICATE PLAIN\r\nAGFsaWNlAHB3\r\n",
        &[Verdict::Refused, Verdict::Refused],
    );
    assert_eq!(
        said,
        format!(
            "+ Go on\r\n<\"alice\" \"p}}{{ \\r\\nx!\">\r\na {REFUSED}\
             <\"山\" \"\u{fffd}\">\r\nb {REFUSED}\
             + \r\n<\"alice\" \"pw\">\r\n"
        )
    );
}

/// RFC 7888, section 5: LITERAL- allows 4096 bytes, and not one more.
#[test]
fn a_literal_of_4096_bytes_is_taken_before_the_login_and_no_longer_one() {
    let hears = |length: usize, sign: &str| {
        let password = "x".repeat(length);
        let input = format!("a LOGIN alice {{{length}{sign}}}\r\n{password}\r\n");
        hears(ENCRYPTED, input.as_bytes(), &[Verdict::Refused])
    };
    let at_login = format!("<\"alice\" \"{}\">", "x".repeat(4096));
    assert!(hears(4096, "+").contains(&at_login));
    assert!(hears(4096, "").contains(&at_login));
    assert_eq!(hears(4097, "+"), "* BYE literal far too big\r\n<close>\r\n");
    assert!(hears(4097, "").starts_with("a BAD Literal too big before the login\r\n"));
}

#[test]
fn sasl_login_and_plain_run_with_and_without_an_initial_response() {
    for (input, expected) in [
        (
            &b"a AUTHENTICATE PLAIN AGFsaWNlAHB3\r\n"[..],
            "<\"alice\" \"pw\">\r\n",
        ),
        (
            b"a authenticate plain Ym9iAGFsaWNlAHB3\r\n",
            "<\"alice\" \"pw\" as \"bob\">\r\n",
        ),
        (
            b"a AUTHENTICATE LOGIN\r\nYWxpY2U=\r\ncHc=\r\n",
            "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n<\"alice\" \"pw\">\r\n",
        ),
        (
            b"a AUTHENTICATE LOGIN YWxpY2U=\r\ncHc=\r\n",
            "+ UGFzc3dvcmQ6\r\n<\"alice\" \"pw\">\r\n",
        ),
        (
            b"a AUTHENTICATE PLAIN\r\n*\r\n",
            "+ \r\na BAD Cancelled\r\n",
        ),
        (
            b"a AUTHENTICATE PLAIN\r\n!\r\n",
            "+ \r\na BAD Not base64\r\n",
        ),
        (
            b"a AUTHENTICATE PLAIN YWxpY2U=\r\n",
            "a BAD Not what the mechanism says\r\n",
        ),
        (
            b"a AUTHENTICATE PLAIN =\r\n",
            "a BAD Not what the mechanism says\r\n",
        ),
        (
            b"a AUTHENTICATE CRAM-MD5\r\n",
            "a NO [CANNOT] Only PLAIN and LOGIN are known\r\n",
        ),
    ] {
        assert_eq!(hears(ENCRYPTED, input, &[]), expected);
    }
}

#[test]
fn no_password_is_taken_before_tls() {
    let said = hears(
        PLAIN,
        b"a LOGIN alice pw\r\nb AUTHENTICATE PLAIN AGFsaWNlAHB3\r\nc STARTTLS\r\n",
        &[],
    );
    assert_eq!(
        said,
        "a NO [PRIVACYREQUIRED] No login on an unencrypted connection\r\n\
         b NO [PRIVACYREQUIRED] No login on an unencrypted connection\r\n\
         c OK Begin TLS\r\n<TLS>\r\n"
    );
}

#[test]
fn nothing_sent_before_tls_is_done_after() {
    for input in [
        &b"a STARTTLS\r\nb LOGIN alice pw\r\n"[..],
        b"a STARTTLS\r\nb",
        b"a STARTTLS\r\n\r\n",
    ] {
        let said = transcript::of(greeter(PLAIN), input, usize::MAX, &[]);
        assert_eq!(said, "* BYE Plaintext behind STARTTLS\r\n<close>\r\n");
    }
    let mut greeter = greeter(PLAIN);
    greeter.push(b"a ID (\"name\" \"injected\")\r\n");
    while greeter.next().is_some() {}
    greeter.tls_started();
    assert_eq!(greeter.client(), "", "nor is anything remembered");
    let again = transcript::of(greeter, b"a STARTTLS\r\n", 1, &[]);
    assert_eq!(again, "a BAD TLS can't be started here\r\n");
}

#[test]
fn a_refusal_is_one_sentence_and_the_third_is_the_last() {
    let said = hears(
        ENCRYPTED,
        b"a LOGIN alice x\r\na2 SELECT INBOX\r\nb LOGIN bob y\r\nc LOGIN eve z\r\nd NOOP\r\n",
        &[Verdict::Refused; 3],
    );
    assert_eq!(
        said,
        format!(
            "<\"alice\" \"x\">\r\na {REFUSED}a2 BAD Log in first\r\n\
             <\"bob\" \"y\">\r\nb {REFUSED}<\"eve\" \"z\">\r\nc {REFUSED}\
             * BYE Too many refused logins\r\n<close>\r\n"
        )
    );
}

#[test]
fn a_checkpoint_that_cannot_judge_is_never_a_wrong_password() {
    let said = hears(ENCRYPTED, b"a LOGIN alice x\r\n", &[Verdict::Unavailable]);
    assert_eq!(
        said,
        "<\"alice\" \"x\">\r\na NO [UNAVAILABLE] Logins are temporarily out of order, try again later\r\n"
    );
}

#[test]
fn a_mailbox_that_does_not_open_is_never_a_wrong_password() {
    for (why, answer) in [
        (
            NotOpened::OutOfReach,
            "a NO [UNAVAILABLE] Your mailbox is temporarily out of reach, try again later\r\n",
        ),
        (
            NotOpened::NotTaken,
            "a NO [CONTACTADMIN] The mail server does not open this mailbox, ask the help desk\r\n",
        ),
    ] {
        let said = hears(
            ENCRYPTED,
            b"a LOGIN alice x\r\n",
            &[Verdict::NotOpened(why)],
        );
        assert_eq!(said, format!("<\"alice\" \"x\">\r\n{answer}"));
    }
}

#[test]
fn what_costs_too_much_or_can_be_read_in_two_ways_ends_the_connection() {
    let long = [b"a LOGIN alice ".as_slice(), &[b'x'; 9000]].concat();
    for (input, expected) in [
        (&long[..], "* BYE line too long\r\n<close>\r\n"),
        (
            b"a NOOP\n",
            "* BYE line end other than CR LF\r\n<close>\r\n",
        ),
        (
            b"a LOGIN x {999999+}\r\n",
            "* BYE literal far too big\r\n<close>\r\n",
        ),
        (b"a LOGIN x y\0\r\n", "* BYE NUL in a line\r\n<close>\r\n"),
        (
            b"a LOGIN x {999999}\r\n",
            "a BAD Literal too big before the login\r\n",
        ),
        (
            b"a LOGIN x {1}\r\n\0\r\n",
            "+ Go on\r\na BAD expected a literal without NUL at byte 15\r\n",
        ),
        (
            b"a LOGOUT\r\nb NOOP\r\n",
            "* BYE Goodbye\r\na OK Done\r\n<close>\r\n",
        ),
    ] {
        assert_eq!(hears(ENCRYPTED, input, &[]), expected);
    }
}

#[test]
fn a_browser_that_was_led_here_is_soon_shown_out() {
    let said = hears(ENCRYPTED, &b"POST / HTTP/1.1\r\n".repeat(20), &[]);
    assert_eq!(said.matches("BAD").count(), 10);
    assert!(said.ends_with("* BYE Too many mistakes\r\n<close>\r\n"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_take_a_password_in_plaintext(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let said = transcript::of(greeter(PLAIN), &bytes, 7, &[]);
        let done = said.split("rest: ").next().unwrap_or_default();
        prop_assert!(!done.contains("<\""), "nobody was asked about");
    }

    #[test]
    fn words_of_the_protocol_in_any_order_get_whole_lines(
        words in proptest::collection::vec(prop_oneof![
            Just("a "), Just("LOGIN "), Just("AUTHENTICATE "), Just("PLAIN"), Just("LOGIN"), Just("{3}\r\n"),
            Just("{2+}\r\n"),
            Just("x"), Just("\"y\""), Just(" "), Just("\r\n"), Just("*"), Just("STARTTLS"), Just("ID "), Just("("),
            Just(")"),
        ], 0..60),
    ) {
        let input = words.concat();
        let said = transcript::of(greeter(ENCRYPTED), input.as_bytes(), 5, &[Verdict::Refused; 9]);
        let lines = said.split("rest: ").next().unwrap_or_default();
        prop_assert!(lines.is_empty() || lines.ends_with("\r\n"));
        prop_assert!(!lines.replace("\r\n", "").contains(['\r', '\n']));
    }
}
