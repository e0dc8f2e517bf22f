//! Mail that comes in: LMTP (RFC 2033) from the site's own MX or spam filter.
//!
//! It listens on a Unix socket or on loopback. Any other peer must be listed, and then gets nothing but STARTTLS until it is encrypted. Each recipient
//! gets an answer of its own after the message; 250 says that it is on the disk.

mod door;
mod junk;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::address::OwnDomains;
use sekisho_checkpoint::ports::{Clock, Directory};

pub use door::{LmtpDoor, LmtpListener, run_lmtp};
pub use junk::JunkHeader;

use crate::addressing::{BOUNCES, accounts_of};
use crate::header::{self, Header};
use crate::smtp::session::{Service, Transaction};
use crate::smtp::{Command, MailFrom, RcptTo, Reply};
use crate::store::{Delivery, Flags, FolderName, NewMessage, SpecialUse, Store, StoreError};

/// How long a peer may be silent.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);
/// The most recipients of a message.
const MOST_RECIPIENTS: usize = 1000;
/// So many `Received` fields mean that a message runs in a circle.
const MOST_HOPS: usize = 100;

/// What LMTP works with.
pub struct Lmtp {
    delivery: Delivery,
    message_size: u64,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    own: OwnDomains,
    host: String,
    zone: TimeZone,
    junk: Option<JunkHeader>,
}

impl Lmtp {
    /// Delivers into `store` for the addresses that `directory` knows; messages may be as large as the store takes. `own` are the site's domains, `host` its host name,
    /// `zone` its time zone, for dates; what `junk` marks goes into the junk folder.
    #[must_use]
    pub fn new(
        store: Store,
        directory: Arc<dyn Directory>,
        clock: Arc<dyn Clock>,
        own: OwnDomains,
        host: String,
        zone: TimeZone,
        junk: Option<JunkHeader>,
    ) -> Self {
        Self {
            message_size: store.limits().message_size,
            delivery: Delivery::new(store),
            directory,
            clock,
            own,
            host,
            zone,
            junk,
        }
    }
}

/// One connection.
struct Receiver {
    lmtp: Arc<Lmtp>,
    /// What the peer calls itself.
    peer: String,
    with: &'static str,
}

/// A recipient that was accepted.
enum Accepted {
    /// Mailboxes: more than one where the address is a role of several accounts.
    Accounts(Vec<AccountId>),
    /// Where failures of the site's own letters come back to: taken and let go.
    Bounces,
}

#[async_trait]
impl Service for Receiver {
    type Recipient = Accepted;

    fn message_size(&self) -> u64 {
        self.lmtp.message_size
    }

    fn most_recipients(&self) -> usize {
        MOST_RECIPIENTS
    }

    fn answers_each_recipient(&self) -> bool {
        true
    }

    async fn hello(&mut self, command: Command) -> Result<Reply, Reply> {
        let Command::Lhlo(name) = command else {
            return Err(Reply::new(500, "5.5.1", "this is LMTP, say LHLO"));
        };
        self.peer = name;
        let offers = [
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "PIPELINING",
            "CHUNKING",
        ];
        let size = format!("SIZE {}", self.lmtp.message_size);
        let lines = [self.lmtp.host.clone(), size];
        Ok(Reply::lines(
            250,
            lines.into_iter().chain(offers.map(str::to_owned)),
        ))
    }

    async fn mail(&self, _: &MailFrom) -> Result<(), Reply> {
        Ok(())
    }

    async fn recipient(&self, _: &MailFrom, rcpt: RcptTo) -> Result<Accepted, Reply> {
        let unknown = || Reply::new(550, "5.1.1", "no such mailbox here");
        let address = rcpt.to.address().ok_or_else(unknown)?;
        let accounts = accounts_of(self.lmtp.directory.as_ref(), &address).await;
        let accounts = accounts.map_err(|error| {
            tracing::error!(%error, "recipients can't be looked up");
            Reply::new(451, "4.3.0", "recipients can't be looked up just now")
        })?;
        if !accounts.is_empty() {
            return Ok(Accepted::Accounts(accounts));
        }
        if address.local() == BOUNCES && self.lmtp.own.include(&address) {
            return Ok(Accepted::Bounces);
        }
        Err(unknown())
    }

    async fn message(&self, transaction: Transaction<Accepted>) -> Vec<Reply> {
        let Transaction {
            mail,
            recipients,
            message,
        } = transaction;
        // A header that can't be taken apart is delivered as it is: people see odd mail rather than none.
        let hops = Header::parse(&message).map_or(0, |h| h.all("Received").count());
        if hops > MOST_HOPS {
            let circle = Reply::new(554, "5.4.6", "the message runs in a circle");
            return vec![circle; recipients.len()];
        }
        let junk = self.lmtp.junk.as_ref();
        let junk = junk.is_some_and(|junk| junk.marks(&message));
        let bytes = self.stamped(&mail, message);
        let mut replies = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            replies.push(self.deliver(recipient, &bytes, junk).await);
        }
        replies
    }
}

impl Receiver {
    /// The message with the envelope's sender and the last stage of its way on top (RFC 5321 4.4).
    fn stamped(&self, mail: &MailFrom, message: Vec<u8>) -> Vec<u8> {
        let sender = mail.from.as_ref().map_or("", |s| s.as_str());
        let stamp = format!(
            "Return-Path: <{sender}>\r\nReceived: from {peer} by {host} with {with};\r\n {date}\r\n",
            peer = printable(&self.peer),
            host = self.lmtp.host,
            with = self.with,
            date = header::date(self.lmtp.clock.now(), &self.lmtp.zone),
        );
        [stamp.into_bytes(), message].concat()
    }

    async fn deliver(&self, recipient: Accepted, bytes: &[u8], junk: bool) -> Reply {
        let accounts = match recipient {
            Accepted::Accounts(accounts) => accounts,
            Accepted::Bounces => {
                tracing::info!("a letter of the site came back");
                return Reply::new(250, "2.1.5", "noted");
            }
        };
        for account in accounts {
            let message = NewMessage {
                bytes: bytes.to_vec(),
                internal_date: self.lmtp.clock.now(),
                flags: Flags::default(),
            };
            let delivery = &self.lmtp.delivery;
            let delivered = if junk {
                delivery
                    .deliver_special(account, SpecialUse::Junk, message)
                    .await
            } else {
                delivery
                    .deliver(account, &FolderName::inbox(), message)
                    .await
            };
            if let Err(error) = delivered {
                tracing::warn!(%error, "a message was not delivered");
                return refusal(&error);
            }
        }
        Reply::new(250, "2.1.5", "delivered")
    }
}

fn refusal(error: &StoreError) -> Reply {
    match error {
        StoreError::Full => Reply::new(452, "4.3.1", "no room just now"),
        StoreError::TooLarge { .. } => Reply::new(552, "5.3.4", "the message is too big"),
        error if error.is_temporary() => Reply::new(451, "4.3.0", "out of order just now"),
        _ => Reply::new(552, "5.2.2", "the mailbox takes no more"),
    }
}

/// What a peer calls itself, for a header.
fn printable(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_graphic() && !"();<>".contains(c) {
                c
            } else {
                '?'
            }
        })
        .collect()
}
