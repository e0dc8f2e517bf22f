//! Vacation notices (RFC 3834): who gets one, and what it says.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sekisho_checkpoint::Account;
use sekisho_checkpoint::address::MailAddress;
use sekisho_message::Parsed;
use sekisho_message::write;
use sekisho_smtp::Path;

use super::filter::Vacation;

/// Senders that are machines, recognised by how their local parts begin or end (RFC 3834, section 2).
const MACHINES: [&str; 6] = [
    "mailer-daemon",
    "postmaster",
    "listserv",
    "majordomo",
    "noreply",
    "no-reply",
];

/// Who gets a notice: the envelope's sender, if a person wrote the message to this person.
pub(super) fn whom<'s>(
    sender: Option<&'s Path>,
    message: &Parsed<'_>,
    account: &Account,
) -> Option<&'s Path> {
    let sender = sender?;
    let local = sender.as_str().rsplit_once('@')?.0.to_ascii_lowercase();
    let machine = MACHINES.iter().any(|name| local.starts_with(name))
        || local.starts_with("owner-")
        || local.ends_with("-request")
        || local.ends_with("-bounces");
    let by_machine = message
        .header_text("Auto-Submitted")
        .is_some_and(|value| !value.trim().eq_ignore_ascii_case("no"));
    let by_list = ["List-Id", "List-Post", "List-Unsubscribe", "List-Help"]
        .iter()
        .any(|name| message.header_text(name).is_some());
    let in_bulk = message.header_text("Precedence").is_some_and(|value| {
        let value = value.trim().to_ascii_lowercase();
        ["bulk", "list", "junk"].contains(&value.as_str())
    });
    if machine || by_machine || by_list || in_bulk {
        return None;
    }
    let own: Vec<String> = account.addresses.iter().map(MailAddress::folded).collect();
    let is_own = |address: &str| {
        MailAddress::parse(address).is_ok_and(|address| own.contains(&address.folded()))
    };
    let to_self = is_own(sender.as_str());
    let named = message.addressees().iter().any(|address| is_own(address));
    (named && !to_self).then_some(sender)
}

/// What a notice is composed of.
pub(super) struct Notice<'a> {
    pub(super) vacation: &'a Vacation,
    /// Who it comes from.
    pub(super) from: &'a MailAddress,
    pub(super) name: &'a str,
    pub(super) to: &'a Path,
    /// The message that it answers.
    pub(super) message: &'a Parsed<'a>,
    pub(super) now: Timestamp,
    pub(super) zone: &'a TimeZone,
}

impl Notice<'_> {
    /// Composes the notice; `None` if the system gives no random numbers.
    pub(super) fn compose(&self) -> Option<Vec<u8>> {
        let original = |name| {
            let value = self.message.header_text(name).unwrap_or_default();
            value.lines().next().unwrap_or_default().to_owned()
        };
        let subject = match &self.vacation.subject {
            Some(subject) => subject.clone(),
            None => format!("Auto: {}", original("Subject")),
        };
        // Part of the sender's header is copied into ours: only the characters of a Message-ID are.
        let answered = original("Message-ID");
        let is_id = answered.len() < 250
            && answered.starts_with('<')
            && answered.ends_with('>')
            && answered.bytes().all(|b| b.is_ascii_graphic());
        let thread = if is_id {
            format!("In-Reply-To: {answered}\r\nReferences: {answered}\r\n")
        } else {
            String::new()
        };
        let from = if self.name.is_empty() {
            format!("<{}>", self.from)
        } else {
            format!("{} <{}>", write::phrase(self.name), self.from)
        };
        let text = self
            .vacation
            .text
            .replace("\r\n", "\n")
            .replace('\n', "\r\n");
        let encoded = BASE64_STANDARD.encode(text);
        let lines: Vec<&str> = encoded
            .as_bytes()
            .chunks(76)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        let message = format!(
            "From: {from}\r\n\
             To: <{to}>\r\n\
             Subject: {subject}\r\n\
             Date: {date}\r\n\
             Message-ID: {id}\r\n\
             {thread}\
             Auto-Submitted: auto-replied\r\n\
             Precedence: bulk\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: base64\r\n\
             \r\n\
             {body}\r\n",
            to = self.to.as_str(),
            subject = write::unstructured(&subject),
            date = write::date(self.now, self.zone),
            id = write::message_id(self.from.domain())?,
            body = lines.join("\r\n"),
        );
        Some(message.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sekisho_fakes::{ALICE, Town};

    #[test]
    fn only_people_who_wrote_to_this_person_are_told() {
        let alice = Town::account(ALICE);
        let told = |sender: Option<&str>, header: &str| {
            let sender = sender.map(|s| Path::parse(s).unwrap());
            let message = format!("{header}\r\n\r\nbody");
            whom(sender.as_ref(), &Parsed::new(message.as_bytes()), &alice).is_some()
        };
        let person = Some("x@far.example");
        assert!(told(person, "To: Alice <ALICE@kit.example>"));
        assert!(told(person, "To: y@z.example\r\nCc: a.tanaka@kit.example"));
        assert!(told(person, "To: alice@kit.example\r\nAuto-Submitted: no"));
        for header in [
            "To: everybody@kit.example",
            "Subject: hidden copy",
            "To: alice@kit.example\r\nAuto-Submitted: auto-replied",
            "To: alice@kit.example\r\nPrecedence: Bulk",
            "To: alice@kit.example\r\nList-Id: <l.example>",
            "To: alice@kit.example\r\nList-Unsubscribe: <mailto:x@y.example>",
            "To: malice@kit.example",
        ] {
            assert!(!told(person, header), "{header}");
        }
        for sender in [
            "MAILER-DAEMON@far.example",
            "no-reply@far.example",
            "owner-list@far.example",
            "list-request@far.example",
            "list-bounces@far.example",
            "a.tanaka@kit.example",
        ] {
            assert!(!told(Some(sender), "To: alice@kit.example"), "{sender}");
        }
        assert!(!told(None, "To: alice@kit.example"));
    }
}
