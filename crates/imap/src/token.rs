//! The smallest elements of the grammar: character classes, tags and secrets.

use std::fmt;

/// Whether `byte` may stand in an `atom` (RFC 3501, section 9: ATOM-CHAR).
#[must_use]
pub fn is_atom_char(byte: u8) -> bool {
    is_astring_char(byte) && byte != b']'
}

/// Whether `byte` may stand in an unquoted `astring` (ASTRING-CHAR: an atom's characters and `]`).
#[must_use]
pub fn is_astring_char(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\')
}

/// Whether `byte` may stand in an unquoted LIST pattern, where `%` and `*` are allowed.
#[must_use]
pub(crate) fn is_list_char(byte: u8) -> bool {
    is_astring_char(byte) || matches!(byte, b'%' | b'*')
}

/// The client's identifier of one command, repeated in the response that completes it.
///
/// A `Tag` contains only bytes that are safe to send back: 1 to 64 astring characters other than `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// The longest tag that is accepted; clients use a dozen characters at most.
    pub const MAX: usize = 64;

    /// Makes a tag from `bytes`; `None` if they are not a valid tag.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let fits = (1..=Self::MAX).contains(&bytes.len());
        let clean = bytes.iter().all(|&b| is_astring_char(b) && b != b'+');
        if !(fits && clean) {
            return None;
        }
        std::str::from_utf8(bytes)
            .ok()
            .map(|text| Self(text.to_owned()))
    }

    /// The tag at the start of `line`, if there is a valid one followed by a space.
    #[must_use]
    pub(crate) fn opening(line: &[u8]) -> Option<Self> {
        let end = line.iter().position(|&b| b == b' ')?;
        Self::new(&line[..end])
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A password, or bytes that contain one. They never print and are wiped when dropped.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Wraps `bytes`.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for the place that checks them or passes them on.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}
