//! ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501, section 7.4.2). Strings are sent raw, encoded words and all.

use sekisho_imap::encode::nstring;

use super::Parsed;
use super::address::{self, Entry};
use super::header::{Header, ParameterizedValue};
use super::scan::{Kind, Part, content_type};

impl Parsed<'_> {
    /// ENVELOPE, as it goes over the wire.
    #[must_use]
    pub fn envelope(&self) -> Vec<u8> {
        let mut out = Vec::new();
        envelope(&mut out, self.header(&self.parts[0]));
        out
    }

    /// BODY, as it goes over the wire.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.describe(&mut out, 0, false);
        out
    }

    /// BODYSTRUCTURE, as it goes over the wire.
    #[must_use]
    pub fn structure(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.describe(&mut out, 0, true);
        out
    }

    fn header(&self, part: &Part) -> Header<'_> {
        Header::new(&self.bytes[part.header.clone()])
    }

    /// Parts nest at most [`super::MAX_DEPTH`] deep, and so do these calls.
    fn describe(&self, out: &mut Vec<u8>, index: usize, extended: bool) {
        let part = &self.parts[index];
        let header = self.header(part);
        let kind = content_type(&header);
        out.push(b'(');
        match &part.kind {
            Kind::Multipart(children) => {
                if children.is_empty() {
                    // The grammar wants a part; a multipart whose boundary never comes has none.
                    out.extend_from_slice(
                        br#"("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0)"#,
                    );
                }
                for &child in children {
                    self.describe(out, child, extended);
                }
                out.push(b' ');
                let sub = kind
                    .as_ref()
                    .and_then(|kind| kind.halves())
                    .map(|halves| halves.1);
                upper(out, sub.unwrap_or(b"MIXED"));
                if extended {
                    out.push(b' ');
                    parameters(out, kind.as_ref());
                    extension(out, header);
                }
            }
            Kind::Leaf | Kind::Message(_) => {
                self.single(out, part, header, kind.as_ref(), extended);
                if extended {
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
        extended: bool,
    ) {
        let (main, sub): (&[u8], &[u8]) =
            match (&part.kind, kind.and_then(ParameterizedValue::halves)) {
                (Kind::Message(_), _) => (b"MESSAGE", b"RFC822"),
                // A leaf that claims to be a whole message has the grammar of one, which it can't follow: it is encoded, or too deep.
                (_, Some((main, sub)))
                    if main.eq_ignore_ascii_case(b"message")
                        && [&b"rfc822"[..], b"global"]
                            .iter()
                            .any(|whole| sub.eq_ignore_ascii_case(whole)) =>
                {
                    (b"APPLICATION", b"OCTET-STREAM")
                }
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
        if main.eq_ignore_ascii_case(b"TEXT") {
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
            envelope(out, self.header(&self.parts[inner]));
            out.push(b' ');
            self.describe(out, inner, extended);
        }
        if matches!(part.kind, Kind::Message(_)) || main.eq_ignore_ascii_case(b"TEXT") {
            out.extend_from_slice(format!(" {}", part.lines).as_bytes());
        }
    }
}

fn envelope(out: &mut Vec<u8>, header: Header<'_>) {
    out.push(b'(');
    for name in [&b"Date"[..], b"Subject"] {
        nstring(out, header.find(name).as_deref());
        out.push(b' ');
    }
    let from = header.find(b"From");
    addresses(out, from.as_deref());
    // Sender and Reply-To are From where they are missing or empty.
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

fn addresses(out: &mut Vec<u8>, field: Option<&[u8]>) {
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
        nstring(out, name);
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
    if parameters.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    for (index, (name, value)) in parameters.iter().enumerate() {
        out.push(if index == 0 { b'(' } else { b' ' });
        upper(out, name);
        out.push(b' ');
        nstring(out, Some(value));
    }
    out.push(b')');
}

/// Words of the grammar, in upper case as most servers send them.
fn upper(out: &mut Vec<u8>, word: &[u8]) {
    nstring(out, Some(&word.to_ascii_uppercase()));
}
