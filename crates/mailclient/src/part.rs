//! The parts of a message (RFC 2045 and RFC 2046), numbered as in IMAP.

use std::fmt;
use std::str::FromStr;

use sekisho_imap::response::{self, BodyStructure, Leaf, Params};
use sekisho_message::line::one_line;
use sekisho_message::transfer::TransferEncoding;
use sekisho_message::{encoded_word, parameter};

use crate::envelope::Envelope;

/// A part of a message, or the whole message. An attached message counts as a part without parts: what is within it is
/// in [`BodyPart::message`].
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
    /// Whether it is one of the parts of a `multipart/related`, which are there to be shown by another (RFC 2387).
    pub is_related: bool,
    /// Its transfer encoding.
    pub encoding: TransferEncoding,
    /// Its size in bytes, before decoding; 0 for a part with parts.
    pub size: u64,
    /// Its parts.
    pub children: Vec<BodyPart>,
    /// The message that it contains, if it is one (`message/rfc822`) and the server could read it.
    pub message: Option<Box<AttachedMessage>>,
}

/// A message that is attached to another (RFC 2046 section 5.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedMessage {
    /// Its most important header fields.
    pub envelope: Envelope,
    /// Its parts, with the numbers that they have in the outer message.
    pub structure: BodyPart,
}

/// A part, and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Located<'p> {
    /// The part.
    pub part: &'p BodyPart,
    /// The whole message that it belongs to: the stored one, or the innermost attached one around it.
    pub whole: &'p BodyPart,
    /// That attached message as a part; `None` for the stored message.
    pub within: Option<&'p BodyPart>,
}

/// How a part asks to be shown (RFC 2183 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// With the message.
    Inline,
    /// As a file; also every unknown value.
    Attachment,
}

/// The number of a part, such as 1.2 (RFC 3501 section 6.4.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PartNumber(Vec<u32>);

/// A text that is no part number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no number of a part")]
pub struct InvalidPartNumber;

/// The most characters of a subject that make a file name.
const LONGEST_SUBJECT: usize = 80;

impl BodyPart {
    pub(crate) fn new(structure: BodyStructure) -> Self {
        match structure {
            BodyStructure::Leaf(leaf) => Self::leaf(*leaf, PartNumber(vec![1]), false),
            structure => Self::numbered(structure, PartNumber::default(), false),
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

    /// The part with this number, if it has no parts of its own; also one of an attached message.
    #[must_use]
    pub fn find(&self, number: &PartNumber) -> Option<&Self> {
        self.locate(number).map(|located| located.part)
    }

    /// The part with this number, as [`find`](Self::find) does, and what is around it.
    #[must_use]
    pub fn locate(&self, number: &PartNumber) -> Option<Located<'_>> {
        let (mut whole, mut within) = (self, None);
        loop {
            let part = whole.leaves().find(|part| number.is_within(&part.number))?;
            if part.number == *number {
                return Some(Located {
                    part,
                    whole,
                    within,
                });
            }
            whole = &part.message.as_ref()?.structure;
            within = Some(part);
        }
    }

    /// The parts that people regard as attached files.
    pub fn attachments(&self) -> impl Iterator<Item = &Self> {
        self.leaves().filter(|part| part.is_attachment())
    }

    /// Whether this is an attached file: not the text, and not a picture within the text.
    #[must_use]
    pub fn is_attachment(&self) -> bool {
        let text = self.is_text();
        match self.disposition {
            _ if self.kind.starts_with("multipart/") => false,
            Some(Disposition::Attachment) => true,
            _ if self.content_id.is_some() && !text => !(self.is_related && self.is_picture()),
            _ => !text || self.file_name.is_some(),
        }
    }

    /// Whether this is a text that people read: those that only programs understand are not.
    #[must_use]
    pub fn is_text(&self) -> bool {
        let for_programs = [
            "calendar",
            "vcard",
            "x-vcard",
            "directory",
            "rtf",
            "x-vcalendar",
        ];
        let subtype = self.kind.strip_prefix("text/");
        subtype.is_some_and(|subtype| !for_programs.contains(&subtype))
    }

    /// Whether this is a picture, by its type or, where that says nothing, by its name.
    #[must_use]
    pub fn is_picture(&self) -> bool {
        self.picture().is_some()
    }

    /// The type of a picture: its own, corrected where programs write it wrong, or the one that its name tells.
    #[must_use]
    pub fn picture(&self) -> Option<&str> {
        match self.kind.as_str() {
            "image/jpg" | "image/pjpeg" | "image/jfif" => Some("image/jpeg"),
            "image/x-png" => Some("image/png"),
            "image/x-ms-bmp" | "image/x-bmp" => Some("image/bmp"),
            kind if kind.starts_with("image/") => Some(kind),
            "application/octet-stream" => {
                let name = self.file_name.as_deref()?.to_ascii_lowercase();
                let (_, extension) = name.rsplit_once('.')?;
                Some(match extension {
                    "jpg" | "jpeg" | "jpe" | "jfif" => "image/jpeg",
                    "png" => "image/png",
                    "gif" => "image/gif",
                    "webp" => "image/webp",
                    "bmp" => "image/bmp",
                    _ => return None,
                })
            }
            _ => None,
        }
    }

    /// The parts of a message that is attached as the part with this number (RFC 3501 section 6.4.5).
    fn attached(structure: BodyStructure, number: &PartNumber) -> Self {
        match structure {
            BodyStructure::Leaf(leaf) => Self::leaf(*leaf, number.child(1), false),
            structure => Self::numbered(structure, number.clone(), false),
        }
    }

    fn numbered(structure: BodyStructure, number: PartNumber, is_related: bool) -> Self {
        let multipart = match structure {
            BodyStructure::Leaf(leaf) => return Self::leaf(*leaf, number, is_related),
            BodyStructure::Multipart(multipart) => multipart,
        };
        let relates = is_related || multipart.subtype == "related";
        let children = (1..)
            .zip(multipart.parts)
            .map(|(index, part)| Self::numbered(part, number.child(index), relates))
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
            is_related,
            encoding: TransferEncoding::Identity,
            size: 0,
            children,
            message: None,
        }
    }

