//! Undoing transfer encodings (RFC 2045, section 6), piece by piece.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::part::TransferEncoding;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Undoes one part's encoding while the part arrives. Like every mail program it reads what it can
/// of broken input rather than failing.
#[derive(Debug)]
pub(crate) struct Decoder {
    encoding: TransferEncoding,
    /// What can't be decoded before more has come: fewer than four bytes.
    held: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new(encoding: TransferEncoding) -> Self {
        Self {
            encoding,
            held: Vec::new(),
        }
    }

    /// The bytes that `piece` completes.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        match self.encoding {
            TransferEncoding::Identity => piece.to_vec(),
            TransferEncoding::Base64 => self.base64(piece),
            TransferEncoding::QuotedPrintable => self.quoted_printable(piece, false),
        }
    }

    /// What is left when no more comes.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        match self.encoding {
            TransferEncoding::Identity => Vec::new(),
            TransferEncoding::Base64 => self.base64(b"="),
            TransferEncoding::QuotedPrintable => self.quoted_printable(b"", true),
        }
    }

    /// Line ends and strays are passed over; padding ends a group, and another may follow it.
    fn base64(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() / 4 * 3 + 3);
        for run in piece.split_inclusive(|&byte| byte == b'=') {
            let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
            self.held.extend(run.iter().copied().filter(digit));
            let whole = self.held.len() / 4 * 4;
            let most = match self.held.len() - whole {
                0 | 1 => whole,
                _ if run.ends_with(b"=") => self.held.len(),
                _ => whole,
            };
            if let Ok(bytes) = BASE64.decode(&self.held[..most]) {
                out.extend_from_slice(&bytes);
            }
            self.held.drain(..most);
            if run.ends_with(b"=") {
                self.held.clear();
            }
        }
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
                [high, low, ..] if hex(high).is_some() && hex(low).is_some() => {
                    out.extend(hex(high).zip(hex(low)).map(|(high, low)| high * 16 + low));
                    &behind[2..]
                }
                _ => {
                    out.push(b'=');
                    behind
                }
            };
        }
        out
    }
}

/// Undoes base64 at once.
pub(crate) fn base64(bytes: &[u8]) -> Vec<u8> {
    at_once(TransferEncoding::Base64, bytes)
}

/// Undoes quoted-printable at once.
pub(crate) fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    at_once(TransferEncoding::QuotedPrintable, bytes)
}

/// Undoes any encoding at once.
pub(crate) fn at_once(encoding: TransferEncoding, bytes: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(encoding);
    let mut out = decoder.push(bytes);
    out.extend(decoder.finish());
    out
}

pub(crate) fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn broken_encodings_give_what_there_is() {
        assert_eq!(base64(b"YQ==\r\nYmM= ZA"), b"abcd");
        assert_eq!(base64(b"YWJjZ"), b"abc");
        assert_eq!(quoted_printable(b"a=\r\nb=\nc=3Dd=zz=4"), b"abc=d=zz=4");
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_decode_as_the_whole(
            text in "[A-Za-z0-9+/=\r\n]{0,80}",
            step in 1usize..9,
        ) {
            for encoding in [TransferEncoding::Base64, TransferEncoding::QuotedPrintable] {
                let mut decoder = Decoder::new(encoding);
                let mut out = Vec::new();
                for piece in text.as_bytes().chunks(step) {
                    out.extend(decoder.push(piece));
                }
                out.extend(decoder.finish());
                prop_assert_eq!(out, at_once(encoding, text.as_bytes()));
            }
        }
    }
}
