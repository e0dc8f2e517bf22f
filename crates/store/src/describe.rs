//! ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501, section 7.4.2). Strings are sent as they are in the message, encoded
//! words and all. Only text in a charset that a client would have to guess is turned into encoded words.

use std::borrow::Cow;

use sekisho_imap::encode::nstring;
use sekisho_message::address::{self, Entry};
use sekisho_message::header::{Header, ParameterizedValue};
use sekisho_message::scan::{Kind, Part, content_type};
use sekisho_message::{Parsed, encoded_word, write};

/// ENVELOPE, as it goes over the wire.
#[must_use]
pub fn envelope(message: &Parsed<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_envelope(&mut out, message.header());
    out
}

/// BODY, as it goes over the wire.
#[must_use]
pub fn body(message: &Parsed<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    Description {
        message,
        extended: false,
    }
    .part(&mut out, 0);
    out
}

/// BODYSTRUCTURE, as it goes over the wire.
#[must_use]
pub fn structure(message: &Parsed<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    Description {
        message,
        extended: true,
    }
    .part(&mut out, 0);
    out
}

/// A message being described, with or without the extension data of BODYSTRUCTURE.
struct Description<'a> {
    message: &'a Parsed<'a>,
    extended: bool,
}

impl Description<'_> {
    /// Recursion is bounded: parts nest at most [`sekisho_message::MAX_DEPTH`] deep.
    fn part(&self, out: &mut Vec<u8>, index: usize) {
        let part = &self.message.parts()[index];
        let header = self.message.header_of(part);
        let kind = content_type(&header);
        out.push(b'(');
        match &part.kind {
            Kind::Multipart(children) => {
                for &child in children {
                    self.part(out, child);
                }
                out.push(b' ');
                let sub = kind
                    .as_ref()
                    .and_then(|kind| kind.halves())
                    .map(|halves| halves.1);
                upper(out, sub.unwrap_or(b"MIXED"));
                if self.extended {
                    out.push(b' ');
                    parameters(out, kind.as_ref());
                    extension(out, header);
                }
            }
            Kind::Leaf | Kind::Message(_) => {
                self.single(out, part, header, kind.as_ref());
                if self.extended {
                    out.push(b' ');
                    nstring(out, header.find(b"Content-MD5").as_deref());
                    extension(out, header);
                }
            }
        }
        out.push(b')');
    }

    fn single(
        &self,
        out: &mut Vec<u8>,
        part: &Part,
        header: Header<'_>,
        kind: Option<&ParameterizedValue>,
    ) {
        let (main, sub): (&[u8], &[u8]) =
            match (&part.kind, kind.and_then(ParameterizedValue::halves)) {
                (Kind::Message(_), _) => (b"MESSAGE", b"RFC822"),
                // A part that claims to be a message but was not read as one (it is encoded, or too deep) can't be
                // described by the grammar of `message/rfc822`, which wants an envelope.
                (_, Some((main, sub)))
                    if main.eq_ignore_ascii_case(b"message")
                        && [&b"rfc822"[..], b"global"]
                            .iter()
                            .any(|whole| sub.eq_ignore_ascii_case(whole)) =>
                {
                    (b"APPLICATION", b"OCTET-STREAM")
                }
                _ if part.is_partless => (b"TEXT", b"PLAIN"),
                (_, Some((main, _))) if main.eq_ignore_ascii_case(b"multipart") => {
                    (b"APPLICATION", b"OCTET-STREAM")
                }
                (_, Some(halves)) => halves,
                (_, None) if part.in_digest => (b"APPLICATION", b"OCTET-STREAM"),
                (_, None) => (b"TEXT", b"PLAIN"),
            };
        upper(out, main);
        out.push(b' ');
        upper(out, sub);
        out.push(b' ');
        if part.is_partless {
            with_charset(out, None);
        } else if main.eq_ignore_ascii_case(b"TEXT") {
            with_charset(out, kind);
        } else {
            parameters(out, kind);
        }
        for name in [&b"Content-ID"[..], b"Content-Description"] {
            out.push(b' ');
            nstring(out, header.find(name).as_deref());
        }
        out.push(b' ');
        let encoding = header.find(b"Content-Transfer-Encoding");
        let encoding = encoding.as_deref().filter(|encoding| !encoding.is_empty());
        upper(out, encoding.unwrap_or(b"7BIT"));
        out.extend_from_slice(format!(" {}", part.body.len()).as_bytes());
        if let Kind::Message(inner) = part.kind {
            out.push(b' ');
            write_envelope(out, self.message.header_of(&self.message.parts()[inner]));
            out.push(b' ');
            self.part(out, inner);
        }
        if matches!(part.kind, Kind::Message(_)) || main.eq_ignore_ascii_case(b"TEXT") {
            out.extend_from_slice(format!(" {}", part.lines).as_bytes());
        }
    }
}

