//! A message's text in words: for the preview and for searching.

use crate::Parsed;
use crate::decode;
use crate::header::ParameterizedValue;
use crate::scan::{Kind, content_type};

/// How much of a part's body is decoded for the preview, in bytes.
const PREVIEW_BYTES: usize = 16 << 10;
/// The longest preview, in characters (RFC 8970 allows 256).
const PREVIEW_CHARACTERS: usize = 200;

impl Parsed<'_> {
    /// The beginning of the text on one line: of the first plain text part, else of the first HTML one.
    pub fn preview(&self) -> String {
        let texts = || {
            self.leaves()
                .filter(|leaf| leaf.is_text() && !leaf.is_attachment())
        };
        let plain = texts().find(|leaf| !leaf.is_html());
        let Some(leaf) = plain.or_else(|| texts().next()) else {
            return String::new();
        };
        let mut preview = String::new();
        let mut count = 0;
        for word in leaf
            .text(PREVIEW_BYTES)
            .split(|c: char| c.is_whitespace() || c.is_control())
        {
            if word.is_empty() {
                continue;
            }
            if (1..PREVIEW_CHARACTERS).contains(&count) {
                preview.push(' ');
                count += 1;
            }
            for character in word.chars() {
                if count >= PREVIEW_CHARACTERS {
                    return preview;
                }
                preview.push(character);
                count += 1;
            }
        }
        preview
    }

    /// Whether a part is to be kept rather than read.
    pub fn has_attachment(&self) -> bool {
        self.leaves().any(|leaf| leaf.is_attachment())
    }

    /// All text for SEARCH TEXT and BODY, decoded from transfer encodings and charsets: the text parts, HTML without its tags. At most `limit`
    /// bytes of parts are read.
    #[must_use]
    pub fn searchable_text(&self, limit: usize) -> String {
        let mut text = String::new();
        let mut left = limit;
        for leaf in self.leaves().filter(Leaf::is_text) {
            text.push_str(&leaf.text(left));
            text.push('\n');
            left = left.saturating_sub(leaf.body.len());
        }
        text
    }

    fn leaves(&self) -> impl Iterator<Item = Leaf<'_>> {
        self.parts
            .iter()
            .filter(|part| matches!(part.kind, Kind::Leaf))
            .map(|part| {
                let header = self.header_of(part);
                Leaf {
                    kind: content_type(&header),
                    disposition: header
                        .find(b"Content-Disposition")
                        .map(|field| ParameterizedValue::parse(&field)),
                    encoding: header
                        .find(b"Content-Transfer-Encoding")
                        .unwrap_or_default(),
                    body: &self.bytes[part.body.clone()],
                    has_id: header.find(b"Content-ID").is_some(),
                    in_digest: part.in_digest,
                }
            })
    }
}

struct Leaf<'a> {
    kind: Option<ParameterizedValue>,
    disposition: Option<ParameterizedValue>,
    encoding: Vec<u8>,
    body: &'a [u8],
    has_id: bool,
    in_digest: bool,
}

impl Leaf<'_> {
    fn is_text(&self) -> bool {
        match &self.kind {
            Some(kind) => kind.is_main("text") || kind.halves().is_none(),
            None => !self.in_digest,
        }
    }

    fn is_html(&self) -> bool {
        self.kind
            .as_ref()
            .is_some_and(|kind| kind.is("text", "html"))
    }

    /// It says so, or has a name and is neither text nor a picture that the text shows.
    fn is_attachment(&self) -> bool {
        let says = |word: &[u8]| {
            let disposition = self.disposition.as_ref();
            disposition.is_some_and(|value| value.value.eq_ignore_ascii_case(word))
        };
        if says(b"attachment") {
            return true;
        }
        let image = self.kind.as_ref().is_some_and(|kind| kind.is_main("image"));
        let shown = image && (self.has_id || says(b"inline"));
        let named = has_parameter(self.kind.as_ref(), b"name")
            || has_parameter(self.disposition.as_ref(), b"filename");
        named && !shown && !self.is_text()
    }

    fn text(&self, limit: usize) -> String {
        let body = &self.body[..self.body.len().min(limit)];
        let bytes = decode::transfer(&self.encoding, body);
        let charset = self
            .kind
            .as_ref()
            .and_then(|kind| kind.parameter(b"charset"));
        let text = decode::text(charset, &bytes);
        if self.is_html() { strip(&text) } else { text }
    }
}

