//! UTF-7 (RFC 2152), which old programs of Microsoft's wrote.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::decoded::{Decoded, Doubt};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes. Bytes beyond ASCII have no place in it, and become U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let mut text = String::with_capacity(bytes.len());
    let mut damaged = false;
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => {
                let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
                let end = after.iter().position(|byte| !is_digit(byte));
                let (digits, behind) = after.split_at(end.unwrap_or(after.len()));
                let units = utf16(digits);
                if units.is_empty() {
                    // A plus sign: written as it has to be, `+-`, or as it must not.
                    text.push('+');
                    text.extend(digits.iter().copied().map(char::from));
                }
                for character in char::decode_utf16(units) {
                    damaged |= character.is_err();
                    text.push(character.unwrap_or('\u{fffd}'));
                }
                rest = behind.strip_prefix(b"-").unwrap_or(behind);
            }
            0x80.. => {
                damaged = true;
                text.push('\u{fffd}');
            }
            first => text.push(char::from(first)),
        }
    }
    Decoded {
        text,
        doubt: damaged.then_some(Doubt::Damaged),
    }
}

/// The UTF-16 units that base64 holds.
fn utf16(digits: &[u8]) -> Vec<u16> {
    // A last digit alone holds no byte.
    let whole = digits.len() - usize::from(digits.len() % 4 == 1);
    let bytes = BASE64.decode(&digits[..whole]).unwrap_or_default();
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect()
}
