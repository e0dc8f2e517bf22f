//! What the index keeps of a message, found once when it comes.

use sekisho_imap::datetime::Date;

use super::Parsed;
use super::address::{self, Entry};
use super::decode;
use super::header::Header;
use super::kin::Kin;

/// The most bytes of a header field that are turned into words.
const LONGEST_FIELD: usize = 64 << 10;
/// The most bytes of a name or of half an address that are turned into words.
const LONGEST_NAME: usize = 1_000;
/// The most characters of a subject that its base is made of.
const LONGEST_BASE: usize = 1_000;

/// A message's description and its header in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    /// ENVELOPE.
    pub(crate) envelope: Vec<u8>,
    /// BODY.
    pub(crate) body: Vec<u8>,
    /// BODYSTRUCTURE.
    pub(crate) structure: Vec<u8>,
    /// The beginning of its text.
    pub(crate) preview: String,
    pub(crate) has_attachment: bool,
    /// The Date header's moment, in seconds.
    pub(crate) sent: Option<i64>,
    /// The Date header's day in its own zone, in days since 1970-01-01.
    pub(crate) sent_day: Option<i64>,
    pub(crate) subject: String,
    pub(crate) base_subject: String,
    /// Names and addresses.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) cc: String,
    pub(crate) bcc: String,
    /// The local part of the first address, lower case.
    pub(crate) sort_from: String,
    pub(crate) sort_to: String,
    pub(crate) sort_cc: String,
    pub(crate) kin: Kin,
}

impl Summary {
    pub(crate) fn of(message: &Parsed<'_>) -> Self {
        let header = Header::new(&message.bytes[message.parts[0].header.clone()]);
        let subject = field(header, b"Subject");
        let (from, to, cc) = (
            people(header, b"From"),
            people(header, b"To"),
            people(header, b"Cc"),
        );
        let date = header.find(b"Date").and_then(|field| date(&field));
        Self {
            envelope: message.envelope(),
            body: message.body(),
            structure: message.structure(),
            preview: message.preview(),
            has_attachment: message.has_attachment(),
            sent: date.map(|(moment, _)| moment),
            sent_day: date.map(|(_, day)| day),
            base_subject: base_subject(&subject),
            subject,
            bcc: people(header, b"Bcc").words,
            sort_from: from.first,
            from: from.words,
            sort_to: to.first,
            to: to.words,
            sort_cc: cc.first,
            cc: cc.words,
            kin: Kin::of(header),
        }
    }
}

impl Parsed<'_> {
    /// A header field's value for SEARCH HEADER: all fields of the name, unfolded and decoded, one a line; `None` if there is none.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<String> {
        let header = Header::new(&self.bytes[self.parts[0].header.clone()]);
        let lines: Vec<String> = header
            .all(name.as_bytes())
            .map(|value| decode::words(&value[..value.len().min(LONGEST_FIELD)]))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

impl Parsed<'_> {
    /// The addresses of To and Cc, of a message that was sent again also those of its Resent fields.
    pub(crate) fn addressees(&self) -> Vec<String> {
        let header = Header::new(&self.bytes[self.parts[0].header.clone()]);
        let fields: [&[u8]; 4] = [b"To", b"Cc", b"Resent-To", b"Resent-Cc"];
        let entries = fields
            .into_iter()
            .flat_map(|name| header.all(name))
            .flat_map(|field| address::parse(&field));
        let addresses = entries.filter_map(|entry| match entry {
            Entry::Address { mailbox, host, .. } => {
                Some(format!("{}@{}", short(&mailbox), short(&host)))
            }
            _ => None,
        });
        addresses.collect()
    }

    /// All header fields, unfolded and decoded as [`Self::header_text`] has them, none with a line break.
    pub(crate) fn header_fields(&self) -> impl Iterator<Item = (String, String)> {
        let header = Header::new(&self.bytes[self.parts[0].header.clone()]);
        header.fields().map(|field| {
            let value = field.value();
            let name = String::from_utf8_lossy(field.name).into_owned();
            (
                name,
                decode::words(&value[..value.len().min(LONGEST_FIELD)]),
            )
        })
    }
}

fn field(header: Header<'_>, name: &[u8]) -> String {
    let value = header.find(name).unwrap_or_default();
    decode::words(&value[..value.len().min(LONGEST_FIELD)])
}

struct People {
    words: String,
    first: String,
}

fn people(header: Header<'_>, name: &[u8]) -> People {
    let mut people = People {
        words: String::new(),
        first: String::new(),
    };
    let fields = header.all(name).flat_map(|field| address::parse(&field));
    for entry in fields {
        let Entry::Address {
            name,
            mailbox,
            host,
            ..
        } = entry
        else {
            continue;
        };
        if people.words.len() > LONGEST_FIELD {
            break;
        }
        let mailbox = short(&mailbox);
        if people.first.is_empty() {
            people.first = mailbox.to_lowercase();
        }
        if !people.words.is_empty() {
            people.words.push_str(", ");
        }
        if let Some(name) = name {
            people.words.push_str(&short(&name));
            people.words.push(' ');
        }
        people
            .words
            .push_str(&format!("<{mailbox}@{}>", short(&host)));
    }
    people
}

