//! Fifteen characters of Crockford's base32, the last of which checks the others.
//!
//! The characters' values are elements of GF(32) = GF(2)\[x\]/(x^5 + x^2 + 1). With a = x, an element of
//! order 31, the check character of c1..c14 is c1·a + c2·a^2 + … + c14·a^14. A wrong c_i shifts that sum
//! by a non-zero multiple of a^i; swapping c_i and c_j shifts it by (c_i + c_j)(a^i + a^j), and swapping
//! c_i with the check character itself by (c_i + check)(a^i + 1). All of these are non-zero because the
//! powers of a below 31 are distinct, so every one of these mistakes is caught.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{random, typed};

/// Characters in a code, the check character included.
pub const SYMBOLS: usize = 15;

/// Characters that carry the secret: all but the check character.
pub const SECRET_SYMBOLS: usize = SYMBOLS - 1;

const GROUP: usize = 5;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The values (0 to 31) of a code's characters. The check character of every `Symbols` is right.
#[derive(Clone)]
pub struct Symbols(Zeroizing<[u8; SYMBOLS]>);

impl Symbols {
    pub fn generate() -> Self {
        let mut values = Zeroizing::new([0; SYMBOLS]);
        random::fill(&mut values[..SECRET_SYMBOLS]);
        for value in &mut values[..SECRET_SYMBOLS] {
            *value &= 0x1f;
        }
        values[SECRET_SYMBOLS] = check_value(&values[..SECRET_SYMBOLS]);
        Self(values)
    }

    pub fn parse(typed: &str) -> Result<Self, CodeError> {
        let mut values = Zeroizing::new([0; SYMBOLS]);
        let mut found = 0;
        for character in typed::characters(typed) {
            let value = value_of(character).ok_or(CodeError::Character {
                at: found + 1,
                found: character,
            })?;
            if let Some(place) = values.get_mut(found) {
                *place = value;
            }
            found += 1;
        }
        if found != SYMBOLS {
            return Err(CodeError::Length { found });
        }
        if values[SECRET_SYMBOLS] != check_value(&values[..SECRET_SYMBOLS]) {
            return Err(CodeError::Check);
        }
        Ok(Self(values))
    }

    pub fn grouped(&self) -> String {
        let mut shown = String::with_capacity(SYMBOLS + SYMBOLS / GROUP - 1);
        for (at, &value) in self.0.iter().enumerate() {
            if at > 0 && at % GROUP == 0 {
                shown.push('-');
            }
            shown.push(char::from(ALPHABET[usize::from(value)]));
        }
        shown
    }

    /// The characters that carry the secret, upper case ASCII: key material.
    pub fn secret(&self) -> Zeroizing<[u8; SECRET_SYMBOLS]> {
        let mut characters = Zeroizing::new([0; SECRET_SYMBOLS]);
        for (character, &value) in characters.iter_mut().zip(self.0.iter()) {
            *character = ALPHABET[usize::from(value)];
        }
        characters
    }
}

impl PartialEq for Symbols {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Symbols {}

/// The value of a character in either case, reading O, I and L as the digits they are mistaken for.
fn value_of(character: char) -> Option<u8> {
    let upper = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    (0..)
        .zip(ALPHABET)
        .find(|&(_, &symbol)| char::from(symbol) == upper)
        .map(|(value, _)| value)
}

/// Horner's rule for the polynomial in the module's documentation.
fn check_value(values: &[u8]) -> u8 {
    values
        .iter()
        .rev()
        .fold(0, |sum, &value| times_a(sum ^ value))
}

fn times_a(value: u8) -> u8 {
    let doubled = value << 1;
    if doubled & 0b10_0000 == 0 {
        doubled
    } else {
        doubled ^ 0b10_0101
    }
}

/// Why a typed text is not a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Too few or too many characters.
    #[error("a code has {SYMBOLS} characters, not {found}")]
    Length {
        /// How many there were, not counting separators. In a very long text only the beginning is counted.
        found: usize,
    },
    /// A character that no code contains.
    #[error("character {at} of the code can't be {found:?}")]
    Character {
        /// Which character it was, counted from 1, not counting separators.
        at: usize,
        /// The character, in its half-width form.
        found: char,
    },
    /// Length and characters are possible, but the check character does not match: one character is wrong, or two have
    /// changed places. Which ones can't be known.
    #[error("the check character does not match: one character is wrong, or two are swapped")]
    Check,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(values: &[u8]) -> String {
        values
            .iter()
            .map(|&value| char::from(ALPHABET[usize::from(value)]))
            .collect()
    }

