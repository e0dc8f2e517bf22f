//! Responses as servers write them.

use proptest::prelude::*;
use sekisho_imap::command::StatusItem;
use sekisho_imap::framing::{Frame, Limits, ResponseReader};
use sekisho_imap::mailbox::SpecialUse;
use sekisho_imap::response::{
    BodyStructure, Code, Data, Fetched, MAX_DEPTH, Response, StatusKind, Unreadable, parse,
};
use sekisho_imap::{Flag, SequenceSet};

fn read(bytes: impl AsRef<[u8]>) -> Result<Response, Unreadable> {
    parse(&Frame::new(bytes.as_ref().to_vec()))
}

fn data(bytes: impl AsRef<[u8]>) -> Data {
    match read(bytes) {
        Ok(Response::Data(data)) => data,
        other => panic!("{other:?}"),
    }
}

fn fetched(bytes: impl AsRef<[u8]>) -> Fetched {
    match data(bytes) {
        Data::Fetch(fetched) => *fetched,
        other => panic!("{other:?}"),
    }
}

#[test]
fn dovecots_answer_to_select_is_understood() {
    let answers = [
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded)",
        "* OK [PERMANENTFLAGS (\\Answered \\Seen $Forwarded \\*)] Flags permitted.",
        "* 172 EXISTS",
        "* 0 RECENT",
        "* OK [UNSEEN 12] First unseen.",
        "* OK [UIDVALIDITY 1469704321] UIDs valid",
        "* OK [UIDNEXT 4392] Predicted next UID",
        "* OK [HIGHESTMODSEQ 99] Highest",
        "a2 OK [READ-WRITE] Select completed (0.003 + 0.000 secs).",
    ];
    let read: Vec<_> = answers
        .into_iter()
        .map(|line| read(line).unwrap())
        .collect();
    assert!(matches!(&read[0], Response::Data(Data::Flags(flags)) if flags.len() == 6));
    let Response::UntaggedStatus(told) = &read[1] else {
        panic!("{:?}", read[1])
    };
    assert!(
        matches!(&told.code, Some(Code::PermanentFlags { flags, any: true }) if flags.len() == 3)
    );
    assert_eq!(read[2], Response::Data(Data::Exists(172)));
    assert_eq!(read[3], Response::Data(Data::Other));
    let code = |at: usize| match &read[at] {
        Response::UntaggedStatus(status) | Response::Done(_, status) => status.code.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(code(4), Some(Code::Other("UNSEEN".to_owned())));
    assert_eq!(code(5), Some(Code::UidValidity(1_469_704_321)));
    assert_eq!(code(6), Some(Code::UidNext(4392)));
    assert_eq!(code(8), Some(Code::ReadWrite));
    let Response::Done(tag, status) = &read[8] else {
        panic!("{:?}", read[8])
    };
    assert_eq!((tag.as_str(), status.kind), ("a2", StatusKind::Ok));
    assert_eq!(status.text, "Select completed (0.003 + 0.000 secs).");
}

#[test]
fn folders_come_with_what_they_are_for_and_their_figures() {
    let Data::List(entry) =
        data(b"* LIST (\\HasNoChildren \\UnMarked \\Sent) \"/\" \"&kAFP4W4IMH8-\"")
    else {
        panic!("no LIST")
    };
    assert_eq!(entry.mailbox.as_str(), "送信済み");
    assert_eq!(entry.delimiter, Some('/'));
    assert_eq!(entry.special_use(), Some(SpecialUse::Sent));
    assert!(entry.is_selectable());

    let Data::List(entry) =
        data(b"* LIST (\\Noselect) NIL {9}\r\nodd\"n\\ame (\"CHILDINFO\" (\"SUBSCRIBED\"))")
    else {
        panic!("no LIST")
    };
    assert_eq!(entry.mailbox.as_str(), "odd\"n\\ame");
    assert_eq!(entry.delimiter, None);
    assert!(!entry.is_selectable());

    let Data::Status(entry) =
        data(b"* STATUS INBOX (MESSAGES 231 UNSEEN 12 X-THING (1 2) UIDNEXT 44292 )")
    else {
        panic!("no STATUS")
    };
    assert!(entry.mailbox.is_inbox());
    assert_eq!(entry.get(StatusItem::Unseen), Some(12));
    assert_eq!(entry.get(StatusItem::UidNext), Some(44_292));
    assert_eq!(entry.get(StatusItem::Size), None);
}

