//! What the index keeps of a message, found once when it comes.

use sekisho_message::identifiers::Identifiers;
use sekisho_message::{Parsed, date, subject, words};

use crate::describe;

/// A message's description in IMAP's words, and its decoded header.
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
    pub(crate) identifiers: Identifiers,
}

impl Summary {
    pub(crate) fn of(message: &Parsed<'_>) -> Self {
        let header = message.header();
        let subject = words::field(header, b"Subject");
        let (from, to, cc) = (
            words::people(header, b"From"),
            words::people(header, b"To"),
            words::people(header, b"Cc"),
        );
        let date = header.find(b"Date").and_then(|field| date::parse(&field));
        Self {
            envelope: describe::envelope(message),
            body: describe::body(message),
            structure: describe::structure(message),
            preview: message.preview(),
            has_attachment: message.has_attachment(),
            sent: date.map(|date| date.moment.as_second()),
            sent_day: date.map(|date| date.day_number()),
            base_subject: subject::base_subject(&subject),
            subject,
            bcc: words::people(header, b"Bcc").words,
            sort_from: from.first,
            from: from.words,
            sort_to: to.first,
            to: to.words,
            sort_cc: cc.first,
            cc: cc.words,
            identifiers: Identifiers::of(header),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
