//! The SMTP grammar and arbitrary bytes, in any pieces.

use proptest::prelude::*;
use sekisho_smtp::data::encode;
use sekisho_smtp::{
    Body, Command, CommandError, DataDecoder, DataFault, Inbound, LineFault, Notify, Path, Ret,
};

/// Decodes in pieces of the given sizes, then the rest; returns the outcome, the message, and how many bytes it took.
fn decode(wire: &[u8], sizes: &[usize]) -> (Result<u64, DataFault>, Vec<u8>, usize) {
    let mut decoder = DataDecoder::new(1000);
    let (mut out, mut used, mut rest) = (Vec::new(), 0, wire);
    let mut sizes = sizes.iter();
    while !rest.is_empty() && !decoder.is_over() {
        let size = sizes
            .next()
            .map_or(rest.len(), |s| (*s).clamp(1, rest.len()));
        let (piece, after) = rest.split_at(size);
        used += decoder.decode(piece, &mut out);
        rest = after;
    }
    (decoder.finish(), out, used)
}

#[test]
fn a_message_is_unstuffed_and_ends_at_the_lone_dot() {
    let (outcome, message, used) = decode(b"a\r\n..b\r\n.c\r\n\r\n.\r\nQUIT\r\n", &[]);
    assert_eq!(outcome, Ok(14 - 2));
    assert_eq!(message, b"a\r\n.b\r\nc\r\n\r\n");
    assert_eq!(used, b"a\r\n..b\r\n.c\r\n\r\n.\r\n".len());
}

#[test]
fn an_empty_message_is_a_dot_alone() {
    assert_eq!(decode(b".\r\n", &[]).0, Ok(0));
}

#[test]
fn smuggled_ends_end_nothing_and_spoil_the_message() {
    for end in [
        "\n.\n",
        "\r.\r",
        "\n.\r\n",
        "\r.\r\n",
        "\r\n.\n",
        "\r\n.\r",
        "\r\r\n.\r\r\n",
        "\n.\r",
        "\r\n\0.\r\n",
        "\r\n.\r\r\n",
        "\r.\n",
        "\n\n.\n\n",
    ] {
        let smuggled = format!("hello{end}MAIL FROM:<x@evil.example>");
        let (outcome, ..) = decode(smuggled.as_bytes(), &[]);
        assert_ne!(outcome, Ok(5), "{end:?} ended the message");
        let wire = format!("{smuggled}\r\n.\r\n");
        let (outcome, message, used) = decode(wire.as_bytes(), &[]);
        assert_eq!(used, wire.len(), "{end:?}");
        if end.contains('\0') {
            assert!(outcome.is_ok());
        } else {
            assert_eq!(outcome, Err(DataFault::BareLine), "{end:?}");
            let clean = String::from_utf8_lossy(&message).replace("\r\n", "");
            assert!(!clean.contains(['\r', '\n']), "{end:?} left {clean:?}");
        }
    }
}

#[test]
fn a_message_over_the_limit_is_read_to_its_end_and_not_kept() {
    let wire = [vec![b'x'; 5000], b"\r\n.\r\n".to_vec()].concat();
    let (outcome, message, used) = decode(&wire, &[7; 100]);
    assert_eq!(outcome, Err(DataFault::TooBig));
    assert!(message.len() <= 1000);
    assert_eq!(used, wire.len());
}

/// Bytes among which those that matter to the decoder are frequent.
fn tricky() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"\r\n.\r\n.ab".to_vec()), 0..60)
}

proptest! {
    #[test]
    fn pieces_make_no_difference(wire in tricky(), sizes in prop::collection::vec(1usize..5, 0..60)) {
        prop_assert_eq!(decode(&wire, &sizes), decode(&wire, &[]));
    }

    #[test]
    fn a_message_ends_where_crlf_dot_crlf_first_stands_and_nowhere_else(wire in tricky()) {
        let framed = [b"\r\n", wire.as_slice()].concat();
        let end = framed.windows(5).position(|w| w == b"\r\n.\r\n").map(|at| at + 5 - 2);
        let (outcome, _, used) = decode(&wire, &[]);
        match end {
            Some(end) => {
                prop_assert_eq!(used, end);
                prop_assert_ne!(outcome, Err(DataFault::Unfinished));
            }
            None => prop_assert_eq!(used, wire.len()),
        }
    }

    #[test]
    fn what_was_encoded_is_decoded_to_the_same(message in tricky(), behind in tricky()) {
        let clean = String::from_utf8(message).expect("ascii").replace(['\r', '\n'], "\r\n");
        let wire = [encode(clean.as_bytes()), behind].concat();
        let (outcome, decoded, _) = decode(&wire, &[]);
        let ended = clean.is_empty() || clean.ends_with("\r\n");
        let expected = if ended { clean } else { clean + "\r\n" };
        prop_assert_eq!(outcome, Ok(expected.len() as u64));
        prop_assert_eq!(decoded, expected.into_bytes());
    }

    #[test]
    fn nothing_encoded_ever_ends_early(message in tricky()) {
        let wire = encode(&message);
        let (outcome, _, used) = decode(&wire, &[]);
        prop_assert!(outcome.is_ok());
        prop_assert_eq!(used, wire.len());
    }

    #[test]
    fn lines_are_the_same_in_any_pieces(
        lines in prop::collection::vec("[a-z\r.]{0,10}", 0..8),
        size in 1usize..7,
    ) {
        let wire: String = lines.iter().map(|l| format!("{l}\r\n")).collect();
        let mut inbound = Inbound::default();
        let mut cut = Vec::new();
        for piece in wire.as_bytes().chunks(size) {
            inbound.push(piece);
            while let Some(line) = inbound.line(100).expect("line") {
                cut.push(String::from_utf8(line).expect("ascii"));
            }
        }
        prop_assert_eq!(cut, lines);
    }

    #[test]
    fn no_line_makes_the_parser_panic(line in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Command::parse(&line);
    }

    #[test]
    fn no_path_makes_the_parser_panic(arguments in ".{0,40}") {
        let _ = Command::parse(format!("MAIL FROM:{arguments}").as_bytes());
        let _ = Command::parse(format!("RCPT TO:<{arguments}> ").as_bytes());
    }
}

