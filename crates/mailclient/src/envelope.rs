//! The header fields of a message that a list of messages shows, as the server sends them.

use jiff::Timestamp;
use sekisho_imap::response;
use sekisho_message::line::one_line;
use sekisho_message::{address, date};

use crate::text::HeaderText;

/// The most important header fields of a message (RFC 3501 section 7.4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `Date`, if it can be read.
    pub date: Option<Timestamp>,
    /// `Subject`.
    pub subject: HeaderText,
    /// `From`: the authors.
    pub from: Vec<Address>,
    /// `Sender`: who submitted it.
    pub sender: Vec<Address>,
    /// `Reply-To`: where a reply goes.
    pub reply_to: Vec<Address>,
    /// `To`.
    pub to: Vec<Address>,
    /// `Cc`.
    pub cc: Vec<Address>,
    /// `Bcc`: recipients that the others don't see.
    pub bcc: Vec<Address>,
    /// `In-Reply-To`: message IDs with their angle brackets, in one line.
    pub in_reply_to: Option<String>,
    /// `Message-ID`, with its angle brackets.
    pub message_id: Option<String>,
}

impl Envelope {
    pub(crate) fn new(raw: response::Envelope) -> Self {
        let date = raw.date.and_then(|field| date::parse(&field));
        let line = |bytes: Vec<u8>| one_line(&String::from_utf8_lossy(&bytes));
        Self {
            date: date.map(|date| date.moment),
            subject: HeaderText::new(raw.subject.unwrap_or_default()),
            from: addresses(raw.from),
            sender: addresses(raw.sender),
            reply_to: addresses(raw.reply_to),
            to: addresses(raw.to),
            cc: addresses(raw.cc),
            bcc: addresses(raw.bcc),
            in_reply_to: raw.in_reply_to.map(line),
            message_id: raw.message_id.map(line),
        }
    }
}

/// An address in a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The display name; may be empty.
    pub name: HeaderText,
    /// The local part, in one line.
    pub local: String,
    /// The domain, in one line; empty if the address was broken.
    pub domain: String,
}

impl Address {
    /// `local@domain`, with the local part quoted where it must be (RFC 5322 section 3.4.1). Without a domain, only the
    /// local part.
    #[must_use]
    pub fn addr_spec(&self) -> String {
        address::spec(&self.local, &self.domain)
    }

    /// The display name, or else the address.
    #[must_use]
    pub fn shown(&self) -> String {
        let name = self.name.decoded();
        if name.trim().is_empty() {
            self.addr_spec()
        } else {
            name
        }
    }
}

/// The addresses of people; the marks where groups begin and end are left out (RFC 3501 section 7.4.2).
fn addresses(raw: Vec<response::Address>) -> Vec<Address> {
    raw.into_iter()
        .filter_map(|raw| {
            Some(Address {
                name: HeaderText::new(raw.name.unwrap_or_default()),
                local: present(&raw.mailbox?),
                domain: present(&raw.host?),
            })
        })
        .collect()
}

/// Half of an address; empty for the placeholders that Dovecot, Cyrus and UW IMAP put into a broken address.
fn present(half: &[u8]) -> String {
    match half {
        b"MISSING_MAILBOX"
        | b"MISSING_DOMAIN"
        | b"unspecified-domain"
        | b".MISSING-HOST-NAME."
        | b".SYNTAX-ERROR." => String::new(),
        half => one_line(&String::from_utf8_lossy(half)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_so_that_they_can_be_read_again() {
        let address = |local: &str| Address {
            name: HeaderText::default(),
            local: local.to_owned(),
            domain: "kit.example".to_owned(),
        };
        assert_eq!(address("a.b+c").shown(), "a.b+c@kit.example");
        assert_eq!(address("a b\"c").addr_spec(), "\"a b\\\"c\"@kit.example");
        let broken = Address {
            domain: present(b"MISSING_DOMAIN"),
            ..address("hanako")
        };
        assert_eq!(broken.shown(), "hanako");
    }
}
