//! The queue as the rest of the program sees it.

use std::path::Path as FilePath;
use std::sync::Arc;

use jiff::tz::TimeZone;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::{Clock, Directory, Fate};
use sekisho_disk::Disk;
use sekisho_net::Shutdown;
use sekisho_store::Delivery;

use crate::delivery::{Arrival, Deliverer, DeliveryError, JunkHeader};
use crate::dkim::Dkim;
use crate::entry::{QueueAction, QueueEntry, QueueId, Selection};
use crate::error::QueueError;
use crate::inner::Inner;
use crate::ledger::{Ledger, Owner, Route};
use crate::mail::Mail;
use crate::run;
use crate::transport::Transport;

/// What a queue is made of.
pub struct Parts {
    /// The right to deliver into mailboxes here.
    pub delivery: Delivery,
    /// Knows who has a mailbox.
    pub directory: Arc<dyn Directory>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The way out; without one, mail to other sites is not accepted.
    pub transport: Option<Arc<dyn Transport>>,
    /// The way out for mailed OTPs, if they have their own.
    pub otp_transport: Option<Arc<dyn Transport>>,
    /// Signs what people of this site send elsewhere.
    pub dkim: Option<Arc<Dkim>>,
    /// By which header field the site's filter marks junk.
    pub junk: Option<JunkHeader>,
    /// This site's host name, for reports.
    pub host: String,
    /// The site's time zone, for dates in reports.
    pub zone: TimeZone,
}

/// The queue. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Queue {
    /// Opens the queue's folder for the one process that runs the queue, making it if it is missing (its parent must
    /// exist). Blocks.
    ///
    /// # Errors
    /// As [`QueueError`] says.
    pub fn open(folder: &FilePath, parts: Parts) -> Result<Self, QueueError> {
        let ledger = Ledger::open(folder, Arc::clone(&parts.disk), Owner::Alone)?;
        ledger.sweep()?;
        ledger.purge(parts.clock.now())?;
        Ok(Self::of(ledger, parts))
    }

    /// Opens the queue's folder in another process than the one that runs the queue, to [put](Self::put) mail into it.
    /// The running process notices within a minute. Blocks.
    ///
    /// # Errors
    /// As [`QueueError`] says.
    pub fn beside(folder: &FilePath, parts: Parts) -> Result<Self, QueueError> {
        let ledger = Ledger::open(folder, Arc::clone(&parts.disk), Owner::Beside)?;
        Ok(Self::of(ledger, parts))
    }

    fn of(ledger: Ledger, parts: Parts) -> Self {
        let deliverer = Deliverer::new(
            parts.delivery,
            Arc::clone(&parts.directory),
            Arc::clone(&parts.clock),
            parts.zone.clone(),
            parts.junk,
        );
        Self {
            inner: Arc::new(Inner {
                ledger: Arc::new(ledger),
                deliverer,
                directory: parts.directory,
                clock: parts.clock,
                transport: parts.transport,
                otp_transport: parts.otp_transport,
                dkim: parts.dkim,
                host: parts.host,
                zone: parts.zone,
                news: Default::default(),
            }),
        }
    }

    /// Takes a message; when this returns, it is on the disk.
    ///
    /// # Errors
    /// Nothing was taken.
    pub async fn put(&self, mail: Mail) -> Result<QueueId, QueueError> {
        self.inner.put(mail).await
    }

    /// Delivers a message to a mailbox at once, without queueing it; what is sent on from there is queued.
    pub async fn deliver(
        &self,
        account: AccountId,
        arrival: Arrival<'_>,
    ) -> Result<(), DeliveryError> {
        self.inner.deliver(account, arrival).await
    }

    /// Whether mail can leave the site, as this process was configured; for a mailed OTP, whether that can.
    #[must_use]
    pub fn has_transport(&self, otp: bool) -> bool {
        let route = if otp { Route::Otp } else { Route::Remote };
        self.inner.transport(route).is_some()
    }

    /// Attempts what is due until shutdown is asked for, then finishes what is under way. To be run once.
    pub async fn run(&self, shutdown: Shutdown) {
        let route = |route| run::serve(Arc::clone(&self.inner), route, shutdown.clone());
        tokio::join!(route(Route::Local), route(Route::Remote), route(Route::Otp));
    }

    /// Another process runs the queue from here on; this one may still put mail into it. To be called after
    /// [`Self::run`] has ended.
    pub fn step_aside(&self) {
        self.inner.ledger.step_aside();
    }

    /// What became of a letter; `None` if it is not known, or no longer.
    ///
    /// # Errors
    /// As [`QueueError`] says.
    pub async fn fate(&self, letter: LetterId) -> Result<Option<Fate>, QueueError> {
        self.inner.ledger(move |ledger| ledger.fate(letter)).await
    }
}

/// The queue as the command line sees it, also beside a process that runs it.
pub struct QueueControl {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
}

impl QueueControl {
    /// Opens the queue's folder. Blocks, as all of its methods do.
    ///
    /// # Errors
    /// As [`QueueError`] says.
    pub fn open(
        folder: &FilePath,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, QueueError> {
        let ledger = Ledger::open(folder, disk, Owner::Beside)?;
        Ok(Self { ledger, clock })
    }

    /// All that waits, the oldest first.
    ///
    /// # Errors
    /// As [`QueueError`] says.
    pub fn list(&self) -> Result<Vec<QueueEntry>, QueueError> {
        self.ledger.list()
    }

    /// Carries out an action and returns how many recipients it concerned. The running process notices within a minute.
    /// A message that is being sent at this moment may arrive all the same.
    ///
    /// # Errors
    /// As [`QueueError`] says.
    pub fn apply(&self, selection: &Selection, action: QueueAction) -> Result<usize, QueueError> {
        self.ledger.apply(selection, action, self.clock.now())
    }

    /// The beginning of a message, up to `most` bytes; `None` if it is not there.
    ///
    /// # Errors
    /// As [`QueueError`] says.
    pub fn beginning(&self, id: QueueId, most: u64) -> Result<Option<Vec<u8>>, QueueError> {
        self.ledger.beginning(id, most)
    }
}