#[test]
fn searches_are_understood_in_their_old_and_their_short_form() {
    assert_eq!(data(b"* SEARCH"), Data::Search(vec![]));
    assert_eq!(data(b"* SEARCH 2 84 882 "), Data::Search(vec![2, 84, 882]));
    assert_eq!(data(b"* SEARCH 2 3 (MODSEQ 917)"), Data::Search(vec![2, 3]));
    assert_eq!(data(b"* SORT 5 3 4 1 2"), Data::Sort(vec![5, 3, 4, 1, 2]));
    let Data::ESearch(found) =
        data(b"* ESEARCH (TAG \"a7\") UID COUNT 5 ALL 4:19,21,28 X-NEW (1 (2))")
    else {
        panic!("no ESEARCH")
    };
    assert!(found.uid);
    assert_eq!(found.tag.as_deref(), Some(&b"a7"[..]));
    assert_eq!(found.count, Some(5));
    assert_eq!(found.all, SequenceSet::parse(b"4:19,21,28"));
}

#[test]
fn an_envelope_may_hold_literals_nil_groups_and_raw_bytes() {
    let fetched = fetched(
        b"* 12 FETCH (UID 9 FLAGS (\\Seen \\Recent NonJunk) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" \
          RFC822.SIZE 4286 ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" {17}\r\n\
          IMAP \"4\" {3}\r\nabc \
          ((\"Terry \\\"T\\\" \xe5\xb1\xb1\" NIL \"gray\" \"cac.washington.edu\")) NIL NIL \
          ((NIL NIL \"friends\" NIL)(NIL NIL \"imap\" \"cac.washington.edu\")(NIL NIL NIL NIL)) \
          () NIL NIL \"<B27397-0100000@cac.washington.edu>\"))",
    );
    let envelope = fetched.envelope.unwrap();
    assert_eq!(fetched.sequence, 12);
    assert_eq!(fetched.uid.map(u32::from), Some(9));
    assert_eq!(fetched.flags.unwrap()[0], Flag::Seen);
    assert_eq!(fetched.internal_date.unwrap().unix(), 837_596_665);
    assert_eq!(
        envelope.subject.as_deref(),
        Some(&b"IMAP \"4\" {3}\r\nabc"[..])
    );
    assert_eq!(
        envelope.from[0].name.as_deref(),
        Some("Terry \"T\" 山".as_bytes())
    );
    assert_eq!(envelope.to.len(), 3);
    assert_eq!(envelope.cc, []);
}

