//! The header of a message that is handed in to be sent, read strictly (RFC 5322): what two readers could read
//! differently is refused.

use crate::address;
use crate::header::Field;

/// The largest header of a message that is handed in, in bytes.
const LARGEST: usize = 256 << 10;

/// The header of a message that was handed in.
pub struct StrictHeader<'a> {
    /// Its fields, in their order.
    pub fields: Vec<Field<'a>>,
    /// What follows them: the empty line and the body, or nothing.
    pub rest: &'a [u8],
}

/// Why a message is refused for its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// Larger than 256 KiB.
    #[error("the header is too large")]
    TooLarge,
    /// A line is neither a field nor the continuation of one.
    #[error("the header has a line that is no field")]
    NoField,
}

impl<'a> StrictHeader<'a> {
    /// Parses a header strictly: what different readers would read differently is refused.
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
        self.fields
            .iter()
            .copied()
            .filter(move |f| f.is(name.as_bytes()))
    }

    /// Whether there is a field of that name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

/// The addresses of a field that says who wrote or sent a message; `None` if two readers could read it differently.
#[must_use]
pub fn senders(field: Field<'_>) -> Option<Vec<String>> {
    // Parsing would drop a NUL, which other readers may keep.
    let is_whole = !field.raw.contains(&0);
    is_whole.then(|| address::sure(&field.value())).flatten()
}

/// Where the header ends: at the empty line, which is not part of it, or at the message's end.
pub fn end(message: &[u8]) -> usize {
    if message.starts_with(b"\r\n") {
        return 0;
    }
    let empty = message.windows(4).position(|w| w == b"\r\n\r\n");
    empty.map_or(message.len(), |at| at + 2)
}

fn field_name(raw: &[u8]) -> Option<&[u8]> {
    let end = raw.iter().position(|b| *b == b':')?;
    let name = raw.get(..end)?;
    let fine = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    fine.then_some(name)
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
        let header = StrictHeader::parse(message).expect("header");
        let subject = header.all("SUBJECT").next().expect("subject");
        assert_eq!(subject.value(), b"one two");
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
            assert_eq!(
                StrictHeader::parse(message).err(),
                Some(HeaderFault::NoField)
            );
        }
        let endless = format!("X: {}\r\n\r\n", "x".repeat(LARGEST));
        let outcome = StrictHeader::parse(endless.as_bytes());
        assert_eq!(outcome.err(), Some(HeaderFault::TooLarge));
    }
}
