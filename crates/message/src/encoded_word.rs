//! Text of header fields: encoded words (RFC 2047), and what programs send instead.

use std::borrow::Cow;

use memchr::memmem;

use crate::transfer::{self, TransferEncoding};
use crate::{charset, line};

/// The longest name of a charset and a language, in bytes.
const LONGEST_CHARSET: usize = 100;

/// Decodes a field's value, or a piece of one: its encoded words, and raw bytes of whatever charset. The result is one
/// line without control characters and without the marks that turn the direction of writing, so that it can't leave the
/// place where it is shown or written.
#[must_use]
pub fn decode(raw: &[u8]) -> String {
    let raw = readable(raw);
    let mut reader = Reader::default();
    let mut rest = &*raw;
    // Up to here the rest holds no encoded word.
    let mut plain = 0;
    while let Some(at) = memmem::find(&rest[plain..], b"=?").map(|at| at + plain) {
        let Some(word) = Word::read(&rest[at..], &mut reader.is_endless) else {
            plain = at + 2;
            continue;
        };
        reader.text(&rest[..at]);
        rest = &rest[at + word.length..];
        plain = 0;
        reader.word(word);
    }
    reader.text(rest);
    reader.finish()
}

/// A field's bytes in a charset that shows its structure. Raw ISO-2022-JP, Shift_JIS and the like become UTF-8, because
/// their characters contain the bytes of quotes, commas and backslashes. Encoded words stay.
#[must_use]
pub fn readable(raw: &[u8]) -> Cow<'_, [u8]> {
    let is_plain = memchr::memchr(0x1b, raw).is_none() && std::str::from_utf8(raw).is_ok();
    if is_plain {
        return raw.into();
    }
    charset::text(None, raw).into_bytes().into()
}

/// The length of the encoded word at the beginning of the bytes, if there is one. `is_endless` remembers that no end
/// follows, here or later.
pub(crate) fn length(bytes: &[u8], is_endless: &mut bool) -> Option<usize> {
    Word::read(bytes, is_endless).map(|word| word.length)
}

/// One encoded word.
struct Word<'a> {
    charset: &'a [u8],
    bytes: Vec<u8>,
    /// How many bytes it takes.
    length: usize,
}

impl<'a> Word<'a> {
    /// The word at the beginning of `bytes`. `is_endless` remembers that no end follows, here or later.
    fn read(bytes: &'a [u8], is_endless: &mut bool) -> Option<Self> {
        let inner = bytes.strip_prefix(b"=?")?;
        let end = memchr::memchr(b'?', inner.get(..LONGEST_CHARSET).unwrap_or(inner))?;
        let (charset, rest) = inner.split_at(end);
        let is_name = |byte: &u8| byte.is_ascii_graphic() && *byte != b'=';
        if charset.is_empty() || !charset.iter().all(is_name) {
            return None;
        }
        let (encoding, text) = match rest {
            [b'?', b'B' | b'b', b'?', text @ ..] => (TransferEncoding::Base64, text),
            [b'?', b'Q' | b'q', b'?', text @ ..] => (TransferEncoding::QuotedPrintable, text),
            _ => return None,
        };
        if *is_endless {
            return None;
        }
        let Some(end) = memmem::find(text, b"?=") else {
            *is_endless = true;
            return None;
        };
        let encoded = text[..end].iter().copied();
        let encoded: Vec<u8> = match encoding {
            TransferEncoding::Base64 => {
                encoded.filter(|byte| !byte.is_ascii_whitespace()).collect()
            }
            _ => encoded
                .map(|byte| if byte == b'_' { b' ' } else { byte })
                .collect(),
        };
        Some(Self {
            // A language may follow the charset (RFC 2231, section 5).
            charset: charset.split(|&byte| byte == b'*').next()?,
            bytes: transfer::decode(encoding, &encoded),
            length: bytes.len() - text.len() + end + 2,
        })
    }
}

#[derive(Default)]
struct Reader<'a> {
    out: String,
    /// Encoded words side by side in one charset. They are decoded together, since programs split them within a
    /// character although section 5 forbids it.
    run: Option<(&'a [u8], Vec<u8>)>,
    is_endless: bool,
}

