//! Address lists as programs and people write them.

use proptest::prelude::*;

use super::*;

fn address(name: &str, mailbox: &str, host: &str) -> Entry {
    Entry::Address {
        name: (!name.is_empty()).then(|| name.as_bytes().to_vec()),
        route: None,
        mailbox: mailbox.as_bytes().to_vec(),
        host: host.as_bytes().to_vec(),
    }
}

#[test]
fn addresses_are_read_in_all_their_forms() {
    let field = br#"a@x, "B, b" <b@y>, c@z (Cee), Dee  Dee <@r1,@r2:d@w>, =?utf-8?B?44GC?= <e@v>"#;
    let expected = [
        address("", "a", "x"),
        address("B, b", "b", "y"),
        address("Cee", "c", "z"),
        Entry::Address {
            name: Some(b"Dee Dee".to_vec()),
            route: Some(b"@r1,@r2".to_vec()),
            mailbox: b"d".to_vec(),
            host: b"w".to_vec(),
        },
        address("=?utf-8?B?44GC?=", "e", "v"),
    ];
    assert_eq!(parse(field), expected);
    assert_eq!(parse(b"\"a  b\" @ x"), [address("", "a  b", "x")]);
}

#[test]
fn groups_begin_and_end() {
    let expected = [
        Entry::Group(b"Team".to_vec()),
        address("", "a", "x"),
        address("", "b", "x"),
        Entry::GroupEnd,
        address("", "c", "x"),
    ];
    assert_eq!(parse(b"Team: a@x, b@x;, c@x"), expected);
    let nobody = [
        Entry::Group(b"undisclosed-recipients".to_vec()),
        Entry::GroupEnd,
    ];
    assert_eq!(parse(b"undisclosed-recipients:;"), nobody);
}

#[test]
fn names_are_read_though_nobody_quoted_them() {
    for (field, expected) in [
        (
            &b"YAMADA, Taro <ty@x>"[..],
            vec![address("YAMADA, Taro", "ty", "x")],
        ),
        (
            b"YAMADA, Taro, Dr. <ty@x>, b@y, SUZUKI, Jiro <sj@z>",
            vec![
                address("YAMADA, Taro, Dr.", "ty", "x"),
                address("", "b", "y"),
                address("SUZUKI, Jiro", "sj", "z"),
            ],
        ),
        (
            b"J. R. (Bob) Smith <j@x>",
            vec![address("J. R. Smith", "j", "x")],
        ),
        (
            "山田 太郎 y@x".as_bytes(),
            vec![address("山田 太郎", "y", "x")],
        ),
        (
            b"joe . q @ x . example",
            vec![address("", "joe.q", "x.example")],
        ),
        (
            b"ha..ha.24.@docomo.ne.jp",
            vec![address("", "ha..ha.24.", "docomo.ne.jp")],
        ),
        (
            b"<\"ha..\"@docomo.ne.jp>",
            vec![address("", "ha..", "docomo.ne.jp")],
        ),
        (
            b"=?utf-8?Q?Yamada,_T?= <t@x>",
            vec![address("=?utf-8?Q?Yamada,_T?=", "t", "x")],
        ),
        // Characters of ISO-2022-JP contain the bytes of quotes, commas and brackets; those of Shift_JIS, the byte of
        // the backslash.
        (
            b"\x1b$B;3ED\x1b(B \x1b$BB@O:\x1b(B <y@x>",
            vec![address("山田 太郎", "y", "x")],
        ),
        (
            b"\"\x97\x5c\x92\xe8\x95\x5c\" <y@x>",
            vec![address("予定表", "y", "x")],
        ),
    ] {
        assert_eq!(parse(field), expected, "{}", field.escape_ascii());
    }
}

#[test]
fn broken_lists_are_read_as_far_as_they_go() {
    assert_eq!(parse(b""), []);
    assert_eq!(parse(b"<a@x"), [address("", "a", "x")]);
    assert_eq!(parse(b"nobody"), [address("", "nobody", "")]);
    assert_eq!(
        parse(b"nobody, somebody, a@x"),
        [
            address("", "nobody", ""),
            address("", "somebody", ""),
            address("", "a", "x")
        ]
    );
    assert_eq!(
        parse(b"\"open <a@x>, b@y"),
        [address("open", "a", "x"), address("", "b", "y")]
    );
    assert_eq!(parse(b"a@x (open"), [address("", "a", "x(open")]);
}

#[test]
fn what_never_ends_is_read_in_one_go() {
    for piece in ["\"\\\"", "(\\)", "=?a?Q?", "a,", "<"] {
        let _ = parse(piece.repeat(200_000).as_bytes());
    }
}

#[test]
fn senders_are_read_in_the_forms_that_people_use() {
    for value in [
        "a@kit.example",
        "<a@kit.example>",
        "Alice <a@kit.example>",
        "\"Alice, A. <x@y.example>\" <a@kit.example>",
        "=?utf-8?B?44GC?= <a@kit.example>",
        "a@kit.example (Alice \\( x@y.example)",
    ] {
        let read = sure(value.as_bytes());
        assert_eq!(read, Some(vec!["a@kit.example".to_owned()]), "{value}");
    }
    let two = sure(b"a@kit.example, Bob <b@kit.example>");
    assert_eq!(two.map(|t| t.len()), Some(2));
}

#[test]
fn senders_that_could_be_read_in_two_ways_are_not_read() {
    for value in [
        &b""[..],
        b"Alice",
        b"<x@y.example> <a@kit.example>",
        b"<x@y.example> a@kit.example",
        b"a@kit.example <x@y.example",
        b"x@y.example> <a@kit.example>",
        b"group: a@kit.example;",
        b"<@y.example:a@kit.example>",
        b"\"x@y.example\"@kit.example",
        b"\"a\"@kit.example",
        b"a@kit.example, ",
        b", a@kit.example",
        b"a@kit.example (open",
        b"a b@kit.example",
        b"Alice, A. <a@kit.example>",
        b"\"Alice <a@kit.example>",
        b"=?utf-8?Q?<x@y.example>?= <a@kit.example>",
        // The second byte of a kanji is a quote to readers that don't know the charset; to those that do, it ends
        // nothing.
        b"\"\x1b$B\"!\x1b(B <x@y.example>, \" <a@kit.example>",
    ] {
        assert_eq!(sure(value), None, "{}", value.escape_ascii());
    }
}

proptest! {
    #[test]
    fn what_is_sure_is_what_is_read(pieces in prop::collection::vec(prop::sample::select(vec![
        "a", "@", "x.y", "<", ">", "\"", "(", ")", ",", ";", ":", " ", "\\", "=?utf-8?Q?a?=", "\u{1b}$B\"", "会",
    ]), 0..20)) {
        let field = pieces.concat();
        let entries = parse(field.as_bytes());
        if let Some(all) = sure(field.as_bytes()) {
            prop_assert_eq!(addresses(&entries), Some(all));
        }
    }

    #[test]
    fn typed_lists_lose_nothing(pieces in prop::collection::vec(prop::sample::select(vec![
        "a", "@", "x.y", "<", ">", "\"", ",", "；", "\n", " ", "\\", "花子", "＜",
    ]), 0..20)) {
        let typed_list = pieces.concat();
        for item in typed(&typed_list) {
            prop_assert!(!item.text.trim().is_empty());
        }
    }
}
