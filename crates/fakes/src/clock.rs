//! Clocks of tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::ports::{BoxFuture, Clock};
use tokio::sync::watch;

/// A clock that only the test moves. Sleepers wake when it is moved to their time or past it.
#[derive(Debug)]
pub struct HandClock {
    now: watch::Sender<Timestamp>,
    sleeps: watch::Sender<usize>,
}

impl HandClock {
    /// A clock that stands at noon of 20 November 2026, Japanese time.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::at(Timestamp::constant(1_795_143_600, 0))
    }

    /// A clock that stands at that time.
    #[must_use]
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            now: watch::Sender::new(now),
            sleeps: watch::Sender::new(0),
        })
    }

    /// Sets the clock to that time.
    pub fn set(&self, now: Timestamp) {
        self.now.send_replace(now);
    }

    /// Moves the clock; a negative `by` moves it back, as happens on badly set machines.
    pub fn advance(&self, by: SignedDuration) {
        self.now.send_modify(|now| *now += by);
    }

    /// Moves the clock by seconds.
    pub fn advance_seconds(&self, seconds: i64) {
        self.advance(SignedDuration::from_secs(seconds));
    }

    /// Waits until so many sleeps have begun since the clock was made, so that a test does not move it too early.
    pub async fn sleeps(&self, count: usize) {
        let mut sleeps = self.sleeps.subscribe();
        // The sender lives as long as `self`, so this can't fail.
        let _ = sleeps.wait_for(|begun| *begun >= count).await;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        let mut now = self.now.subscribe();
        self.sleeps.send_modify(|begun| *begun += 1);
        Box::pin(async move {
            // The sender lives as long as `self`, so this can't fail.
            let _ = now.wait_for(|now| *now >= until).await;
        })
    }
}

/// Another clock, set ahead: for tests that run in real time but need not wait for it.
pub struct AheadClock<C> {
    clock: C,
    seconds: AtomicI64,
}

impl<C: Clock> AheadClock<C> {
    /// Goes with that clock until it is set ahead.
    #[must_use]
    pub fn of(clock: C) -> Arc<Self> {
        Arc::new(Self {
            clock,
            seconds: AtomicI64::new(0),
        })
    }

    /// Sets it ahead, further than it was.
    pub fn advance_seconds(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    fn ahead(&self) -> SignedDuration {
        SignedDuration::from_secs(self.seconds.load(Ordering::Relaxed))
    }
}

impl<C: Clock> Clock for AheadClock<C> {
    fn now(&self) -> Timestamp {
        self.clock.now() + self.ahead()
    }

    /// A sleep that has begun doesn't end earlier when the clock is set ahead.
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        self.clock.sleep_until(until - self.ahead())
    }
}
