//! The parts of a message (RFC 2045 and RFC 2046), numbered as in IMAP.

use std::fmt;
use std::str::FromStr;

use sekisho_imap::response::{self, BodyStructure, Leaf, Params};

use crate::text::{decode_words, in_charset, one_line};
use crate::transfer::hex;

/// A part of a message, or the whole message. A message within the message counts as a part without parts, which people
/// open as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyPart {
    /// Its number; empty for a whole message with several parts.
    pub number: PartNumber,
    /// Its media type in lower case, such as `text/plain`.
    pub kind: String,
    /// The charset that a text names, if any.
    pub charset: Option<String>,
    /// Whether lines of the text that end in a space continue on the next line (RFC 3676 section 4).
    pub flowed: bool,
    /// Whether that space is deleted when the lines are joined (RFC 3676 section 4).
    pub deletes_space: bool,
    /// Its file name, if it has one: decoded, in one line and without slashes.
    pub file_name: Option<String>,
    /// How the part asks to be shown, if it does.
    pub disposition: Option<Disposition>,
    /// The Content-ID without its angle brackets, with which HTML refers to pictures (RFC 2392 section 2).
    pub content_id: Option<String>,
    /// Its transfer encoding.
    pub encoding: TransferEncoding,
    /// Its size in bytes, before decoding; 0 for a part with parts.
    pub size: u64,
    /// Its parts.
    pub children: Vec<BodyPart>,
}

/// How a part asks to be shown (RFC 2183 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// With the message.
    Inline,
    /// As a file; also every unknown value.
    Attachment,
}

/// How a part's bytes are encoded (RFC 2045 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEncoding {
    /// Not at all (`7bit`, `8bit`, `binary`), or in an unknown way.
    Identity,
    /// `base64`
    Base64,
    /// `quoted-printable`
    QuotedPrintable,
}

/// The number of a part, such as 1.2 (RFC 3501 section 6.4.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PartNumber(Vec<u32>);

/// A text that is no part number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no number of a part")]
pub struct InvalidPartNumber;

impl BodyPart {
    pub(crate) fn new(structure: BodyStructure) -> Self {
        match structure {
            BodyStructure::Leaf(leaf) => Self::leaf(*leaf, PartNumber(vec![1])),
            structure => Self::numbered(structure, PartNumber::default()),
        }
    }

    /// All parts without parts of their own, in order; only the part itself if it has none.
    pub fn leaves(&self) -> impl Iterator<Item = &Self> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            loop {
                let part = left.pop()?;
                if !part.kind.starts_with("multipart/") {
                    return Some(part);
                }
                left.extend(part.children.iter().rev());
            }
        })
    }

    /// The part with this number, if it has no parts of its own.
    #[must_use]
    pub fn find(&self, number: &PartNumber) -> Option<&Self> {
        self.leaves().find(|part| part.number == *number)
    }

    /// The parts that people regard as attached files.
    pub fn attachments(&self) -> impl Iterator<Item = &Self> {
        self.leaves().filter(|part| part.is_attachment())
    }

    /// Whether this is an attached file: not the text, and not a picture within the text.
    #[must_use]
    pub fn is_attachment(&self) -> bool {
        let text = matches!(self.kind.as_str(), "text/plain" | "text/html");
        match self.disposition {
            _ if self.kind.starts_with("multipart/") => false,
            Some(Disposition::Attachment) => true,
            _ if self.content_id.is_some() && !text => !self.kind.starts_with("image/"),
            _ => !text || self.file_name.is_some(),
        }
    }

    fn numbered(structure: BodyStructure, number: PartNumber) -> Self {
        let multipart = match structure {
            BodyStructure::Leaf(leaf) => return Self::leaf(*leaf, number),
            BodyStructure::Multipart(multipart) => multipart,
        };
        let children = (1..)
            .zip(multipart.parts)
            .map(|(index, part)| Self::numbered(part, number.child(index)))
            .collect();
        Self {
            number,
            kind: one_line(&format!("multipart/{}", multipart.subtype)),
            charset: None,
            flowed: false,
            deletes_space: false,
            file_name: None,
            disposition: multipart.disposition.as_ref().map(Disposition::of),
            content_id: None,
            encoding: TransferEncoding::Identity,
            size: 0,
            children,
        }
    }

    fn leaf(leaf: Leaf, number: PartNumber) -> Self {
        let disposition = leaf.disposition.as_ref();
        let file_name = disposition
            .and_then(|disposition| parameter(&disposition.params, "filename"))
            .or_else(|| parameter(&leaf.params, "name"))
            .map(|name| name.replace(['/', '\\'], "_"))
            .filter(|name| !name.is_empty());
        let content_id = leaf.id.as_deref().map(|id| {
            let id = String::from_utf8_lossy(id);
            one_line(id.trim().trim_start_matches('<').trim_end_matches('>'))
        });
        Self {
            number,
            kind: one_line(&format!("{}/{}", leaf.kind, leaf.subtype)),
            charset: parameter(&leaf.params, "charset"),
            flowed: says(&leaf.params, "format", "flowed"),
            deletes_space: says(&leaf.params, "delsp", "yes"),
            file_name,
            disposition: disposition.map(Disposition::of),
            content_id,
            encoding: TransferEncoding::named(&leaf.encoding),
            size: leaf.size,
            children: Vec::new(),
        }
    }
}