fn write_envelope(out: &mut Vec<u8>, header: Header<'_>) {
    out.push(b'(');
    nstring(out, header.find(b"Date").as_deref());
    out.push(b' ');
    let subject = header.find(b"Subject");
    nstring(out, subject.as_deref().map(in_words).as_deref());
    out.push(b' ');
    let from = header.find(b"From");
    addresses(out, from.as_deref());
    // Sender and Reply-To default to From where they are missing or empty.
    for name in [&b"Sender"[..], b"Reply-To"] {
        out.push(b' ');
        let own = header
            .find(name)
            .filter(|field| !address::parse(field).is_empty());
        addresses(out, own.as_deref().or(from.as_deref()));
    }
    for name in [&b"To"[..], b"Cc", b"Bcc"] {
        out.push(b' ');
        let all: Vec<Vec<u8>> = header.all(name).collect();
        addresses(
            out,
            (!all.is_empty()).then(|| all.join(&b", "[..])).as_deref(),
        );
    }
    for name in [&b"In-Reply-To"[..], b"Message-ID"] {
        out.push(b' ');
        nstring(out, header.find(name).as_deref());
    }
    out.push(b')');
}

/// Text in a charset that a client can't know, such as raw Shift_JIS, becomes encoded words; all other text stays as it
/// is.
fn in_words(raw: &[u8]) -> Cow<'_, [u8]> {
    match encoded_word::readable(raw) {
        Cow::Borrowed(raw) => raw.into(),
        Cow::Owned(text) => words_of(&text).into(),
    }
}

fn words_of(text: &[u8]) -> Vec<u8> {
    let text = write::unstructured(&String::from_utf8_lossy(text));
    text.replace("\r\n", "").into_bytes()
}

fn addresses(out: &mut Vec<u8>, field: Option<&[u8]>) {
    let is_told = field.is_none_or(|field| *encoded_word::readable(field) == *field);
    let entries = field.map(address::parse).unwrap_or_default();
    if entries.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for entry in entries {
        let (name, route, mailbox, host) = match &entry {
            Entry::Address {
                name,
                route,
                mailbox,
                host,
            } => (
                name.as_deref(),
                route.as_deref(),
                Some(&mailbox[..]),
                Some(&host[..]),
            ),
            Entry::Group(name) => (None, None, Some(&name[..]), None),
            Entry::GroupEnd => (None, None, None, None),
        };
        out.push(b'(');
        match name {
            Some(name) if !is_told && !name.is_ascii() => nstring(out, Some(&words_of(name))),
            name => nstring(out, name),
        }
        out.push(b' ');
        nstring(out, route);
        out.push(b' ');
        nstring(out, mailbox);
        out.push(b' ');
        nstring(out, host);
        out.push(b')');
    }
    out.push(b')');
}

/// Disposition, language, location.
fn extension(out: &mut Vec<u8>, header: Header<'_>) {
    out.push(b' ');
    match header
        .find(b"Content-Disposition")
        .map(|field| ParameterizedValue::parse(&field))
    {
        Some(disposition) if !disposition.value.is_empty() => {
            out.push(b'(');
            // Where the semicolon is missing, the first word is the disposition.
            let word = disposition.value.split(u8::is_ascii_whitespace).next();
            upper(out, word.unwrap_or_default());
            out.push(b' ');
            parameters(out, Some(&disposition));
            out.push(b')');
        }
        _ => out.extend_from_slice(b"NIL"),
    }
    out.push(b' ');
    languages(out, header.find(b"Content-Language").as_deref());
    out.push(b' ');
    nstring(out, header.find(b"Content-Location").as_deref());
}

/// The languages of a part (RFC 3282), as a list.
fn languages(out: &mut Vec<u8>, field: Option<&[u8]>) {
    let tags = field.unwrap_or_default().split(|byte| *byte == b',');
    let tags = tags.map(<[u8]>::trim_ascii).filter(|tag| !tag.is_empty());
    let mut open = b'(';
    for tag in tags {
        out.push(open);
        open = b' ';
        nstring(out, Some(tag));
    }
    out.extend_from_slice(if open == b'(' { b"NIL" } else { b")" });
}

/// The parameters of a text; one that names no charset is in US-ASCII (RFC 2045, section 5.2).
fn with_charset(out: &mut Vec<u8>, kind: Option<&ParameterizedValue>) {
    let named = kind.is_some_and(|kind| kind.parameter(b"charset").is_some());
    if named {
        return parameters(out, kind);
    }
    let mut kind = kind.cloned().unwrap_or_default();
    let charset = (b"CHARSET".to_vec(), b"US-ASCII".to_vec());
    kind.parameters.push(charset);
    parameters(out, Some(&kind));
}

