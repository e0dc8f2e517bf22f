//! What a server says about a message (RFC 3501, section 7.4.2).

use std::num::NonZeroU32;

use super::body::{self, BodyStructure};
use super::envelope::{self, Envelope};
use super::scan::{Read, Scanner};
use crate::datetime::DateTime;
use crate::flag::Flag;

/// What a server sent about one message. What it didn't send, or what can't be parsed, is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Its present sequence number.
    pub sequence: u32,
    /// Its UID.
    pub uid: Option<NonZeroU32>,
    /// Its flags except `\Recent`.
    pub flags: Option<Vec<Flag>>,
    /// When it arrived.
    pub internal_date: Option<DateTime>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its mod-sequence (RFC 7162, section 3.1.4).
    pub mod_seq: Option<u64>,
    /// A summary of its header.
    pub envelope: Option<Envelope>,
    /// Its structure.
    pub structure: Option<BodyStructure>,
    /// The preview of its text (RFC 8970, section 3).
    pub preview: Option<Vec<u8>>,
    /// Sections of it.
    pub sections: Vec<SectionData>,
}

/// A section of a message: the answer to `BODY[section]<origin.length>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionData {
    /// The text between the brackets, in upper case.
    pub section: String,
    /// The offset of the first byte, if only a range was asked for.
    pub origin: Option<u64>,
    /// The bytes; `None` if the message has no such section.
    pub bytes: Option<Vec<u8>>,
}

pub(super) fn fetch(s: &mut Scanner<'_>, sequence: u32) -> Read<Fetched> {
    let mut fetched = Fetched {
        sequence,
        ..Fetched::default()
    };
    s.space()?;
    s.list(|s| {
        let name = s.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        let name = name.to_ascii_uppercase();
        if s.peek() == Some(b'[') {
            return section(s, &name, &mut fetched.sections);
        }
        s.space()?;
        match name.as_slice() {
            b"UID" => fetched.uid = s.or_skip(Scanner::number32)?.and_then(NonZeroU32::new),
            b"FLAGS" => fetched.flags = s.or_skip(Scanner::flags)?,
            b"INTERNALDATE" => {
                let date = s.or_skip(Scanner::string)?;
                fetched.internal_date = date.and_then(|date| DateTime::parse(&date));
            }
            b"RFC822.SIZE" => fetched.size = s.or_skip(Scanner::number)?,
            b"MODSEQ" => fetched.mod_seq = s.or_skip(mod_seq)?,
            b"ENVELOPE" => fetched.envelope = s.or_skip(envelope::envelope)?,
            b"BODYSTRUCTURE" | b"BODY" => fetched.structure = s.or_skip(body::structure)?,
            b"PREVIEW" => fetched.preview = s.or_skip(Scanner::owned)?.flatten(),
            _ => s.skip()?,
        }
        Ok(())
    })?;
    Ok(fetched)
}

fn mod_seq(s: &mut Scanner<'_>) -> Read<u64> {
    s.expect(b'(', "an opening parenthesis")?;
    let value = s.number()?;
    s.expect(b')', "a closing parenthesis")?;
    Ok(value)
}

/// `[HEADER.FIELDS (SUBJECT)]<0> "..."`. The word before it (`name`) distinguishes BODY from BINARY and others.
fn section(s: &mut Scanner<'_>, name: &[u8], sections: &mut Vec<SectionData>) -> Read<()> {
    s.expect(b'[', "a section")?;
    let mut section = Vec::new();
    loop {
        section.extend_from_slice(s.take_while(|b| !matches!(b, b']' | b'"' | b'{')));
        if s.eat(b']') {
            break;
        }
        section.extend_from_slice(&s.string()?);
    }
    let origin = if s.eat(b'<') {
        let origin = s.number()?;
        s.expect(b'>', "the end of an origin")?;
        Some(origin)
    } else {
        None
    };
    s.space()?;
    if name != b"BODY" {
        return s.skip();
    }
    if let Some(bytes) = s.or_skip(Scanner::owned)? {
        sections.push(SectionData {
            section: String::from_utf8_lossy(&section).to_ascii_uppercase(),
            origin,
            bytes,
        });
    }
    Ok(())
}
