//! The commands before and around the login.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Body;
use super::cursor::{Cursor, Parsed};
use crate::framing::Frame;
use crate::token::Secret;

/// A client's line in an AUTHENTICATE exchange (RFC 3501, section 6.2.2).
#[derive(Debug)]
pub enum SaslLine {
    /// `*`: the client cancels the exchange.
    Cancel,
    /// Decoded data.
    Data(Secret),
}

impl SaslLine {
    /// Reads the line; `None` if it is not base64.
    #[must_use]
    pub fn parse(line: &Frame) -> Option<Self> {
        match line.bytes() {
            b"*" => Some(Self::Cancel),
            bytes => decode(bytes).map(Self::Data),
        }
    }
}

pub(super) fn authenticate(c: &mut Cursor<'_>) -> Parsed<Body> {
    let mechanism = c.word("a SASL mechanism")?;
    if !c.eat(b' ') {
        return Ok(Body::Authenticate {
            mechanism,
            initial: None,
        });
    }
    let initial = match c.until_space() {
        b"=" => Some(Secret::new(Vec::new())),
        b"" => None,
        bytes => decode(bytes),
    };
    match initial {
        None => c.expected("an initial response in base64"),
        initial => Ok(Body::Authenticate { mechanism, initial }),
    }
}

pub(super) fn login(c: &mut Cursor<'_>) -> Parsed<Body> {
    let name = c.astring()?.into_owned();
    c.space()?;
    let password = Secret::new(c.astring()?.into_owned());
    Ok(Body::Login { name, password })
}

/// `ID NIL` or `ID ("name" "value" ...)` (RFC 2971, section 3.1).
pub(super) fn id(c: &mut Cursor<'_>) -> Parsed<Body> {
    if c.eat_word("NIL") {
        return Ok(Body::Id(Vec::new()));
    }
    c.expect(b'(', "NIL or a list")?;
    let mut fields = Vec::new();
    while !c.eat(b')') {
        if !fields.is_empty() {
            c.space()?;
        }
        let name = c.string()?.into_owned();
        c.space()?;
        fields.push((name, c.nstring()?.map(std::borrow::Cow::into_owned)));
    }
    Ok(Body::Id(fields))
}

pub(super) fn enable(c: &mut Cursor<'_>) -> Parsed<Body> {
    let mut wanted = vec![c.word("a capability")?];
    while c.eat(b' ') {
        wanted.push(c.word("a capability")?);
    }
    Ok(Body::Enable(wanted))
}

fn decode(base64: &[u8]) -> Option<Secret> {
    STANDARD.decode(base64).ok().map(Secret::new)
}
