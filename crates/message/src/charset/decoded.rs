//! The result of decoding.

use encoding_rs::Encoding;

/// A text, and whether it can be trusted to be what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The characters.
    pub text: String,
    /// What the reader should know.
    pub doubt: Option<Doubt>,
}

/// Why a text may not read as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The charset is unknown; the text is a guess.
    UnknownCharset(String),
    /// Some bytes mean nothing in the charset; they became U+FFFD.
    Damaged,
}

pub(super) fn sound(text: String) -> Decoded {
    Decoded { text, doubt: None }
}

pub(super) fn in_encoding(encoding: &'static Encoding, bytes: &[u8]) -> Decoded {
    let (text, _, damaged) = encoding.decode(bytes);
    Decoded {
        text: text.into_owned(),
        doubt: damaged.then_some(Doubt::Damaged),
    }
}
