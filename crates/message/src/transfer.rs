//! Decoding transfer encodings (RFC 2045, section 6), piece by piece or at once.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The longest line of base64 that is looked at as a whole, in bytes; longer ones are cut into pieces of that length.
const LONGEST_LINE: usize = 4096;

/// How a part's bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEncoding {
    /// As they are (`7bit`, `8bit`, `binary`), or in an unknown encoding.
    Identity,
    /// `base64`
    Base64,
    /// `quoted-printable`
    QuotedPrintable,
}

impl TransferEncoding {
    /// The encoding that a Content-Transfer-Encoding names; an empty one is 7bit. [`TransferEncoding::Identity`] for an
    /// unknown one.
    #[must_use]
    pub fn named(name: &[u8]) -> Self {
        Self::known(name).unwrap_or(Self::Identity)
    }

    /// The same, but `None` for an unknown encoding.
    #[must_use]
    pub fn known(name: &[u8]) -> Option<Self> {
        let name = name.trim_ascii().to_ascii_lowercase();
        // Some programs add a comment or a semicolon.
        let end = name.iter().position(|byte| b" \t;(".contains(byte));
        Some(match &name[..end.unwrap_or(name.len())] {
            b"" | b"7bit" | b"8bit" | b"binary" => Self::Identity,
            b"base64" => Self::Base64,
            b"quoted-printable" => Self::QuotedPrintable,
            _ => return None,
        })
    }
}

/// Decodes everything at once.
#[must_use]
pub fn decode(encoding: TransferEncoding, bytes: &[u8]) -> Vec<u8> {
    decoded(encoding, bytes).into_owned()
}

/// Decodes everything at once, without copying where nothing is encoded.
#[must_use]
pub fn decoded(encoding: TransferEncoding, bytes: &[u8]) -> Cow<'_, [u8]> {
    if encoding == TransferEncoding::Identity {
        return bytes.into();
    }
    let mut decoder = Decoder::new(encoding);
    let mut out = decoder.push(bytes);
    out.extend(decoder.finish());
    out.into()
}

/// Decodes one part while it arrives. Like every mail program it reads what it can of broken input rather than failing.
#[derive(Debug)]
pub struct Decoder {
    encoding: TransferEncoding,
    /// What can't be decoded before more has come: for base64, a line that has not ended, and then at most two bytes.
    held: Vec<u8>,
    base64: Base64,
}

impl Decoder {
    /// For a part in that encoding.
    #[must_use]
    pub fn new(encoding: TransferEncoding) -> Self {
        Self {
            encoding,
            held: Vec::new(),
            base64: Base64::default(),
        }
    }

    /// The bytes that `piece` completes.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        match self.encoding {
            TransferEncoding::Identity => piece.to_vec(),
            TransferEncoding::Base64 => self.base64(piece),
            TransferEncoding::QuotedPrintable => self.quoted_printable(piece, false),
        }
    }

    /// What is left when no more comes.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        match self.encoding {
            TransferEncoding::Identity => Vec::new(),
            TransferEncoding::Base64 => {
                let mut out = Vec::new();
                self.base64.line(&self.held, &mut out);
                self.base64.finish(&mut out);
                out
            }
            TransferEncoding::QuotedPrintable => self.quoted_printable(b"", true),
        }
    }

    fn base64(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() / 4 * 3 + 3);
        for run in piece.split_inclusive(|&byte| byte == b'\n') {
            let mut run = run;
            while self.held.len() + run.len() > LONGEST_LINE {
                let (fits, behind) = run.split_at(LONGEST_LINE - self.held.len());
                self.held.extend_from_slice(fits);
                self.base64.line(&self.held, &mut out);
                self.held.clear();
                run = behind;
            }
            if self.held.is_empty() && run.ends_with(b"\n") {
                self.base64.line(run, &mut out);
                continue;
            }
            self.held.extend_from_slice(run);
            if self.held.ends_with(b"\n") {
                self.base64.line(&self.held, &mut out);
                self.held.clear();
            }
        }
        self.base64.decode_whole(&mut out);
        out
    }

    fn quoted_printable(&mut self, piece: &[u8], last: bool) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(piece);
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = &bytes[..];
        while let Some((&byte, behind)) = rest.split_first() {
            if byte != b'=' {
                out.push(byte);
                rest = behind;
                continue;
            }
            if behind.len() < 2 && !last {
                self.held = rest.to_vec();
                break;
            }
            rest = match *behind {
                [b'\r', b'\n', ..] => &behind[2..],
                [b'\n', ..] => &behind[1..],
                [high, low, ..] => match hex(high).zip(hex(low)) {
                    Some((high, low)) => {
                        out.push(high * 16 + low);
                        &behind[2..]
                    }
                    None => {
                        out.push(b'=');
                        behind
                    }
                },
                _ => {
                    out.push(b'=');
                    behind
                }
            };
        }
        out
    }
}

/// Base64, line by line: mailing lists put their footers after it, and these are no base64, although most of their
/// letters could be.
#[derive(Debug, Default)]
struct Base64 {
    digits: Vec<u8>,
    /// Something was read.
    has_begun: bool,
    /// The text may have ended: there was padding, or an empty line.
    may_be_over: bool,
    is_over: bool,
}

