//! What is kept of a message for searching, and what is looked for in it.

use memchr::memmem::Finder;
use sekisho_message::casefold::casefold;
use sekisho_message::{MAX_HEADER, Parsed, SectionText};

use super::signature::{may_hold, runs, signature};
use crate::summary::Summary;

/// How much text of a message is searched, in bytes as it was sent.
const SEARCHED: usize = 4 << 20;

/// What a search looks for in messages' text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Needle {
    text: String,
    within: Within,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Within {
    Body,
    Anywhere,
    /// The beginning of the lines of a header field.
    Field(String),
}

impl Needle {
    /// A text that the body holds.
    #[must_use]
    pub fn body(text: &str) -> Self {
        Self {
            text: casefold(text),
            within: Within::Body,
        }
    }

    /// A text that the header or the body holds.
    #[must_use]
    pub fn anywhere(text: &str) -> Self {
        Self {
            text: casefold(text),
            within: Within::Anywhere,
        }
    }

    /// A text that a header field of that name holds; an empty text asks for any such field. `None` where no header can
    /// hold what is looked for.
    #[must_use]
    pub fn field(name: &str, text: &str) -> Option<Self> {
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b':');
        let text = casefold(text);
        let one_line = !text.contains('\n');
        (is_name && one_line).then(|| Self {
            text,
            within: Within::Field(line_start(name)),
        })
    }
}

/// A needle, prepared to be looked for in many texts.
pub(super) struct Sought<'n> {
    needle: &'n Needle,
    runs: Vec<u64>,
    plain: Finder<'n>,
    wide: Finder<'static>,
}

impl<'n> Sought<'n> {
    pub(super) fn new(needle: &'n Needle) -> Self {
        Self {
            needle,
            runs: runs(&[&needle.text]),
            plain: Finder::new(&needle.text),
            wide: Finder::new(&wide(&needle.text)).into_owned(),
        }
    }

    /// Whether a message with this signature may hold it.
    pub(super) fn may_be_in(&self, bits: &[u8]) -> bool {
        may_hold(bits, &self.runs)
    }

    /// What the header alone says to the question; `None` if the body has to be looked at.
    pub(super) fn judge_head(&self, fields: &[u8], header: &[u8]) -> Option<bool> {
        match &self.needle.within {
            Within::Body => None,
            Within::Anywhere => self.plain.find(header).map(|_| true),
            Within::Field(start) => Some(
                fields
                    .split(|&byte| byte == b'\n')
                    .filter_map(|line| line.strip_prefix(start.as_bytes()))
                    .any(|value| self.plain.find(value).is_some()),
            ),
        }
    }

    /// Whether a body holds it.
    pub(super) fn is_in_body(&self, body: &[u8], is_wide: bool) -> bool {
        if !is_wide {
            return self.plain.find(body).is_some();
        }
        let mut from = 0;
        while let Some(at) = self.wide.find(&body[from..]) {
            // A match that begins in the middle of a UTF-16 unit is no match.
            if (from + at).is_multiple_of(2) {
                return true;
            }
            from += at + 1;
        }
        false
    }
}

/// What is kept of a message.
pub(super) struct Text {
    /// The header's fields, decoded and folded, one a line.
    pub(super) fields: String,
    /// The header as it was sent, and its subject and addresses in words; folded.
    pub(super) header: String,
    /// The body, folded: UTF-8, or UTF-16 (little-endian) where that is shorter, as it is in Japanese.
    pub(super) body: Vec<u8>,
    pub(super) is_wide: bool,
    pub(super) bits: Vec<u8>,
}

impl Text {
    pub(super) fn of(message: &[u8]) -> Self {
        Self::within(message, SEARCHED)
    }

    /// Reads at most `limit` bytes of the parts, and keeps at most twice as many: folding makes some characters longer,
    /// one of them eleven times.
    fn within(message: &[u8], limit: usize) -> Self {
        let parsed = Parsed::new(message);
        let mut fields = String::new();
        for (name, value) in parsed.header_fields() {
            fields.push_str(&line_start(&name));
            fields.push_str(&casefold(&value));
            fields.push('\n');
        }
        let own = parsed.section(&[], SectionText::Header).unwrap_or_default();
        let own = &own[..own.len().min(MAX_HEADER)];
        let mut header = casefold(&String::from_utf8_lossy(own));
        let words = Summary::of(&parsed);
        for words in [words.subject, words.from, words.to, words.cc, words.bcc] {
            header.push('\n');
            header.push_str(&casefold(&words));
        }
        let mut body = casefold(&parsed.searchable_text(limit));
        body.truncate(body.floor_char_boundary(2 * limit));
        let runs = runs(&[&fields, &header, &body]);
        let units: usize = body.chars().map(char::len_utf16).sum();
        let is_wide = 2 * units < body.len();
        Self {
            bits: signature(&runs),
            fields,
            header,
            body: if is_wide {
                wide(&body)
            } else {
                body.into_bytes()
            },
            is_wide,
        }
    }

