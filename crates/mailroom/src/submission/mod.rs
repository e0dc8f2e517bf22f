//! Mail that people send, once the door has let them in (RFC 6409).
//!
//! The session begins authenticated: the door did EHLO, TLS and AUTH, and the checkpoint gave [`Admitted`]. People send
//! only in the name of an address of their own, in the envelope as in the header. Recipients here are checked at once;
//! those elsewhere are for the relay to judge. Everything accepted is in the queue, on the disk, before the 250: for
//! all recipients or none.
//!
//! The sender's folder for sent mail gets a copy, unless the client has put one there already; if the client does so
//! later, its message replaces the copy.
//!
//! Two things are not passed on: `Bcc`, and the sender's network address, which concerns nobody but the audit.
//! `Received` says `ESMTPSA` and no more.

mod outgoing;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use sekisho_checkpoint::address::{MailAddress, OwnDomains};
use sekisho_checkpoint::ports::{Clock, Directory};
use sekisho_checkpoint::{Account, AccountId, Admitted};
use sekisho_message::write;
use sekisho_net::Shutdown;
use sekisho_queue::addressing::{accounts_of, address_of, may_send_as};
use sekisho_queue::connection::{Connection, Lost};
use sekisho_queue::{Mail, Origin, Queue, QueueError, Recipient};
use sekisho_smtp::{Body, Command, MailFrom, Path, RcptTo, Reply};
use sekisho_store::{Delivery, Flags, NewMessage};
use tokio::io::{AsyncRead, AsyncWrite};

use outgoing::{Prepared, Stamp, not_yours};

use crate::session::{Service, Transaction, serve};

/// How long a client may be silent (RFC 5321 4.5.3.2.7).
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// What submission works with, and what it allows.
pub struct Submission {
    /// Takes the mail.
    pub queue: Queue,
    /// Puts copies into people's folders for sent mail; without it there are none.
    pub sent: Option<Delivery>,
    /// Knows who has a mailbox here.
    pub directory: Arc<dyn Directory>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Domains whose mailboxes are all here.
    pub own: OwnDomains,
    /// This site's host name.
    pub host: String,
    /// The site's time zone, for dates.
    pub zone: TimeZone,
    /// The largest message, in bytes.
    pub message_size: u64,
    /// The most recipients of a message; RFC 5321 4.5.3.1.8 asks for 100 at least.
    pub recipients: usize,
    /// Ends idle sessions.
    pub shutdown: Shutdown,
}

impl Submission {
    /// What EHLO offers, a line each.
    #[must_use]
    pub fn extensions(&self) -> Vec<String> {
        let size = format!("SIZE {}", self.message_size);
        let offers = [
            "8BITMIME",
            "SMTPUTF8",
            "DSN",
            "ENHANCEDSTATUSCODES",
            "PIPELINING",
            "CHUNKING",
        ];
        [size]
            .into_iter()
            .chain(offers.map(str::to_owned))
            .collect()
    }
}

/// Serves a client that was admitted, until it quits, the connection is lost, or the admission ends. `unread` is what
/// the door read from the stream and did not use; `hello` is what the client called itself last.
pub async fn serve_submission<S>(
    stream: S,
    unread: Vec<u8>,
    admitted: Admitted,
    hello: String,
    submission: Arc<Submission>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let account = admitted.account().clone();
    let ended = async {
        admitted.lease().ended().await;
    };
    serve_sender(stream, unread, account, hello, submission, ended).await;
}

async fn serve_sender<S>(
    stream: S,
    unread: Vec<u8>,
    account: Account,
    hello: String,
    submission: Arc<Submission>,
    ended: impl Future<Output = ()> + Send,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let clock = Arc::clone(&submission.clock);
    let mut connection = Connection::new(stream, unread, clock, PATIENCE);
    let mut sender = Sender {
        account,
        hello,
        submission: Arc::clone(&submission),
    };
    let last = tokio::select! {
        biased;
        () = ended => Some(Reply::new(421, "4.7.0", "signed out, sign in again")),
        () = submission.shutdown.leaving() => Some(Reply::new(421, "4.3.2", "shutting down")),
        served = serve(&mut connection, &mut sender, true) => farewell(served),
    };
    if let Some(reply) = last {
        connection.reply(&reply);
    }
    if let Err(lost) = connection.close().await {
        tracing::debug!(%lost, "a submission ended");
    }
}

fn farewell(served: Result<(), Lost>) -> Option<Reply> {
    match served {
        Err(Lost::Silent) => Some(Reply::new(421, "4.4.2", "silent for too long")),
        Err(lost) => {
            tracing::debug!(%lost, "a submission ended");
            None
        }
        Ok(()) => None,
    }
}

/// One admitted client.
struct Sender {
    account: Account,
    hello: String,
    submission: Arc<Submission>,
}

#[async_trait]
impl Service for Sender {
    /// An address of several accounts becomes as many recipients.
    type Recipient = Vec<Recipient>;

    fn message_size(&self) -> u64 {
        self.submission.message_size
    }

    fn most_recipients(&self) -> usize {
        self.submission.recipients
    }

    fn answers_each_recipient(&self) -> bool {
        false
    }

