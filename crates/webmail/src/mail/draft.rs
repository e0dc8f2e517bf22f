//! A message being written: as a form has it, and as MIME.

use jiff::ZonedDateTime;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as Written;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};
use sekisho_message::address::{self, Entry};
use sekisho_message::header::Header;
use sekisho_message::line::one_line;
use sekisho_message::{Parsed, encoded_word, identifiers, parameter, words};

use super::recipients::{self, Recipient};
use crate::error::WebError;
use crate::form_fields::Fields;

/// Headers of drafts whose lists of addresses can't be headers yet, as typed: To, Cc, Bcc.
const TYPED: [&str; 3] = ["X-Sekisho-To", "X-Sekisho-Cc", "X-Sekisho-Bcc"];
/// How many message IDs a `References` header keeps: the first, and the last ones.
const MOST_REFERENCES: usize = 30;
/// The longest line of a message, in bytes without the line end (RFC 5322, section 2.1.1).
const LONGEST_LINE: usize = 998;
/// The type of a file of which nothing is known.
const NO_TYPE: &str = "application/octet-stream";

/// What a person writes. Lists of addresses are as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    /// One of the account's addresses.
    pub from: String,
    pub to: String,
    pub cc: String,
    pub bcc: String,
    pub subject: String,
    pub body: String,
    /// Its message ID without angle brackets: all its stored forms have the same.
    pub id: String,
    /// The ID of the message that it answers.
    pub in_reply_to: String,
    /// The IDs of the conversation so far, parted by spaces.
    pub references: String,
}

/// A file of a message being written.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub name: String,
    pub kind: String,
    pub bytes: Vec<u8>,
}

/// The recipients of a draft, or what of them is no address.
#[derive(Debug, Default)]
pub(super) struct Addressed {
    pub to: Vec<Recipient>,
    pub cc: Vec<Recipient>,
    pub bcc: Vec<Recipient>,
    /// As typed.
    pub bad: Vec<String>,
}

/// What a message is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BuildFor {
    /// To be gone on with: whatever was typed as an address is kept, right or wrong.
    Drafts,
    /// One's own copy of what was sent, with the people who got a hidden copy.
    SentFolder,
    /// The recipients: who gets a hidden copy stays hidden.
    Recipients,
}

impl Draft {
    /// From the fields of the page's form.
    pub(super) fn of(fields: &Fields) -> Self {
        let line = |name| one_line(fields.text(name));
        Self {
            from: line("from"),
            to: fields.text("to").to_owned(),
            cc: fields.text("cc").to_owned(),
            bcc: fields.text("bcc").to_owned(),
            subject: line("subject"),
            body: fields.text("body").replace("\r\n", "\n"),
            id: first_id(fields.text("id")).unwrap_or_default(),
            in_reply_to: first_id(fields.text("in-reply-to")).unwrap_or_default(),
            references: ids(fields.text("references")).join(" "),
        }
    }

    /// From a stored message, of ours or of another program.
    pub(super) fn parse(raw: &[u8]) -> Option<Self> {
        let message = Parsed::new(raw);
        let header = message.header();
        let ids = |name: &[u8]| {
            let field = header.find(name);
            field.map_or_else(Vec::new, |field| identifiers::as_written(&field))
        };
        let [to, cc, bcc] = TYPED.map(|name| {
            let typed = header.find(name.as_bytes())?;
            Some(encoded_word::decode(&typed))
        });
        let text = message.readable_text().replace("\r\n", "\n");
        Some(Self {
            from: sender(header),
            to: to.unwrap_or_else(|| people(header, b"To")),
            cc: cc.unwrap_or_else(|| people(header, b"Cc")),
            bcc: bcc.unwrap_or_else(|| people(header, b"Bcc")),
            subject: words::field(header, b"Subject"),
            body: text.trim_end_matches('\n').to_owned(),
            id: ids(b"Message-ID").into_iter().next().unwrap_or_default(),
            in_reply_to: ids(b"In-Reply-To").into_iter().next().unwrap_or_default(),
            references: ids(b"References").join(" "),
        })
    }

    /// Reads its lists of addresses.
    pub(super) fn addressed(&self) -> Addressed {
        let mut all = Addressed::default();
        for (typed, good) in [
            (&self.to, &mut all.to),
            (&self.cc, &mut all.cc),
            (&self.bcc, &mut all.bcc),
        ] {
            let (read, bad) = recipients::parse(typed);
            *good = read;
            all.bad.extend(bad);
        }
        all
    }

    /// Whether nothing was written that would be missed.
    pub(super) fn is_empty(&self) -> bool {
        [&self.to, &self.cc, &self.bcc, &self.subject, &self.body]
            .iter()
            .all(|text| text.trim().is_empty())
    }

