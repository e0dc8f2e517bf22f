//! From bytes to characters: one table of charsets and one policy for everything that reads mail.
//!
//! A label is believed as far as the bytes allow. UTF-8 and ISO-2022-JP can be recognised, so text that is plainly one
//! of them is read so, whatever its label. A wrong byte becomes U+FFFD and spoils nothing else. Where no label helps,
//! the likeliest of UTF-8, EUC-JP, Shift_JIS and windows-1252 is taken.

mod decoded;
mod guess;
mod jis;
mod utf7;

pub use decoded::{Decoded, Doubt};

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GBK, SHIFT_JIS, UTF_8, WINDOWS_1252};

use decoded::{in_encoding, sound};
use guess::{guess, is_plainly_utf8, is_surely_utf8, may_be_utf8};

/// How far into HTML its own word on the charset is looked for, in bytes (HTML Standard, 13.2.3.2).
const SNIFFED: usize = 1024;
/// The longest label that is looked up, in bytes.
const LONGEST_LABEL: usize = 64;

/// A way to decode bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    /// Says nothing: what a server calls text that names no charset (RFC 2045, section 5.2).
    Ascii,
    /// As the Encoding Standard reads it.
    Web(&'static Encoding),
    /// ISO-2022-JP and its relatives, which the Encoding Standard reads too narrowly for mail.
    Jis,
    /// UTF-7 (RFC 2152), which the Encoding Standard does not have.
    Utf7,
}

/// Decodes a text by its label; without one, or with an unknown one, by what the bytes look like.
#[must_use]
pub fn decode(label: Option<&[u8]>, bytes: &[u8]) -> Decoded {
    let label = label.map(clean).filter(|label| !label.is_empty());
    let Some(label) = label else {
        return Charset::Ascii.decode(bytes);
    };
    match Charset::named(&label) {
        Some(charset) => charset.decode(bytes),
        None => Decoded {
            doubt: Some(Doubt::UnknownCharset(label)),
            ..Charset::Ascii.decode(bytes)
        },
    }
}

/// Decodes HTML: by its label, else by the one in a `<meta>`, else by a guess.
#[must_use]
pub fn decode_html(label: Option<&[u8]>, bytes: &[u8]) -> Decoded {
    let says_nothing = label
        .is_none_or(|label| matches!(Charset::named(&clean(label)), None | Some(Charset::Ascii)));
    let inner = if says_nothing {
        meta_charset(bytes)
    } else {
        None
    };
    match inner {
        Some(inner) => decode(Some(inner.as_bytes()), bytes),
        None => decode(label, bytes),
    }
}

/// The text, decoded as [`decode`] does, for callers that don't show doubts.
#[must_use]
pub fn text(label: Option<&[u8]>, bytes: &[u8]) -> String {
    decode(label, bytes).text
}

/// Whether pieces of text in this charset can be joined wherever they were cut.
pub(crate) fn joins(label: &[u8]) -> bool {
    Charset::named(&clean(label)) != Some(Charset::Utf7)
}

