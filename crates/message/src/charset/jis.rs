//! ISO-2022-JP and its relatives, as mail is written in them (RFC 1468, RFC 1554, RFC 2237, CP50221; ISO-2022-KR).
//!
//! The Encoding Standard's decoder refuses what joined encoded words contain (an escape right after an escape), half of
//! the character sets, and the half-width kana of old programs; so this one is ours. Its tables are those of
//! encoding_rs: each double-byte set is the right half of an encoding that encoding_rs has.

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK};

use super::decoded::{Decoded, Doubt};

const ESCAPE: u8 = 0x1b;

/// A character set of 94 or 94x94 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Ascii,
    /// JIS X 0201. It has a yen sign instead of the backslash and an overline instead of the tilde, but nearly
    /// everybody means ASCII.
    Roman,
    /// JIS X 0201's half-width kana.
    Kana,
    /// JIS X 0208, in any of its editions, and JIS X 0213's first plane, of which it is the larger part.
    Kanji,
    /// JIS X 0212.
    Supplement,
    /// Private characters of CP50221: rows 1 to 20, from U+E000.
    Private,
    Chinese,
    Korean,
    /// A double-byte set that isn't known here.
    Unknown,
}

/// Whether there are escapes to Japanese sets: text of another charset has none.
pub(super) fn has_escapes(bytes: &[u8]) -> bool {
    memchr::memchr_iter(ESCAPE, bytes).any(|at| {
        matches!(
            bytes.get(at + 1..).unwrap_or_default(),
            [b'$', b'@' | b'A' | b'B' | b'(' | b')', ..] | [b'(', b'B' | b'I' | b'J', ..]
        )
    })
}

/// Decodes. A line end leads back to ASCII, as every line has to begin in it (RFC 1468).
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let mut reader = Reader {
        out: String::with_capacity(bytes.len()),
        set: Set::Ascii,
        shifted_to: Set::Kana,
        is_shifted: false,
        damaged: false,
    };
    let mut rest = bytes;
    while let Some(used) = reader.step(rest) {
        rest = rest.get(used..).unwrap_or_default();
    }
    Decoded {
        text: reader.out,
        doubt: reader.damaged.then_some(Doubt::Damaged),
    }
}

struct Reader {
    out: String,
    set: Set,
    /// The set that SO shifts to: half-width kana, or what a header designates.
    shifted_to: Set,
    is_shifted: bool,
    damaged: bool,
}

impl Reader {
    /// Reads the next item; returns how many bytes it took.
    fn step(&mut self, rest: &[u8]) -> Option<usize> {
        let set = if self.is_shifted {
            self.shifted_to
        } else {
            self.set
        };
        let &first = rest.first()?;
        Some(match first {
            ESCAPE => self.escape(rest),
            b'\r' | b'\n' => {
                (self.set, self.is_shifted) = (Set::Ascii, false);
                self.out.push(char::from(first));
                1
            }
            0x0e | 0x0f => {
                self.is_shifted = first == 0x0e;
                1
            }
            // Half-width kana in eight bits, or a stray character of Shift_JIS or EUC-JP.
            0xa1..=0xdf if set == Set::Ascii || set == Set::Roman => self.half_width(first & 0x7f),
            0x80.. => self.wrong(1),
            0x21..=0x7e => match set {
                Set::Ascii | Set::Roman => {
                    self.out.push(char::from(first));
                    1
                }
                Set::Kana => self.half_width(first),
                _ => self.double(set, rest),
            },
            _ => {
                self.out.push(char::from(first));
                1
            }
        })
    }

    /// A designation; or an unknown escape, which is dropped with the bytes that belong to it.
    fn escape(&mut self, rest: &[u8]) -> usize {
        let (set, used) = match rest {
            [_, b'(', b'B', ..] => (Set::Ascii, 3),
            [_, b'(', b'J' | b'H', ..] => (Set::Roman, 3),
            [_, b'(', b'I', ..] => (Set::Kana, 3),
            [_, b'$', b'@' | b'B', ..] => (Set::Kanji, 3),
            [_, b'$', b'A', ..] => (Set::Chinese, 3),
            [_, b'$', b'(', b'@' | b'B' | b'O' | b'Q', ..] => (Set::Kanji, 4),
            [_, b'$', b'(', b'D', ..] => (Set::Supplement, 4),
            [_, b'$', b'(', b'A', ..] => (Set::Chinese, 4),
            [_, b'$', b'(', b'C', ..] => (Set::Korean, 4),
            [_, b'$', b'(', b'?', ..] => (Set::Private, 4),
            [_, b'$', b'(', _, ..] => (Set::Unknown, 4),
            [_, b'$', b')', b'C', ..] => return self.shift_to(Set::Korean),
            [_, b'$', b')', b'A', ..] => return self.shift_to(Set::Chinese),
            // Announces the edition of JIS X 0208 that the next escape designates.
            [_, b'&', b'@', ..] => return 3,
            _ => return self.wrong(1),
        };
        self.set = set;
        used
    }

    fn shift_to(&mut self, set: Set) -> usize {
        self.shifted_to = set;
        4
    }

    fn half_width(&mut self, byte: u8) -> usize {
        match byte {
            0x21..=0x5f => {
                let kana = 0xff61 + u32::from(byte - 0x21);
                self.out.extend(char::from_u32(kana));
                1
            }
            _ => self.wrong(1),
        }
    }

    fn double(&mut self, set: Set, rest: &[u8]) -> usize {
        let [first, second @ 0x21..=0x7e, ..] = *rest else {
            return self.wrong(1);
        };
        let (high, low) = (first | 0x80, second | 0x80);
        let known = match set {
            Set::Kanji => self.through(EUC_JP, &[high, low]),
            Set::Supplement => self.through(EUC_JP, &[0x8f, high, low]),
            Set::Chinese => self.through(GBK, &[high, low]),
            Set::Korean => self.through(EUC_KR, &[high, low]),
            Set::Private if first <= 0x34 => {
                let place = u32::from(first - 0x21) * 94 + u32::from(second - 0x21);
                self.out.extend(char::from_u32(0xe000 + place));
                true
            }
            _ => false,
        };
        if known { 2 } else { self.wrong(2) }
    }

    fn through(&mut self, encoding: &'static Encoding, bytes: &[u8]) -> bool {
        match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
            Some(text) => {
                self.out.push_str(&text);
                true
            }
            None => false,
        }
    }

    fn wrong(&mut self, used: usize) -> usize {
        self.damaged = true;
        self.out.push('\u{fffd}');
        used
    }
}