#[test]
fn structures_nest_and_keep_their_names() {
    // As Dovecot writes it: extension data everywhere, and an embedded message.
    let fetched = fetched(
        b"* 1 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" (\"charset\" \"iso-2022-jp\") NIL NIL \"7bit\" 1152 23 \
          NIL NIL NIL NIL)\
          (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 342 (NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) \
          (\"text\" \"html\" NIL NIL NIL \"quoted-printable\" 12 1 NIL NIL NIL NIL) 9 NIL (\"attachment\" \
          (\"filename\" \"a.eml\")) NIL NIL)\
          (\"APPLICATION\" \"PDF\" (\"NAME\" \"x.pdf\") \"<id@x>\" NIL \"BASE64\" 99 NIL (\"ATTACHMENT\" \
          (\"FILENAME*\" \"utf-8''x.pdf\")) (\"en\" \"ja\") NIL) \
          \"mixed\" (\"boundary\" \"=_x\") NIL NIL NIL) X-GM-LABELS (\"\\\\Inbox\" {1}\r\n)) PREVIEW {2}\r\nhi \
          MODSEQ (7))",
    );
    assert_eq!(fetched.preview.as_deref(), Some(&b"hi"[..]));
    assert_eq!(fetched.mod_seq, Some(7));
    let Some(BodyStructure::Multipart(mixed)) = fetched.structure else {
        panic!("no multipart")
    };
    assert_eq!((mixed.subtype.as_str(), mixed.parts.len()), ("mixed", 3));
    let [_, BodyStructure::Leaf(message), BodyStructure::Leaf(pdf)] = &mixed.parts[..] else {
        panic!("other parts")
    };
    let (envelope, inner) = message.message.as_ref().unwrap();
    assert_eq!(envelope.subject.as_deref(), Some(&b"inner"[..]));
    assert!(matches!(inner, BodyStructure::Leaf(leaf) if leaf.subtype == "html"));
    assert_eq!(message.disposition.as_ref().unwrap().kind, "attachment");
    assert_eq!(
        (pdf.kind.as_str(), pdf.encoding.as_str()),
        ("application", "base64")
    );
    assert_eq!(pdf.disposition.as_ref().unwrap().params[0].0, "filename*");
}

#[test]
fn what_cannot_be_read_of_one_message_leaves_the_rest_readable() {
    let deep = "(".repeat(10_000) + &")".repeat(10_000);
    let fetched = fetched(format!(
        "* 3 FETCH (BODYSTRUCTURE {deep} ENVELOPE (1 2) UID 7 BODY[1.2]<0> {{3}}\r\na\0b BINARY[1] ~{{1}}\r\n\0 \
          BODY[header] NIL)"
    ));
    assert_eq!(fetched.structure, None);
    assert_eq!(fetched.envelope, None);
    assert_eq!(fetched.uid.map(u32::from), Some(7));
    assert_eq!(fetched.sections.len(), 2);
    assert_eq!(fetched.sections[0].section, "1.2");
    assert_eq!(fetched.sections[0].origin, Some(0));
    assert_eq!(fetched.sections[0].bytes.as_deref(), Some(&b"a\0b"[..]));
    assert_eq!(fetched.sections[1].section, "HEADER");
    assert_eq!(fetched.sections[1].bytes, None);
}

#[test]
fn nesting_is_read_up_to_the_limit() {
    let nested = |depth: usize| {
        let leaf = "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1)";
        let open = "(".repeat(depth - 1);
        let close = " \"mixed\")".repeat(depth - 1);
        fetched(format!("* 1 FETCH (BODY {open}{leaf}{close})")).structure
    };
    assert!(nested(MAX_DEPTH).is_some());
    assert!(nested(MAX_DEPTH + 1).is_none());
}

#[test]
fn codes_tell_where_messages_went_and_why_something_failed() {
    let code = |line: &str| match read(line) {
        Ok(Response::Done(_, status)) => status.code,
        other => panic!("{other:?}"),
    };
    let set = |text: &str| SequenceSet::parse(text.as_bytes()).unwrap();
    assert_eq!(
        code("a OK [APPENDUID 38505 3955] APPEND completed"),
        Some(Code::AppendUid {
            validity: 38505,
            uids: set("3955")
        })
    );
    assert_eq!(
        code("a OK [COPYUID 38505 304,319:320 3956:3958] Done"),
        Some(Code::CopyUid {
            validity: 38505,
            from: set("304,319:320"),
            to: set("3956:3958")
        })
    );
    assert_eq!(code("a NO [TRYCREATE] no"), Some(Code::TryCreate));
    assert_eq!(code("a NO [nonexistent]"), Some(Code::NonExistent));
    assert_eq!(code("a NO [X"), None);
    assert_eq!(code("a BAD"), None);
    let Ok(Response::UntaggedStatus(bye)) = read("* BYE Too\u{7} long\u{9b} {5}") else {
        panic!("no BYE")
    };
    assert_eq!(
        (bye.kind, bye.text.as_str()),
        (StatusKind::Bye, "Too long {5}")
    );
}

fn responses() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "* ",
        "1 ",
        "FETCH ",
        "(",
        ")",
        " ",
        "\"",
        "\\",
        "NIL",
        "{2}\r\n",
        "{99}\r\n",
        "~{1}\r\n",
        "ENVELOPE ",
        "BODYSTRUCTURE ",
        "BODY[",
        "]",
        "<0>",
        "UID ",
        "FLAGS ",
        "\"text\" ",
        "7 ",
        "LIST ",
        "STATUS ",
        "INBOX ",
        "ESEARCH ",
        "ALL ",
        "1:9 ",
        "SEARCH ",
        "a1 ",
        "OK ",
        "[",
        "COPYUID ",
        "VANISHED ",
        "\u{e9}",
        "PREVIEW ",
        "INTERNALDATE ",
        "&ZeVnLA-",
        "\0",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_response_panics(text in responses()) {
        let _ = read(&text);
        let _ = read(format!("* 1 FETCH (ENVELOPE {text}"));
        let _ = read(format!("* 1 FETCH (BODYSTRUCTURE {text}"));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = read([b"* 1 FETCH (", &bytes[..]].concat());
    }

    #[test]
    fn any_bytes_of_a_message_come_through_whole(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut reader = ResponseReader::new(Limits::after_login(1000));
        reader.push(format!("* 1 FETCH (UID 5 BODY[] {{{}}}\r\n", bytes.len()).as_bytes());
        reader.push(&bytes);
        reader.push(b" FLAGS ())\r\n");
        let frame = reader.next_response().unwrap().unwrap();
        let Ok(Response::Data(Data::Fetch(fetched))) = parse(&frame) else {
            panic!("no FETCH")
        };
        prop_assert_eq!(fetched.sections[0].bytes.as_deref(), Some(&bytes[..]));
        prop_assert_eq!(fetched.flags, Some(vec![]));
    }
}