    fn code() -> impl Strategy<Value = [u8; SYMBOLS]> {
        proptest::array::uniform14(0u8..32).prop_map(|secret| {
            let mut values = [0; SYMBOLS];
            values[..SECRET_SYMBOLS].copy_from_slice(&secret);
            values[SECRET_SYMBOLS] = check_value(&secret);
            values
        })
    }

    /// The n-th of the ways people write a character.
    fn as_typed(symbol: char, way: u8) -> char {
        let look_alike = match symbol {
            '0' => 'O',
            '1' => ['I', 'l', 'i', 'L'][usize::from(way / 4 % 4)],
            other => other,
        };
        let full_width = |narrow: char| char::from_u32(u32::from(narrow) + 0xFEE0);
        match way % 4 {
            0 => symbol,
            1 => symbol.to_ascii_lowercase(),
            2 => look_alike,
            _ => full_width(symbol).unwrap_or(symbol),
        }
    }

    proptest! {
        #[test]
        fn every_single_wrong_character_is_caught(code in code(), at in 0..SYMBOLS, by in 1u8..32) {
            let mut wrong = code;
            wrong[at] ^= by;
            prop_assert_eq!(Symbols::parse(&shown(&wrong)).err(), Some(CodeError::Check));
        }

        #[test]
        fn every_swap_of_two_is_caught(code in code(), one in 0..SYMBOLS, other in 0..SYMBOLS) {
            prop_assume!(code[one] != code[other]);
            let mut swapped = code;
            swapped.swap(one, other);
            prop_assert_eq!(Symbols::parse(&shown(&swapped)).err(), Some(CodeError::Check));
        }

        #[test]
        fn however_it_is_typed_it_is_the_same_code(
            code in code(),
            ways in proptest::collection::vec(any::<u8>(), SYMBOLS),
            separators in proptest::collection::vec("[ \u{3000}\t\u{a0}‐‑‒–—―−ー－ｰ-]{0,2}", SYMBOLS + 1),
        ) {
            let mut typed = separators[0].clone();
            for (at, symbol) in shown(&code).chars().enumerate() {
                typed.push(as_typed(symbol, ways[at]));
                typed.push_str(&separators[at + 1]);
            }
            let parsed = Symbols::parse(&typed).map(|symbols| *symbols.0);
            prop_assert_eq!(parsed, Ok(code), "{:?}", typed);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _outcome = Symbols::parse(&text).map(|symbols| symbols.grouped());
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refused = |text: &str| Symbols::parse(text).err();
        assert_eq!(refused(""), Some(CodeError::Length { found: 0 }));
        assert_eq!(
            refused("8DE7R-DNB4K-M240"),
            Some(CodeError::Length { found: 14 })
        );
        assert_eq!(
            refused("8DE7R-DNB4K-M240Y0"),
            Some(CodeError::Length { found: 16 })
        );
        assert_eq!(
            refused("8DE7R-DＵB4K-M240Y"),
            Some(CodeError::Character { at: 7, found: 'U' })
        );
        assert_eq!(refused("8DE7R-DNB4K-M2400"), Some(CodeError::Check));
    }

    #[test]
    fn an_endless_text_is_not_read_to_its_end() {
        let text = "0".repeat(1 << 20);
        assert!(matches!(
            Symbols::parse(&text),
            Err(CodeError::Length { found }) if found < 1000
        ));
    }
}
