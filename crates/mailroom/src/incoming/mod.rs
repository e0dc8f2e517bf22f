//! Mail that comes in from the site's own MX or spam filter: by LMTP (RFC 2033), or by SMTP if that is all it speaks.
//!
//! It listens on a Unix socket or on loopback. Any other peer must be listed, and can then do nothing but STARTTLS
//! until the connection is encrypted, unless the site says otherwise. Recipients are checked at RCPT. A 250 after the
//! message says that it is on the disk.
//!
//! By LMTP each recipient gets an answer of its own, and the message goes into the mailboxes at once. SMTP has one
//! answer for all: there the message goes into the queue, which delivers to each, tries again where a mailbox is out of
//! order, and tells the sender what failed for good. So nobody gets it twice, and nobody goes without.

mod door;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::address::OwnDomains;
use sekisho_checkpoint::ports::{Clock, Directory};
use sekisho_message::strict::StrictHeader;
use sekisho_message::write;
use sekisho_queue::addressing::{BOUNCES, accounts_of, address_of};
use sekisho_queue::delivery::{Arrival, DeliveryError};
use sekisho_queue::{Mail, Origin, Queue, QueueError, Recipient};
use sekisho_smtp::{Command, MailFrom, RcptTo, Reply};
use sekisho_store::StoreError;

pub use door::{IncomingDoor, IncomingListener, PeerTls, Protocol, run_incoming};

use crate::session::{Service, Transaction};

/// How long a peer may be silent.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);
/// The most recipients of a message.
const MOST_RECIPIENTS: usize = 1000;
/// A message with so many `Received` fields is going round in a loop.
const MOST_HOPS: usize = 100;

/// What LMTP and SMTP work with.
pub struct Incoming {
    /// Delivers, and takes what is sent on from a mailbox.
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
}

/// One connection.
struct Receiver {
    incoming: Arc<Incoming>,
    protocol: Protocol,
    /// What the peer calls itself.
    peer: String,
    encrypted: bool,
}

/// A recipient that was accepted.
struct Accepted {
    rcpt: RcptTo,
    /// The mailboxes: several if the address is a role of several accounts, none for the address to which failures of
    /// system mail come back.
    accounts: Vec<AccountId>,
}

#[async_trait]
impl Service for Receiver {
    type Recipient = Accepted;

    fn message_size(&self) -> u64 {
        self.incoming.message_size
    }

    fn most_recipients(&self) -> usize {
        MOST_RECIPIENTS
    }

    fn answers_each_recipient(&self) -> bool {
        self.protocol == Protocol::Lmtp
    }

    async fn hello(&mut self, command: Command) -> Result<Reply, Reply> {
        let host = self.incoming.host.clone();
        match (self.protocol, command) {
            (Protocol::Lmtp, Command::Lhlo(name)) | (Protocol::Smtp, Command::Ehlo(name)) => {
                self.peer = name;
                let size = format!("SIZE {}", self.incoming.message_size);
                let offers = [
                    "8BITMIME",
                    "SMTPUTF8",
                    "ENHANCEDSTATUSCODES",
                    "PIPELINING",
                    "CHUNKING",
                ];
                // By SMTP the queue sends reports; by LMTP they are left to the client.
                let dsn = (self.protocol == Protocol::Smtp).then_some("DSN");
                let offers = offers.into_iter().chain(dsn).map(str::to_owned);
                Ok(Reply::lines(250, [host, size].into_iter().chain(offers)))
            }
            (Protocol::Smtp, Command::Helo(name)) => {
                self.peer = name;
                Ok(Reply::lines(250, [host]))
            }
            (Protocol::Lmtp, _) => Err(Reply::new(500, "5.5.1", "this is LMTP, say LHLO")),
            (Protocol::Smtp, _) => Err(Reply::new(500, "5.5.1", "this is SMTP, say EHLO")),
        }
    }

    async fn mail(&self, _: &MailFrom) -> Result<(), Reply> {
        Ok(())
    }

