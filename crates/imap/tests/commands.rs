//! What commands mean, which are refused, and that no bytes make the parser panic.

use proptest::prelude::*;
use sekisho_imap::command::{Body, Command, FetchItem, ParseError, Reason, SearchKey, StatusItem};
use sekisho_imap::encode::{CommandEncoder, Literals};
use sekisho_imap::framing::{CommandReader, Event, Frame, Limits};
use sekisho_imap::mailbox::SpecialUse;
use sekisho_imap::{Flag, MailboxName, Secret, Tag};

fn parse(line: &str) -> Result<Body, ParseError> {
    Command::parse(Frame::new(line.as_bytes().to_vec())).map(|command| command.body)
}

fn understood(line: &str) -> Body {
    parse(line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

#[test]
fn the_commands_that_clients_send_are_understood() {
    for line in [
        "a ID (\"name\" \"Thunderbird\" \"version\" NIL)",
        "a id nil",
        "a ENABLE CONDSTORE UTF8=ACCEPT",
        "a AUTHENTICATE PLAIN AGEAYg==",
        "a SELECT INBOX (CONDSTORE)",
        "a EXAMINE \"a b\"",
        "a LIST \"\" \"*\"",
        "a LIST \"\" %",
        "a LIST (SUBSCRIBED SPECIAL-USE) \"\" (INBOX \"a/%\") RETURN (CHILDREN STATUS (MESSAGES UNSEEN))",
        "a LIST () \"\" * RETURN ()",
        "a LSUB \"\" *",
        "a NAMESPACE",
        "a GETQUOTAROOT INBOX",
        "a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12 VANISHED)",
        "a FETCH 1,3:5 (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From \"To\" Date)])",
        "a FETCH 1 BODY[1.2.MIME]<0.100>",
        "a FETCH * FULL",
        "a UID FETCH 7 (PREVIEW (LAZY) BINARY.PEEK[1]<3.4> BINARY.SIZE[2.1] MODSEQ)",
        "a STORE 1 (UNCHANGEDSINCE 5) -FLAGS.SILENT \\Seen $Junk",
        "a UID STORE 1 FLAGS ()",
        "a UID EXPUNGE 3:5",
        "a UID MOVE 1:2 Trash",
        "a SORT (REVERSE DATE SUBJECT) UTF-8 UNSEEN",
        "a UID SORT RETURN (COUNT ALL) (ARRIVAL) US-ASCII ALL",
        "a SEARCH RETURN () UNDELETED NOT (OR FROM bob SUBJECT {3}\r\na\r\n) 1:3",
        "a UID SEARCH CHARSET utf-8 TEXT {6}\r\n会議 SINCE 1-Feb-2026 KEYWORD $x",
        "a SEARCH MODSEQ \"/flags/\\\\Seen\" all 7 YOUNGER 60 HEADER X-Spam \"\"",
        "a IDLE",
    ] {
        understood(line);
    }
}

#[test]
fn values_arrive_as_they_were_meant() {
    let Body::Append(append) =
        understood("a append &ZeVnLIqe- (\\Seen) \" 7-Jul-2026 01:02:03 +0900\" {4+}\r\na{1}")
    else {
        panic!("no append");
    };
    assert_eq!(append.mailbox.as_str(), "日本語");
    assert_eq!(append.messages[0].flags, [Flag::Seen]);
    assert_eq!(
        append.messages[0].date.map(|date| date.unix()),
        Some(1_783_353_723)
    );
    assert_eq!(append.messages[0].message.bytes(), b"a{1}");

    let Body::Search(search) = understood("a SEARCH NEW UNKEYWORD x") else {
        panic!("no search");
    };
    let SearchKey::And(keys) = search.key else {
        panic!("no list of keys");
    };
    assert_eq!(keys.len(), 2);

    let Body::Fetch(fetch) = understood("a FETCH 1 BODY[2.HEADER.FIELDS.NOT (\"a]b\" C)]") else {
        panic!("no fetch");
    };
    let [
        FetchItem::Section {
            section,
            peek: false,
            ..
        },
    ] = &fetch.items[..]
    else {
        panic!("{:?}", fetch.items);
    };
    assert_eq!(section.to_string(), "[2.HEADER.FIELDS.NOT (a]b C)]");

    let Body::Create { special_use, .. } = understood("a CREATE x (USE (\\sent))") else {
        panic!("no create");
    };
    assert_eq!(special_use, Some(SpecialUse::Sent));

    let Body::Status { items, .. } = understood("a STATUS x (UIDNEXT HIGHESTMODSEQ)") else {
        panic!("no status");
    };
    assert_eq!(items, [StatusItem::UidNext, StatusItem::HighestModSeq]);
}

#[test]
fn an_error_says_where_and_what() {
    for (line, message) in [
        ("a", "expected a space at byte 1"),
        ("a FROB", "unknown command at byte 6"),
        ("a NOOP x", "expected the end of the line at byte 6"),
        (
            "a FETCH 0 FLAGS",
            "expected a set of message numbers at byte 8",
        ),
        (
            "a FETCH 1 (FLAGS",
            "expected a space or a closing parenthesis at byte 16",
        ),
        (
            "a STORE 1 FLAGS (\\Recent)",
            "expected a flag that can be set at byte 17",
        ),
        ("a SELECT R&D", "broken modified UTF-7 at byte 9"),
        ("a SELECT \"a\nb\"", "expected a closing quote at byte 11"),
        (
            "a SEARCH CHARSET EUC-JP ALL",
            "unknown character set at byte 23",
        ),
        ("a LOGIN {5}\r\nab", "expected a whole literal at byte 13"),
        (
            "a AUTHENTICATE PLAIN !",
            "expected an initial response in base64 at byte 22",
        ),
        (
            "a FETCH 1 BODY[HEADER.FIELDS ({3}\r\na:b)]",
            "expected the name of a header field at byte 38",
        ),
    ] {
        assert_eq!(parse(line).unwrap_err().to_string(), message, "{line:?}");
    }
    let untagged = parse("(x) NOOP").unwrap_err();
    assert_eq!((untagged.tag, untagged.at), (None, 3));
}

#[test]
fn nesting_is_bounded_however_it_is_written() {
    for opening in ["(", "NOT ", "OR ALL "] {
        let line = format!("a SEARCH {}ALL", opening.repeat(5000));
        assert_eq!(
            parse(&line).unwrap_err().reason,
            Reason::TooDeep,
            "{opening}"
        );
    }
}

#[test]
fn a_command_holds_no_more_than_can_be_carried_out() {
    for (verb, item, end) in [
        ("SEARCH", " SEEN", ""),
        ("FETCH 1 (FLAGS", " UID", ")"),
        ("LIST \"\" (a", " *", ")"),
        ("STORE 1 FLAGS (x", " y", ")"),
    ] {
        let line = |count| format!("a {verb}{}{end}", item.repeat(count));
        assert!(parse(&line(900)).is_ok(), "{verb}");
        assert_eq!(
            parse(&line(1100)).unwrap_err().reason,
            Reason::TooMany,
            "{verb}"
        );
    }
}

#[test]
fn a_password_prints_nowhere() {
    let printed = format!("{:?}", understood("a LOGIN hana geheim"));
    assert!(!printed.contains("geheim"), "{printed}");
}

/// Every command that a reader finds in `bytes`.
fn read(bytes: &[u8], step: usize) -> Vec<Frame> {
    let mut reader = CommandReader::new(Limits::BEFORE_LOGIN);
    let mut frames = Vec::new();
    for piece in bytes.chunks(step) {
        reader.push(piece);
        while let Ok(Some(event)) = reader.next_event() {
            if let Event::Command(frame) = event {
                frames.push(frame);
            }
        }
    }
    frames
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), step in 1usize..50) {
        for frame in read(&bytes, step) {
            let _ = Command::parse(frame);
        }
        let _ = Command::parse(Frame::new(bytes));
    }

    #[test]
    fn no_words_of_the_protocol_panic(words in prop::collection::vec(prop::sample::select(vec![
        "FETCH", "SEARCH", "STORE", "LIST", "APPEND", "UID", "(", ")", "BODY[", "]", "<0.1>", "1:*",
        "\"", "\\", "{2}\r\nab", "{9}\r\n", "NOT", "OR", "RETURN", "CHARSET", "UTF-8", "\\Seen", ".",
        "1.", "HEADER.FIELDS", "FROM", "ON", "1-Jan-2026", "&AGE-", "+", "-", "FLAGS", "NIL", "日本",
    ]), 0..14), tight: bool) {
        let line = format!("a {}", words.join(if tight { "" } else { " " }));
        let _ = parse(&line);
    }

    #[test]
    fn what_a_client_encodes_the_server_reads_and_no_literal_desyncs(
        name in "[^\0]{0,30}",
        password in prop::collection::vec(1u8.., 0..1200),
        mailbox in "[^\0]{1,20}",
        literals in prop::sample::select(vec![Literals::Synchronizing, Literals::Minus, Literals::Plus]),
        step in 1usize..40,
    ) {
        let tag = Tag::new(b"t1").unwrap();
        let mailbox = MailboxName::new(&mailbox).unwrap();
        let mut stream = CommandEncoder::new(&tag, "LOGIN", literals)
            .string(name.as_bytes())
            .and_then(|command| command.secret(&Secret::new(password.clone())))
            .unwrap()
            .finish()
            .concat();
        stream.extend(CommandEncoder::new(&tag, "SELECT", literals).mailbox(&mailbox).finish().concat());

        let frames = read(&stream, step);
        prop_assert_eq!(frames.len(), 2);
        let mut commands = frames.into_iter().map(|frame| Command::parse(frame).unwrap().body);
        match commands.next() {
            Some(Body::Login { name: read_name, password: read_password }) => {
                prop_assert_eq!(read_name, name.into_bytes());
                prop_assert_eq!(read_password.expose(), &password[..]);
            }
            other => prop_assert!(false, "{:?}", other),
        }
        match commands.next() {
            Some(Body::Select { mailbox: read, .. }) => prop_assert_eq!(read, mailbox),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