    /// As a message (RFC 5322, MIME; UTF-8).
    pub(super) fn build(
        &self,
        from: &Recipient,
        now: &ZonedDateTime,
        files: Vec<File>,
        purpose: BuildFor,
    ) -> Result<Vec<u8>, WebError> {
        let addressed = self.addressed();
        let date = jiff::fmt::rfc2822::to_string(now).map_err(|_| WebError::Unavailable)?;
        let mut builder = MessageBuilder::new()
            .header("Date", Raw::new(date))
            .from(written(from))
            .message_id(self.id.as_str())
            .subject(self.subject.as_str());
        if purpose == BuildFor::Drafts && !addressed.bad.is_empty() {
            for (name, typed) in TYPED.iter().zip([&self.to, &self.cc, &self.bcc]) {
                builder = builder.header(*name, Text::new(one_line(typed)));
            }
        }
        let bcc = if purpose == BuildFor::Recipients {
            Vec::new()
        } else {
            addressed.bcc
        };
        for (name, list) in [("To", addressed.to), ("Cc", addressed.cc), ("Bcc", bcc)] {
            if !list.is_empty() {
                builder =
                    builder.header(name, Written::new_list(list.iter().map(written).collect()));
            }
        }
        if !self.in_reply_to.is_empty() {
            builder = builder.in_reply_to(self.in_reply_to.as_str());
        }
        let references = ids(&self.references);
        if !references.is_empty() {
            builder = builder.references(MessageId::new_list(references.into_iter()));
        }
        let text = MimePart::new(
            ContentType::new("text/plain").attribute("charset", "utf-8"),
            BodyPart::Text(self.body.replace('\n', "\r\n").into()),
        );
        let mut parts: Vec<MimePart<'_>> = files.into_iter().map(attachment).collect();
        let body = if parts.is_empty() {
            text
        } else {
            parts.insert(0, text);
            MimePart::new(
                ContentType::new("multipart/mixed"),
                BodyPart::Multipart(parts),
            )
        };
        builder
            .body(body)
            .write_to_vec()
            .map_err(|_| WebError::Unavailable)
    }

    /// Adds a message to the conversation that this one goes on with.
    pub(super) fn follow(&mut self, original: &str, its_references: &[String]) {
        let ids = identifiers::as_written(original.as_bytes());
        let Some(original) = ids.into_iter().next() else {
            return;
        };
        let mut references = its_references.to_vec();
        references.push(original.clone());
        if references.len() > MOST_REFERENCES {
            references.drain(1..=references.len() - MOST_REFERENCES);
        }
        self.references = references.join(" ");
        self.in_reply_to = original;
    }
}

/// A new message ID in a domain.
pub(super) fn new_id(domain: &str) -> Result<String, WebError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| WebError::Unavailable)?;
    Ok(format!("{}@{domain}", crate::csrf::hex(&random)))
}

/// The message IDs of a text, without angle brackets. Only what can stand in a header is one.
pub(super) fn ids(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_graphic() && c != '<' && c != '>';
    text.split(|c: char| !is_part(c))
        .filter(|id| {
            id.len() <= 250
                && id
                    .split_once('@')
                    .is_some_and(|(l, r)| !l.is_empty() && !r.is_empty())
        })
        .map(str::to_owned)
        .collect()
}

fn first_id(text: &str) -> Option<String> {
    ids(text).into_iter().next()
}

/// The address that a message says it is from.
fn sender(header: Header<'_>) -> String {
    let from = header.find(b"From").unwrap_or_default();
    let first = address::parse(&from)
        .into_iter()
        .find_map(|entry| spec(&entry));
    first.unwrap_or_default()
}

/// The people of a field, as one types them.
fn people(header: Header<'_>, name: &[u8]) -> String {
    let entries = header.all(name).flat_map(|field| address::parse(&field));
    let people = entries.filter_map(|entry| {
        let Entry::Address { name, .. } = &entry else {
            return None;
        };
        let name = encoded_word::decode(name.as_deref().unwrap_or_default());
        Some(address::written(&name, &spec(&entry)?))
    });
    people.collect::<Vec<_>>().join(", ")
}

fn spec(entry: &Entry) -> Option<String> {
    let Entry::Address { mailbox, host, .. } = entry else {
        return None;
    };
    let [mailbox, host] = [mailbox, host].map(|half| String::from_utf8_lossy(half));
    Some(address::spec(&mailbox, &host))
}

