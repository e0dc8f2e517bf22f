//! The parts of a queue, which its clones and its delivery attempts share.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::ports::{Clock, Directory};
use tokio::sync::Notify;

use crate::delivery::{Arrival, Deliverer, DeliveryError, Outgoing};
use crate::dkim::Dkim;
use crate::entry::QueueId;
use crate::error::QueueError;
use crate::ledger::{Ledger, Route};
use crate::mail::{Mail, Origin};
use crate::transport::Transport;

/// How long delivery is attempted, of mail and of reports alike. When a report fails for good, nobody is told.
pub(crate) const LIFE: SignedDuration = SignedDuration::from_hours(5 * 24);

pub(crate) struct Inner {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) deliverer: Deliverer,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) otp_transport: Option<Arc<dyn Transport>>,
    pub(crate) dkim: Option<Arc<Dkim>>,
    pub(crate) host: String,
    pub(crate) zone: TimeZone,
    pub(crate) news: [Notify; 3],
}

impl Inner {
    /// Takes a message; when this returns, it is on the disk.
    pub(crate) async fn put(&self, mut mail: Mail) -> Result<QueueId, QueueError> {
        let now = self.clock.now();
        let leaves = mail.recipients.iter().any(|to| to.account.is_none());
        let dkim = self.dkim.clone();
        let dkim = dkim.filter(|_| leaves && mail.origin == Origin::Here);
        let ends_at = mail.otp.map_or(later(now, LIFE), |otp| otp.expires_at);
        let id = self
            .ledger(move |ledger| {
                if let Some(dkim) = dkim {
                    mail.message = dkim.sign(std::mem::take(&mut mail.message), now);
                }
                ledger.put(&mail, now, ends_at)
            })
            .await?;
        for news in &self.news {
            news.notify_one();
        }
        Ok(id)
    }

    /// Delivers a message to a mailbox; what is sent on from there is put into the queue.
    pub(crate) async fn deliver(
        &self,
        account: AccountId,
        arrival: Arrival<'_>,
    ) -> Result<(), DeliveryError> {
        self.deliverer.deliver(account, arrival, self).await
    }

    /// Runs blocking work on the ledger.
    pub(crate) async fn ledger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let ledger = Arc::clone(&self.ledger);
        tokio::task::spawn_blocking(move || work(&ledger)).await?
    }

    pub(crate) fn transport(&self, route: Route) -> Option<&Arc<dyn Transport>> {
        match route {
            Route::Local => None,
            Route::Remote => self.transport.as_ref(),
            Route::Otp => self.otp_transport.as_ref().or(self.transport.as_ref()),
        }
    }

    pub(crate) fn news(&self, route: Route) -> &Notify {
        match route {
            Route::Local => &self.news[0],
            Route::Remote => &self.news[1],
            Route::Otp => &self.news[2],
        }
    }
}

#[async_trait]
impl Outgoing for Inner {
    fn reaches_other_sites(&self) -> bool {
        self.transport(Route::Remote).is_some()
    }

    async fn put(&self, mail: Mail) -> Result<(), QueueError> {
        Inner::put(self, mail).await.map(drop)
    }
}

pub(crate) fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.saturating_add(by).unwrap_or(Timestamp::MAX)
}