impl<'a> Reader<'a> {
    fn text(&mut self, between: &[u8]) {
        // Space between two encoded words isn't part of the text (section 6.2), and at the end of a line it is nothing.
        if self.run.is_some() && between.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        self.end_run();
        self.out.push_str(&String::from_utf8_lossy(between));
    }

    fn word(&mut self, word: Word<'a>) {
        match &mut self.run {
            Some((charset, bytes))
                if charset.eq_ignore_ascii_case(word.charset) && charset::joins(charset) =>
            {
                bytes.extend_from_slice(&word.bytes);
            }
            _ => {
                self.end_run();
                self.run = Some((word.charset, word.bytes));
            }
        }
    }

    fn end_run(&mut self) {
        if let Some((charset, bytes)) = self.run.take() {
            self.out.push_str(&charset::text(Some(charset), &bytes));
        }
    }

    fn finish(mut self) -> String {
        self.end_run();
        line::one_line(&self.out)
    }
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
            (
                b"=?utf-8?Q?a_?= =?utf-8?Q?b?= c =?x?Z?y?=",
                "a b c =?x?Z?y?=",
            ),
            (b"=?utf-8*ja?q?caf=C3=A9_x?=", "café x"),
            (b"=?utf-8?Q?what??= =?utf-8?Q?_now?=", "what? now"),
            (b"=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=", "会議"),
            (b"=?UTF-8?B?5Lya6K2w?=", "会議"),
            (b"=?utf-8?Q?=E4=BC=9A=E8=AD=B0?=", "会議"),
            (b"=?Shift_JIS?B?ie+LYw==?=", "会議"),
            (b"=?cp932?B?ie+LYw==?=", "会議"),
            // A word on two lines, a character split between two words, escapes side by side.
            (b"=?UTF-8?B?5Lya\r\n 6K2w?=", "会議"),
            (b"=?UTF-8?B?5Lya6K0=?=\r\n =?UTF-8?B?sA==?=", "会議"),
            (
                b"=?iso-2022-jp?Q?=1B$B2q=1B(B?= =?ISO-2022-JP?Q?=1B$B5D=1B(B?=",
                "会議",
            ),
            (b"=?unicode-1-1-utf-7?Q?+ZeVnLIqe-_test?=", "日本語 test"),
            (b"=?utf-7?Q?+ZeU?= =?utf-7?Q?+Zyw?=", "日本"),
            (b"=?x-nobody-knows?Q?caf=C3=A9?=", "café"),
            (b"\x89\xef\x8bc", "会議"),
            (b"\x1b$B2q5D\x1b(B", "会議"),
            (b"\x1b$B%=%?!<%9\x1b(B =?utf-8?Q?a?=", "ソタース a"),
            ("raw 会議".as_bytes(), "raw 会議"),
            (b"caf\xe9", "café"),
            (b"a\x07b =?=", "a b =?="),
            (b"=?UTF-8?X?a?=", "=?UTF-8?X?a?="),
            (b"=?broken", "=?broken"),
            (b"folded\r\n\tline", "folded line"),
            // A line break within an encoded word would become a header field in a reply.
            (b"=?utf-8?Q?a=0D=0ABcc:_x@y=00?=", "a Bcc: x@y"),
            ("a\u{202e}gpj.exe".as_bytes(), "agpj.exe"),
        ] {
            assert_eq!(decode(raw), text, "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn words_that_never_end_are_read_in_one_go() {
        let endless = b"=?utf-8?Q?a".repeat(100_000);
        assert_eq!(decode(&endless).len(), endless.len());
    }

    proptest! {
        #[test]
        fn no_header_panics_or_leaves_its_line(
            pieces in prop::collection::vec(prop_oneof![
                Just(b"=?utf-8?B?".to_vec()), Just(b"=?iso-2022-jp?Q?".to_vec()),
                Just(b"?=".to_vec()), Just(b"=0A".to_vec()), Just(b"\x1b$B".to_vec()),
                prop::collection::vec(any::<u8>(), 0..6),
            ], 0..20),
        ) {
            let text = decode(&pieces.concat());
            prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
        }
    }
}
