//! The text of a header field, as the server sent it.

use std::fmt;

use sekisho_message::encoded_word;

/// A header's text as the message has it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderText(Vec<u8>);

impl HeaderText {
    /// Takes a header's bytes.
    #[must_use]
    pub fn new(raw: Vec<u8>) -> Self {
        Self(raw)
    }

    /// The bytes, encoded words and all.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.0
    }

    /// The text to read: see [`encoded_word::decode`].
    #[must_use]
    pub fn decoded(&self) -> String {
        encoded_word::decode(&self.0)
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.decoded())
    }
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderText({:?})", self.decoded())
    }
}
