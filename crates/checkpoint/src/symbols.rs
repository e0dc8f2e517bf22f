//! Crockford's base32, in which codes for people are written.

use unicode_normalization::UnicodeNormalization;

use crate::random::{NoRandomness, random};

/// Draws so many characters of Crockford base32, five bits each.
pub(crate) fn random_symbols<const N: usize>() -> Result<String, NoRandomness> {
    const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bytes: [u8; N] = random()?;
    Ok(bytes
        .iter()
        .map(|b| char::from(SYMBOLS[usize::from(b & 31)]))
        .collect())
}

/// Folds what people type: case, blanks, hyphens of any kind, full-width forms, O for 0, I and L for 1; at most 100
/// characters. With a Japanese input method switched on, the hyphen key gives the long vowel mark.
pub(crate) fn folded(typed: &str) -> String {
    typed
        .nfkc()
        .filter(|c| c.is_alphanumeric() && *c != 'ー')
        .flat_map(char::to_uppercase)
        .map(|c| match c {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .take(100)
        .collect()
}
