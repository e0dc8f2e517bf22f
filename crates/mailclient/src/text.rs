//! Text of headers: encoded words (RFC 2047) and what people send instead.

use std::fmt;

use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8, WINDOWS_1252};

use crate::transfer;

/// A header's text as the message has it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderText(Vec<u8>);

impl HeaderText {
    /// Takes a header's bytes.
    #[must_use]
    pub fn new(raw: Vec<u8>) -> Self {
        Self(raw)
    }

    /// The bytes, encoded words and all.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.0
    }

    /// The text to read: see [`decode_words`].
    #[must_use]
    pub fn decoded(&self) -> String {
        decode_words(&self.0)
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.decoded())
    }
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderText({:?})", self.decoded())
    }
}

/// Decodes the encoded words of a header (RFC 2047) and guesses the charset of raw bytes above 127.
/// The result is one line without control characters and without the marks that turn the direction
/// of writing, so that it can't leave the place where it is shown or written.
#[must_use]
pub fn decode_words(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut run: Option<Run> = None;
    let mut rest = raw;
    let mut plain = 0;
    while let Some(at) = find(&rest[plain..], b"=?").map(|at| at + plain) {
        let Some((word, length)) = Word::read(&rest[at..]) else {
            plain = at + 2;
            continue;
        };
        let between = &rest[..at];
        // Space between two encoded words isn't part of the text (section 6.2).
        if run.is_none() || !between.iter().all(u8::is_ascii_whitespace) {
            Run::end(run.take(), &mut out);
            out.push_str(&guess(between));
        }
        run = Some(Run::join(run, word, &mut out));
        rest = &rest[at + length..];
        plain = 0;
    }
    Run::end(run, &mut out);
    out.push_str(&guess(rest));
    one_line(&out)
}

/// Text in a named charset; one that nobody knows is guessed.
pub(crate) fn in_charset(label: &[u8], bytes: &[u8]) -> String {
    match charset(label) {
        Some(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        None => guess(bytes),
    }
}

/// Text without anything that would leave its line or turn it round.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut folded = false;
    for character in text.chars() {
        let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let breaks = character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
        match character {
            _ if turns => {}
            ' ' if folded => {}
            _ if breaks => {
                if !folded && !line.ends_with(' ') {
                    line.push(' ');
                }
                folded = true;
            }
            _ => {
                line.push(character);
                folded = false;
            }
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Text in no named charset: what it can only be, or what it most likely is.
pub(crate) fn guess(bytes: &[u8]) -> String {
    if find(bytes, b"\x1b$").is_some() || find(bytes, b"\x1b(").is_some() {
        return ISO_2022_JP
            .decode_without_bom_handling(bytes)
            .0
            .into_owned();
    }
    [UTF_8, EUC_JP, SHIFT_JIS]
        .into_iter()
        .find_map(|encoding| encoding.decode_without_bom_handling_and_without_replacement(bytes))
        .unwrap_or_else(|| WINDOWS_1252.decode_without_bom_handling(bytes).0)
        .into_owned()
}

/// Charsets by their label, and by names that mail has for them but the web hasn't.
fn charset(label: &[u8]) -> Option<&'static Encoding> {
    // What servers say of text that names none (RFC 2045, section 5.2), so it says nothing.
    if label.eq_ignore_ascii_case(b"us-ascii") || label.eq_ignore_ascii_case(b"ascii") {
        return None;
    }
    Encoding::for_label(label).or_else(|| match label.to_ascii_lowercase().as_slice() {
        b"cp932" | b"ms-kanji" | b"windows-932" => Some(SHIFT_JIS),
        b"iso-2022-jp-1" | b"iso-2022-jp-2" | b"iso-2022-jp-3" | b"iso-2022-jp-ms" | b"cp50220"
        | b"cp50221" => Some(ISO_2022_JP),
        b"eucjp" | b"eucjp-ms" | b"cp51932" => Some(EUC_JP),
        _ => None,
    })
}

/// One encoded word.
struct Word<'a> {
    charset: &'a [u8],
    bytes: Vec<u8>,
}

impl<'a> Word<'a> {
    /// The word that `bytes` begin with, and its length.
    fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut fields = bytes.strip_prefix(b"=?")?.splitn(4, |&byte| byte == b'?');
        let (charset, encoding, text) = (fields.next()?, fields.next()?, fields.next()?);
        fields.next()?.strip_prefix(b"=")?;
        if charset.is_empty() || charset.iter().any(u8::is_ascii_whitespace) {
            return None;
        }
        let decoded = match encoding {
            b"B" | b"b" => transfer::base64(text),
            b"Q" | b"q" => {
                let spaced: Vec<u8> = text
                    .iter()
                    .map(|&byte| if byte == b'_' { b' ' } else { byte })
                    .collect();
                transfer::quoted_printable(&spaced)
            }
            _ => return None,
        };
        let length = 2 + charset.len() + 1 + encoding.len() + 1 + text.len() + 2;
        // A language may follow the charset (RFC 2231, section 5).
        let charset = charset.split(|&byte| byte == b'*').next()?;
        let word = Word {
            charset,
            bytes: decoded,
        };
        Some((word, length))
    }
}

