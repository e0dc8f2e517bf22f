//! A message as it leaves: the sender's right to its header is checked, what is missing is added, what is private is
//! removed (RFC 6409, sections 6 and 8).

use sekisho_checkpoint::Account;
use sekisho_checkpoint::address::MailAddress;
use sekisho_message::strict::{HeaderFault, StrictHeader, senders};
use sekisho_message::write;
use sekisho_smtp::Reply;

use sekisho_queue::addressing::may_send_as;

/// A message with so many `Received` fields is going round in a loop (RFC 5321, section 6.3).
const MOST_HOPS: usize = 100;

/// A message, ready to be sent.
pub(super) struct Prepared {
    /// What leaves.
    pub(super) message: Vec<u8>,
    /// The fields that were missing. Put before the message as the client sent it, they make the sender's copy, which
    /// keeps `Bcc` and lacks this server's `Received`.
    pub(super) added: String,
}

/// For this server's `Received` field: who takes the message, and when.
pub(super) struct Stamp<'h> {
    /// This site's host name.
    pub(super) host: &'h str,
    /// The time, as header fields write it.
    pub(super) date: String,
}

/// Checks and completes a message.
pub(super) fn prepare(
    message: &[u8],
    account: &Account,
    hello: &str,
    stamp: &Stamp<'_>,
) -> Result<Prepared, Reply> {
    let header = StrictHeader::parse(message).map_err(|fault| {
        let code = match fault {
            HeaderFault::TooLarge => 552,
            HeaderFault::NoField => 554,
        };
        Reply::new(code, "5.6.0", &fault.to_string())
    })?;
    check_author(&header, account)?;
    if header.all("Received").count() > MOST_HOPS {
        return Err(Reply::new(554, "5.4.6", "the message runs in a circle"));
    }
    let Stamp { host, date } = stamp;
    let received = format!(
        "Received: from {hello} by {host} with ESMTPSA;\r\n {date}\r\n",
        hello = name_of_client(hello),
    );
    let mut added = String::new();
    if !header.has("Date") {
        added += &format!("Date: {date}\r\n");
    }
    if !header.has("Message-ID") {
        let domain = account.main_address().map_or(*host, |a| a.domain());
        let id = write::message_id(domain)
            .ok_or_else(|| Reply::new(451, "4.3.0", "out of order just now"))?;
        added += &format!("Message-ID: {id}\r\n");
    }
    let mut out = [received.as_bytes(), added.as_bytes()].concat();
    let private = ["Bcc", "Resent-Bcc", "Return-Path"];
    for field in &header.fields {
        if !private.iter().any(|name| field.is(name.as_bytes())) {
            out.extend_from_slice(field.raw);
        }
    }
    out.extend_from_slice(header.rest);
    Ok(Prepared {
        message: out,
        added,
    })
}

/// Whether there is one `From`, with addresses of this account only, and the same for `Sender` if there is one.
fn check_author(header: &StrictHeader<'_>, account: &Account) -> Result<(), Reply> {
    let refusal = |words: &str| Err(not_yours(550, words));
    let mut from = header.all("From");
    let (Some(author), None) = (from.next(), from.next()) else {
        return refusal("the message needs exactly one From field");
    };
    for field in std::iter::once(author).chain(header.all("Sender")) {
        let Some(addresses) = senders(field) else {
            return refusal("the From or Sender field can't be read in one way only");
        };
        let own = |text: &String| {
            MailAddress::parse(text).is_ok_and(|address| may_send_as(account, &address))
        };
        if !addresses.iter().all(own) {
            return refusal("the From or Sender field has an address that is not one of yours");
        }
    }
    Ok(())
}

/// What a client calls itself is often its network address in brackets. That is not passed on, nor is anything else
/// that is no host name.
fn name_of_client(hello: &str) -> &str {
    let is_name = hello
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    let is_address = hello.parse::<std::net::IpAddr>().is_ok();
    if is_name && !is_address && !hello.is_empty() {
        hello
    } else {
        "client"
    }
}

pub(super) fn not_yours(code: u16, words: &str) -> Reply {
    Reply::new(code, "5.7.1", words)
}