    pub(super) fn holds(&self, sought: &Sought<'_>) -> bool {
        sought
            .judge_head(self.fields.as_bytes(), self.header.as_bytes())
            .unwrap_or_else(|| sought.is_in_body(&self.body, self.is_wide))
    }

    /// How many bytes are kept.
    pub(super) fn len(&self) -> usize {
        self.fields.len() + self.header.len() + self.body.len() + self.bits.len()
    }
}

/// For `fuzz/`: what a message's text holds, the kept text holds too, and the signature doesn't deny it.
#[cfg(fuzzing)]
pub fn fuzz(message: &[u8]) {
    let text = Text::of(message);
    let parsed = Parsed::new(message);
    let body = casefold(&parsed.searchable_text(SEARCHED));
    let characters: Vec<char> = body.chars().collect();
    for (from, length) in [(0, 3), (characters.len() / 3, 5), (characters.len() / 2, 1)] {
        let part: String = characters.iter().skip(from).take(length).collect();
        let needle = Needle::body(&part);
        // Folding what is folded may change it again, as where a letter's second form has a third.
        if !body.contains(&needle.text) {
            continue;
        }
        let sought = Sought::new(&needle);
        assert!(text.holds(&sought), "{part:?}");
        assert!(sought.may_be_in(&text.bits), "{part:?}");
    }
}

/// How a line of a field begins.
fn line_start(name: &str) -> String {
    format!("{}: ", name.to_ascii_lowercase())
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(body: &str) -> Vec<u8> {
        format!("Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}").into_bytes()
    }

    proptest! {
        #[test]
        fn a_text_holds_what_its_folded_body_holds(
            body in "[a-cA-C会議室の、ア\u{100}\u{1f600}\u{4e4e}\u{4e}é]{0,60}",
            from in 0_usize..60,
            length in 1_usize..6,
            other in "[a-c会議\u{1f600}\u{4e4e}]{1,3}",
        ) {
            let text = Text::of(&message(&body));
            let folded = casefold(&body);
            let part: String = folded.chars().skip(from).take(length).collect();
            for needle in [part, other] {
                let needle = Needle::body(&needle);
                let sought = Sought::new(&needle);
                let holds = folded.contains(&needle.text);
                prop_assert_eq!(text.holds(&sought), holds || needle.text.is_empty());
                prop_assert!(!holds || sought.may_be_in(&text.bits));
            }
        }
    }

    #[test]
    fn japanese_is_kept_in_two_bytes_a_character() {
        let text = Text::of(&message("会議の資料"));
        assert!(text.is_wide);
        assert_eq!(text.body.len(), 2 * "会議の資料\n".chars().count());
        assert!(!Text::of(&message("the minutes")).is_wide);
    }

    #[test]
    fn no_message_makes_a_text_without_end() {
        for (letter, most) in [("\u{fdfa}", 2_000), ("ß", 2_000), ("会", 1_000)] {
            let text = Text::within(&message(&letter.repeat(3_000)), 1_000);
            assert!(
                text.body.len() <= 2 * most && text.len() < 8_000,
                "{letter}"
            );
            assert!(text.holds(&Sought::new(&Needle::body(letter))));
        }
    }

    #[test]
    fn fields_are_found_under_their_own_name_alone() {
        let text = Text::of(b"X-A: one\r\nX-A: =?utf-8?Q?Two?=\r\nX-B:\r\n\r\n");
        for (name, value, held) in [
            ("x-a", "ONE", true),
            ("X-A", "two", true),
            ("X-B", "one", false),
            ("X-B", "", true),
            ("X", "", false),
            ("-A", "", false),
        ] {
            let needle = Needle::field(name, value).unwrap();
            assert_eq!(text.holds(&Sought::new(&needle)), held, "{name} {value}");
        }
        assert_eq!(Needle::field("x-a: one", ""), None);
        assert_eq!(Needle::field("x-a", "a\nb"), None);
    }
}
