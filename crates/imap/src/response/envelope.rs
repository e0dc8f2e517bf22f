//! Envelopes: the header fields that a list of messages shows (RFC 3501, section 7.4.2).

use super::scan::{Read, Scanner};

/// A summary of a message's header. The bytes are those of the message: encoded words (RFC 2047) are not decoded, and
/// raw bytes above 127 may be in any charset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The Date field.
    pub date: Option<Vec<u8>>,
    /// The Subject field.
    pub subject: Option<Vec<u8>>,
    /// The From field.
    pub from: Vec<Address>,
    /// The Sender field, or From if there is none.
    pub sender: Vec<Address>,
    /// The Reply-To field, or From if there is none.
    pub reply_to: Vec<Address>,
    /// The To field.
    pub to: Vec<Address>,
    /// The Cc field.
    pub cc: Vec<Address>,
    /// The Bcc field.
    pub bcc: Vec<Address>,
    /// The In-Reply-To field.
    pub in_reply_to: Option<Vec<u8>>,
    /// The Message-ID field.
    pub message_id: Option<Vec<u8>>,
}

/// An address. Without a host it is the start of a group, with the group's name as its mailbox. Without host and
/// mailbox it is the end of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The display name before the `<`.
    pub name: Option<Vec<u8>>,
    /// The part before the `@`.
    pub mailbox: Option<Vec<u8>>,
    /// The part after the `@`.
    pub host: Option<Vec<u8>>,
}

pub(super) fn envelope(s: &mut Scanner<'_>) -> Read<Envelope> {
    s.expect(b'(', "an envelope")?;
    let mut envelope = Envelope {
        date: text(s)?,
        subject: text(s)?,
        from: addresses(s)?,
        sender: addresses(s)?,
        reply_to: addresses(s)?,
        to: addresses(s)?,
        cc: addresses(s)?,
        bcc: addresses(s)?,
        in_reply_to: text(s)?,
        message_id: None,
    };
    envelope.message_id = s.owned()?;
    s.spaces();
    s.expect(b')', "the end of an envelope")?;
    Ok(envelope)
}

fn text(s: &mut Scanner<'_>) -> Read<Option<Vec<u8>>> {
    let text = s.owned()?;
    s.space()?;
    Ok(text)
}

fn addresses(s: &mut Scanner<'_>) -> Read<Vec<Address>> {
    let mut addresses = Vec::new();
    s.list_or_nil(|s| {
        s.expect(b'(', "an address")?;
        let name = text(s)?;
        // The source route of RFC 822 (`@relay:`), which nothing uses.
        s.nstring()?;
        s.space()?;
        let mailbox = text(s)?;
        let host = s.owned()?;
        s.expect(b')', "the end of an address")?;
        addresses.push(Address {
            name,
            mailbox,
            host,
        });
        Ok(())
    })?;
    s.space()?;
    Ok(addresses)
}
