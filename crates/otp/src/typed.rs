//! Reads text that a person typed or pasted, ignoring differences that don't matter.

use unicode_normalization::UnicodeNormalization;

/// Far more characters than any code has; the rest of a longer text is not read.
const READ_AT_MOST: usize = 200;

/// The characters of a typed text, in compatibility form (NFKC: full-width letters and digits become
/// ASCII), without the separators that people put in or leave out.
pub fn characters(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .take(READ_AT_MOST)
        .nfkc()
        .filter(|&character| !is_separator(character))
}

/// Spaces, and everything that a keyboard may give for a hyphen. With a Japanese input method switched
/// on, the hyphen key gives the long vowel mark ー. Pasted text may bring invisible spaces along.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}' | '\u{200B}' | '\u{FEFF}'
        )
}