impl Disposition {
    fn of(disposition: &response::Disposition) -> Self {
        if disposition.kind == "inline" {
            Self::Inline
        } else {
            Self::Attachment
        }
    }
}

impl TransferEncoding {
    fn named(name: &str) -> Self {
        match name.trim() {
            "base64" => Self::Base64,
            "quoted-printable" => Self::QuotedPrintable,
            _ => Self::Identity,
        }
    }
}

impl PartNumber {
    /// The most levels that a number may have; [`BodyStructure`] is not nested deeper either.
    const MOST: usize = response::MAX_DEPTH;

    pub(crate) fn as_slice(&self) -> &[u32] {
        &self.0
    }

    fn child(&self, index: u32) -> Self {
        let mut number = self.0.clone();
        number.push(index);
        Self(number)
    }
}

impl FromStr for PartNumber {
    type Err = InvalidPartNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let level = |level: &str| {
            let digits = level.bytes().all(|byte| byte.is_ascii_digit());
            level.parse().ok().filter(|&number| digits && number > 0)
        };
        let levels: Option<Vec<u32>> = text.split('.').map(level).collect();
        levels
            .filter(|levels| levels.len() <= Self::MOST)
            .map(Self)
            .ok_or(InvalidPartNumber)
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, level) in self.0.iter().enumerate() {
            let dot = if index > 0 { "." } else { "" };
            write!(f, "{dot}{level}")?;
        }
        Ok(())
    }
}

/// Into how many pieces a parameter may be cut.
const MOST_PIECES: usize = 100;

/// Whether a parameter has a value, in any case.
fn says(params: &Params, name: &str, value: &str) -> bool {
    parameter(params, name).is_some_and(|said| said.eq_ignore_ascii_case(value))
}

/// A parameter's value: `name*` or `name*0*`, `name*1`, ... (RFC 2231), else `name`, in which
/// programs put encoded words although RFC 2047 forbids it.
fn parameter(params: &Params, name: &str) -> Option<String> {
    let named = |name: &str| {
        let found = params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_slice())
    };
    if let Some(value) = named(&format!("{name}*")) {
        return Some(extended(value));
    }
    let mut joined: Vec<u8> = Vec::new();
    let mut encoded = false;
    for index in 0..MOST_PIECES {
        if let Some(value) = named(&format!("{name}*{index}*")) {
            encoded |= index == 0;
            joined.extend_from_slice(value);
        } else if let Some(value) = named(&format!("{name}*{index}")) {
            joined.extend_from_slice(value);
        } else if index == 0 {
            return named(name).map(decode_words);
        } else {
            break;
        }
    }
    Some(if encoded {
        extended(&joined)
    } else {
        decode_words(&joined)
    })
}

/// `charset'language'text` with `%XX` for bytes (RFC 2231, section 4).
fn extended(value: &[u8]) -> String {
    let mut fields = value.splitn(3, |&byte| byte == b'\'');
    let (charset, text) = match (fields.next(), fields.next(), fields.next()) {
        (Some(charset), Some(_), Some(text)) => (charset, text),
        _ => (&b"utf-8"[..], value),
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let coded = match behind {
            [high, low, ..] if byte == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        bytes.push(coded.map_or(byte, |(high, low)| high * 16 + low));
        rest = &behind[if coded.is_some() { 2 } else { 0 }..];
    }
    one_line(&in_charset(charset, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(params: &[(&str, &str)]) -> Option<String> {
        let params: Params = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        parameter(&params, "filename")
    }

    #[test]
    fn file_names_are_read_in_every_way_they_are_written() {
        assert_eq!(value(&[]), None);
        assert_eq!(value(&[("filename", "a b.txt")]).unwrap(), "a b.txt");
        assert_eq!(
            value(&[("filename", "=?UTF-8?B?5Lya6K2w?=.pdf")]).unwrap(),
            "会議.pdf"
        );
        assert_eq!(
            value(&[
                ("filename", "x"),
                ("filename*", "UTF-8'ja'%E4%BC%9A%e8%ad%b0.pdf")
            ])
            .unwrap(),
            "会議.pdf"
        );
        assert_eq!(
            value(&[
                ("filename*0*", "utf-8''%E4%BC"),
                ("filename*1*", "%9A%e8"),
                ("filename*2*", "%ad%b0")
            ])
            .unwrap(),
            "会議"
        );
        assert_eq!(
            value(&[("filename*0", "long "), ("filename*1", "name")]).unwrap(),
            "long name"
        );
        assert_eq!(value(&[("filename*", "%0d%0ax")]).unwrap(), " x");
        assert_eq!(value(&[("filename*", "100%")]).unwrap(), "100%");
    }

    #[test]
    fn part_numbers_are_digits_and_dots_only() {
        assert_eq!("1.2".parse::<PartNumber>().unwrap().to_string(), "1.2");
        for text in ["", "0", "1.", ".1", "+1", "1]", "1 2", "TEXT"] {
            assert!(text.parse::<PartNumber>().is_err(), "{text}");
        }
        assert!(
            "1.".repeat(80)
                .trim_end_matches('.')
                .parse::<PartNumber>()
                .is_err()
        );
    }
}