    fn leaf(mut leaf: Leaf, number: PartNumber, is_related: bool) -> Self {
        let disposition = leaf.disposition.as_ref();
        let file_name = disposition
            .and_then(|disposition| parameter(&disposition.params, "filename"))
            .or_else(|| parameter(&leaf.params, "name"))
            .filter(|name| !name.is_empty())
            .or_else(|| named_by_subject(&leaf))
            .map(|name| name.replace(['/', '\\'], "_"))
            .filter(|name| !name.is_empty());
        let content_id = leaf.id.as_deref().map(|id| {
            let id = String::from_utf8_lossy(id);
            one_line(id.trim().trim_start_matches('<').trim_end_matches('>'))
        });
        let message = leaf.message.take().map(|(envelope, structure)| {
            Box::new(AttachedMessage {
                envelope: Envelope::new(envelope),
                structure: Self::attached(structure, &number),
            })
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
            is_related,
            encoding: TransferEncoding::named(leaf.encoding.as_bytes()),
            size: leaf.size,
            children: Vec::new(),
            message,
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

impl PartNumber {
    /// The most levels that a number may have; [`BodyStructure`] is not nested deeper either.
    const MOST: usize = response::MAX_DEPTH;

    pub(crate) fn as_slice(&self) -> &[u32] {
        &self.0
    }

    /// Whether this is the other part, or within it.
    fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
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

/// A file name for a message that is attached without one.
fn named_by_subject(leaf: &Leaf) -> Option<String> {
    let (envelope, _) = leaf.message.as_ref()?;
    let subject = encoded_word::decode(envelope.subject.as_deref()?);
    let subject: String = subject.chars().take(LONGEST_SUBJECT).collect();
    let subject = subject.trim();
    (!subject.is_empty()).then(|| format!("{subject}.eml"))
}

/// Whether a parameter has a value, in any case.
fn says(params: &Params, name: &str, value: &str) -> bool {
    parameter(params, name).is_some_and(|said| said.eq_ignore_ascii_case(value))
}

/// A parameter's value in words.
fn parameter(params: &Params, name: &str) -> Option<String> {
    let all = params.iter();
    parameter::text(all.map(|(name, value)| (name.as_bytes(), &value[..])), name)
}

#[cfg(test)]
mod tests {
    use super::*;

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