#[test]
fn lines_have_a_limit_and_an_end() {
    let mut inbound = Inbound::default();
    inbound.push(&[b'x'; 99]);
    assert_eq!(inbound.line(100), Ok(None));
    inbound.push(b"x");
    assert_eq!(inbound.line(100), Err(LineFault::TooLong));

    let mut bare = Inbound::with(b"NOOP\nQUIT\r\n".to_vec());
    assert_eq!(bare.line(100), Err(LineFault::BareLf));
}

#[test]
fn commands_are_read_as_people_and_servers_write_them() {
    assert_eq!(
        Command::parse(b"ehlo me.example"),
        Ok(Command::Ehlo("me.example".into()))
    );
    assert_eq!(Command::parse(b"QUIT "), Ok(Command::Quit));
    assert_eq!(
        Command::parse(b"auth plain AGE="),
        Ok(Command::Auth {
            mechanism: "PLAIN".into(),
            initial: Some("AGE=".into())
        })
    );
    let Ok(Command::Mail(mail)) = Command::parse(
        b"MAIL FROM: <@relay.example,@b.example:alice@kit.example> SIZE=120 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q+20 AUTH=<>",
    ) else {
        panic!("no MAIL");
    };
    assert_eq!(mail.from, Path::parse("alice@kit.example"));
    assert_eq!(
        (mail.size, mail.body, mail.utf8),
        (Some(120), Body::EightBit, true)
    );
    assert_eq!(
        (mail.ret, mail.envid.as_deref()),
        (Some(Ret::Headers), Some("q+20"))
    );
    let Ok(Command::Mail(null)) = Command::parse(b"MAIL FROM:<>") else {
        panic!("no MAIL");
    };
    assert_eq!(null.from, None);
    let Ok(Command::Rcpt(rcpt)) = Command::parse(
        b"RCPT TO:<bob@kit.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;bob@kit.example",
    ) else {
        panic!("no RCPT");
    };
    assert_eq!(
        rcpt.notify,
        Notify {
            success: true,
            failure: true
        }
    );
    assert_eq!(rcpt.orcpt.as_deref(), Some("rfc822;bob@kit.example"));
}

#[test]
fn what_is_malformed_is_said_to_be() {
    for (line, error) in [
        ("", CommandError::Unknown),
        ("XYZZY", CommandError::Unknown),
        ("EHLO", CommandError::Argument),
        ("EHLO a b", CommandError::Argument),
        ("DATA now", CommandError::Argument),
        ("MAIL alice@kit.example", CommandError::Argument),
        ("MAIL FROM:alice@kit.example", CommandError::Argument),
        ("MAIL FROM:<alice>", CommandError::Sender),
        ("MAIL FROM:<a@b.example>SIZE=1", CommandError::Argument),
        ("MAIL FROM:<a@b.example> SIZE=-1", CommandError::Parameter),
        (
            "MAIL FROM:<a@b.example> BODY=BINARYMIME",
            CommandError::Parameter,
        ),
        ("MAIL FROM:<a@b.example> XVERP", CommandError::Parameter),
        ("RCPT TO:<>", CommandError::Recipient),
        (
            "RCPT TO:<a@b.example> NOTIFY=NEVER,SUCCESS",
            CommandError::Parameter,
        ),
        ("NOOP \r x", CommandError::Syntax),
        ("EHLO a\0b", CommandError::Syntax),
    ] {
        assert_eq!(Command::parse(line.as_bytes()), Err(error), "{line:?}");
    }
    assert_eq!(Command::parse(b"EHLO \xff"), Err(CommandError::Syntax));
}