    async fn hello(&mut self, command: Command) -> Result<Reply, Reply> {
        let host = self.submission.host.clone();
        match command {
            Command::Ehlo(name) => {
                self.hello = name;
                let offers = self.submission.extensions();
                Ok(Reply::lines(250, [host].into_iter().chain(offers)))
            }
            Command::Helo(name) => {
                self.hello = name;
                Ok(Reply::lines(250, [host]))
            }
            _ => Err(Reply::new(500, "5.5.1", "no such command")),
        }
    }

    async fn mail(&self, mail: &MailFrom) -> Result<(), Reply> {
        let own = match &mail.from {
            // Receipts and the like; the header says whose they are (RFC 3798, section 3).
            None => true,
            Some(path) => {
                address_of(path).is_some_and(|address| may_send_as(&self.account, &address))
            }
        };
        own.then_some(())
            .ok_or_else(|| not_yours(553, "the sender address is not one of yours"))
    }

    async fn recipient(&self, _: &MailFrom, rcpt: RcptTo) -> Result<Vec<Recipient>, Reply> {
        let accounts: Vec<Option<AccountId>> = match self.destination(&rcpt.to).await? {
            Destination::Here(accounts) if accounts.is_empty() => {
                return Err(Reply::new(550, "5.1.1", "no such mailbox here"));
            }
            Destination::Here(accounts) => accounts.into_iter().map(Some).collect(),
            Destination::Elsewhere if self.submission.queue.has_transport(false) => vec![None],
            Destination::Elsewhere => {
                let words = "this site sends no mail to other sites";
                return Err(Reply::new(550, "5.4.4", words));
            }
        };
        let to = |account| Recipient {
            path: rcpt.to.clone(),
            account,
            notify: rcpt.notify,
            orcpt: rcpt.orcpt.clone(),
        };
        Ok(accounts.into_iter().map(to).collect())
    }

    async fn message(&self, transaction: Transaction<Vec<Recipient>>) -> Vec<Reply> {
        vec![match self.take(transaction).await {
            Ok(reply) | Err(reply) => reply,
        }]
    }
}

enum Destination {
    Here(Vec<AccountId>),
    Elsewhere,
}

impl Sender {
    async fn destination(&self, path: &Path) -> Result<Destination, Reply> {
        let own = &self.submission.own;
        let Some(address) = address_of(path) else {
            // No mailbox here has an address of this form; the domain says whether it would be one of this site.
            let any = MailAddress::parse(&format!("any@{}", path.domain()));
            let here = any.is_ok_and(|any| own.include(&any));
            return Ok(if here {
                Destination::Here(Vec::new())
            } else {
                Destination::Elsewhere
            });
        };
        let accounts = accounts_of(self.submission.directory.as_ref(), &address).await;
        let accounts = accounts.map_err(|error| {
            tracing::error!(%error, "recipients can't be looked up");
            Reply::new(451, "4.3.0", "recipients can't be looked up just now")
        })?;
        if accounts.is_empty() && !own.include(&address) {
            return Ok(Destination::Elsewhere);
        }
        Ok(Destination::Here(accounts))
    }

    async fn take(&self, transaction: Transaction<Vec<Recipient>>) -> Result<Reply, Reply> {
        let Transaction {
            mail,
            recipients,
            message: came,
        } = transaction;
        let Prepared { message, added } =
            outgoing::prepare(&came, &self.account, &self.hello, &self.stamp())?;
        // A message without a sender is a receipt or the like, which a program wrote.
        let sent = self
            .submission
            .sent
            .as_ref()
            .filter(|_| mail.from.is_some());
        let mut seen = HashSet::new();
        let recipients: Vec<Recipient> = recipients
            .into_iter()
            .flatten()
            .filter(|to| seen.insert((to.account, to.account.is_none().then(|| to.path.clone()))))
            .collect();
        let beyond_ascii = |path: &Path| !path.as_str().is_ascii();
        let utf8 = mail.utf8
            || mail.from.as_ref().is_some_and(beyond_ascii)
            || recipients.iter().any(|r| beyond_ascii(&r.path));
        let mail = Mail {
            sender: mail.from,
            recipients,
            eight_bit: mail.body == Body::EightBit || !message.is_ascii(),
            message,
            utf8,
            ret: mail.ret,
            envid: mail.envid,
            otp: None,
            origin: Origin::Here,
        };
        match self.submission.queue.put(mail).await {
            Ok(id) => {
                if let Some(sent) = sent {
                    self.keep(sent, [added.into_bytes(), came].concat()).await;
                }
                Ok(Reply::new(250, "2.6.0", &format!("queued as {id}")))
            }
            Err(error) => {
                tracing::error!(%error, "a submitted message could not be queued");
                Err(match error {
                    QueueError::Full => Reply::new(452, "4.3.1", "no room just now"),
                    QueueError::Broken(_) => Reply::new(451, "4.3.0", "out of order just now"),
                })
            }
        }
    }

    fn stamp(&self) -> Stamp<'_> {
        let now = self.submission.clock.now();
        Stamp {
            host: &self.submission.host,
            date: write::date(now, &self.submission.zone),
        }
    }

    /// Keeps a copy for the sender. The message is on its way by then, so a failure here is not reported as if it were
    /// not.
    async fn keep(&self, sent: &Delivery, copy: Vec<u8>) {
        let message = NewMessage {
            bytes: copy,
            internal_date: self.submission.clock.now(),
            flags: Flags::seen(),
        };
        if let Err(error) = sent.keep_sent(self.account.id, message).await {
            let account = self.account.id.get();
            tracing::warn!(%error, account, "a copy of sent mail could not be kept");
        }
    }
}
