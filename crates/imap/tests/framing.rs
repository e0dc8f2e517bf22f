//! How a byte stream is cut into commands and responses.

use sekisho_imap::Tag;
use sekisho_imap::framing::{CommandReader, Event, FramingError, Limits, ResponseReader};

/// What a reader makes of `bytes` pushed `step` at a time; `+` stands for a continuation.
fn cut(bytes: &[u8], step: usize, limits: Limits) -> Vec<Result<Vec<u8>, FramingError>> {
    let mut reader = CommandReader::new(limits);
    let mut found = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        reader.push(piece);
        loop {
            match reader.next_event() {
                Ok(Some(Event::Command(frame))) => found.push(Ok(frame.bytes().to_vec())),
                Ok(Some(Event::Continue)) => found.push(Ok(b"+".to_vec())),
                Ok(None) => break,
                Err(error) => {
                    let fatal = error.is_fatal();
                    found.push(Err(error));
                    if fatal {
                        return found;
                    }
                }
            }
        }
    }
    found
}

fn small() -> Limits {
    Limits {
        line: 40,
        literal: 8,
        message: 16,
        total: 60,
        discard: 32,
    }
}

fn tag(name: &str) -> Option<Tag> {
    Tag::new(name.as_bytes())
}

/// Found by fuzzing: words of the next command gave a line the limit of an APPEND.
#[test]
fn a_command_is_an_append_by_its_own_words_alone() {
    let limits = Limits {
        message: 10,
        ..Limits::after_login(0)
    };
    for step in [1, 100] {
        let mut reader = CommandReader::new(limits);
        let mut events = Vec::new();
        for piece in b"nothing{11}\r\na APPEND x".chunks(step) {
            reader.push(piece);
            while let Some(event) = reader.next_event().unwrap() {
                events.push(matches!(event, Event::Continue));
            }
        }
        assert_eq!(events, [true], "in pieces of {step}");
    }
}

#[test]
fn pipelined_commands_and_literals_are_cut_the_same_in_pieces_of_any_size() {
    let stream = b"a NOOP\r\nb LOGIN {3}\r\nx\r\n {2+}\r\n}\n\r\nc LOGOUT\r\n";
    for step in 1..=stream.len() {
        assert_eq!(
            cut(stream, step, small()),
            [
                Ok(b"a NOOP".to_vec()),
                Ok(b"+".to_vec()),
                Ok(b"b LOGIN {3}\r\nx\r\n {2+}\r\n}\n".to_vec()),
                Ok(b"c LOGOUT".to_vec()),
            ],
            "in pieces of {step}"
        );
    }
}

#[test]
fn a_synchronizing_literal_over_the_limit_is_refused_before_it_is_sent() {
    let found = cut(
        b"a SELECT {9}\r\nb append X {17}\r\nc NOOP\r\n",
        99,
        small(),
    );
    assert_eq!(
        found,
        [
            Err(FramingError::LiteralTooBig {
                tag: tag("a"),
                append: false
            }),
            Err(FramingError::LiteralTooBig {
                tag: tag("b"),
                append: true
            }),
            Ok(b"c NOOP".to_vec()),
        ]
    );
}

#[test]
fn a_literal_already_on_its_way_is_skipped_and_the_next_command_is_read() {
    let found = cut(b"a SELECT {9+}\r\nx NOOP\r\n\r x\r\nc NOOP\r\n", 3, small());
    assert_eq!(
        found,
        [
            Err(FramingError::LiteralTooBig {
                tag: tag("a"),
                append: false
            }),
            Ok(b"c NOOP".to_vec()),
        ]
    );
    let huge = cut(b"a SELECT {99999999999999999999999+}\r\n", 99, small());
    assert_eq!(huge, [Err(FramingError::LiteralHopeless)]);
}

#[test]
fn anything_but_crlf_ends_the_connection() {
    for bytes in [&b"a NOOP\n"[..], b"a NO\rOP\r\n", b"a\r\r\n", b"\n"] {
        assert_eq!(cut(bytes, 99, small()), [Err(FramingError::BareLineEnd)]);
    }
    assert_eq!(cut(b"a \0\r\n", 99, small()), [Err(FramingError::Nul)]);
    assert_eq!(
        cut(&[b'x'; 41], 99, small()),
        [Err(FramingError::LineTooLong)]
    );
    let many = b"a {8+}\r\n12345678 {8+}\r\n12345678 {8+}\r\n12345678 {8+}\r\n12345678 {8+}\r\n";
    assert_eq!(cut(many, 99, small()), [Err(FramingError::CommandTooLong)]);
}

#[test]
fn what_follows_the_last_command_is_kept_for_the_next_reader() {
    let mut reader = CommandReader::new(Limits::BEFORE_LOGIN);
    reader.push(b"a STARTTLS\r\nb LOGIN x y\r\n");
    assert!(matches!(reader.next_event(), Ok(Some(Event::Command(_)))));
    assert!(reader.has_buffered());
    assert_eq!(reader.into_rest(), b"b LOGIN x y\r\n");
}

#[test]
fn text_for_people_in_a_response_announces_no_literal() {
    let mut reader = ResponseReader::new(small());
    reader.push(b"* OK see {5}\r\n* 1 FETCH (X {3}\r\n\r\n))\r\n+ go {2}\r\n");
    let mut found = Vec::new();
    while let Ok(Some(frame)) = reader.next_response() {
        found.push(frame.bytes().to_vec());
    }
    let expected = [
        &b"* OK see {5}"[..],
        b"* 1 FETCH (X {3}\r\n\r\n))",
        b"+ go {2}",
    ];
    assert_eq!(found, expected);
}
