//! Header fields of our own, and the words in them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;

/// The most bytes of text in one encoded word, so that it stays within 75 characters (RFC 2047 2).
const WORD: usize = 45;
/// The most bytes of text that stay as they are, so that the line stays short.
const SHORT: usize = 60;

/// A `Date` in a zone.
pub fn date(at: Timestamp, zone: &TimeZone) -> String {
    let printed =
        DateTimePrinter::new().zoned_datetime_to_string(&at.to_zoned_datetime(zone.clone()));
    // Years that RFC 5322 can't write do not come from a clock.
    printed.unwrap_or_else(|_| "Thu, 1 Jan 1970 00:00:00 +0000".to_owned())
}

/// A new `Message-ID`; `None` where the system gives no random numbers.
pub fn message_id(domain: &str) -> Option<String> {
    Some(format!("<{}@{domain}>", random_token()?))
}

/// 32 random hexadecimal digits.
pub fn random_token() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// A person's name before an address (RFC 5322, section 3.2.5).
pub fn phrase(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    quotable(&name).unwrap_or_else(|| encoded(&name))
}

/// Printable ASCII as a quoted string (RFC 5322, section 3.2.4); none for what is something else, or too long for its
/// line.
pub(crate) fn quotable(text: &str) -> Option<String> {
    let is_plain = text.len() <= SHORT && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    // In quotes an encoded word is none, but programs decode it there.
    let is_quotable = is_plain && !text.contains("=?");
    is_quotable.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Text for a field such as `Subject`: as it is if it is short printable ASCII, else in encoded words (RFC 2047).
pub fn unstructured(text: &str) -> String {
    let is_plain = text.len() <= SHORT && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if is_plain && !text.contains("=?") {
        return text.to_owned();
    }
    encoded(text)
}

/// Text in encoded words, each on a line of its own.
fn encoded(text: &str) -> String {
    encoded_in_pieces(text, WORD)
}

/// The same, with at most so many bytes of text in a word.
pub(crate) fn encoded_in_pieces(text: &str, most: usize) -> String {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if word.len() + c.len_utf8() > most {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encoded = words
        .iter()
        .map(|w| format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(w)));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_becomes_encoded_words_that_are_short_enough() {
        let encoded = unstructured("Undelivered mail (メールをお届けできませんでした)");
        assert!(encoded.lines().all(|l| l.trim().len() <= 75), "{encoded}");
        assert!(encoded.starts_with("=?utf-8?B?"));
    }
}
