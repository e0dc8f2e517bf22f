//! How the site's spam filter marks junk.

use sekisho_message::Parsed;

/// A header field by which the site's filter marks junk, such as `X-Spam-Flag: YES`. Every message is believed that has
/// it, so the filter must remove such fields if strangers wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JunkHeader {
    name: String,
    value: String,
}

impl JunkHeader {
    /// Reads `Name: value`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once(':')?;
        let fine = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
        let value = value.trim();
        (fine && !value.is_empty()).then(|| Self {
            name: name.to_owned(),
            value: value.to_ascii_lowercase(),
        })
    }

    /// Whether the message has the field, with a value that begins so, in any case.
    pub(super) fn marks(&self, message: &[u8]) -> bool {
        let values = Parsed::new(message).header_text(&self.name);
        values.is_some_and(|values| {
            let mut lines = values.lines();
            lines.any(|value| {
                let value = value.trim().to_ascii_lowercase();
                value.starts_with(&self.value)
            })
        })
    }
}

impl std::fmt::Display for JunkHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_found_in_any_case_and_only_in_the_header() {
        let junk = JunkHeader::parse("X-Spam-Flag: YES").unwrap();
        for (message, marked) in [
            ("X-SPAM-flag: yes\r\n\r\n", true),
            ("A: b\r\nX-Spam-Flag:\r\n Yes, score=9\r\n\r\n", true),
            ("X-Spam-Flag: no\r\n\r\n", false),
            ("A: b\r\n\r\nX-Spam-Flag: YES\r\n", false),
        ] {
            assert_eq!(junk.marks(message.as_bytes()), marked, "{message:?}");
        }
        for text in ["", "X-Spam-Flag", ": YES", "X Spam: YES", "X-Spam-Flag: "] {
            assert_eq!(JunkHeader::parse(text), None, "{text:?}");
        }
    }
}
