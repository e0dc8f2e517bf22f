//! What becomes of a message that reaches a mailbox, whichever way it came: LMTP, or the queue for mail within the
//! site.
//!
//! The order is such that a failure loses nothing and the sender's server may simply try again. First, what the person
//! forwards is put into the queue; then the message is stored; then the sender may be told that the person is away.
//! Mail that the site's filter marks as junk, and system mail, are only stored: no rule hides the news that a factor
//! was removed.
//!
//! A forwarded message leaves in the name of this account, because the next server would not accept a stranger's
//! address from this site (SPF). If it comes back as undeliverable, that is stored here, even where no copy was to be
//! kept. `Delivered-To` (RFC 9228) records that the message was here, which stops mail from going round in a loop.

mod filter;
mod junk;
mod outgoing;
#[cfg(test)]
mod tests;
mod vacation;

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{Clock, Directory, DirectoryError};
use sekisho_checkpoint::{Account, AccountId};
use sekisho_imap::Flag;
use sekisho_message::Parsed;
use sekisho_smtp::Path;
use sekisho_store::{Delivery, Flags, FolderName, NewMessage, SpecialUse, StoreError};

pub use filter::{Filter, FilterError, Forward, Rule, Vacation};
pub use junk::JunkHeader;
pub use outgoing::Outgoing;

use crate::addressing::{BOUNCES, accounts_of, address_of, path_of};
use crate::error::QueueError;
use crate::mail::{Mail, Origin, Recipient};
use vacation::Notice;

/// How long a sender is not told again that somebody is away.
const TOLD_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A message that arrives at a mailbox.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'m> {
    /// The envelope's sender.
    pub sender: Option<&'m Path>,
    /// The `Received` field of the last step of its way; may be empty.
    pub trace: &'m str,
    /// The message.
    pub message: &'m [u8],
    /// Whether another server brought it. Then the site's filter has seen it, and nothing proves who its sender is.
    pub from_elsewhere: bool,
}

/// Why a message was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The mailbox can't take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It can't be forwarded just now.
    #[error("it can't be forwarded just now: {0}")]
    Queue(#[from] QueueError),
    /// The directory can't be asked whose mailbox it is.
    #[error("accounts can't be looked up: {0}")]
    Directory(#[from] DirectoryError),
    /// There is no such account, or no longer.
    #[error("there is no such mailbox")]
    Nobody,
}

impl DeliveryError {
    /// Whether another try may succeed.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::Queue(_) | Self::Directory(_) => true,
            Self::Nobody => false,
        }
    }
}

/// Delivers messages to mailboxes.
pub struct Deliverer {
    store: Delivery,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    junk: Option<JunkHeader>,
}

impl Deliverer {
    /// Delivers into `store`, to the accounts of `directory`. The days of a vacation are days in `zone`. What `junk`
    /// marks goes into the junk folder.
    #[must_use]
    pub fn new(
        store: Delivery,
        directory: Arc<dyn Directory>,
        clock: Arc<dyn Clock>,
        zone: TimeZone,
        junk: Option<JunkHeader>,
    ) -> Self {
        Self {
            store,
            directory,
            clock,
            zone,
            junk,
        }
    }

    /// Delivers a message to an account. What is sent on from there goes through `outgoing`.
    pub(crate) async fn deliver(
        &self,
        account: AccountId,
        arrival: Arrival<'_>,
        outgoing: &dyn Outgoing,
    ) -> Result<(), DeliveryError> {
        let junk = self.junk.as_ref().filter(|_| arrival.from_elsewhere);
        if junk.is_some_and(|junk| junk.marks(arrival.message)) {
            let message = self.stored(arrival, Flags::default());
            self.store
                .deliver_special(account, SpecialUse::Junk, message)
                .await?;
            return Ok(());
        }
        let settings = self.store.filter(account).await?;
        let (Some(settings), false) = (settings, is_system_mail(arrival)) else {
            let message = self.stored(arrival, Flags::default());
            self.store
                .deliver(account, &FolderName::inbox(), message)
                .await?;
            return Ok(());
        };
        let filter: Filter = serde_json::from_str(&settings).map_err(|error| {
            StoreError::Broken(format!("an account's filter can't be read: {error}"))
        })?;
        let details = self.directory.account(account).await?;
        let details = details.ok_or(DeliveryError::Nobody)?;
        self.filtered(&filter, &details, arrival, outgoing).await
    }

    async fn filtered(
        &self,
        filter: &Filter,
        account: &Account,
        arrival: Arrival<'_>,
        outgoing: &dyn Outgoing,
    ) -> Result<(), DeliveryError> {
        let message = Parsed::new(arrival.message);
        let rule = filter.rule(&message);
        if rule.is_some_and(|rule| rule.discard) {
            tracing::info!(account = account.id.get(), "a rule threw a message away");
            return Ok(());
        }
        let forwarded = match &filter.forward {
            Some(forward) => {
                let to = self.forward(forward, account, arrival, &message, outgoing);
                to.await? && !forward.keep && arrival.sender.is_some()
            }
            None => false,
        };
        if !forwarded {
            let mut marks = Vec::new();
            if rule.is_some_and(|rule| rule.flag) {
                marks.push(Flag::Flagged);
            }
            if rule.is_some_and(|rule| rule.read) {
                marks.push(Flag::Seen);
            }
            let stored = self.stored(arrival, Flags::new(&marks)?);
            let folder = rule.and_then(Rule::destination);
            let folder = folder.unwrap_or_else(FolderName::inbox);
            self.store.deliver(account.id, &folder, stored).await?;
        }
        if let Some(vacation) = &filter.vacation
            && let Err(error) = self
                .tell_away(vacation, account, arrival, &message, outgoing)
                .await
        {
            // The message is delivered; a notice that fails must not have it delivered again.
            tracing::warn!(%error, "a vacation notice was not sent");
        }
        Ok(())
    }

