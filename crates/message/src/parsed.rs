//! A parsed message: where its parts are (RFC 3501, section 6.4.5), found on its raw bytes in one pass.

use std::borrow::Cow;
use std::ops::Range;

use crate::header::Header;
use crate::scan::{self, Kind, Part};
use crate::transfer::{self, TransferEncoding};

/// A parsed message.
#[derive(Debug, Clone)]
pub struct Parsed<'a> {
    pub(crate) bytes: &'a [u8],
    /// Never empty; the message itself comes first.
    pub(crate) parts: Vec<Part>,
}

/// Which text of a part is meant.
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

impl<'a> Parsed<'a> {
    /// Parses a message. What can't be parsed stays one part, as bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            parts: scan::scan(bytes),
        }
    }

    /// The header of the message itself.
    #[must_use]
    pub fn header(&self) -> Header<'a> {
        self.header_of(&self.parts[0])
    }

    /// The header of one of its parts.
    #[must_use]
    pub fn header_of(&self, part: &Part) -> Header<'a> {
        Header::new(&self.bytes[part.header.clone()])
    }

    /// Its parts, at least one; the message itself comes first.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The bytes of a section (RFC 3501, section 6.4.5), or `None` if the message has no such part. `part` is the path
    /// of part numbers, empty for the message itself.
    #[must_use]
    pub fn section(&self, part: &[u32], text: SectionText<'_>) -> Option<Cow<'a, [u8]>> {
        let range = match text {
            SectionText::Whole => self.part_range(part)?,
            SectionText::Mime => self.numbered(part)?.header.clone(),
            SectionText::Text => self.message(part)?.body.clone(),
            SectionText::Header => self.message(part)?.header.clone(),
            SectionText::HeaderFields(names) => {
                return Some(self.fields(part, names, true)?.into());
            }
            SectionText::HeaderFieldsNot(names) => {
                return Some(self.fields(part, names, false)?.into());
            }
        };
        Some(self.bytes[range].into())
    }

    /// Where a whole part's body lies, still in its transfer encoding: [`SectionText::Whole`] without copying.
    #[must_use]
    pub fn part_range(&self, part: &[u32]) -> Option<Range<usize>> {
        if part.is_empty() {
            return Some(0..self.bytes.len());
        }
        Some(self.numbered(part)?.body.clone())
    }

    /// A part without its transfer encoding (RFC 3516). `None` if there is no such part; `Some(None)` if its encoding
    /// is unknown. A part that holds other parts, and the message itself, have no transfer encoding.
    #[must_use]
    pub fn decoded(&self, part: &[u32]) -> Option<Option<Cow<'a, [u8]>>> {
        if part.is_empty() {
            return Some(Some(self.bytes.into()));
        }
        let found = self.numbered(part)?;
        let body = &self.bytes[found.body.clone()];
        if !matches!(found.kind, Kind::Leaf) {
            return Some(Some(body.into()));
        }
        let encoding = self
            .header_of(found)
            .find(b"Content-Transfer-Encoding")
            .unwrap_or_default();
        Some(TransferEncoding::known(&encoding).map(|encoding| transfer::decoded(encoding, body)))
    }

    /// The fields of these names (or all others, unless `wanted`), and the empty line.
    fn fields(&self, part: &[u32], names: &[&[u8]], wanted: bool) -> Option<Vec<u8>> {
        let header = self.header_of(self.message(part)?);
        let mut chosen = Vec::new();
        for field in header.fields() {
            if names.iter().any(|name| field.is(name)) == wanted {
                chosen.extend_from_slice(field.raw);
            }
        }
        chosen.extend_from_slice(b"\r\n");
        Some(chosen)
    }

    /// The message whose header and text a path means: the message itself, or the one in a message/rfc822 part.
    fn message(&self, path: &[u32]) -> Option<&Part> {
        if path.is_empty() {
            return self.parts.first();
        }
        match self.numbered(path)?.kind {
            Kind::Message(inner) => self.parts.get(inner),
            Kind::Leaf | Kind::Multipart(_) => None,
        }
    }

    /// The part that a path means. A message that is not multipart is its own part 1.
    fn numbered(&self, path: &[u32]) -> Option<&Part> {
        let mut container = Some(0);
        let mut found = None;
        for &number in path {
            let at = container?;
            let number = usize::try_from(number).ok()?.checked_sub(1)?;
            let (target, own) = match &self.parts.get(at)?.kind {
                Kind::Multipart(children) => (*children.get(number)?, false),
                Kind::Leaf | Kind::Message(_) if number == 0 => (at, true),
                Kind::Leaf | Kind::Message(_) => return None,
            };
            let part = self.parts.get(target)?;
            container = match part.kind {
                Kind::Multipart(_) if !own => Some(target),
                Kind::Message(inner) => Some(inner),
                Kind::Leaf | Kind::Multipart(_) => None,
            };
            found = Some(part);
        }
        found
    }
}
