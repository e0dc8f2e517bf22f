//! The header of a message that is handed in to be sent, read strictly (RFC 5322): what two readers could read differently is refused.

use std::borrow::Cow;

/// The largest header of a message handed in, in bytes.
const LARGEST: usize = 256 << 10;

/// The fields of a message's header, in their order.
pub struct Header<'a> {
    /// The fields.
    pub fields: Vec<Field<'a>>,
    /// What follows them: the empty line and the body, or nothing.
    pub rest: &'a [u8],
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    name: &'a str,
    /// All of it, with its line ends.
    pub raw: &'a [u8],
}

/// Why a message is not taken for its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// Larger than [`LARGEST`].
    #[error("the header is too large")]
    TooLarge,
    /// A line is no field and no continuation of one.
    #[error("the header has a line that is no field")]
    NoField,
}

impl<'a> Header<'a> {
    /// Takes a header apart, strictly: what different readers would read differently is refused.
    pub fn parse(message: &'a [u8]) -> Result<Self, HeaderFault> {
        let mut fields: Vec<Field<'a>> = Vec::new();
        let mut at = 0;
        loop {
            let rest = message.get(at..).unwrap_or_default();
            if rest.is_empty() || rest.starts_with(b"\r\n") {
                return Ok(Self { fields, rest });
            }
            let length = field_length(rest);
            if at + length > LARGEST {
                return Err(HeaderFault::TooLarge);
            }
            let raw = rest.get(..length).unwrap_or(rest);
            fields.push(Field {
                name: field_name(raw).ok_or(HeaderFault::NoField)?,
                raw,
            });
            at += length;
        }
    }

    /// The fields of a name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = Field<'a>> {
        self.fields.iter().copied().filter(move |f| f.is(name))
    }

    /// Whether there is a field of that name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

impl<'a> Field<'a> {
    /// Whether this is its name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Its value, unfolded.
    pub fn value(&self) -> Cow<'a, str> {
        let value = self.raw.get(self.name.len() + 1..).unwrap_or_default();
        match String::from_utf8_lossy(value) {
            Cow::Borrowed(text) if !text.trim_end().contains(['\r', '\n']) => {
                Cow::Borrowed(text.trim())
            }
            text => Cow::Owned(text.replace(['\r', '\n'], "").trim().to_owned()),
        }
    }
}

/// Where the header ends: at the empty line, which is not part of it, or at the message's end.
pub fn end(message: &[u8]) -> usize {
    if message.starts_with(b"\r\n") {
        return 0;
    }
    let empty = message.windows(4).position(|w| w == b"\r\n\r\n");
    empty.map_or(message.len(), |at| at + 2)
}

/// The addresses of a `From` or `Sender` field (RFC 5322 3.4), as `local@domain`. `None` for groups, routes and whatever two readers could
/// read differently: a sender whose right to an address is to be checked has no need of those.
pub fn addresses(value: &str) -> Option<Vec<String>> {
    let bare = without_comments_and_quotes(value)?;
    bare.split(',').map(one_address).collect()
}

/// One mailbox in which quoted strings were replaced by `?` and comments by blanks.
fn one_address(mailbox: &str) -> Option<String> {
    let mailbox = mailbox.trim();
    let address = match mailbox.split_once('<') {
        Some((_phrase, rest)) => rest.strip_suffix('>')?.trim(),
        None => mailbox,
    };
    let fine = !address.is_empty()
        && address.matches('@').count() == 1
        && !address.contains(|c: char| c.is_whitespace() || "<>:;?\"".contains(c));
    let phrase_fine = !mailbox
        .split('<')
        .next()
        .unwrap_or_default()
        .contains([':', ';', '>']);
    (fine && phrase_fine).then(|| address.to_owned())
}

fn without_comments_and_quotes(value: &str) -> Option<String> {
    let mut bare = String::with_capacity(value.len());
    let mut chars = value.chars();
    let (mut depth, mut quoted) = (0_u32, false);
    while let Some(c) = chars.next() {
        let hidden = quoted || depth > 0;
        match c {
            '\\' if hidden => {
                chars.next()?;
            }
            '"' if depth == 0 => {
                quoted = !quoted;
                if quoted {
                    bare.push('?');
                }
            }
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                depth = depth.checked_sub(1)?;
                bare.push(' ');
            }
            c if !hidden => bare.push(c),
            _ => {}
        }
    }
    (depth == 0 && !quoted).then_some(bare)
}

fn field_name(raw: &[u8]) -> Option<&str> {
    let end = raw.iter().position(|b| *b == b':')?;
    let name = raw.get(..end)?;
    let fine = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    fine.then(|| std::str::from_utf8(name).ok())?
}

/// The length of the field at the beginning, with its continuation lines.
fn field_length(rest: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let line = rest.get(at..).unwrap_or_default();
        match line.iter().position(|b| *b == b'\n') {
            None => return rest.len(),
            Some(end) => at += end + 1,
        }
        if !matches!(rest.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_any_case_and_unfolded() {
        let message = b"from: a@kit.example\r\nSubject: one\r\n two\r\nBcc:x\r\n\r\nbody";
        let header = Header::parse(message).expect("header");
        let subject = header.all("SUBJECT").next().expect("subject");
        assert_eq!(subject.value(), "one two");
        assert_eq!(header.fields.len(), 3);
        assert_eq!(header.rest, b"\r\nbody");
        assert_eq!(end(message), message.len() - 6);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for message in [
            &b"hello\r\n\r\nbody"[..],
            b" folded\r\n\r\n",
            b"From : a\r\n\r\n",
            b": x\r\n",
        ] {
            assert_eq!(Header::parse(message).err(), Some(HeaderFault::NoField));
        }
        let endless = format!("X: {}\r\n\r\n", "x".repeat(LARGEST));
        let outcome = Header::parse(endless.as_bytes());
        assert_eq!(outcome.err(), Some(HeaderFault::TooLarge));
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
            assert_eq!(
                addresses(value),
                Some(vec!["a@kit.example".to_owned()]),
                "{value}"
            );
        }
        let two = addresses("a@kit.example, Bob <b@kit.example>");
        assert_eq!(two.map(|t| t.len()), Some(2));
    }

    #[test]
    fn senders_that_could_be_read_in_two_ways_are_not_read() {
        for value in [
            "",
            "Alice",
            "<x@y.example> <a@kit.example>",
            "a@kit.example <x@y.example",
            "x@y.example> <a@kit.example>",
            "group: a@kit.example;",
            "<@y.example:a@kit.example>",
            "\"x@y.example\"@kit.example",
            "a@kit.example, ",
            "a@kit.example (open",
            "a b@kit.example",
        ] {
            assert_eq!(addresses(value), None, "{value}");
        }
    }
}
