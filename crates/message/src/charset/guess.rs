//! Guessing the charset of text that names none.

use encoding_rs::{EUC_JP, Encoding, SHIFT_JIS, UTF_8, WINDOWS_1252};

use super::decoded::{Decoded, in_encoding, sound};
use super::jis;

/// Text without a named charset: decoded as the only charset it can be, or as the likeliest.
pub(super) fn guess(bytes: &[u8]) -> Decoded {
    if jis::has_escapes(bytes) {
        return jis::decode(bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return sound(text.to_owned());
    }
    if is_plainly_utf8(bytes) {
        return in_encoding(UTF_8, bytes);
    }
    if is_plainly_latin(bytes) {
        return in_encoding(WINDOWS_1252, bytes);
    }
    let candidates = [EUC_JP, SHIFT_JIS].map(|encoding| (encoding, Likeness::of(encoding, bytes)));
    let best = candidates.iter().max_by_key(|(_, likeness)| likeness.score);
    match best {
        // The bytes of other charsets seldom make whole characters, and seldom common ones.
        Some((encoding, likeness)) if likeness.is_text() => in_encoding(encoding, bytes),
        _ => Decoded {
            doubt: None,
            ..in_encoding(WINDOWS_1252, bytes)
        },
    }
}

/// Whether the bytes are UTF-8 except for damage: they have multi-byte characters, and fewer errors than those. Other
/// charsets hardly ever look so.
pub(super) fn is_plainly_utf8(bytes: &[u8]) -> bool {
    let (characters, errors) = utf8_characters(bytes);
    characters > errors
}

/// Whether the bytes can be damaged UTF-8, as their label says.
pub(super) fn may_be_utf8(bytes: &[u8]) -> bool {
    let (characters, errors) = utf8_characters(bytes);
    characters > 0 && characters >= errors
}

/// How many multi-byte characters there are, and how many errors.
fn utf8_characters(bytes: &[u8]) -> (usize, usize) {
    bytes
        .utf8_chunks()
        .fold((0, 0), |(characters, errors), chunk| {
            let wide = chunk.valid().chars().filter(|c| !c.is_ascii()).count();
            let error = usize::from(!chunk.invalid().is_empty());
            (characters + wide, errors + error)
        })
}

/// The same, with only characters of three or more bytes, as in Japanese. That outweighs even a label that says
/// something else.
pub(super) fn is_surely_utf8(bytes: &[u8]) -> bool {
    let characters = bytes.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
    let mut characters = characters.filter(|c| !c.is_ascii()).peekable();
    characters.peek().is_some() && characters.all(|c| c >= '\u{800}') && is_plainly_utf8(bytes)
}

/// Whether this is Western text: letters with accents, each alone among letters without.
fn is_plainly_latin(bytes: &[u8]) -> bool {
    let beyond = |at: usize| bytes.get(at).is_some_and(|byte| *byte >= 0x80);
    let letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
    bytes.iter().enumerate().all(|(at, byte)| {
        let (before, after) = (at.wrapping_sub(1), at + 1);
        *byte < 0x80
            || *byte >= 0xc0
                && !beyond(before)
                && !beyond(after)
                && (letter(before) || letter(after))
    })
}

/// How much some bytes look like Japanese text in an encoding.
struct Likeness {
    /// The higher, the likelier.
    score: i64,
    characters: usize,
    errors: usize,
}

impl Likeness {
    fn of(encoding: &'static Encoding, bytes: &[u8]) -> Self {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        let mut likeness = Self {
            score: 0,
            characters: 0,
            errors: 0,
        };
        for character in text.chars().filter(|c| !c.is_ascii()) {
            likeness.characters += 1;
            likeness.score += match character {
                '\u{fffd}' => {
                    likeness.errors += 1;
                    -20
                }
                // Kana, and the punctuation that goes with it.
                '\u{3000}'..='\u{30ff}' => 4,
                '\u{4e00}'..='\u{9fff}' => 2,
                '\u{ff01}'..='\u{ff60}' => 2,
                // Half-width kana: nearly every byte of another charset reads as one.
                '\u{ff61}'..='\u{ff9f}' => 0,
                _ => -1,
            };
        }
        likeness
    }

    /// Whether this can be text with a little damage.
    fn is_text(&self) -> bool {
        self.errors == 0 || self.characters >= 8 * self.errors
    }
}