/// A file as a part of a message.
fn attachment(file: File) -> MimePart<'static> {
    let name = parameter::extended_form("filename", &file.name);
    let disposition = field(&format!("attachment{name}"));
    let (kind, encoding, bytes) = match file.kind.as_str() {
        "message/rfc822" => match unencoded(&file.bytes) {
            Some((encoding, bytes)) => (file.kind, Some(encoding), bytes),
            None => (NO_TYPE.to_owned(), None, file.bytes),
        },
        // They may not be encoded either, and nobody looks whether these can go as they are.
        kind if kind.starts_with("message/") || kind.starts_with("multipart/") => {
            (NO_TYPE.to_owned(), None, file.bytes)
        }
        _ => (file.kind, None, file.bytes),
    };
    let kind = format!("{kind}{}", parameter::encoded_form("name", &file.name));
    let mut part =
        MimePart::raw(BodyPart::Binary(bytes.into())).header("Content-Type", field(&kind));
    // The builder takes a part whose encoding is given as it is, and makes base64 of every other file.
    if let Some(encoding) = encoding {
        part = part.header("Content-Transfer-Encoding", Raw::new(encoding));
    }
    part.header("Content-Disposition", disposition)
}

/// A message as it can be a part of another without being encoded, which is forbidden (RFC 2046, section 5.2.1), and
/// the name of that encoding. `None` for what can't be sent so: a NUL, a line of more than 998 bytes (RFC 5322, section
/// 2.1.1), or none of the fields that a message has at least one of.
fn unencoded(bytes: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    let header = Parsed::new(bytes).header();
    let is_message = ["From", "Subject", "Date"]
        .iter()
        .any(|name| header.find(name.as_bytes()).is_some());
    if !is_message || bytes.contains(&0) {
        return None;
    }
    // A message that was saved to a file has the line ends of the machine.
    let mut lines = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        if content.len() > LONGEST_LINE || content.contains(&b'\r') {
            return None;
        }
        lines.extend(content);
        if line.ends_with(b"\n") {
            lines.extend(b"\r\n");
        }
    }
    let encoding = if bytes.is_ascii() { "7bit" } else { "8bit" };
    Some((encoding, lines))
}

/// A field's value for a builder that folds it itself.
fn field(folded: &str) -> Raw<'static> {
    Raw::new(folded.replace("\r\n", ""))
}

