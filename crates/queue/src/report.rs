//! Reports to a sender of what became of a message (RFC 3464, in the container of RFC 6522).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sekisho_message::{strict, write};
use sekisho_smtp::{Path, Ret};

use crate::ledger::Job;
use crate::mail::Recipient;
use crate::transport::{Diagnostic, Outcome};

/// How many bytes of the original message a report returns at most.
const RETURNED: usize = 1 << 20;
/// How many bytes of its header, where only that is returned.
const RETURNED_HEADER: usize = 64 << 10;

/// What a report is made of.
pub(crate) struct Report<'a> {
    /// The message it is about.
    pub(crate) job: &'a Job,
    /// Its bytes, if they could be read.
    pub(crate) original: Option<&'a [u8]>,
    /// Who is told.
    pub(crate) to: &'a Path,
    /// The host that tells it.
    pub(crate) host: &'a str,
    /// In which zone its dates are.
    pub(crate) zone: &'a TimeZone,
    /// When.
    pub(crate) now: Timestamp,
}

/// What became of a message for a recipient, as reports say it (RFC 3464 2.3.3).
pub(crate) struct ReportedRecipient<'a> {
    /// Where it was to go.
    pub(crate) recipient: &'a Recipient,
    /// What became of it.
    pub(crate) action: Action<'a>,
}

/// The actions that are reported.
#[derive(Clone, Copy)]
pub(crate) enum Action<'a> {
    /// Given up.
    Failed(&'a Diagnostic),
    /// In the mailbox.
    Delivered,
    /// Handed to a server that tells no more.
    Relayed,
}

impl<'a> Action<'a> {
    /// The action to report of an outcome, if the sender asked for that; `here` says whether the recipient is a mailbox
    /// of this site.
    pub(crate) fn wanted(recipient: &Recipient, outcome: &'a Outcome) -> Option<Self> {
        match outcome {
            Outcome::Never(diagnostic) => {
                recipient.notify.failure.then_some(Self::Failed(diagnostic))
            }
            Outcome::Sent { reports: false } if recipient.notify.success => {
                Some(if recipient.account.is_some() {
                    Self::Delivered
                } else {
                    Self::Relayed
                })
            }
            Outcome::Sent { .. } | Outcome::Later(_) => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
        }
    }
}

impl Report<'_> {
    /// Writes the report. `None` if the system gives no random numbers for its identifiers.
    pub(crate) fn compose(&self, reported: &[ReportedRecipient<'_>]) -> Option<Vec<u8>> {
        let id = write::message_id(self.host)?;
        let boundary = format!("=_{}", write::random_token()?);
        let failed = reported
            .iter()
            .any(|t| matches!(t.action, Action::Failed(_)));
        let subject = if failed {
            "Undelivered mail (メールをお届けできませんでした)"
        } else {
            "Mail delivered (メールの配送結果)"
        };
        let mut text = format!(
            "From: Mail delivery <mailer-daemon@{host}>\r\n\
             To: <{to}>\r\n\
             Subject: {subject}\r\n\
             Date: {date}\r\n\
             Message-ID: {id}\r\n\
             Auto-Submitted: auto-replied\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\
             \r\n\
             --{boundary}\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\
             \r\n",
            host = self.host,
            to = self.to,
            subject = write::unstructured(subject),
            date = write::date(self.now, self.zone),
        );
        text += &for_people(reported, failed);
        text += &format!(
            "\r\n--{boundary}\r\n\
             Content-Type: message/delivery-status\r\n\
             \r\n"
        );
        text += &self.for_machines(reported);
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.returned(&boundary));
        bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Some(bytes)
    }

    fn for_machines(&self, reported: &[ReportedRecipient<'_>]) -> String {
        let mut text = format!("Reporting-MTA: dns; {}\r\n", self.host);
        if let Some(envid) = &self.job.envid {
            text += &format!("Original-Envelope-Id: {envid}\r\n");
        }
        let date = |at| write::date(at, self.zone);
        text += &format!("Arrival-Date: {}\r\n", date(self.job.queued_at));
        for ReportedRecipient { recipient, action } in reported {
            text += "\r\n";
            if let Some(orcpt) = &recipient.orcpt {
                text += &format!("Original-Recipient: {orcpt}\r\n");
            }
            let address = recipient.path.as_str();
            let kind = if address.is_ascii() {
                "rfc822"
            } else {
                "utf-8"
            };
            text += &format!(
                "Final-Recipient: {kind}; {address}\r\nAction: {}\r\n",
                action.word()
            );
            match action {
                Action::Failed(diagnostic) => {
                    text += &format!("Status: {}\r\n", diagnostic.status);
                    if diagnostic.replied {
                        text += &format!("Diagnostic-Code: smtp; {}\r\n", diagnostic.words);
                    }
                }
                Action::Delivered | Action::Relayed => text += "Status: 2.0.0\r\n",
            }
            text += &format!("Last-Attempt-Date: {}\r\n", date(self.now));
        }
        text
    }

    /// The original as a part: its header, or all of it if the sender asked for that and it is not too big.
    fn returned(&self, boundary: &str) -> Vec<u8> {
        let Some(original) = self.original else {
            return Vec::new();
        };
        let whole = self.job.ret == Some(Ret::Full) && original.len() <= RETURNED;
        let (kind, content) = if whole {
            ("message/rfc822", original)
        } else {
            let end = strict::end(original).min(RETURNED_HEADER);
            (
                "text/rfc822-headers",
                original.get(..end).unwrap_or(original),
            )
        };
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        );
        [head.as_bytes(), content].concat()
    }
}

fn for_people(reported: &[ReportedRecipient<'_>], failed: bool) -> String {
    let (japanese, english) = if failed {
        (
            "お送りになったメールを、次の宛先にお届けできませんでした。",
            "Your mail could not be delivered to these recipients.",
        )
    } else {
        (
            "お送りになったメールの配送結果をお知らせします。",
            "This is what became of your mail.",
        )
    };
    let mut text = format!("{japanese}\r\n{english}\r\n");
    for ReportedRecipient { recipient, action } in reported {
        let words = match action {
            Action::Failed(diagnostic) => diagnostic.words.as_str(),
            Action::Delivered => "お届けしました / delivered",
            Action::Relayed => "次のサーバに渡しました / passed on to the next server",
        };
        text += &format!("\r\n  <{}>\r\n    {words}\r\n", recipient.path);
    }
    text
}
