//! A message's text, decoded: for the preview and for searching.

use crate::Parsed;
use crate::charset;
use crate::header::ParameterizedValue;
use crate::html::{self, Purpose};
use crate::scan::{Kind, content_type};
use crate::transfer::{self, TransferEncoding};

/// How much of a part's body is decoded for the preview, in bytes.
const PREVIEW_BYTES: usize = 16 << 10;
/// The longest preview, in characters (RFC 8970 allows 256).
const PREVIEW_CHARACTERS: usize = 200;

impl Parsed<'_> {
    /// The beginning of the text, on one line: of the first plain text part, else of the first HTML part, else of any
    /// other text part.
    #[must_use]
    pub fn preview(&self) -> String {
        let texts = || {
            self.leaves()
                .filter(|leaf| leaf.is_text() && !leaf.is_attachment())
        };
        let plain = texts().find(Leaf::is_plain);
        let html = || texts().find(Leaf::is_html);
        let Some(leaf) = plain.or_else(html).or_else(|| texts().next()) else {
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

    /// Whether a part is an attachment, to be kept rather than read.
    #[must_use]
    pub fn has_attachment(&self) -> bool {
        self.leaves().any(|leaf| leaf.is_attachment())
    }

    /// All text for SEARCH TEXT and BODY, decoded from transfer encodings and charsets: the text parts, HTML without
    /// its tags. At most `limit` bytes of parts are read.
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

    /// The text for going on writing or quoting: of all plain parts, else of the HTML, with its lists and quotes
    /// marked. Attachments are left out.
    #[must_use]
    pub fn readable_text(&self) -> String {
        let texts = || {
            self.leaves()
                .filter(|leaf| leaf.is_text() && !leaf.is_attachment())
        };
        let plain: Vec<String> = texts()
            .filter(Leaf::is_plain)
            .map(|leaf| leaf.decoded(leaf.body))
            .collect();
        if !plain.is_empty() {
            return plain.join("\n");
        }
        let html = texts().filter(Leaf::is_html);
        let html = html.map(|leaf| html::to_text(&leaf.decoded(leaf.body), Purpose::Reading));
        html.collect::<Vec<_>>().join("\n")
    }

    fn leaves(&self) -> impl Iterator<Item = Leaf<'_>> {
        self.parts
            .iter()
            .filter(|part| matches!(part.kind, Kind::Leaf))
            .map(|part| {
                let header = self.header_of(part);
                let encoding = header.find(b"Content-Transfer-Encoding");
                Leaf {
                    kind: content_type(&header).filter(|_| !part.is_partless),
                    disposition: header
                        .find(b"Content-Disposition")
                        .map(|field| ParameterizedValue::parse(&field)),
                    encoding: TransferEncoding::named(&encoding.unwrap_or_default()),
                    body: &self.bytes[part.body.clone()],
                    has_id: header.find(b"Content-ID").is_some(),
                    in_digest: part.in_digest,
                }
            })
    }
}

struct Leaf<'a> {
    /// Its type; `None` if it has none, or is a multipart without parts.
    kind: Option<ParameterizedValue>,
    disposition: Option<ParameterizedValue>,
    encoding: TransferEncoding,
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

    fn is_plain(&self) -> bool {
        let kind = self.kind.as_ref();
        kind.is_none_or(|kind| kind.is("text", "plain") || kind.halves().is_none())
    }

    fn is_html(&self) -> bool {
        self.kind
            .as_ref()
            .is_some_and(|kind| kind.is("text", "html"))
    }

    /// Whether it is an attachment: it says so, or it has a name and is neither text nor a picture that the text shows.
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

    /// Its words, from at most so many bytes of its body.
    fn text(&self, limit: usize) -> String {
        let text = self.decoded(&self.body[..self.body.len().min(limit)]);
        if self.is_html() {
            html::to_text(&text, Purpose::Words)
        } else {
            text
        }
    }

    /// The decoded characters of its body, or of the beginning of it.
    fn decoded(&self, body: &[u8]) -> String {
        let bytes = transfer::decoded(self.encoding, body);
        let kind = self.kind.as_ref();
        let charset = kind.and_then(|kind| kind.parameter(b"charset"));
        if self.is_html() {
            charset::decode_html(charset, &bytes).text
        } else {
            charset::text(charset, &bytes)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preview_is_one_line_of_the_plain_part() {
        let message = "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n--b\r\n\
                       Content-Type: text/plain; charset=utf-8\r\n\r\n会議の\r\n  お知らせ\r\n--b--\r\n";
        let parsed = Parsed::new(message.as_bytes());
        assert_eq!(parsed.preview(), "会議の お知らせ");
        assert!(!parsed.has_attachment());
    }
}
