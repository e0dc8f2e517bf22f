//! Text as searches compare it.

use unicode_normalization::UnicodeNormalization;

/// Makes texts comparable that people take for the same: letters in lower case, and full-width, half-width and other
/// compatibility forms in their plain one (Unicode's NFKC). ＡＢＣ, Abc and abc are one, as are ｶｲｷﾞ and カイギ.
pub fn casefold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for character in text.nfkc() {
        match character {
            // Each sigma is one letter, wherever it stands, and a sharp s is written ss where all is in capitals.
            'Σ' | 'ς' => folded.push('σ'),
            'ß' | 'ẞ' => folded.push_str("ss"),
            _ => folded.extend(character.to_lowercase()),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_cases_and_compatibility_forms_are_one() {
        for (a, b) in [
            ("ＡＢＣ", "abc"),
            ("ｶｲｷﾞ", "カイギ"),
            ("①", "1"),
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("会議", "会議"),
        ] {
            assert_eq!(casefold(a), casefold(b), "{a}");
        }
    }
}
