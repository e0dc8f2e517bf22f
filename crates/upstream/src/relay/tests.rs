//! Transcripts of the relay: what is sent to each side.

use proptest::prelude::*;

use super::Relay;
use super::lenient::no_other_command_gets_through;

/// A conversation: `C` lines are sent by the client, `U` lines by the upstream. Returns what the relay sends to either
/// side, in that order.
fn conversation(lines: &[(char, &str)]) -> String {
    let mut relay = Relay::new("mail.kit.example".to_owned(), vec!["SIZE 1000".to_owned()]);
    let mut written = String::new();
    for (who, text) in lines {
        match who {
            'C' => relay.client_says(text.as_bytes()),
            _ => relay.upstream_says(text.as_bytes()).expect("replies"),
        }
        for (to, bytes) in [('u', relay.for_upstream()), ('c', relay.for_client())] {
            if !bytes.is_empty() {
                written += &format!("{to}: {}\n", bytes.escape_ascii());
            }
        }
    }
    if relay.is_over() {
        written += "over\n";
    }
    written
}

#[test]
fn a_mail_goes_through_as_it_is_written() {
    let said = conversation(&[
        (
            'C',
            "MAIL FROM:<a@kit.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n",
        ),
        ('U', "250 2.1.0 ok\r\n250 2.1.5 "),
        ('U', "ok\r\n354 go\r\n"),
        ('C', "Subject: x\r\n\r\n..dot\r\nQUIT\r\n.\r\nQUIT\r\n"),
        ('U', "250 2.0.0 taken\r\n221 2.0.0 bye\r\n"),
    ]);
    assert_eq!(
        said,
        "u: MAIL FROM:<a@kit.example>\\r\\nRCPT TO:<b@x.example>\\r\\nDATA\\r\\n\n\
         c: 250 2.1.0 ok\\r\\n\n\
         c: 250 2.1.5 ok\\r\\n354 go\\r\\n\n\
         u: Subject: x\\r\\n\\r\\n..dot\\r\\nQUIT\\r\\n.\\r\\nQUIT\\r\\n\n\
         c: 250 2.0.0 taken\\r\\n221 2.0.0 bye\\r\\n\n"
    );
}

#[test]
fn what_would_make_it_another_accounts_connection_is_answered_here_in_its_turn() {
    let said = conversation(&[
        (
            'C',
            "NOOP\r\nXCLIENT LOGIN=ken\r\nauth PLAIN AAAA\r\nSTARTTLS\r\nXFORWARD ADDR=192.0.2.1\r\nETRN x\r\nNOOP\r\n",
        ),
        ('U', "250 ok\r\n"),
        ('U', "250 ok\r\n"),
    ]);
    assert_eq!(
        said,
        "u: NOOP\\r\\nNOOP\\r\\n\n\
         c: 250 ok\\r\\n500 5.5.1 Unknown command\\r\\n503 5.5.1 Already authenticated\\r\\n\
         503 5.5.1 TLS can\\'t be started here\\r\\n500 5.5.1 Unknown command\\r\\n\
         500 5.5.1 Unknown command\\r\\n\n\
         c: 250 ok\\r\\n\n"
    );
}

#[test]
fn hello_again_tells_what_the_gateway_keeps_and_ends_the_transaction() {
    let said = conversation(&[
        ('C', "EHLO x LOGIN=ken\r\n"),
        ('U', "250 2.0.0 reset\r\n"),
        ('C', "HELO x\r\n"),
        ('U', "250-2.0.0 reset\r\n250 2.0.0 really\r\n"),
    ]);
    assert_eq!(
        said,
        "u: RSET\\r\\n\n\
         c: 250-mail.kit.example\\r\\n250 SIZE 1000\\r\\n\n\
         u: RSET\\r\\n\n\
         c: 250 mail.kit.example\\r\\n\n"
    );
}

#[test]
fn what_follows_data_is_a_message_only_if_the_upstream_says_so() {
    let said = conversation(&[
        ('C', "DATA\r\nXCLIENT LOGIN=ken\r\n.\r\n"),
        ('U', "503 5.5.1 no recipients\r\n"),
    ]);
    assert_eq!(
        said,
        "u: DATA\\r\\n\n\
         c: 503 5.5.1 no recipients\\r\\n500 5.5.1 Unknown command\\r\\n500 5.5.1 Unknown command\\r\\n\n"
    );
}

#[test]
fn a_message_with_a_false_end_never_ends_for_the_upstream() {
    for end in ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r"] {
        let message = format!("hello{end}MAIL FROM:<ken@kit.example>\r\nx");
        let said = conversation(&[('C', "DATA\r\n"), ('U', "354 go\r\n"), ('C', &message)]);
        assert!(
            said.ends_with("c: 550 5.6.0 bare CR or LF in the message\\r\\n\nover\n"),
            "{said}"
        );
        assert!(!said.contains("MAIL FROM"), "{said}");
    }
}

#[test]
fn bdat_and_lines_of_two_meanings_end_the_connection() {
    let said = conversation(&[
        ('C', "NOOP\r\nBDAT 20 LAST\r\nXCLIENT LOGIN=ken\r\n"),
        ('U', "250 ok\r\n"),
    ]);
    assert_eq!(
        said,
        "u: NOOP\\r\\n\nc: 250 ok\\r\\n502 5.5.1 BDAT is not offered here\\r\\n\nover\n"
    );
    let said = conversation(&[('C', "NOOP\nXCLIENT LOGIN=ken\r\n")]);
    assert_eq!(said, "c: 500 5.5.2 lines end with CR LF\\r\\n\nover\n");
    let said = conversation(&[('C', "NOOP \rXCLIENT LOGIN=ken\r\n")]);
    assert_eq!(said, "c: 500 5.5.2 Control characters in a command\\r\\n\n");
}

#[test]
fn an_upstream_that_says_what_nobody_asked_is_not_believed() {
    let relay = || Relay::new("h".to_owned(), Vec::new());
    for bytes in [&b"250 ok\r\n"[..], b"hello\r\n", b"99\r\n", b"250 ok\n"] {
        assert!(
            relay().upstream_says(bytes).is_err(),
            "{}",
            bytes.escape_ascii()
        );
    }
    let said = conversation(&[('U', "421 4.4.2 idle too long\r\n")]);
    assert_eq!(said, "c: 421 4.4.2 idle too long\\r\\n\nover\n");
}

proptest! {
    #[test]
    fn no_client_gets_a_command_through_that_is_not_of_a_transaction(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("DATA\r\n"), Just(".\r\n"), Just("\n.\n"), Just("\r\n.\r\n"), Just("RSET\r\n"), Just("\r"),
                Just("\n"),
                Just("XCLIENT LOGIN=ken\r\n"), Just("STARTTLS\r\n"), Just("AUTH PLAIN AAAA\r\n"), Just("EHLO x\r\n"),
                Just("MAIL FROM:<a@b>\r\n"), Just("BDAT 5\r\n"), Just("x"), Just("."), Just(" "),
            ],
            0..30,
        ),
        step in 1usize..40,
    ) {
        no_other_command_gets_through(pieces.concat().as_bytes(), step);
    }
}
