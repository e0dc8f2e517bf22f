//! Parameters of a Content-Type or Content-Disposition, read and written: in pieces and with a charset (RFC 2231), and
//! in encoded words, as many programs write them although RFC 2047 forbids it.

use std::fmt::Write as _;

use crate::transfer::hex;
use crate::{charset, encoded_word, line, write};

/// Into how many pieces a parameter may be cut.
const MOST_PIECES: usize = 100;
/// The most bytes of a value on a line of our own, before they are encoded: with the name a line stays below 78.
const PIECE: usize = 18;
/// The same for a value in encoded words.
const WORD: usize = 36;

/// A parameter's decoded value, on one line: from `name*` or from `name*0*`, `name*1`, ... where there are such, else
/// from `name`.
pub fn text<'p>(
    parameters: impl Iterator<Item = (&'p [u8], &'p [u8])> + Clone,
    name: &str,
) -> Option<String> {
    let named = |suffix: &str| {
        let is_it = |known: &[u8]| {
            known.len() == name.len() + suffix.len()
                && known[..name.len()].eq_ignore_ascii_case(name.as_bytes())
                && known[name.len()..].eq_ignore_ascii_case(suffix.as_bytes())
        };
        let mut found = parameters.clone().filter(|(known, _)| is_it(known));
        found.next().map(|(_, value)| value)
    };
    if let Some(value) = named("*") {
        return Some(extended(value));
    }
    let mut joined: Vec<u8> = Vec::new();
    let mut is_extended = false;
    for index in 0..MOST_PIECES {
        if let Some(value) = named(&format!("*{index}*")) {
            is_extended |= index == 0;
            joined.extend_from_slice(value);
        } else if let Some(value) = named(&format!("*{index}")) {
            joined.extend_from_slice(value);
        } else if index == 0 {
            return named("").map(plain);
        } else {
            break;
        }
    }
    Some(if is_extended {
        extended(&joined)
    } else {
        plain(&joined)
    })
}

/// A plain value. Some programs put `%XX` or the whole form of RFC 2231 into it, although nothing announces that.
fn plain(value: &[u8]) -> String {
    let lower = value.get(..7).unwrap_or_default().to_ascii_lowercase();
    if lower == b"utf-8''" {
        return extended(value);
    }
    encoded_word::decode(value)
}

/// `charset'language'text` with `%XX` for bytes (RFC 2231, section 4).
fn extended(value: &[u8]) -> String {
    let mut fields = value.splitn(3, |&byte| byte == b'\'');
    let (charset, text) = match (fields.next(), fields.next(), fields.next()) {
        (Some(charset), Some(_), Some(text)) => (charset, text),
        _ => (&b"utf-8"[..], value),
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let coded = match behind {
            [high, low, ..] if byte == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        bytes.push(coded.map_or(byte, |(high, low)| high * 16 + low));
        rest = &behind[if coded.is_some() { 2 } else { 0 }..];
    }
    line::one_line(&charset::text(Some(charset), &bytes))
}

/// A parameter of our own, to be appended to a field's value. Each piece is on a line of its own: quoted where that is
/// enough, else in the form of RFC 2231.
#[must_use]
pub fn extended_form(name: &str, value: &str) -> String {
    let value = line::one_line(value);
    if let Some(quoted) = write::quotable(&value) {
        return format!(";\r\n {name}={quoted}");
    }
    let mut pieces: Vec<String> = vec![String::new()];
    let mut used = 0;
    for character in value.chars() {
        if used + character.len_utf8() > PIECE {
            pieces.push(String::new());
            used = 0;
        }
        used += character.len_utf8();
        let mut buffer = [0; 4];
        for &byte in character.encode_utf8(&mut buffer).as_bytes() {
            if let Some(piece) = pieces.last_mut() {
                if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
                    piece.push(char::from(byte));
                } else {
                    // Writing to a string does not fail.
                    let _ = write!(piece, "%{byte:02X}");
                }
            }
        }
    }
    if let [whole] = &pieces[..] {
        return format!(";\r\n {name}*=UTF-8''{whole}");
    }
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let charset = if index == 0 { "UTF-8''" } else { "" };
        let _ = write!(out, ";\r\n {name}*{index}*={charset}{piece}");
    }
    out
}

/// The same in encoded words, for programs that don't know RFC 2231.
#[must_use]
pub fn encoded_form(name: &str, value: &str) -> String {
    let value = line::one_line(value);
    match write::quotable(&value) {
        Some(quoted) => format!(";\r\n {name}={quoted}"),
        None => format!(
            ";\r\n {name}=\"{}\"",
            write::encoded_in_pieces(&value, WORD)
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::header::ParameterizedValue;

    fn value(params: &[(&str, &str)]) -> Option<String> {
        let params = params
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        text(params, "filename")
    }

    #[test]
    fn file_names_are_read_in_every_way_they_are_written() {
        assert_eq!(value(&[]), None);
        for (params, name) in [
            (&[("filename", "a b.txt")][..], "a b.txt"),
            (&[("FileName", "=?UTF-8?B?5Lya6K2w?=.pdf")], "会議.pdf"),
            (
                &[
                    ("filename", "x"),
                    ("filename*", "UTF-8'ja'%E4%BC%9A%e8%ad%b0.pdf"),
                ],
                "会議.pdf",
            ),
            (
                &[
                    ("filename*0*", "utf-8''%E4%BC"),
                    ("filename*1*", "%9A%e8"),
                    ("filename*2*", "%ad%b0"),
                ],
                "会議",
            ),
            (&[("filename*0*", "iso-2022-jp''%1B$B2q5D%1B(B")], "会議"),
            (
                &[("filename*0", "long "), ("filename*1", "name")],
                "long name",
            ),
            (&[("filename", "utf-8''%E4%BC%9A.pdf")], "会.pdf"),
            (&[("filename*", "%0d%0ax")], " x"),
            (&[("filename*", "100%")], "100%"),
        ] {
            assert_eq!(value(params).as_deref(), Some(name));
        }
    }

    #[test]
    fn long_names_are_written_twice_on_lines_that_are_short_enough() {
        let name = "令和８年度_第３回_研究科委員会_議事録（案）_最終版.pdf";
        for form in [
            extended_form("filename", name),
            encoded_form("filename", name),
        ] {
            assert!(
                form.is_ascii() && form.lines().all(|line| line.len() <= 78),
                "{form}"
            );
            let field = format!("attachment{form}").replace("\r\n", "");
            let read = ParameterizedValue::parse(field.as_bytes());
            assert_eq!(read.text("filename").as_deref(), Some(name));
        }
        assert_eq!(
            extended_form("filename", "a \"b\".txt"),
            ";\r\n filename=\"a \\\"b\\\".txt\""
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in "[a-z \"\\\\会議😀é%'*=;,]{1,60}") {
            let name = line::one_line(&name);
            prop_assume!(!name.is_empty());
            for form in [extended_form("filename", &name), encoded_form("filename", &name)] {
                let field = format!("attachment{form}").replace("\r\n", "");
                let read = ParameterizedValue::parse(field.as_bytes());
                prop_assert_eq!(read.text("filename"), Some(name.clone()));
            }
        }
    }
}
