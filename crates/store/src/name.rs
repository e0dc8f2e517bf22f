//! Names of folders.

use std::fmt;

/// The longest name, in bytes of UTF-8.
const LONGEST: usize = 1_000;
/// The longest part between two separators, in bytes.
const LONGEST_PART: usize = 250;
/// The most parts of a name.
const DEEPEST: usize = 32;

/// A folder's full name in UTF-8, its levels separated by [`FolderName::SEPARATOR`]. `INBOX`, as the first level, is
/// upper case however it was spelt (RFC 3501, section 5.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderName(String);

/// Why a text is no folder name. The words are meant for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or nothing between two separators.
    #[error("a folder name, and each level of it, has at least one character")]
    Empty,
    /// A line break or another control character, or one that turns the direction of text.
    #[error("a folder name has no control characters")]
    Control,
    /// Too many bytes, or levels.
    #[error("the folder name is too long")]
    TooLong,
}

impl FolderName {
    /// What separates the levels of a name.
    pub const SEPARATOR: char = '/';

    /// Takes a name in UTF-8.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() > LONGEST {
            return Err(NameError::TooLong);
        }
        if text.chars().any(is_control) {
            return Err(NameError::Control);
        }
        let parts: Vec<&str> = text.split(Self::SEPARATOR).collect();
        if parts.iter().any(|part| part.trim().is_empty()) {
            return Err(NameError::Empty);
        }
        if parts.len() > DEEPEST || parts.iter().any(|part| part.len() > LONGEST_PART) {
            return Err(NameError::TooLong);
        }
        let first = parts[0];
        if first.eq_ignore_ascii_case("INBOX") {
            return Ok(Self(format!("INBOX{}", &text[first.len()..])));
        }
        Ok(Self(text.to_owned()))
    }

    /// The folder that every account has.
    #[must_use]
    pub fn inbox() -> Self {
        Self("INBOX".to_owned())
    }

    /// Whether this is the INBOX itself.
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names of the levels above, the highest first.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        self.0
            .match_indices(Self::SEPARATOR)
            .map(|(at, _)| Self(self.0[..at].to_owned()))
    }

    /// Whether this folder lies below `other`.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.0
            .strip_prefix(other.as_str())
            .is_some_and(|rest| rest.starts_with(Self::SEPARATOR))
    }

    /// One level of a name in modified UTF-7 (RFC 3501, section 5.1.3), as IMAP and Maildir++ write it.
    #[must_use]
    pub fn wire(level: &str) -> String {
        sekisho_imap::mailbox::encode_utf7(level)
    }

    /// Reads one level from modified UTF-7; text that isn't modified UTF-7 stays as it is.
    #[must_use]
    pub fn from_wire(level: &str) -> String {
        sekisho_imap::mailbox::decode_utf7(level.as_bytes()).unwrap_or_else(|_| level.to_owned())
    }

    /// Takes a name that was checked before it was stored.
    pub(crate) fn from_stored(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Control characters, line and paragraph separators, and marks that reorder the text around them.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inbox_is_one_in_any_case_and_others_keep_theirs() {
        assert!(FolderName::parse("iNboX").unwrap().is_inbox());
        assert_eq!(FolderName::parse("inbox/a").unwrap().as_str(), "INBOX/a");
        assert_eq!(FolderName::parse("Inboxes").unwrap().as_str(), "Inboxes");
        assert_eq!(
            FolderName::parse("会議 \"A\"").unwrap().as_str(),
            "会議 \"A\""
        );
    }

    #[test]
    fn names_that_would_mislead_are_refused_with_a_reason() {
        for (text, error) in [
            ("", NameError::Empty),
            ("/a", NameError::Empty),
            ("a//b", NameError::Empty),
            ("a/ /b", NameError::Empty),
            ("a\r\nb", NameError::Control),
            ("a\u{202e}b", NameError::Control),
            (&"x".repeat(251), NameError::TooLong),
            (&vec!["x"; 33].join("/"), NameError::TooLong),
        ] {
            assert_eq!(FolderName::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_folder_is_below_its_ancestors_alone() {
        let name = FolderName::parse("a/b/c").unwrap();
        let above: Vec<_> = name.ancestors().collect();
        assert_eq!(
            above.iter().map(FolderName::as_str).collect::<Vec<_>>(),
            ["a", "a/b"]
        );
        assert!(above.iter().all(|other| name.is_below(other)));
        assert!(!FolderName::parse("ab").unwrap().is_below(&above[0]));
    }
}