fn parameters(out: &mut Vec<u8>, value: Option<&ParameterizedValue>) {
    let parameters = value.map(|value| &value.parameters[..]).unwrap_or_default();
    let is_transcribed = value.is_some_and(|value| value.is_transcribed);
    if parameters.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    for (index, (name, value)) in parameters.iter().enumerate() {
        out.push(if index == 0 { b'(' } else { b' ' });
        upper(out, name);
        out.push(b' ');
        let is_raw = is_transcribed && !value.is_ascii();
        let words = if is_raw {
            words_of(value)
        } else {
            value.clone()
        };
        nstring(out, Some(&words));
    }
    out.push(b')');
}

/// Words of the grammar, in upper case as most servers send them.
fn upper(out: &mut Vec<u8>, word: &[u8]) {
    nstring(out, Some(&word.to_ascii_uppercase()));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sekisho_message::MAX_HEADER;

    use super::*;

    /// Pieces that messages are made of, so that chance finds the odd ways to join them.
    const PIECES: &[&str] = &[
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
    ];

    const NESTED: &str = "From: a@x\r\nSubject: outer\r\nContent-Type: multipart/mixed; boundary=\"out er\"\r\n\r\npreamble\r\n--out er\r\n\r\nfirst\r\nlines\r\n\
        --out er\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>\r\n--in--\r\n\
        --out er\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: attachment; filename=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n\
        --out er--\r\nepilogue\r\n";

    #[test]
    fn the_structure_of_a_nested_message_is_told_as_the_grammar_wants() {
        let parsed = Parsed::new(NESTED.as_bytes());
        let expected = concat!(
            r#"(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 12 1)"#,
            r#"("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 201 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) "#,
            r#"(("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "8BIT" 5 0)("TEXT" "HTML" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3 0) "ALTERNATIVE") 12)"#,
            r#"("IMAGE" "PNG" ("NAME" "a.png") NIL NIL "BASE64" 4) "MIXED")"#,
        );
        assert_eq!(String::from_utf8_lossy(&body(&parsed)), expected);
        let told = structure(&parsed);
        let told = String::from_utf8_lossy(&told);
        assert!(
            told.ends_with(
                r#"("IMAGE" "PNG" ("NAME" "a.png") NIL NIL "BASE64" 4 NIL ("ATTACHMENT" ("FILENAME" "a.png")) NIL NIL) "MIXED" ("BOUNDARY" "out er") NIL NIL NIL)"#
            ),
            "{told}"
        );
    }

    /// RFC 9051, section 9: `body-type-basic` is none of a whole message.
    #[test]
    fn an_encoded_message_is_told_as_bytes() {
        for kind in ["rfc822", "global"] {
            let message = format!(
                "Content-Type: message/{kind}\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQo=\r\n"
            );
            let told = structure(&Parsed::new(message.as_bytes()));
            assert!(
                told.starts_with(br#"("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BASE64" 22 "#),
                "{}",
                String::from_utf8_lossy(&told)
            );
        }
    }

    #[test]
    fn the_envelope_keeps_encoded_words_and_fills_in_the_sender() {
        let message = "Date: Tue, 1 Jul 2025 08:30:00 +0900\r\nFrom: =?utf-8?B?44GC?= <a@x>\r\nTo: Team: b@y;\r\nCc:\r\n\
                       Subject: two\r\n lines \"q\"\r\nMessage-ID: <1@x>\r\n\r\n";
        let told = envelope(&Parsed::new(message.as_bytes()));
        assert_eq!(
            String::from_utf8_lossy(&told),
            concat!(
                r#"("Tue, 1 Jul 2025 08:30:00 +0900" "two lines \"q\"" (("=?utf-8?B?44GC?=" NIL "a" "x")) "#,
                r#"(("=?utf-8?B?44GC?=" NIL "a" "x")) (("=?utf-8?B?44GC?=" NIL "a" "x")) "#,
                r#"((NIL NIL "Team" NIL)(NIL NIL "b" "y")(NIL NIL NIL NIL)) NIL NIL NIL "<1@x>")"#,
            )
        );
    }

    #[test]
    fn hostile_messages_are_described_within_limits() {
        let nested: String = (0..2_000)
            .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
            .collect();
        assert!(!structure(&Parsed::new(nested.as_bytes())).is_empty());
        let wide = format!(
            "Content-Type: multipart/digest; boundary=b\r\n\r\n{}",
            "--b\r\n".repeat(100_000)
        );
        assert!(!structure(&Parsed::new(wide.as_bytes())).is_empty());
        let long = format!("Subject: {}\r\n\r\nbody", "x".repeat(10 << 20));
        assert!(envelope(&Parsed::new(long.as_bytes())).len() <= MAX_HEADER + 200);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(prop_oneof![
            prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..8),
        ], 0..40)) {
            let bytes = bytes.concat();
            let parsed = Parsed::new(&bytes);
            prop_assert!(!structure(&parsed).is_empty() && !body(&parsed).is_empty());
            prop_assert!(!envelope(&parsed).is_empty());
        }
    }
}