impl Base64 {
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let line = line.trim_ascii();
        if self.is_over {
            return;
        }
        if line.is_empty() {
            self.may_be_over |= self.has_begun;
            return;
        }
        self.has_begun = true;
        self.is_over = self.is_foreign(line);
        if self.is_over {
            return;
        }
        for run in line.split_inclusive(|&byte| byte == b'=') {
            self.digits.extend(run.iter().copied().filter(is_digit));
            if run.ends_with(b"=") {
                // Padding ends a group, and another may follow where encoded texts were joined.
                self.finish(out);
                self.may_be_over = true;
            }
        }
    }

    /// Whether a line can't be part of the base64 text.
    fn is_foreign(&self, line: &[u8]) -> bool {
        if !line.iter().any(|byte| is_digit(byte) || *byte == b'=') {
            return true;
        }
        let words = line.split(u8::is_ascii_whitespace);
        let mut words = words.filter(|word| !word.is_empty()).peekable();
        let is_one = line.iter().all(|byte| !byte.is_ascii_whitespace());
        let is_clean = |word: &[u8]| word.iter().all(|byte| is_digit(byte) || *byte == b'=');
        if self.may_be_over || !is_one {
            // Several words count as base64 only if each consists of whole groups; if there are many, they must also
            // end in padding.
            let is_padded = is_one || line.contains(&b'=');
            return !is_padded
                || !words
                    .all(|word| is_clean(word) && (word.len() % 4 == 0 || word.len() % 4 == 2));
        }
        false
    }

    /// Decodes the groups that are whole.
    fn decode_whole(&mut self, out: &mut Vec<u8>) {
        let whole = self.digits.len() / 4 * 4;
        if let Ok(bytes) = BASE64.decode(&self.digits[..whole]) {
            out.extend_from_slice(&bytes);
        }
        self.digits.drain(..whole);
    }

    /// Decodes all there is; a single digit at the end holds no byte.
    fn finish(&mut self, out: &mut Vec<u8>) {
        let most = self.digits.len() - usize::from(self.digits.len() % 4 == 1);
        if let Ok(bytes) = BASE64.decode(&self.digits[..most]) {
            out.extend_from_slice(&bytes);
        }
        self.digits.clear();
    }
}

fn is_digit(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// The value of a hexadecimal digit.
pub(crate) fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base64(bytes: &[u8]) -> Vec<u8> {
        decode(TransferEncoding::Base64, bytes)
    }

    fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
        decode(TransferEncoding::QuotedPrintable, bytes)
    }

    #[test]
    fn broken_encodings_give_what_there_is() {
        assert_eq!(base64(b"YQ==\r\nYmM= ZA"), b"abcd");
        assert_eq!(base64(b"YWJjZ"), b"abc");
        assert_eq!(base64(b"aGVs\r\nbG8=!"), b"hello");
        assert_eq!(base64(b"aG\r\nVsb\r\nG8"), b"hello");
        assert_eq!(quoted_printable(b"a=\r\nb=\nc=3Dd=zz=4"), b"abc=d=zz=4");
        assert_eq!(quoted_printable(b"a=3Db=\r\nc=zz="), b"a=bc=zz=");
    }

    /// Mailing lists append their footer to what they do not look at.
    #[test]
    fn a_footer_behind_base64_is_none() {
        for text in [
            "aGVsbG8=\r\n\r\n_____\r\nlist mailing list\r\nlist@example.org\r\n",
            "aGVsbG8=\r\n_____\r\nlist mailing list\r\n",
            "aGVsbG8=\r\n\r\nSent by list\r\n",
            "aGVsbG8=\r\n-- \r\nlist\r\n",
        ] {
            assert_eq!(base64(text.as_bytes()), b"hello", "{text}");
        }
        for text in [
            "aGVsbG8h\r\n\r\n_____\r\nlist mailing list\r\n",
            "aGVsbG8h\r\n_____\r\nlist mailing list\r\n",
            "aGVsbG8h\r\nto leave the list write to list-leave@example.org\r\n",
        ] {
            assert_eq!(base64(text.as_bytes()), b"hello!", "{text}");
        }
        // Joined texts, and an empty line on top, are base64 all the same.
        assert_eq!(
            base64(b"\r\naGVsbG8=\r\naGVsbG8=\r\n\r\naGVsbG8="),
            b"hellohellohello"
        );
    }

    #[test]
    fn encodings_are_known_by_their_names() {
        for (name, encoding) in [
            (&b" BASE64 "[..], Some(TransferEncoding::Base64)),
            (
                b"quoted-printable; x",
                Some(TransferEncoding::QuotedPrintable),
            ),
            (b"", Some(TransferEncoding::Identity)),
            (b"x-uuencode", None),
        ] {
            assert_eq!(TransferEncoding::known(name), encoding);
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_decode_as_the_whole(
            text in "[A-Za-z0-9+/= _\r\n]{0,80}",
            step in 1usize..9,
        ) {
            for encoding in [TransferEncoding::Base64, TransferEncoding::QuotedPrintable] {
                let mut decoder = Decoder::new(encoding);
                let mut out = Vec::new();
                for piece in text.as_bytes().chunks(step) {
                    out.extend(decoder.push(piece));
                }
                out.extend(decoder.finish());
                prop_assert_eq!(out, decode(encoding, text.as_bytes()));
            }
        }
    }
}