/// Whether a value has a parameter, in one piece or in those of RFC 2231 (`name*0`).
fn has_parameter(value: Option<&ParameterizedValue>, name: &[u8]) -> bool {
    let parameters = value.map(|value| &value.parameters[..]).unwrap_or_default();
    parameters.iter().any(|(known, _)| {
        let plain = known.split(|&byte| byte == b'*').next();
        plain.is_some_and(|plain| plain.eq_ignore_ascii_case(name))
    })
}

/// HTML without tags, comments, style and script; common entities decoded. Only for reading and searching: it makes nothing safe to show as HTML.
fn strip(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut rest = html;
    // Once an end is missing it is missing everywhere behind: looking for it again at each beginning would take forever.
    let mut unclosed = [false; 4];
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        let special = &rest[at..];
        if let Some(after) = special.strip_prefix('&') {
            let (character, used) = entity(after);
            text.push(character);
            rest = &after[used..];
            continue;
        }
        let (which, end) = match special.as_bytes() {
            [b'<', b'!', b'-', b'-', ..] => (0, "-->"),
            tag if starts(tag, b"<style") => (1, "</style"),
            tag if starts(tag, b"<script") => (2, "</script"),
            _ => (3, ">"),
        };
        let found = match unclosed[which] {
            true => None,
            false => find(special.as_bytes(), end.as_bytes()),
        };
        match found {
            Some(length) => {
                text.push(' ');
                // What is left of an end tag is a tag's end: cut on by the next round as text up to `>`.
                let after = &special[length + end.len()..];
                rest = match which {
                    1 | 2 => after.split_once('>').map_or("", |(_, rest)| rest),
                    _ => after,
                };
            }
            None => {
                unclosed[which] = true;
                text.push('<');
                rest = &special[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

fn starts(bytes: &[u8], start: &[u8]) -> bool {
    bytes.len() >= start.len() && bytes[..start.len()].eq_ignore_ascii_case(start)
}

/// Where ASCII `needle` begins, in any case.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window.eq_ignore_ascii_case(needle))
}

/// The character of an entity whose `&` was read, and how many bytes it took.
fn entity(text: &str) -> (char, usize) {
    let Some(end) = text.bytes().take(10).position(|byte| byte == b';') else {
        return ('&', 0);
    };
    let name = &text[..end];
    let number = match name.strip_prefix('#') {
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        },
        None => None,
    };
    let character = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => number.and_then(char::from_u32),
    };
    character.map_or(('&', 0), |character| (character, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_read_without_its_clothes() {
        let html =
            "<style>p{}</STYLE ><p>a&amp;b&#x4f1a;<!-- > -->c</p><script>x</script>&bogus; 1 < 2";
        let words: Vec<String> = strip(html).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["a&b会", "c", "&bogus;", "1", "<", "2"]);
    }

    #[test]
    fn html_that_never_closes_is_read_in_one_go() {
        let html = "<!--<style<script<".repeat(50_000);
        assert!(strip(&html).len() >= html.len() / 2);
    }

    #[test]
    fn the_preview_is_one_line_of_the_plain_part() {
        let message = "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n--b\r\n\
                       Content-Type: text/plain; charset=utf-8\r\n\r\n会議の\r\n  お知らせ\r\n--b--\r\n";
        let parsed = Parsed::new(message.as_bytes());
        assert_eq!(parsed.preview(), "会議の お知らせ");
        assert!(!parsed.has_attachment());
    }
}