    /// Forwards a message. True if all addresses get it; otherwise a copy has to stay.
    async fn forward(
        &self,
        forward: &Forward,
        account: &Account,
        arrival: Arrival<'_>,
        message: &Parsed<'_>,
        outgoing: &dyn Outgoing,
    ) -> Result<bool, DeliveryError> {
        let Some(own) = account.main_address() else {
            return Ok(false);
        };
        let was_here = message.header_text("Delivered-To").is_some_and(|text| {
            text.lines()
                .filter_map(|line| MailAddress::parse(line.trim()).ok())
                .any(|address| address.folded() == own.folded())
        });
        if was_here {
            tracing::info!("a message was forwarded in a circle");
            return Ok(false);
        }
        let mut recipients = Vec::with_capacity(forward.to.len());
        let mut all = true;
        for to in &forward.to {
            let Ok(address) = MailAddress::parse(to) else {
                all = false;
                continue;
            };
            let path = path_of(&address);
            let accounts = accounts_of(self.directory.as_ref(), &address).await?;
            if !accounts.is_empty() {
                let here = accounts.into_iter();
                recipients.extend(here.map(|id| Recipient::new(path.clone(), Some(id))));
            } else if outgoing.reaches_other_sites() {
                recipients.push(Recipient::new(path, None));
            } else {
                all = false;
            }
        }
        if recipients.is_empty() {
            tracing::warn!("mail can't be forwarded: it can't leave the site");
            return Ok(false);
        }
        let top = format!("Delivered-To: {own}\r\n{}", arrival.trace);
        let bytes = [top.as_bytes(), arrival.message].concat();
        let sender = arrival.sender.map(|_| path_of(own));
        let forwarded = Mail {
            origin: Origin::Forwarded,
            ..mail(sender, recipients, bytes)
        };
        outgoing.put(forwarded).await?;
        Ok(all)
    }

    async fn tell_away(
        &self,
        vacation: &Vacation,
        account: &Account,
        arrival: Arrival<'_>,
        message: &Parsed<'_>,
        outgoing: &dyn Outgoing,
    ) -> Result<(), DeliveryError> {
        let now = self.clock.now();
        let (Some(own), true) = (account.main_address(), vacation.holds(now, &self.zone)) else {
            return Ok(());
        };
        let Some(to) = vacation::whom(arrival.sender, message, account) else {
            return Ok(());
        };
        let address = address_of(to);
        let known = address
            .as_ref()
            .map_or_else(|| to.as_str().to_owned(), MailAddress::folded);
        if !self
            .store
            .tell(account.id, &known, now, TOLD_AGAIN_AFTER)
            .await?
        {
            return Ok(());
        }
        let accounts = match &address {
            Some(address) => accounts_of(self.directory.as_ref(), address).await?,
            None => Vec::new(),
        };
        let recipients = if accounts.is_empty() {
            if !outgoing.reaches_other_sites() {
                return Ok(());
            }
            vec![Recipient::new(to.clone(), None)]
        } else {
            let here = accounts.into_iter();
            here.map(|id| Recipient::new(to.clone(), Some(id)))
                .collect()
        };
        let notice = Notice {
            vacation,
            from: own,
            name: &account.display_name,
            to,
            message,
            now,
            zone: &self.zone,
        };
        if let Some(text) = notice.compose() {
            outgoing.put(mail(None, recipients, text)).await?;
        }
        Ok(())
    }

    /// The message with the envelope's sender on top (RFC 5321, section 4.4).
    fn stored(&self, arrival: Arrival<'_>, flags: Flags) -> NewMessage {
        let sender = arrival.sender.map_or("", Path::as_str);
        let top = format!("Return-Path: <{sender}>\r\n{}", arrival.trace);
        NewMessage {
            bytes: [top.as_bytes(), arrival.message].concat(),
            internal_date: self.clock.now(),
            flags,
        }
    }
}

/// Whether this is system mail: it comes from the address that system mail is sent from, and no other server brought
/// it.
fn is_system_mail(arrival: Arrival<'_>) -> bool {
    let sender = arrival.sender.and_then(address_of);
    !arrival.from_elsewhere && sender.is_some_and(|sender| sender.local() == BOUNCES)
}

fn mail(sender: Option<Path>, recipients: Vec<Recipient>, message: Vec<u8>) -> Mail {
    let utf8 = recipients.iter().any(|to| !to.path.as_str().is_ascii())
        || sender.as_ref().is_some_and(|s| !s.as_str().is_ascii());
    Mail {
        sender,
        recipients,
        eight_bit: !message.is_ascii(),
        message,
        utf8,
        ret: None,
        envid: None,
        otp: None,
        origin: Origin::Here,
    }
}