fn written(recipient: &Recipient) -> Written<'static> {
    let name = Some(one_line(&recipient.name)).filter(|name| !name.is_empty());
    Written::new_address(name, recipient.address.to_string())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use sekisho_message::SectionText;

    use super::*;

    fn draft() -> Draft {
        Draft {
            from: "hanako@kit.example".to_owned(),
            to: "太郎 <taro@kit.example>, \"Doe, J.\" <j@x.example>".to_owned(),
            cc: String::new(),
            bcc: "secret@x.example".to_owned(),
            subject: "来週の会議について、長い件名でも折り返して読めること。来週の会議について、長い件名でも折り返して読めること。".to_owned(),
            body: "こんにちは。\n\n> 引用\n-- \n花子".to_owned(),
            id: "1@kit.example".to_owned(),
            in_reply_to: "b@x.example".to_owned(),
            references: "a@x.example b@x.example".to_owned(),
        }
    }

    fn built(draft: &Draft, files: Vec<File>, purpose: BuildFor) -> Vec<u8> {
        let (mut from, _) = recipients::parse("花子 <hanako@kit.example>");
        let zone = TimeZone::get("Asia/Tokyo").expect("a zone");
        let now = Timestamp::UNIX_EPOCH.to_zoned_datetime(zone);
        draft
            .build(&from.remove(0), &now, files, purpose)
            .expect("a message")
    }

    #[test]
    fn what_was_written_is_read_back() {
        let file = File {
            name: "議事録 \"最終\".pdf".to_owned(),
            kind: "application/pdf".to_owned(),
            bytes: vec![0, 1, 2, 255],
        };
        let raw = built(&draft(), vec![file], BuildFor::Drafts);
        assert_eq!(Draft::parse(&raw), Some(draft()));
        let message = mail_parser::MessageParser::default()
            .parse(&raw)
            .expect("a message");
        let attached = message.attachment(0).expect("the file");
        assert_eq!(attached.contents(), [0, 1, 2, 255]);
        use mail_parser::MimeHeaders;
        assert_eq!(attached.attachment_name(), Some("議事録 \"最終\".pdf"));
        let text = String::from_utf8(raw).expect("seven bits");
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 998));
        assert!(
            text.contains("Date: Thu, 1 Jan 1970 09:00:00 +0900\r\n"),
            "{text}"
        );
    }

    #[test]
    fn a_message_goes_along_as_a_message_if_it_can() {
        let sent = |kind: &str, bytes: &[u8]| {
            let file = File {
                name: "会議.eml".to_owned(),
                kind: kind.to_owned(),
                bytes: bytes.to_vec(),
            };
            let raw = built(&draft(), vec![file], BuildFor::Recipients);
            let message = Parsed::new(&raw);
            let header = message.section(&[2], SectionText::Mime).expect("a header");
            let value = |name: &str| {
                let value = Header::new(&header).find(name.as_bytes());
                String::from_utf8_lossy(&value.unwrap_or_default())
                    .trim()
                    .to_owned()
            };
            let kind = value("Content-Type");
            let kind = kind.split(';').next().unwrap_or_default().to_owned();
            let body = message.section(&[2], SectionText::Whole).expect("a body");
            (kind, value("Content-Transfer-Encoding"), body.into_owned())
        };
        let whole = |encoding: &str, bytes: &[u8]| {
            let kind = "message/rfc822".to_owned();
            (kind, encoding.to_owned(), bytes.to_vec())
        };
        let message = b"From: a@x.example\r\n\r\nHello.\r\n";
        assert_eq!(sent("message/rfc822", message), whole("7bit", message));
        let from_a_file = b"From: a@x.example\n\nHello.\n";
        assert_eq!(sent("message/rfc822", from_a_file), whole("7bit", message));
        let raw = "Subject: 会議\r\n\r\n本文".as_bytes();
        assert_eq!(sent("message/rfc822", raw), whole("8bit", raw));
        let long = format!("From: a@x.example\r\n\r\n{}\r\n", "x".repeat(999));
        for (kind, bytes) in [
            ("message/rfc822", &b"no header at all"[..]),
            ("message/rfc822", b"From: a@x.example\r\n\r\n\0"),
            ("message/rfc822", b"From: a@x.example\r\n\r\na\rb"),
            ("message/rfc822", long.as_bytes()),
            ("message/delivery-status", b"From: a@x.example\r\n\r\n"),
            ("multipart/mixed", b"From: a@x.example\r\n\r\n"),
        ] {
            let (sent_as, encoding, _) = sent(kind, bytes);
            assert_eq!(sent_as, "application/octet-stream", "{kind}");
            assert_eq!(encoding, "base64", "{kind}");
        }
    }

    #[test]
    fn unfinished_addresses_are_kept_in_drafts_alone() {
        let unfinished = Draft {
            to: "taro, jiro@kit.example".to_owned(),
            cc: "花".to_owned(),
            ..draft()
        };
        assert_eq!(
            Draft::parse(&built(&unfinished, Vec::new(), BuildFor::Drafts)),
            Some(unfinished.clone())
        );
        let sent =
            String::from_utf8(built(&unfinished, Vec::new(), BuildFor::SentFolder)).expect("text");
        assert!(!sent.contains("X-Sekisho"), "{sent}");
    }

    #[test]
    fn hidden_copies_stay_hidden() {
        let sent =
            String::from_utf8(built(&draft(), Vec::new(), BuildFor::Recipients)).expect("text");
        assert!(
            !sent.contains("secret@x.example") && !sent.contains("Bcc"),
            "{sent}"
        );
    }

    #[test]
    fn nothing_typed_becomes_a_header() {
        let draft = Draft::of(&Fields::new(vec![
            ("subject".to_owned(), "a\r\nBcc: x@y.example".to_owned()),
            ("to".to_owned(), "b\r\nBcc: z@y.example".to_owned()),
            ("in-reply-to".to_owned(), "<a@b>\r\nX: y".to_owned()),
            (
                "references".to_owned(),
                "<a@b> <c@d>\r\nX-Evil: y".to_owned(),
            ),
            ("id".to_owned(), "i@kit.example".to_owned()),
        ]));
        let sent = String::from_utf8(built(&draft, Vec::new(), BuildFor::Drafts)).expect("text");
        let (head, _) = sent.split_once("\r\n\r\n").expect("a head");
        assert!(
            !head.contains("\r\nBcc") && !head.contains("\r\nX: ") && !head.contains("\r\nX-Evil"),
            "{head}"
        );
        assert!(head.contains("References: <a@b> <c@d>\r\n"), "{head}");
    }

    #[test]
    fn long_conversations_keep_their_beginning_and_their_end() {
        let mut draft = Draft::default();
        let before: Vec<String> = (0..100).map(|n| format!("{n}@x")).collect();
        draft.follow("<last@x>", &before);
        let kept = ids(&draft.references);
        assert_eq!(kept.len(), MOST_REFERENCES);
        assert_eq!(
            (
                kept.first().map(String::as_str),
                kept.last().map(String::as_str)
            ),
            (Some("0@x"), Some("last@x"))
        );
    }
}