fn short(name: &[u8]) -> String {
    decode::words(&name[..name.len().min(LONGEST_NAME)])
}

/// Moment and own day of a Date field (RFC 5322, section 3.3).
fn date(field: &[u8]) -> Option<(i64, i64)> {
    const LONGEST: usize = 100;
    let text = std::str::from_utf8(&field[..field.len().min(LONGEST)]).ok()?;
    let date = mail_parser::DateTime::parse_rfc822(text)?;
    let day = Date::new(date.year, date.month, date.day)?.days();
    let clock = i64::from(date.hour) * 3_600 + i64::from(date.minute) * 60 + i64::from(date.second);
    let zone = i64::from(date.tz_hour) * 3_600 + i64::from(date.tz_minute) * 60;
    let zone = if date.tz_before_gmt { -zone } else { zone };
    Some((day * 86_400 + clock - zone, day))
}

/// Whether a subject is that of a reply or a forward: whether finding its base takes such words away (RFC 5256, section 2.1).
pub(crate) fn is_reply(subject: &str) -> bool {
    base(subject).1
}

/// The subject without what replies and forwards put around it (RFC 5256, section 2.1), lower case.
fn base_subject(subject: &str) -> String {
    base(subject).0
}

fn base(subject: &str) -> (String, bool) {
    let folded: String = subject
        .chars()
        .take(LONGEST_BASE)
        .flat_map(char::to_lowercase)
        .collect();
    let words: Vec<&str> = folded.split_whitespace().collect();
    let joined = words.join(" ");
    let mut text = joined.as_str();
    let mut reply = false;
    loop {
        let before = text;
        while let Some(rest) = text.strip_suffix("(fwd)") {
            reply = true;
            text = rest.trim_end();
        }
        while let Some(rest) = without_leader(text) {
            reply = true;
            text = rest.trim_start();
        }
        if let Some(rest) = without_blob(text).map(str::trim_start)
            && !rest.is_empty()
        {
            text = rest;
        }
        if let Some(inner) = text
            .strip_prefix("[fwd:")
            .and_then(|rest| rest.strip_suffix(']'))
        {
            reply = true;
            text = inner.trim();
        }
        if text == before {
            return (text.to_owned(), reply);
        }
    }
}

/// Cuts `re:`, `re[2]:`, `[list] fwd:` and the like.
fn without_leader(text: &str) -> Option<&str> {
    let mut text = text;
    while let Some(rest) = without_blob(text) {
        text = rest.trim_start();
    }
    let rest = ["re", "fwd", "fw"]
        .iter()
        .find_map(|word| text.strip_prefix(word))?;
    let rest = rest.trim_start();
    without_blob(rest)
        .unwrap_or(rest)
        .trim_start()
        .strip_prefix(':')
}

/// Cuts `[...]`.
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    inner[end..].strip_prefix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_and_forwards_have_the_subject_of_the_first() {
        for subject in [
            "会議 Agenda",
            "Re: 会議  agenda",
            "RE[2]: Fwd: [list] re: 会議 agenda (fwd)",
            "[list] 会議 agenda",
            "[Fwd: 会議 agenda]",
        ] {
            assert_eq!(base_subject(subject), "会議 agenda", "{subject:?}");
        }
        assert_eq!(base_subject("[list]"), "[list]");
        assert_eq!(base_subject("Regarding: x"), "regarding: x");
    }

    #[test]
    fn a_date_is_a_moment_and_a_day_of_its_own_zone() {
        let (moment, day) = date(b"Tue, 01 Jul 2025 08:30:00 +0900").unwrap();
        assert_eq!(moment, 1_751_326_200);
        assert_eq!(day, 20_270);
        assert_eq!(date(b"99 Foo 2025"), None);
    }

    #[test]
    fn a_message_is_summed_up_in_words() {
        let message = b"Date: Tue, 1 Jul 2025 08:30:00 +0900\r\nFrom: =?ISO-2022-JP?B?GyRCMnE1RBsoQg==?= <Ai@Kit.Example>\r\n\
                        To: b@x, \"C\" <c@y>\r\nSubject: Re: =?UTF-8?B?5Lya6K2w?=\r\n\r\nhello\r\n";
        let summary = Summary::of(&Parsed::new(message));
        assert_eq!(summary.from, "会議 <Ai@Kit.Example>");
        assert_eq!(summary.sort_from, "ai");
        assert_eq!(summary.to, "<b@x>, C <c@y>");
        assert_eq!(summary.subject, "Re: 会議");
        assert_eq!(summary.base_subject, "会議");
        assert_eq!(summary.preview, "hello");
    }
}
