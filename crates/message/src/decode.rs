//! From bytes to words: transfer encodings, charsets, encoded words (RFC 2045, 2047).

use std::borrow::Cow;

use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8, WINDOWS_1252};

/// Undoes a Content-Transfer-Encoding. What is no base64 is passed over, a broken `=` of quoted-printable stays.
pub fn transfer<'a>(encoding: &[u8], body: &'a [u8]) -> Cow<'a, [u8]> {
    let encoding = encoding.trim_ascii();
    if encoding.eq_ignore_ascii_case(b"base64") {
        base64(body).into()
    } else if encoding.eq_ignore_ascii_case(b"quoted-printable") {
        quoted_printable(body, false).into()
    } else {
        body.into()
    }
}

/// Whether a transfer encoding is one of RFC 2045, section 6.1; none is 7bit.
pub fn is_known(encoding: &[u8]) -> bool {
    let encoding = encoding.trim_ascii();
    let known: [&[u8]; 5] = [b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable"];
    encoding.is_empty()
        || known
            .iter()
            .any(|known| encoding.eq_ignore_ascii_case(known))
}

/// Decodes text of a named charset; without one, or with one that nobody knows, the bytes decide.
pub fn text(charset: Option<&[u8]>, bytes: &[u8]) -> String {
    let named = charset.and_then(|label| Encoding::for_label(label.trim_ascii()));
    let encoding = match named {
        // Much mail that says iso-8859-1 or us-ascii (one to the label table) is neither.
        Some(encoding) if encoding == WINDOWS_1252 => guess(bytes, &[UTF_8]),
        Some(encoding) => encoding,
        None => guess(bytes, &[UTF_8, EUC_JP, SHIFT_JIS]),
    };
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// Decodes a header's value: encoded words, and raw bytes of whatever charset. Control characters become blanks.
pub fn words(value: &[u8]) -> String {
    let mut out = String::new();
    let mut rest = value;
    // The last encoded word's charset and bytes: neighbours are decoded together, since some programs cut characters in two.
    let mut pending: Option<Word> = None;
    while !rest.is_empty() {
        if let Some((word, after)) = encoded_word(rest) {
            match &mut pending {
                Some(last) if last.charset.eq_ignore_ascii_case(&word.charset) => {
                    last.bytes.extend_from_slice(&word.bytes);
                }
                _ => {
                    flush(&mut out, &mut pending);
                    pending = Some(word);
                }
            }
            let next = after.trim_ascii_start();
            rest = if next.starts_with(b"=?") && encoded_word(next).is_some() {
                next
            } else {
                after
            };
            continue;
        }
        flush(&mut out, &mut pending);
        let end = rest[1..]
            .windows(2)
            .position(|pair| pair == b"=?")
            .map_or(rest.len(), |at| at + 1);
        out.push_str(&text(None, &rest[..end]));
        rest = &rest[end..];
    }
    flush(&mut out, &mut pending);
    out.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// An encoded word, its bytes decoded from base64 or quoted-printable.
struct Word {
    charset: Vec<u8>,
    bytes: Vec<u8>,
}

fn flush(out: &mut String, pending: &mut Option<Word>) {
    if let Some(word) = pending.take() {
        out.push_str(&text(Some(&word.charset), &word.bytes));
    }
}

/// Reads `=?charset*language?B?...?=` at the beginning, and what follows. An encoded word is short, so looking for its end is as well.
fn encoded_word(bytes: &[u8]) -> Option<(Word, &[u8])> {
    const LONGEST: usize = 1_000;
    let inner = bytes.strip_prefix(b"=?")?;
    let inner = &inner[..inner.len().min(LONGEST)];
    let mut fields = inner.splitn(3, |&byte| byte == b'?');
    let (charset, how, rest) = (fields.next()?, fields.next()?, fields.next()?);
    let end = rest.windows(2).position(|pair| pair == b"?=")?;
    let encoded = &rest[..end];
    let charset = charset.split(|&byte| byte == b'*').next()?;
    let decoded = match how {
        b"B" | b"b" => base64(encoded),
        b"Q" | b"q" => quoted_printable(encoded, true),
        _ => return None,
    };
    let used = 2 + (inner.len() - rest.len()) + end + 2;
    let word = Word {
        charset: charset.to_vec(),
        bytes: decoded,
    };
    Some((word, &bytes[used..]))
}

/// The first encoding that the bytes are valid in.
fn guess(bytes: &[u8], candidates: &[&'static Encoding]) -> &'static Encoding {
    if bytes.contains(&0x1b) {
        return ISO_2022_JP;
    }
    let valid = candidates.iter().find(|encoding| {
        encoding
            .decode_without_bom_handling_and_without_replacement(bytes)
            .is_some()
    });
    valid.copied().unwrap_or(WINDOWS_1252)
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for &byte in bytes {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                // Padding ends a group; another may follow where encoded texts were joined.
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    out
}

/// In headers `_` is a blank.
fn quoted_printable(bytes: &[u8], header: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'_', _) if header => out.push(b' '),
            (b'=', [b'\r', b'\n', next @ ..] | [b'\n', next @ ..]) => rest = next,
            (b'=', [high, low, next @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = next;
                }
                _ => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_is_read_in_the_encodings_it_comes_in() {
        for value in [
            &b"=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?="[..],
            b"=?UTF-8?B?5Lya6K2w?=",
            b"=?utf-8?Q?=E4=BC=9A=E8=AD=B0?=",
            b"=?Shift_JIS?B?ie+LYw==?=",
            b"\x1b$B2q5D\x1b(B",
            "会議".as_bytes(),
            // A character cut in two by the program that wrote it.
            b"=?UTF-8?B?5Lya6A==?= =?UTF-8?B?rbA=?=",
        ] {
            assert_eq!(words(value), "会議", "{value:?}");
        }
    }

    #[test]
    fn blanks_between_encoded_words_go_and_others_stay() {
        assert_eq!(
            words(b"=?utf-8?Q?a_?= =?utf-8?Q?b?= c =?x?Z?y?="),
            "a b c =?x?Z?y?="
        );
        assert_eq!(words(b"a\x07b =?="), "a b =?=");
    }

    #[test]
    fn broken_encodings_leave_what_can_be_read() {
        assert_eq!(&*transfer(b"BASE64", b"aGVs\r\nbG8=!"), b"hello");
        assert_eq!(
            &*transfer(b"quoted-printable", b"a=3Db=\r\nc=zz="),
            b"a=bc=zz="
        );
    }
}
