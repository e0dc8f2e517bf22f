//! Header fields of our own, and the words in them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;

/// The most bytes of text in one encoded word, so that it stays within 75 characters (RFC 2047 2).
const WORD: usize = 45;

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
    if name.len() > 60 || !name.is_ascii() {
        return unstructured(&name);
    }
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Text for a field such as `Subject`: as it is if it is short printable ASCII, else in encoded words (RFC 2047).
pub fn unstructured(text: &str) -> String {
    if text.len() <= 60 && text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if word.len() + c.len_utf8() > WORD {
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
