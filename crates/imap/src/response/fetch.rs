//! What a server tells of a message (RFC 3501, section 7.4.2).

use std::num::NonZeroU32;

use super::{BodyStructure, Envelope, Read, Scanner, body, envelope};
use crate::datetime::DateTime;
use crate::flag::Flag;

/// What was told of one message; what was not told, or can't be read, is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Its sequence number at this moment.
    pub sequence: u32,
    /// Its UID.
    pub uid: Option<NonZeroU32>,
    /// Its flags but `\Recent`.
    pub flags: Option<Vec<Flag>>,
    /// When it arrived.
    pub internal_date: Option<DateTime>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its mod-sequence (RFC 7162).
    pub mod_seq: Option<u64>,
    /// Its header in short.
    pub envelope: Option<Envelope>,
    /// Its structure.
    pub structure: Option<BodyStructure>,
    /// Its first words (RFC 8970).
    pub preview: Option<Vec<u8>>,
    /// Bytes of it.
    pub sections: Vec<SectionData>,
}

/// Bytes of a message: the answer to `BODY[section]<origin.length>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionData {
    /// What stood between the brackets, in upper case.
    pub section: String,
    /// From which byte on, if not all were asked for.
    pub origin: Option<u64>,
    /// The bytes; none if the message has no such section.
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

/// `[HEADER.FIELDS (SUBJECT)]<0> "..."`; the name before it tells BODY from BINARY and others.
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
