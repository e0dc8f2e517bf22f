//! Transcripts of the ManageSieve door.

use proptest::prelude::*;

use super::SieveGreeter;
use crate::NotOpened;
use crate::dialogue::{Channel, Dialogue as _};
use crate::transcript::{self, ENCRYPTED, PLAIN, Verdict};

fn greeter(channel: Channel) -> SieveGreeter {
    SieveGreeter::new(channel, ["\"SIEVE\" \"fileinto\"".to_owned()].into())
}

/// What the door does on a connection. It must not depend on how the bytes arrive.
fn hears(channel: Channel, input: &[u8], verdicts: &[Verdict]) -> String {
    let at_once = transcript::of(greeter(channel), input, usize::MAX, verdicts);
    let bytewise = transcript::of(greeter(channel), input, 1, verdicts);
    assert_eq!(at_once, bytewise);
    at_once
}

const PLAIN_ALICE: &str = "AGFsaWNlAHB3";

#[test]
fn the_greeting_says_what_is_possible_now() {
    let greeting = |channel| String::from_utf8(greeter(channel).greeting()).expect("ASCII");
    assert_eq!(
        greeting(PLAIN),
        "\"IMPLEMENTATION\" \"Sekisho\"\r\n\"SIEVE\" \"fileinto\"\r\n\"SASL\" \"\"\r\n\"STARTTLS\"\r\n\
         \"VERSION\" \"1.0\"\r\nOK \"Sekisho ready\"\r\n"
    );
    assert!(greeting(ENCRYPTED).contains("\"SASL\" \"PLAIN LOGIN\"\r\n\"VERSION\""));
}

#[test]
fn a_name_and_a_password_are_taken_however_they_are_written() {
    let asked = "<\"alice\" \"pw\">\r\nOK \"Logged in\"\r\n";
    for input in [
        format!("AUTHENTICATE \"PLAIN\" \"{PLAIN_ALICE}\"\r\n"),
        format!("authenticate \"plain\" {{12+}}\r\n{PLAIN_ALICE}\r\n"),
    ] {
        assert_eq!(
            hears(ENCRYPTED, input.as_bytes(), &[Verdict::Admitted]),
            asked
        );
    }
    let input = format!("AUTHENTICATE \"PLAIN\"\r\n\"{PLAIN_ALICE}\"\r\nLISTSCRIPTS\r\n");
    assert_eq!(
        hears(ENCRYPTED, input.as_bytes(), &[Verdict::Admitted]),
        format!("\"\"\r\n{asked}rest: LISTSCRIPTS\\r\\n")
    );
}

#[test]
fn what_is_not_admitted_hears_why_in_the_words_of_all_doors() {
    let input = format!("AUTHENTICATE \"PLAIN\" \"{PLAIN_ALICE}\"\r\n");
    for (verdict, answer) in [
        (Verdict::Refused, "NO \"Ask the desk. Ref 7K\"\r\n"),
        (
            Verdict::Unavailable,
            "NO (TRYLATER) \"Logins are temporarily out of order, try again later\"\r\n",
        ),
        (
            Verdict::NotOpened(NotOpened::OutOfReach),
            "NO (TRYLATER) \"Your mailbox is temporarily out of reach, try again later\"\r\n",
        ),
        (
            Verdict::NotOpened(NotOpened::NotTaken),
            "NO \"The mail server does not open this mailbox, ask the help desk\"\r\n",
        ),
    ] {
        let said = hears(ENCRYPTED, input.as_bytes(), &[verdict]);
        assert_eq!(said, format!("<\"alice\" \"pw\">\r\n{answer}"));
    }
    let three = hears(
        ENCRYPTED,
        input.repeat(4).as_bytes(),
        &[Verdict::Refused; 4],
    );
    assert!(three.ends_with("BYE \"Too many refused logins\"\r\n<close>\r\n"));
}

#[test]
fn no_login_before_tls_and_nothing_sent_before_it_counts() {
    let input = format!("AUTHENTICATE \"PLAIN\" \"{PLAIN_ALICE}\"\r\n");
    let said = hears(PLAIN, input.as_bytes(), &[Verdict::Admitted]);
    assert_eq!(
        said,
        "NO (ENCRYPT-NEEDED) \"No login on an unencrypted connection\"\r\n"
    );
    let said = transcript::of(greeter(PLAIN), b"STARTTLS\r\nNOOP\r\n", usize::MAX, &[]);
    assert_eq!(said, "BYE \"Plaintext behind STARTTLS\"\r\n<close>\r\n");
    let said = hears(PLAIN, b"STARTTLS\r\n", &[]);
    assert!(
        said.starts_with("OK \"Begin TLS\"\r\n<TLS>\r\n\"IMPLEMENTATION\""),
        "{said}"
    );
    assert!(said.contains("\"SASL\" \"PLAIN LOGIN\""), "{said}");
}

#[test]
fn what_is_no_command_is_told_so_and_not_for_ever() {
    assert_eq!(
        hears(ENCRYPTED, b"LISTSCRIPTS\r\nAUTHENTICATE \"PLAIN\r\n", &[]),
        "NO \"Log in first\"\r\nNO \"Not a command\"\r\n"
    );
    assert_eq!(
        hears(ENCRYPTED, b"AUTHENTICATE \"PLAIN\" {12}\r\n", &[]),
        "BYE \"Literals are sent at once, as {n+}\"\r\n<close>\r\n"
    );
    let said = hears(ENCRYPTED, b"x\r\n".repeat(11).as_slice(), &[]);
    assert!(said.ends_with("BYE \"Too many mistakes\"\r\n<close>\r\n"));
    let said = hears(ENCRYPTED, b"AUTHENTICATE \"LOGIN\"\r\n\"*\"\r\n", &[]);
    assert_eq!(said, "\"VXNlcm5hbWU6\"\r\nNO \"Cancelled\"\r\n");
}

proptest! {
    #[test]
    fn no_input_makes_a_difference_by_how_it_arrives(
        input in "(AUTHENTICATE|NOOP|\"PLAIN\"|\"AGEAYg==\"|\\{2\\+\\}\r\n|[ a\"\\\\{}+\r\n]){0,12}",
    ) {
        let input = input.as_bytes();
        // The result of STARTTLS depends on which bytes arrived with it, so it is not among these.
        hears(ENCRYPTED, input, &[Verdict::Refused; 9]);
    }
}
