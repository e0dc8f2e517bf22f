//! The structure of a message: BODY and BODYSTRUCTURE (RFC 3501, section 7.4.2).

use super::envelope::{self, Envelope};
use super::scan::{Read, Scanner};

/// How many parts a message may have.
pub const MAX_PARTS: usize = 1000;

/// Parameters of a Content-Type or Content-Disposition: names in lower case, with their values.
pub type Params = Vec<(String, Vec<u8>)>;

/// A part of a message, or a whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyStructure {
    /// A multipart.
    Multipart(Multipart),
    /// Any other part.
    Leaf(Box<Leaf>),
}

/// A part that consists of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multipart {
    /// What follows `multipart/`, in lower case.
    pub subtype: String,
    /// The parts.
    pub parts: Vec<BodyStructure>,
    /// The parameters of the Content-Type; empty if the response has no extension data.
    pub params: Params,
    /// The Content-Disposition, if there is one.
    pub disposition: Option<Disposition>,
}

/// A part that contains bytes, or an embedded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The type, such as `text`, in lower case.
    pub kind: String,
    /// The subtype, such as `plain`, in lower case.
    pub subtype: String,
    /// Parameters of the Content-Type.
    pub params: Params,
    /// The Content-ID.
    pub id: Option<Vec<u8>>,
    /// The Content-Description.
    pub description: Option<Vec<u8>>,
    /// The Content-Transfer-Encoding in lower case.
    pub encoding: String,
    /// Its size in bytes, as encoded.
    pub size: u64,
    /// The Content-Disposition, if there is one.
    pub disposition: Option<Disposition>,
    /// The embedded message, if this is a `message/rfc822`.
    pub message: Option<(Envelope, BodyStructure)>,
}

/// How a part is to be shown (RFC 2183, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment` or another word, in lower case.
    pub kind: String,
    /// Its parameters.
    pub params: Params,
}

pub(super) fn structure(s: &mut Scanner<'_>) -> Read<BodyStructure> {
    body(s, &mut 0)
}

fn body(s: &mut Scanner<'_>, parts: &mut usize) -> Read<BodyStructure> {
    *parts += 1;
    if *parts > MAX_PARTS {
        return s.expected("fewer parts");
    }
    s.nested(|s| {
        s.expect(b'(', "a part")?;
        let body = if s.peek() == Some(b'(') {
            multipart(s, parts).map(BodyStructure::Multipart)
        } else {
            leaf(s, parts).map(|leaf| BodyStructure::Leaf(Box::new(leaf)))
        }?;
        while !s.eat(b')') {
            s.space()?;
            s.skip()?;
        }
        Ok(body)
    })
}

fn multipart(s: &mut Scanner<'_>, count: &mut usize) -> Read<Multipart> {
    let mut parts = Vec::new();
    while s.peek() == Some(b'(') {
        parts.push(body(s, count)?);
        s.spaces();
    }
    let subtype = lower(s)?;
    let params = if s.eat(b' ') {
        params(s)?
    } else {
        Params::new()
    };
    let disposition = disposition(s)?;
    Ok(Multipart {
        subtype,
        parts,
        params,
        disposition,
    })
}

fn leaf(s: &mut Scanner<'_>, parts: &mut usize) -> Read<Leaf> {
    let kind = lower(s)?;
    s.space()?;
    let subtype = lower(s)?;
    s.space()?;
    let params = params(s)?;
    s.space()?;
    let id = s.owned()?;
    s.space()?;
    let description = s.owned()?;
    s.space()?;
    let encoding = lower(s)?;
    s.space()?;
    let size = s.or_skip(Scanner::number)?.unwrap_or(0);
    let message = embedded(s, parts)?;
    // The number of lines; only text parts and messages have it.
    if matches!(s.rest(), [b' ', b'0'..=b'9', ..]) {
        s.space()?;
        s.number()?;
    }
    if s.eat(b' ') {
        // The MD5 sum, which nothing uses.
        s.skip()?;
    }
    Ok(Leaf {
        kind,
        subtype,
        params,
        id,
        description,
        encoding,
        size,
        message,
        disposition: disposition(s)?,
    })
}

/// Envelope and structure of an embedded message. Some servers leave both out. If the next value is in parentheses,
/// they are there, since the MD5 sum has none.
fn embedded(s: &mut Scanner<'_>, parts: &mut usize) -> Read<Option<(Envelope, BodyStructure)>> {
    if !s.rest().starts_with(b" (") {
        return Ok(None);
    }
    s.space()?;
    let envelope = envelope::envelope(s)?;
    s.space()?;
    let body = body(s, parts)?;
    Ok(Some((envelope, body)))
}

/// The disposition after a space, if the part has further data.
fn disposition(s: &mut Scanner<'_>) -> Read<Option<Disposition>> {
    if !s.eat(b' ') {
        return Ok(None);
    }
    if s.peek() != Some(b'(') {
        let kind = lower(s)?;
        let params = Params::new();
        return Ok((!kind.is_empty()).then_some(Disposition { kind, params }));
    }
    s.expect(b'(', "a disposition")?;
    let kind = lower(s)?;
    let params = if s.eat(b' ') {
        params(s)?
    } else {
        Params::new()
    };
    s.expect(b')', "the end of a disposition")?;
    Ok(Some(Disposition { kind, params }))
}

fn params(s: &mut Scanner<'_>) -> Read<Params> {
    let mut params = Params::new();
    s.list_or_nil(|s| {
        let name = lower(s)?;
        s.space()?;
        params.push((name, s.owned()?.unwrap_or_default()));
        Ok(())
    })?;
    Ok(params)
}

fn lower(s: &mut Scanner<'_>) -> Read<String> {
    let text = s.nstring()?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&text).to_ascii_lowercase())
}
