//! Bytes of a text to characters, whatever their label says.

use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8, WINDOWS_1252};

/// How far into HTML its own word on the charset is looked for (the HTML standard: the first 1024 bytes).
const SNIFFED: usize = 1024;

/// A text, and whether it can be trusted to be what was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// The characters.
    pub text: String,
    /// What the reader should know.
    pub doubt: Option<Doubt>,
}

/// Why a text may not read as it was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// A charset that nobody here knows; the text was guessed.
    UnknownCharset(String),
    /// Some bytes mean nothing in the charset; they became U+FFFD.
    Damaged,
}

/// Decodes a text by its label; without one, or with an unknown one, by what the bytes look like.
pub(super) fn decode(bytes: &[u8], label: Option<&str>) -> Decoded {
    let Some(label) = label.map(str::trim).filter(|label| !label.is_empty()) else {
        return in_encoding(bytes, guess(bytes));
    };
    let Some(encoding) = by_label(label) else {
        return Decoded {
            doubt: Some(Doubt::UnknownCharset(label.to_owned())),
            ..in_encoding(bytes, guess(bytes))
        };
    };
    // Many programs say US-ASCII (which is read as windows-1252) or UTF-8 and mean what they happen to have.
    let decoded = in_encoding(bytes, encoding);
    let doubtful = decoded.doubt.is_some() || (encoding == WINDOWS_1252 && !bytes.is_ascii());
    if doubtful || is_seven_bit_japanese(bytes) {
        let guessed = in_encoding(bytes, guess(bytes));
        if guessed.doubt.is_none() {
            return guessed;
        }
    }
    decoded
}

/// Decodes HTML: the header's label, else the one in a `<meta>`, else a guess.
pub(super) fn decode_html(bytes: &[u8], label: Option<&str>) -> Decoded {
    let inner = if label.is_none() {
        meta_charset(bytes)
    } else {
        None
    };
    decode(bytes, label.or(inner.as_deref()))
}

fn in_encoding(bytes: &[u8], encoding: &'static Encoding) -> Decoded {
    let (text, _, damaged) = encoding.decode(bytes);
    Decoded {
        text: text.into_owned(),
        doubt: damaged.then_some(Doubt::Damaged),
    }
}

/// The encoding standard's labels, and those that Japanese mail programs use besides.
fn by_label(label: &str) -> Option<&'static Encoding> {
    let label = label.to_ascii_lowercase();
    Encoding::for_label_no_replacement(label.as_bytes()).or(match label.as_str() {
        "cp932" | "ms932" | "ms-kanji" | "windows-932" => Some(SHIFT_JIS),
        "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-3" | "iso-2022-jp-ms" | "cp50220"
        | "cp50221" => Some(ISO_2022_JP),
        "eucjp" | "eucjp-ms" | "cp51932" => Some(EUC_JP),
        "utf8mb4" | "unicode-1-1-utf-8" => Some(UTF_8),
        _ => None,
    })
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if is_seven_bit_japanese(bytes) {
        return ISO_2022_JP;
    }
    [UTF_8, EUC_JP, SHIFT_JIS]
        .into_iter()
        .find(|encoding| {
            encoding
                .decode_without_bom_handling_and_without_replacement(bytes)
                .is_some()
        })
        .unwrap_or(WINDOWS_1252)
}

/// Escape sequences of ISO-2022-JP among nothing but ASCII.
fn is_seven_bit_japanese(bytes: &[u8]) -> bool {
    bytes.is_ascii() && bytes.windows(2).any(|pair| pair == b"\x1b$")
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
    by_label(&label).map(|_| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_is_read_in_every_charset_it_is_written_in() {
        let euc = b"\xb2\xf1\xb5\xc4";
        let sjis = b"\x89\xef\x8bc";
        let jis = b"\x1b$B2q5D\x1b(B";
        for (bytes, label) in [
            (&euc[..], Some("EUC-JP")),
            (euc, None),
            (sjis, Some("shift_jis")),
            (sjis, Some("cp932")),
            (jis, Some("ISO-2022-JP")),
            (jis, Some("us-ascii")),
            (jis, None),
            ("会議".as_bytes(), Some("utf-8")),
            ("会議".as_bytes(), Some("us-ascii")),
            ("会議".as_bytes(), Some("  ")),
        ] {
            let decoded = decode(bytes, label);
            assert_eq!(
                (decoded.text.as_str(), decoded.doubt),
                ("会議", None),
                "{label:?}"
            );
        }
    }

    #[test]
    fn an_unknown_charset_is_read_all_the_same_and_said() {
        let decoded = decode("会議".as_bytes(), Some("x-klingon"));
        assert_eq!(decoded.text, "会議");
        assert_eq!(
            decoded.doubt,
            Some(Doubt::UnknownCharset("x-klingon".to_owned()))
        );
    }

    #[test]
    fn html_may_name_its_charset_itself() {
        let html = b"<html><head><meta charset='shift_jis'></head>\x89\xef\x8bc";
        assert!(decode_html(html, None).text.ends_with("会議"));
    }

    #[test]
    fn damage_is_said() {
        assert_eq!(
            decode(b"\x1b$B2q5", Some("iso-2022-jp")).doubt,
            Some(Doubt::Damaged)
        );
    }
}