impl Charset {
    /// The charset of a clean label: the Encoding Standard's, and those that mail uses besides.
    fn named(label: &str) -> Option<Self> {
        Some(match label {
            "us-ascii" | "ascii" | "ansi_x3.4-1968" | "ansi_x3.4-1986" | "iso646-us"
            | "iso_646.irv:1991" | "unknown" | "unknown-8bit" | "x-unknown" | "default" => {
                Self::Ascii
            }
            "iso-2022-jp"
            | "csiso2022jp"
            | "iso-2022-jp-1"
            | "iso-2022-jp-2"
            | "csiso2022jp2"
            | "iso-2022-jp-3"
            | "iso-2022-jp-2004"
            | "iso-2022-jp-ext"
            | "iso-2022-jp-ms"
            | "x-windows-iso2022jp"
            | "x-iso-2022-jp"
            | "iso2022jp"
            | "iso2022-jp"
            | "iso-2022jp"
            | "jis"
            | "cp50220"
            | "cp50221"
            | "cp50222"
            | "windows-50220"
            | "windows-50221"
            | "windows-50222"
            | "iso-2022-kr"
            | "csiso2022kr" => Self::Jis,
            "utf-7"
            | "utf7"
            | "unicode-1-1-utf-7"
            | "unicode-2-0-utf-7"
            | "x-unicode-2-0-utf-7"
            | "csunicode11utf7"
            | "csutf7"
            | "cp65000" => Self::Utf7,
            "cp932" | "x-cp932" | "ibm932" | "ibm943" | "cp943" | "ms-kanji" | "mskanji"
            | "windows-932" | "x-ms-cp932" | "x-mac-japanese" | "shift_jisx0213"
            | "shift_jis-2004" | "shiftjis" | "s-jis" | "x-shift-jis" | "x-shift_jis" => {
                Self::Web(SHIFT_JIS)
            }
            "eucjp" | "euc_jp" | "ujis" | "eucjp-ms" | "euc-jp-ms" | "eucjpms" | "cp51932"
            | "eucjp-win" | "euc-jisx0213" | "euc-jis-2004" => Self::Web(EUC_JP),
            "cp936" | "ms936" | "windows-936" => Self::Web(GBK),
            "cp949" | "ms949" | "uhc" => Self::Web(EUC_KR),
            "cp950" | "ms950" | "windows-950" => Self::Web(BIG5),
            "utf8mb4" | "utf_8" | "cp65001" => Self::Web(UTF_8),
            label => Self::Web(Encoding::for_label_no_replacement(label.as_bytes())?),
        })
    }

    fn decode(self, bytes: &[u8]) -> Decoded {
        if self.is_written_in_ascii() && jis::has_escapes(bytes) {
            return jis::decode(bytes);
        }
        match self {
            Self::Ascii => guess(bytes),
            Self::Utf7 => utf7::decode(bytes),
            // This charset announces its characters by escapes, and there are none: the label is wrong.
            Self::Jis if !bytes.is_ascii() && !jis::has_escapes(bytes) => guess(bytes),
            Self::Jis => jis::decode(bytes),
            // Much mail that says so is something else, and its programs' authors never noticed.
            Self::Web(encoding) if encoding == WINDOWS_1252 => match std::str::from_utf8(bytes) {
                Ok(text) => sound(text.to_owned()),
                Err(_) => in_encoding(encoding, bytes),
            },
            Self::Web(encoding) if encoding != UTF_8 && is_surely_utf8(bytes) => {
                in_encoding(UTF_8, bytes)
            }
            Self::Web(encoding) => {
                let decoded = in_encoding(encoding, bytes);
                if decoded.doubt.is_none() || encoding == UTF_8 && may_be_utf8(bytes) {
                    return decoded;
                }
                let guessed = guess(bytes);
                let better = guessed.doubt.is_none() || is_plainly_utf8(bytes);
                if better { guessed } else { decoded }
            }
        }
    }

    /// Whether bytes below 128 mean in it what they mean in ASCII, so that an escape in it can only be JIS.
    fn is_written_in_ascii(self) -> bool {
        match self {
            Self::Ascii => true,
            Self::Web(encoding) => encoding.is_ascii_compatible(),
            Self::Jis | Self::Utf7 => false,
        }
    }
}

/// A label without what is written around it: blanks, quotes, a language (RFC 2231, section 5); in lower case.
fn clean(label: &[u8]) -> String {
    let label = label.get(..LONGEST_LABEL).unwrap_or(label);
    let label = label.split(|byte| *byte == b'*').next().unwrap_or_default();
    let label = String::from_utf8_lossy(label).to_ascii_lowercase();
    let around = |c: char| c.is_whitespace() || c.is_control() || "\"';".contains(c);
    label.trim_matches(around).to_owned()
}

fn meta_charset(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..SNIFFED).unwrap_or(bytes);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, after) = head.split_once("charset=")?;
    let label: String = after
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_:".contains(*c))
        .collect();
    // HTML that can be searched for its charset is not written in UTF-16 (HTML Standard, 13.2.3.2).
    let label = if label.starts_with("utf-16") {
        "utf-8".to_owned()
    } else {
        label
    };
    Charset::named(&label).map(|_| label)
}

#[cfg(test)]
mod tests;
