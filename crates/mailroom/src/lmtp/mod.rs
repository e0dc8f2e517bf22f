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
use crate::delivery::{Arrival, DeliveryError};
use crate::header::{self, Header};
use crate::queue::{Queue, QueueError};
use crate::smtp::session::{Service, Transaction};
use crate::smtp::{Command, MailFrom, RcptTo, Reply};
use crate::store::StoreError;

/// How long a peer may be silent.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);
/// The most recipients of a message.
const MOST_RECIPIENTS: usize = 1000;
/// So many `Received` fields mean that a message runs in a circle.
const MOST_HOPS: usize = 100;

/// What LMTP works with.
pub struct Lmtp {
    /// Delivers, and takes what goes on from a mailbox.
    pub queue: Queue,
    /// The largest message, in bytes.
    pub message_size: u64,
    /// Knows who has a mailbox here.
    pub directory: Arc<dyn Directory>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The site's domains.
    pub own: OwnDomains,
    /// This site's host name.
    pub host: String,
    /// The site's time zone, for dates.
    pub zone: TimeZone,
    /// What it marks goes into the junk folder.
    pub junk: Option<JunkHeader>,
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
        let trace = self.trace();
        let arrival = Arrival {
            sender: mail.from.as_ref(),
            trace: &trace,
            message: &message,
            junk: junk.is_some_and(|junk| junk.marks(&message)),
        };
        let mut replies = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            replies.push(self.deliver(recipient, arrival).await);
        }
        replies
    }
}

impl Receiver {
    /// The last stage of the message's way (RFC 5321, section 4.4).
    fn trace(&self) -> String {
        format!(
            "Received: from {peer} by {host} with {with};\r\n {date}\r\n",
            peer = printable(&self.peer),
            host = self.lmtp.host,
            with = self.with,
            date = header::date(self.lmtp.clock.now(), &self.lmtp.zone),
        )
    }

    async fn deliver(&self, recipient: Accepted, arrival: Arrival<'_>) -> Reply {
        let accounts = match recipient {
            Accepted::Accounts(accounts) => accounts,
            Accepted::Bounces => {
                tracing::info!("a letter of the site came back");
                return Reply::new(250, "2.1.5", "noted");
            }
        };
        for account in accounts {
            if let Err(error) = self.lmtp.queue.deliver(account, arrival).await {
                tracing::warn!(%error, "a message was not delivered");
                return refusal(&error);
            }
        }
        Reply::new(250, "2.1.5", "delivered")
    }
}

fn refusal(error: &DeliveryError) -> Reply {
    match error {
        DeliveryError::Store(StoreError::Full) | DeliveryError::Queue(QueueError::Full) => {
            Reply::new(452, "4.3.1", "no room just now")
        }
        DeliveryError::Store(StoreError::TooLarge { .. }) => {
            Reply::new(552, "5.3.4", "the message is too big")
        }
        error if error.is_temporary() => Reply::new(451, "4.3.0", "out of order just now"),
        DeliveryError::Nobody => Reply::new(550, "5.1.1", "no such mailbox here"),
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
