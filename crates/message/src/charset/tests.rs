//! Text in every charset that it comes in, with the right label, a wrong one and none.

use proptest::prelude::*;

use super::*;

fn read(label: &str, bytes: &[u8]) -> (String, bool) {
    let label = (!label.is_empty()).then_some(label.as_bytes());
    let decoded = decode(label, bytes);
    (decoded.text, decoded.doubt == Some(Doubt::Damaged))
}

#[test]
fn japanese_is_read_in_every_charset_it_is_written_in() {
    let euc = b"\xb2\xf1\xb5\xc4";
    let sjis = b"\x89\xef\x8bc";
    let jis = b"\x1b$B2q5D\x1b(B";
    let utf8 = "会議".as_bytes();
    for (bytes, label) in [
        (&euc[..], "EUC-JP"),
        (euc, "eucJP-ms"),
        (euc, "\"euc-jp\""),
        (euc, ""),
        (euc, "us-ascii"),
        (sjis, "shift_jis"),
        (sjis, "cp932"),
        (sjis, "CP932*ja"),
        (sjis, "Windows-31J"),
        (sjis, "x-sjis"),
        (sjis, ""),
        (sjis, "iso-2022-jp"),
        (jis, "ISO-2022-JP"),
        (jis, "ISO-2022-JP-MS"),
        (jis, "us-ascii"),
        (jis, "utf-8"),
        (jis, "shift_jis"),
        (jis, ""),
        (utf8, "utf-8"),
        (utf8, "us-ascii"),
        (utf8, "iso-8859-1"),
        (utf8, "iso-2022-jp"),
        (utf8, "  "),
        (b"+TxqLcA-", "utf-7"),
        (b"+TxqLcA", "unicode-1-1-utf-7"),
    ] {
        assert_eq!(read(label, bytes), ("会議".to_owned(), false), "{label:?}");
    }
}

#[test]
fn jis_is_read_with_whatever_its_programs_wrote() {
    for (bytes, text) in [
        // An escape behind an escape, as joined encoded words have.
        (
            &b"\x1b$B2q5D$N\x1b(B\x1b$B$*CN$i$;\x1b(B"[..],
            "会議のお知らせ",
        ),
        (b"\x1b$B2q\x1b$B5D\x1b(B", "会議"),
        // No escape back before the line ends.
        (b"\x1b$B2q5D\r\nabc", "会議\r\nabc"),
        (b"\x1b$@2q5D\x1b(J!\x1b(B", "会議!"),
        // Half-width kana: designated, shifted, in eight bits.
        (b"\x1b(I6]\x1b(B", "ｶﾝ"),
        (b"\x1b(B\x0e6]\x0f", "ｶﾝ"),
        (b"\x1b(B\xb6\xdd", "ｶﾝ"),
        // NEC's and IBM's characters, JIS X 0212, private ones, ISO-2022-JP-2's neighbours.
        (b"\x1b$B-!\x1b(B", "①"),
        (b"\x1b$B|q\x1b(B", "ⅰ"),
        (b"\x1b$(D0!\x1b(B", "丂"),
        (b"\x1b$(?!!\x1b(B", "\u{e000}"),
        (b"\x1b$AVP\x1b(B", "中"),
        (b"\x1b$(CGQ\x1b(B", "한"),
        (b"\x1b$)C\x0eGQ\x0f", "한"),
        // An announcer.
        (b"\x1b&@\x1b$B2q5D\x1b(B", "会議"),
    ] {
        assert_eq!(
            read("iso-2022-jp", bytes),
            (text.to_owned(), false),
            "{text}"
        );
        assert_eq!(read("", bytes).0, text, "{text}");
    }
}

#[test]
fn one_wrong_byte_spoils_nothing_else() {
    let utf8 = ["会議のお知らせです。".as_bytes(), b"\x81 end"].concat();
    let cut = "会議のお知らせ".as_bytes();
    let cut = &cut[..cut.len() - 1];
    for label in [
        "utf-8",
        "us-ascii",
        "",
        "iso-2022-jp",
        "shift_jis",
        "x-nobody",
    ] {
        assert_eq!(
            read(label, &utf8).0,
            "会議のお知らせです。\u{fffd} end",
            "{label}"
        );
        assert_eq!(read(label, cut).0, "会議のお知ら\u{fffd}", "{label}");
    }
    assert_eq!(read("utf-8", "会\u{81}x".as_bytes()).0, "会\u{81}x");
    assert_eq!(
        read("utf-8", b"\xe4\xbc\x9a\x81"),
        ("会\u{fffd}".to_owned(), true)
    );
    assert!(read("utf-8", &utf8).1 && read("", cut).1);
    let sjis = SHIFT_JIS.encode("会議のお知らせです。").0;
    let sjis = [&sjis[..], b"\xff end"].concat();
    assert_eq!(
        read("shift_jis", &sjis).0,
        "会議のお知らせです。\u{fffd} end"
    );
    assert_eq!(read("", &sjis).0, "会議のお知らせです。\u{fffd} end");
    let euc = EUC_JP.encode("会議のお知らせです。").0;
    let euc = [&euc[..], b"\xff end"].concat();
    assert_eq!(read("euc-jp", &euc).0, "会議のお知らせです。\u{fffd} end");
    assert_eq!(
        read("iso-2022-jp", b"\x1b$B2q5"),
        ("会\u{fffd}".to_owned(), true)
    );
}

#[test]
fn western_text_is_read_under_any_label() {
    for label in ["iso-8859-1", "windows-1252", "utf-8", "us-ascii", ""] {
        assert_eq!(
            read(label, b"caf\xe9s \xe0 la carte"),
            ("cafés à la carte".to_owned(), false),
            "{label}"
        );
    }
    assert_eq!(
        read("utf-7", b"1 +- 1, +AKM-1, a+b"),
        ("1 + 1, £1, a+b".to_owned(), false)
    );
}

#[test]
fn an_unknown_charset_is_read_all_the_same_and_said() {
    let decoded = decode(Some(b"x-klingon"), "会議".as_bytes());
    assert_eq!(decoded.text, "会議");
    assert_eq!(
        decoded.doubt,
        Some(Doubt::UnknownCharset("x-klingon".to_owned()))
    );
}

#[test]
fn html_may_name_its_charset_itself() {
    let html = b"<html><head><meta charset='shift_jis'></head>\x89\xef\x8bc";
    for label in [None, Some(&b"us-ascii"[..])] {
        assert!(decode_html(label, html).text.ends_with("会議"));
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(
        label in prop::sample::select(vec!["", "utf-8", "iso-2022-jp", "utf-7", "shift_jis", "euc-jp", "iso-8859-1", "utf-16", "x"]),
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(vec!["\x1b$B", "\x1b(B", "\x1b$)C", "\x0e", "+", "-", "2q"]).prop_map(|piece| piece.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..6),
        ], 0..20),
    ) {
        let bytes = pieces.concat();
        let (text, _) = read(label, &bytes);
        prop_assert!(text.len() <= 3 * bytes.len());
        let _ = decode_html(Some(label.as_bytes()), &bytes);
    }
}
