//! Header fields, raw.

use super::MAX_HEADER;

/// The most parameters of a field that are read.
const MAX_PARAMETERS: usize = 100;

/// A part's header, as far as it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a>(&'a [u8]);

/// A field: its name without the colon, and all of its bytes, folds and line break included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    pub(super) raw: &'a [u8],
}

impl<'a> Header<'a> {
    /// Takes the bytes of a header; those past [`MAX_HEADER`] are not read.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(&bytes[..bytes.len().min(MAX_HEADER)])
    }

    /// The fields in their order; lines that are none are left out.
    pub(super) fn fields(self) -> impl Iterator<Item = Field<'a>> {
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
    pub(super) fn find(self, name: &[u8]) -> Option<Vec<u8>> {
        self.fields()
            .find(|field| field.is(name))
            .map(|field| field.value())
    }

    /// All fields of a name, unfolded.
    pub(super) fn all(self, name: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        self.fields()
            .filter(move |field| field.is(name))
            .map(|field| field.value())
    }
}

impl Field<'_> {
    /// Whether it has that name, in any case.
    pub(super) fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// What follows the colon, line breaks taken out, trimmed.
    pub(super) fn value(&self) -> Vec<u8> {
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
#[derive(Debug, Clone)]
pub(super) struct ParameterizedValue {
    /// `text/plain`, `attachment`
    pub(super) value: Vec<u8>,
    /// Names and unquoted values; those of RFC 2231 are left as they are.
    pub(super) parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

impl ParameterizedValue {
    /// Reads an unfolded value. What can't be read is left out.
    pub(super) fn parse(field: &[u8]) -> Self {
        let mut rest = field;
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
        Self { value, parameters }
    }

    /// The two halves of a type.
    pub(super) fn halves(&self) -> Option<(&[u8], &[u8])> {
        let slash = self.value.iter().position(|&byte| byte == b'/')?;
        let halves = (
            self.value[..slash].trim_ascii(),
            self.value[slash + 1..].trim_ascii(),
        );
        (!halves.0.is_empty() && !halves.1.is_empty()).then_some(halves)
    }

    /// Whether this is that type.
    pub(super) fn is(&self, main: &str, sub: &str) -> bool {
        self.is_main(main)
            && self
                .halves()
                .is_some_and(|halves| halves.1.eq_ignore_ascii_case(sub.as_bytes()))
    }

    /// Whether this is a type of that kind.
    pub(super) fn is_main(&self, main: &str) -> bool {
        self.halves()
            .is_some_and(|halves| halves.0.eq_ignore_ascii_case(main.as_bytes()))
    }

    /// A parameter's value, its name in any case.
    pub(super) fn parameter(&self, name: &[u8]) -> Option<&[u8]> {
        self.parameters
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }
}

/// Reads up to one of `ends` outside of quotes and comments, and over it: the text without those, trimmed, and which end it was.
fn take_piece(rest: &mut &[u8], ends: &[u8]) -> (Vec<u8>, Option<u8>) {
    let mut text = Vec::new();
    let mut quoted = false;
    let mut comments = 0_usize;
    let mut bytes = rest.iter().enumerate();
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            b'\\' if quoted || comments > 0 => {
                if let (Some((_, &escaped)), 0) = (bytes.next(), comments) {
                    text.push(escaped);
                }
            }
            b'"' if comments == 0 => quoted = !quoted,
            b'(' if !quoted => comments += 1,
            b')' if comments > 0 => comments -= 1,
            _ if comments > 0 => {}
            _ if !quoted && ends.contains(&byte) => {
                *rest = &rest[at + 1..];
                return (text.trim_ascii().to_vec(), Some(byte));
            }
            _ => text.push(byte),
        }
    }
    *rest = &[];
    (text.trim_ascii().to_vec(), None)
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