    async fn recipient(&self, _: &MailFrom, rcpt: RcptTo) -> Result<Accepted, Reply> {
        let unknown = || Reply::new(550, "5.1.1", "no such mailbox here");
        let address = address_of(&rcpt.to).ok_or_else(unknown)?;
        let accounts = accounts_of(self.incoming.directory.as_ref(), &address).await;
        let accounts = accounts.map_err(|error| {
            tracing::error!(%error, "recipients can't be looked up");
            Reply::new(451, "4.3.0", "recipients can't be looked up just now")
        })?;
        let bounces = address.local() == BOUNCES && self.incoming.own.include(&address);
        if accounts.is_empty() && !bounces {
            return Err(unknown());
        }
        Ok(Accepted { rcpt, accounts })
    }

    async fn message(&self, transaction: Transaction<Accepted>) -> Vec<Reply> {
        let Transaction {
            mail,
            recipients,
            message,
        } = transaction;
        // A message whose header can't be parsed is delivered as it is: better odd mail than none.
        let hops = StrictHeader::parse(&message).map_or(0, |h| h.all("Received").count());
        if hops > MOST_HOPS {
            let circle = Reply::new(554, "5.4.6", "the message runs in a circle");
            let answers = match self.protocol {
                Protocol::Lmtp => recipients.len(),
                Protocol::Smtp => 1,
            };
            return vec![circle; answers];
        }
        if self.protocol == Protocol::Smtp {
            return vec![self.queue(mail, recipients, message).await];
        }
        let trace = self.trace();
        let arrival = Arrival {
            sender: mail.from.as_ref(),
            trace: &trace,
            message: &message,
            from_elsewhere: true,
        };
        let mut replies = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            replies.push(self.deliver(recipient, arrival).await);
        }
        replies
    }
}

impl Receiver {
    /// The last step of the message's way (RFC 5321, section 4.4).
    fn trace(&self) -> String {
        format!(
            "Received: from {peer} by {host} with {with};\r\n {date}\r\n",
            peer = printable(&self.peer),
            host = self.incoming.host,
            with = self.protocol.with(self.encrypted),
            date = write::date(self.incoming.clock.now(), &self.incoming.zone),
        )
    }

    async fn deliver(&self, recipient: Accepted, arrival: Arrival<'_>) -> Reply {
        if recipient.accounts.is_empty() {
            tracing::info!("a letter of the site came back");
            return Reply::new(250, "2.1.5", "noted");
        }
        for account in recipient.accounts {
            if let Err(error) = self.incoming.queue.deliver(account, arrival).await {
                tracing::warn!(%error, "a message was not delivered");
                return refusal(&error);
            }
        }
        Reply::new(250, "2.1.5", "delivered")
    }

    /// Queues a message for all its recipients.
    async fn queue(&self, mail: MailFrom, accepted: Vec<Accepted>, message: Vec<u8>) -> Reply {
        let mut recipients: Vec<Recipient> = Vec::with_capacity(accepted.len());
        for Accepted { rcpt, accounts } in accepted {
            for account in accounts {
                if !recipients
                    .iter()
                    .any(|known| known.account == Some(account))
                {
                    recipients.push(Recipient {
                        path: rcpt.to.clone(),
                        account: Some(account),
                        notify: rcpt.notify,
                        orcpt: rcpt.orcpt.clone(),
                    });
                }
            }
        }
        if recipients.is_empty() {
            tracing::info!("a letter of the site came back");
            return Reply::new(250, "2.6.0", "noted");
        }
        let eight_bit = !message.is_ascii();
        let mail = Mail {
            sender: mail.from,
            recipients,
            message: [self.trace().as_bytes(), &message].concat(),
            utf8: mail.utf8,
            eight_bit,
            ret: mail.ret,
            envid: mail.envid,
            otp: None,
            origin: Origin::Elsewhere,
        };
        match self.incoming.queue.put(mail).await {
            Ok(id) => Reply::new(250, "2.6.0", &format!("taken as {id}")),
            Err(error) => {
                tracing::error!(%error, "a message from a relay could not be queued");
                refusal(&error.into())
            }
        }
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

/// The name that a peer gave itself, made fit for a header.
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
