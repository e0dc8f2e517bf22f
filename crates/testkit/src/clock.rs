//! A clock that stands still until the test moves it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::ports::{BoxFuture, Clock};
use tokio::sync::watch;

/// A clock that only the test moves. Sleepers wake when it is moved past their time.
#[derive(Debug)]
pub struct HandClock {
    now: watch::Sender<Timestamp>,
}

impl HandClock {
    /// A clock that stands at noon of 20 November 2026, Japanese time.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let start = Timestamp::new(1_795_143_600, 0).unwrap_or(Timestamp::UNIX_EPOCH);
        Arc::new(Self {
            now: watch::Sender::new(start),
        })
    }

    /// Moves the clock; a negative `by` moves it back, as happens on badly set machines.
    pub fn advance(&self, by: SignedDuration) {
        self.now.send_modify(|now| *now += by);
    }

    /// Moves the clock by seconds.
    pub fn advance_seconds(&self, seconds: i64) {
        self.advance(SignedDuration::from_secs(seconds));
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // The sender lives as long as `self`, so this can't fail.
            let _ = now.wait_for(|now| *now >= until).await;
        })
    }
}
