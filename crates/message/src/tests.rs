//! Messages as they come, and as they never should.

use proptest::prelude::*;

use crate::*;

const NESTED: &str = "From: a@x\r\nSubject: outer\r\nContent-Type: multipart/mixed; boundary=\"out er\"\r\n\r\npreamble\r\n--out er\r\n\r\nfirst\r\nlines\r\n\
    --out er\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>\r\n--in--\r\n\
    --out er\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: attachment; filename=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n\
    --out er--\r\nepilogue\r\n";

fn text(message: &str, part: &[u32], text: SectionText<'_>) -> Option<String> {
    let parsed = Parsed::new(message.as_bytes());
    parsed
        .section(part, text)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn every_part_of_a_nested_message_has_its_number() {
    let whole = |part: &[u32]| text(NESTED, part, SectionText::Whole);
    assert_eq!(whole(&[]).as_deref(), Some(NESTED));
    assert_eq!(whole(&[1]).as_deref(), Some("first\r\nlines"));
    assert_eq!(whole(&[2, 1]).as_deref(), Some("plain"));
    assert_eq!(whole(&[2, 2]).as_deref(), Some("<p>"));
    assert_eq!(whole(&[3]).as_deref(), Some("AAAA"));
    for missing in [&[0][..], &[4], &[1, 1], &[2, 3], &[2, 1, 1], &[3, 1]] {
        assert_eq!(whole(missing), None, "{missing:?}");
    }
    assert_eq!(
        text(NESTED, &[2, 2], SectionText::Mime).as_deref(),
        Some("Content-Type: text/html\r\n\r\n")
    );
    assert_eq!(
        text(NESTED, &[2], SectionText::HeaderFields(&[b"SUBJECT"])).as_deref(),
        Some("Subject: inner\r\n\r\n")
    );
    assert_eq!(
        text(
            NESTED,
            &[],
            SectionText::HeaderFieldsNot(&[b"subject", b"content-type"])
        )
        .as_deref(),
        Some("From: a@x\r\n\r\n")
    );
    assert_eq!(text(NESTED, &[1], SectionText::Header), None);
    assert_eq!(text(NESTED, &[], SectionText::Mime), None);
}

#[test]
fn a_message_without_parts_is_its_own_part_one() {
    let message = "Subject: s\r\n\r\nbody\r\n";
    assert_eq!(
        text(message, &[1], SectionText::Whole).as_deref(),
        Some("body\r\n")
    );
    assert_eq!(
        text(message, &[], SectionText::Text).as_deref(),
        Some("body\r\n")
    );
    assert_eq!(
        text(message, &[1], SectionText::Mime).as_deref(),
        Some("Subject: s\r\n\r\n")
    );
    assert_eq!(text(message, &[1, 1], SectionText::Whole), None);
}

#[test]
fn parts_are_found_though_their_boundary_is_not_named() {
    for kind in [
        "multipart/mixed",
        "multipart/mixed; boundary=x",
        "multipart/mixed; boundary=\"\"",
    ] {
        let message = format!(
            "Content-Type: {kind}\r\n\r\npreamble\r\n--A\r\nContent-Type: text/plain\r\n\r\none\r\n--A--\r\n"
        );
        let parsed = Parsed::new(message.as_bytes());
        assert_eq!(parsed.preview(), "one", "{kind}");
        assert_eq!(parsed.parts().len(), 2, "{kind}");
    }
    let message = "Content-Type: multipart/mixed; boundary=x\r\n\r\nno part\r\n";
    let parsed = Parsed::new(message.as_bytes());
    assert_eq!(parsed.preview(), "no part");
    assert!(parsed.parts()[0].is_partless);
    assert_eq!(
        text(message, &[1], SectionText::Whole).as_deref(),
        Some("no part\r\n")
    );
}

#[test]
fn hostile_messages_stay_within_limits() {
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
    assert!(Parsed::new(deep.as_bytes()).parts.len() <= MAX_DEPTH);
    let nested: String = (0..2_000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .collect();
    let parsed = Parsed::new(nested.as_bytes());
    assert!(parsed.parts.len() <= MAX_DEPTH);
    let wide = format!(
        "Content-Type: multipart/digest; boundary=b\r\n\r\n{}",
        "--b\r\n".repeat(100_000)
    );
    let parsed = Parsed::new(wide.as_bytes());
    assert_eq!(parsed.parts.len(), MAX_PARTS);
    let long = format!("Subject: {}\r\n\r\nbody", "x".repeat(10 << 20));
    let parsed = Parsed::new(long.as_bytes());
    assert_eq!(
        parsed.section(&[1], SectionText::Whole).as_deref(),
        Some(&b"body"[..])
    );
    assert!(words::field(parsed.header(), b"Subject").len() <= 64 << 10);
}

/// Pieces that messages are made of, so that chance finds the odd ways to join them.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: text/html; charset=iso-2022-jp\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "From: \"a\" <a@x>, (c) b: d@;\r\n",
        "Subject: =?utf-8?Q?=E4=BC?= =?iso-2022-jp?B?GyRC?=\r\n",
        "\r\n",
        "\n",
        "--b\r\n",
        "--b--\r\n",
        "--b",
        "\x1b$B",
        "<a href=\"&#x110000;\">&amp",
        "text",
    ]);
    let noise = prop::collection::vec(any::<u8>(), 0..8);
    let part = prop_oneof![8 => piece.prop_map(|piece| piece.as_bytes().to_vec()), 1 => noise];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_bytes_panic_and_parts_lie_within_the_message(bytes in pieces()) {
        let parsed = Parsed::new(&bytes);
        for part in &parsed.parts {
            prop_assert!(part.header.start <= part.header.end && part.header.end <= part.body.start);
            prop_assert!(part.body.start <= part.body.end && part.body.end <= bytes.len());
            let breaks = bytes[part.body.clone()].iter().filter(|&&byte| byte == b'\n').count();
            prop_assert_eq!(part.lines, breaks);
        }
        prop_assert!(parsed.preview().chars().count() <= 200);
        prop_assert!(parsed.searchable_text(0).trim().is_empty());
        let _ = parsed.searchable_text(1 << 20);
        for path in [&[1][..], &[1, 1], &[2], &[1, 2, 1]] {
            let whole = parsed.section(path, SectionText::Whole);
            let header = parsed.section(path, SectionText::Header);
            prop_assert!(whole.is_some() || header.is_none());
        }
    }
}
