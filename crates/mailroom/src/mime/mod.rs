//! Reading messages: where their parts are, and what ENVELOPE and BODYSTRUCTURE say of them (RFC 3501, section 7.4.2).
//!
//! The scanner works on raw bytes within limits ([`MAX_PARTS`], [`MAX_DEPTH`], [`MAX_HEADER`]), in one pass, and never fails: what it can't take apart stays one
//! part, as bytes.

use std::borrow::Cow;
use std::ops::Range;

/// The most parts of a message; what follows stays inside of the last.
pub const MAX_PARTS: usize = 1_000;
/// How deep parts nest; what lies deeper is not taken apart.
pub const MAX_DEPTH: usize = 64;
/// The longest header of a part that is read, in bytes.
pub const MAX_HEADER: usize = 1 << 20;

/// A message taken apart.
#[derive(Debug, Clone)]
pub struct Parsed<'a> {
    bytes: &'a [u8],
}

impl<'a> Parsed<'a> {
    /// Takes a message apart.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// ENVELOPE, as it goes over the wire.
    #[must_use]
    pub fn envelope(&self) -> Vec<u8> {
        todo!()
    }

    /// BODY, as it goes over the wire.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        todo!()
    }

    /// BODYSTRUCTURE, as it goes over the wire.
    #[must_use]
    pub fn structure(&self) -> Vec<u8> {
        todo!()
    }

    /// The bytes of a section (RFC 3501, section 6.4.5), or `None` if the message has no such part. `part` is the path of part numbers,
    /// empty for the message itself.
    #[must_use]
    pub fn section(&self, part: &[u32], text: SectionText<'_>) -> Option<Cow<'a, [u8]>> {
        let _ = (part, text);
        todo!()
    }

    /// Where a whole part's body lies, still in its transfer encoding: [`SectionText::Whole`] without copying.
    #[must_use]
    pub fn part_range(&self, part: &[u32]) -> Option<Range<usize>> {
        let _ = part;
        todo!()
    }

    /// All text for SEARCH TEXT and BODY, decoded from transfer encodings and charsets: the text parts, HTML without its tags. At most `limit` bytes.
    #[must_use]
    pub fn searchable_text(&self, limit: usize) -> String {
        let _ = limit;
        todo!()
    }

    /// A header field's value for SEARCH HEADER: all fields of the name, unfolded and decoded, one a line; `None` if there is none.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<String> {
        let _ = name;
        todo!()
    }
}

/// What of a part.
#[derive(Debug, Clone, Copy)]
pub enum SectionText<'n> {
    /// `BODY[]`, `BODY[1.2]`
    Whole,
    /// `HEADER` of the message, or of the message that the part holds.
    Header,
    /// `HEADER.FIELDS (...)`
    HeaderFields(&'n [&'n [u8]]),
    /// `HEADER.FIELDS.NOT (...)`
    HeaderFieldsNot(&'n [&'n [u8]]),
    /// `TEXT` of the message, or of the message that the part holds.
    Text,
    /// `MIME`: the part's own header.
    Mime,
}