/// Encoded words side by side in one charset. They are decoded together, since programs split them
/// within a character although section 5 forbids it.
struct Run<'a> {
    charset: &'a [u8],
    bytes: Vec<u8>,
}

impl<'a> Run<'a> {
    fn join(run: Option<Self>, word: Word<'a>, out: &mut String) -> Self {
        match run {
            Some(mut run) if run.charset.eq_ignore_ascii_case(word.charset) => {
                run.bytes.extend_from_slice(&word.bytes);
                run
            }
            other => {
                Self::end(other, out);
                Self {
                    charset: word.charset,
                    bytes: word.bytes,
                }
            }
        }
    }

    fn end(run: Option<Self>, out: &mut String) {
        if let Some(run) = run {
            out.push_str(&in_charset(run.charset, &run.bytes));
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoded_words_are_read_in_every_way_they_are_written() {
        for (raw, text) in [
            (&b"plain"[..], "plain"),
            (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            (b"=?ISO-8859-1?Q?a?= b", "a b"),
            (b"=?utf-8*ja?q?caf=C3=A9_x?=", "café x"),
            (b"=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=", "会議"),
            // A character split between two words.
            (b"=?UTF-8?B?5Lya6K0=?=\r\n =?UTF-8?B?sA==?=", "会議"),
            (b"=?x-nobody-knows?Q?caf=C3=A9?=", "café"),
            (b"=?cp932?B?ie+LYw==?=", "会議"),
            (b"\x89\xef\x8bc", "会議"),
            (b"\x1b$B2q5D\x1b(B", "会議"),
            ("raw 会議".as_bytes(), "raw 会議"),
            (b"caf\xe9", "café"),
            (b"=?UTF-8?X?a?=", "=?UTF-8?X?a?="),
            (b"=?broken", "=?broken"),
            (b"folded\r\n\tline", "folded line"),
            // Line breaks inside of an encoded word would be header fields in a reply.
            (b"=?utf-8?Q?a=0D=0ABcc:_x@y=00?=", "a Bcc: x@y"),
            ("a\u{202e}gpj.exe".as_bytes(), "agpj.exe"),
        ] {
            assert_eq!(decode_words(raw), text, "{}", raw.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_header_panics_or_leaves_its_line(
            pieces in prop::collection::vec(prop_oneof![
                Just(b"=?utf-8?B?".to_vec()), Just(b"=?iso-2022-jp?Q?".to_vec()),
                Just(b"?=".to_vec()), Just(b"=0A".to_vec()),
                prop::collection::vec(any::<u8>(), 0..6),
            ], 0..20),
        ) {
            let text = decode_words(&pieces.concat());
            prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
        }
    }
}
