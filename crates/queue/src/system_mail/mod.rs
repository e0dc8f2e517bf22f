//! System mail: mailed OTPs and news of changes, sent as the checkpoint's [`Courier`].
//!
//! A mailed OTP is sent in the name of the account's own address, so that the person knows which account it is about,
//! and by its own relay if one is configured. It leaves the queue when its code ends.
//!
//! News of a change goes to the mailbox and, by the relay, to the external addresses.
//!
//! Neither is kept in Sent. Both say that a machine wrote them, and both have an envelope sender that belongs to
//! nobody, so that no failure comes back into a person's mailbox.
//!
//! The words are in `wording`.

#[cfg(test)]
mod tests;
mod wording;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::{Clock, Courier, CourierError, Fate, Letter, Notice, OtpLetter};
use sekisho_message::write;
use sekisho_smtp::Path;

use crate::addressing::{BOUNCES, path_of};
use crate::mail::{Mail, Origin, Otp, Recipient};
use crate::queue::Queue;

/// Where the mailboxes are to which news of changes goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailboxes {
    /// In this mailroom.
    Here,
    /// In a mail system that the way out leads to.
    Elsewhere,
}

/// The courier of this site.
pub struct SystemMail {
    queue: Queue,
    mailboxes: Mailboxes,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
}

impl SystemMail {
    /// Sends through `queue`; times are written in `zone`.
    #[must_use]
    pub fn new(queue: Queue, mailboxes: Mailboxes, clock: Arc<dyn Clock>, zone: TimeZone) -> Self {
        Self {
            queue,
            mailboxes,
            clock,
            zone,
        }
    }
}

#[async_trait]
impl Courier for SystemMail {
    async fn send(&self, letter: Letter) -> Result<(), CourierError> {
        let mail = match &letter {
            Letter::Otp(otp) => self.otp(otp)?,
            Letter::Notice(notice) => self.notice(notice)?,
        };
        self.queue.put(mail).await.map_err(unavailable)?;
        Ok(())
    }

    async fn fate(&self, letter: LetterId) -> Result<Option<Fate>, CourierError> {
        self.queue.fate(letter).await.map_err(unavailable)
    }
}

impl SystemMail {
    fn otp(&self, letter: &OtpLetter) -> Result<Mail, CourierError> {
        if !self.queue.has_transport(true) {
            return Err(CourierError::NoRelay);
        }
        let words = wording::otp(letter, &self.zone);
        let otp = Otp {
            letter: letter.id,
            expires_at: letter.expires_at,
        };
        let to = [outside(&letter.to)];
        let message = self.compose(&letter.from, &letter.to, wording::OTP_SUBJECT, &words)?;
        Ok(self.mail(&letter.from, to.into(), message, Some(otp)))
    }

    /// Without a relay only a mailbox here is told: a change must not fail because nobody elsewhere can be told of it.
    fn notice(&self, notice: &Notice) -> Result<Mail, CourierError> {
        let account = match self.mailboxes {
            Mailboxes::Here => Some(notice.account),
            Mailboxes::Elsewhere if self.queue.has_transport(false) => None,
            Mailboxes::Elsewhere => return Err(CourierError::NoRelay),
        };
        let mut recipients = vec![Recipient {
            account,
            ..outside(&notice.mailbox)
        }];
        if self.queue.has_transport(false) {
            recipients.extend(notice.also_to.iter().map(outside));
        } else if !notice.also_to.is_empty() {
            tracing::warn!("no relay is configured: external addresses are not told of a change");
        }
        let (subject, words) = wording::notice(notice, &self.zone);
        // External addresses are not shown to each other: the letter is addressed to the mailbox.
        let message = self.compose(&notice.mailbox, &notice.mailbox, &subject, &words)?;
        Ok(self.mail(&notice.mailbox, recipients, message, None))
    }

    fn mail(
        &self,
        from: &MailAddress,
        recipients: Vec<Recipient>,
        message: Vec<u8>,
        otp: Option<Otp>,
    ) -> Mail {
        let sender = Path::parse(&format!("{BOUNCES}@{}", from.domain()));
        let utf8 =
            !from.local().is_ascii() || recipients.iter().any(|r| !r.path.as_str().is_ascii());
        Mail {
            sender,
            recipients,
            message,
            utf8,
            eight_bit: true,
            ret: None,
            envid: None,
            otp,
            origin: Origin::Here,
        }
    }

    fn compose(
        &self,
        from: &MailAddress,
        to: &MailAddress,
        subject: &str,
        words: &str,
    ) -> Result<Vec<u8>, CourierError> {
        let id = write::message_id(from.domain())
            .ok_or_else(|| unavailable("the system gives no random numbers"))?;
        let head = format!(
            "From: <{from}>\r\n\
             To: <{to}>\r\n\
             Subject: {subject}\r\n\
             Date: {date}\r\n\
             Message-ID: {id}\r\n\
             Auto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\
             \r\n",
            subject = write::unstructured(subject),
            date = write::date(self.clock.now(), &self.zone),
        );
        Ok((head + &words.replace('\n', "\r\n")).into_bytes())
    }
}

fn outside(address: &MailAddress) -> Recipient {
    Recipient::new(path_of(address), None)
}

fn unavailable(error: impl std::fmt::Display) -> CourierError {
    CourierError::Temporarily(error.to_string())
}
