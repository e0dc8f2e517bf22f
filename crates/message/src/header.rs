//! Header fields, raw.

use crate::{encoded_word, parameter};

/// How much of a part's header is read, in bytes. All of it is sent when a section asks for it.
pub const MAX_HEADER: usize = 1 << 20;
/// How many parameters of a field are read at most.
const MAX_PARAMETERS: usize = 100;

/// A part's header, up to [`MAX_HEADER`].
#[derive(Debug, Clone, Copy)]
pub struct Header<'a>(&'a [u8]);

/// A field: its name without the colon, and all of its bytes, including folds and line break.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Its name as it is written.
    pub name: &'a [u8],
    /// All of its bytes.
    pub raw: &'a [u8],
}

impl<'a> Header<'a> {
    /// Takes the bytes of a header; those past [`MAX_HEADER`] are not read.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(&bytes[..bytes.len().min(MAX_HEADER)])
    }

    /// The fields in their order; lines that are no fields are left out.
    pub fn fields(self) -> impl Iterator<Item = Field<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let raw = take_field(&mut rest);
                let colon = raw.iter().position(|&byte| byte == b':');
                let name = colon.map(|at| raw[..at].trim_ascii_end());
                if let Some(name) = name.filter(|name| is_name(name)) {
                    return Some(Field { name, raw });
                }
            }
            None
        })
    }

    /// The first field of a name, unfolded.
    pub fn find(self, name: &[u8]) -> Option<Vec<u8>> {
        self.fields()
            .find(|field| field.is(name))
            .map(|field| field.value())
    }

    /// All fields of a name, unfolded.
    pub fn all(self, name: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        self.fields()
            .filter(move |field| field.is(name))
            .map(|field| field.value())
    }
}

impl Field<'_> {
    /// Whether it has that name, in any case.
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// What follows the colon, line breaks taken out, trimmed.
    pub fn value(&self) -> Vec<u8> {
        let colon = self.raw.iter().position(|&byte| byte == b':');
        let value = &self.raw[colon.map_or(0, |at| at + 1)..];
        value
            .iter()
            .copied()
            .filter(|byte| !matches!(byte, b'\r' | b'\n' | 0))
            .collect::<Vec<u8>>()
            .trim_ascii()
            .to_vec()
    }
}

/// A value with parameters, such as Content-Type has (RFC 2045, section 5.1).
#[derive(Debug, Clone, Default)]
pub struct ParameterizedValue {
    /// `text/plain`, `attachment`
    pub value: Vec<u8>,
    /// Names and unquoted values; those of RFC 2231 are left as they are.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the field was in a charset that it can't name, such as raw Shift_JIS; here it is in UTF-8.
    pub is_transcribed: bool,
}

impl ParameterizedValue {
    /// Parses an unfolded value. What can't be parsed is left out.
    #[must_use]
    pub fn parse(field: &[u8]) -> Self {
        let readable = encoded_word::readable(field);
        let mut rest = &*readable;
        let (value, _) = take_piece(&mut rest, b";");
        let mut parameters = Vec::new();
        while !rest.is_empty() && parameters.len() < MAX_PARAMETERS {
            let (name, end) = take_piece(&mut rest, b"=;");
            if end == Some(b'=') {
                let (value, _) = take_piece(&mut rest, b";");
                if !name.is_empty() {
                    parameters.push((name, value));
                }
            }
        }
        Self {
            value,
            parameters,
            is_transcribed: *readable != *field,
        }
    }

    /// The two halves of a media type. `None` if it isn't one; that counts as if the field were missing (RFC 2045,
    /// section 5.2).
    pub fn halves(&self) -> Option<(&[u8], &[u8])> {
        let slash = self.value.iter().position(|&byte| byte == b'/')?;
        let sub = self.value[slash + 1..].trim_ascii();
        // Where the semicolon is missing, the first word is still the type.
        let sub = sub.split(u8::is_ascii_whitespace).next().unwrap_or(sub);
        let halves = (self.value[..slash].trim_ascii(), sub);
        (is_token(halves.0) && is_token(halves.1)).then_some(halves)
    }

    /// Whether this is that type.
    pub fn is(&self, main: &str, sub: &str) -> bool {
        self.is_main(main)
            && self
                .halves()
                .is_some_and(|halves| halves.1.eq_ignore_ascii_case(sub.as_bytes()))
    }

    /// Whether this is a type of that kind.
    pub fn is_main(&self, main: &str) -> bool {
        self.halves()
            .is_some_and(|halves| halves.0.eq_ignore_ascii_case(main.as_bytes()))
    }

    /// A parameter's value, decoded, its name in any case: in one piece, or in the pieces of RFC 2231.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let all = self.parameters.iter();
        parameter::text(all.map(|(name, value)| (&name[..], &value[..])), name)
    }

    /// A parameter's value, not decoded, its name in any case.
    pub fn parameter(&self, name: &[u8]) -> Option<&[u8]> {
        self.parameters
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }
}

/// Whether this is a token (RFC 2045, section 5.1). Characters beyond ASCII are accepted, because some programs write
/// such types.
fn is_token(bytes: &[u8]) -> bool {
    let special = |byte: &u8| *byte <= b' ' || br#"()<>@,;:\"/[]?="#.contains(byte);
    !bytes.is_empty() && !bytes.iter().any(special)
}

/// Reads up to one of `ends` outside of quotes and comments, and past it. Returns the text without quotes and comments,
/// trimmed except for what was quoted, and which end it was.
fn take_piece(rest: &mut &[u8], ends: &[u8]) -> (Vec<u8>, Option<u8>) {
    let mut text = Vec::new();
    let mut quoted = false;
    // The text up to here stays even if it ends in blanks: they were quoted.
    let mut kept = 0;
    let mut comments = 0_usize;
    let mut bytes = rest.iter().enumerate();
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            b'\\' if quoted || comments > 0 => {
                if let (Some((_, &escaped)), 0) = (bytes.next(), comments) {
                    text.push(escaped);
                    kept = text.len();
                }
            }
            b'"' if comments == 0 => quoted = !quoted,
            b'(' if !quoted => comments += 1,
            b')' if comments > 0 => comments -= 1,
            _ if comments > 0 => {}
            _ if !quoted && ends.contains(&byte) => {
                *rest = &rest[at + 1..];
                return (trimmed(text, kept), Some(byte));
            }
            b' ' | b'\t' if !quoted && text.is_empty() => {}
            _ => {
                text.push(byte);
                if quoted {
                    kept = text.len();
                }
            }
        }
    }
    *rest = &[];
    (trimmed(text, kept), None)
}

fn trimmed(mut text: Vec<u8>, kept: usize) -> Vec<u8> {
    let end = text.trim_ascii_end().len();
    text.truncate(end.max(kept));
    text
}

fn take_field<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let all = *rest;
    let mut end = 0;
    loop {
        match all[end..].iter().position(|&byte| byte == b'\n') {
            None => end = all.len(),
            Some(at) => end += at + 1,
        }
        if !matches!(all.get(end), Some(b' ' | b'\t')) {
            break;
        }
    }
    let (field, after) = all.split_at(end);
    *rest = after;
    field
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| matches!(byte, 33..=57 | 59..=126))
}
