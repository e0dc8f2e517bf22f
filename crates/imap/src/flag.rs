//! Flags (RFC 3501, section 2.3.2).

use std::fmt;

use crate::token::is_atom_char;

/// A flag that a client can set. `\Recent` is not among them: only the server sets it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Seen`
    Seen,
    /// `\Draft`
    Draft,
    /// Any other flag, such as `$Forwarded`.
    Keyword(Keyword),
}

/// A flag that people or programs invented: an atom of at most [`Keyword::MAX`] bytes. Comparison ignores the case of
/// ASCII letters, but the spelling is kept.
#[derive(Clone, Debug)]
pub struct Keyword(String);

impl Keyword {
    /// The longest keyword, in bytes.
    pub const MAX: usize = 128;

    /// Makes a keyword from `bytes`; `None` if they are not an atom or too long.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let fits = (1..=Self::MAX).contains(&bytes.len());
        if !(fits && bytes.iter().copied().all(is_atom_char)) {
            return None;
        }
        std::str::from_utf8(bytes)
            .ok()
            .map(|word| Self(word.to_owned()))
    }

    /// The keyword as it was first spelt.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|b| b.to_ascii_lowercase())
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl std::hash::Hash for Keyword {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
    }
}

impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Flag {
    /// The flags that every folder has, in the order in which they are listed.
    pub const SYSTEM: [Self; 5] = [
        Self::Answered,
        Self::Flagged,
        Self::Deleted,
        Self::Seen,
        Self::Draft,
    ];

    /// Reads a flag; `None` if the bytes are not one. `\Recent` and unknown flags with a backslash don't count.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.first() == Some(&b'\\') {
            return Self::SYSTEM
                .into_iter()
                .find(|flag| flag.as_str().as_bytes().eq_ignore_ascii_case(bytes));
        }
        Keyword::new(bytes).map(Self::Keyword)
    }

    /// The flag as the protocol writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Seen => "\\Seen",
            Self::Draft => "\\Draft",
            Self::Keyword(keyword) => keyword.as_str(),
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_one_in_any_case_and_never_a_second_word() {
        assert_eq!(Flag::parse(b"\\sEEN"), Some(Flag::Seen));
        assert_eq!(Flag::parse(b"$Forwarded"), Flag::parse(b"$forwarded"));
        for bytes in [
            &b"\\Recent"[..],
            b"\\*",
            b"",
            b"a b",
            b"a\r",
            b"a]",
            b"\x80",
        ] {
            assert_eq!(Flag::parse(bytes), None, "{bytes:?}");
        }
        assert_eq!(Flag::parse(&[b'x'; Keyword::MAX + 1]), None);
    }
}
