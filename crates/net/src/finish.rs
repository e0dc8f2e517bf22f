//! Finishes work that a client began, even if the client hangs up.
//!
//! A connection's task does what the client asked for. When the client hangs up, the task is dropped at whichever point
//! it has reached: a password would be changed without the notice being sent, or a guess made without being counted.
//! Work that must not stop half-way runs in a [`Finish`]. While the client waits, this costs nothing; when the client
//! leaves, a task of its own does the rest, and [`Shutdown::drain`] waits for that task as for all others.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use sekisho_source::{Source, SourceKey};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::Shutdown;

/// How much work of clients that hung up may go on at once. Above that, no new work starts until some has ended.
const MOST: usize = 4096;
/// The same for one source, so that a client that keeps hanging up delays only its own source.
const MOST_OF_A_SOURCE: usize = 16;

/// Finishes work that clients began. Clones share one count.
#[derive(Debug, Clone)]
pub struct Finisher {
    shutdown: Shutdown,
    deserted: Arc<Deserted>,
}

impl Finisher {
    /// Work that clients leave behind becomes a task of `shutdown`, and is dropped at the end of its grace.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self {
            shutdown,
            deserted: Arc::default(),
        }
    }

    /// Waits while this source, or all sources together, have too much work going on whose clients have left.
    /// Cancel-safe: no work has started yet.
    pub async fn room_for(&self, source: &Source) {
        loop {
            let mut ended = pin!(self.deserted.ended.notified());
            ended.as_mut().enable();
            if self.deserted.has_room(source.throttle_key()) {
                return;
            }
            ended.await;
        }
    }

    /// Runs `work` for a client: where the result is awaited, and to its end even if that future is dropped half-way. A
    /// future that was never polled is dropped without effect. `work` can ask whether the client is still there.
    pub fn finish<T, F>(&self, source: &Source, work: impl FnOnce(Presence) -> F) -> Finish<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let client = Presence::default();
        Finish {
            work: Some(Box::pin(work(client.clone()))),
            has_begun: false,
            client,
            source: source.throttle_key(),
            finisher: self.clone(),
        }
    }
}

/// Tells whether a client still waits for the work that it began.
#[derive(Debug, Clone, Default)]
pub struct Presence {
    has_left: Arc<AtomicBool>,
}

impl Presence {
    /// Whether the client has hung up. If so, don't wait for anything that it should still send; what has arrived may
    /// be less than it meant to send.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.has_left.load(Ordering::SeqCst)
    }
}

/// The error for work that panicked. The panic is in the log; how far the work got is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work ended by a panic")]
pub struct Panicked;

/// Work that is always finished once started; made by [`Finisher::finish`].
#[must_use = "nothing begins before it is awaited"]
pub struct Finish<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    has_begun: bool,
    client: Presence,
    source: SourceKey,
    finisher: Finisher,
}

impl<T: Send + 'static> Future for Finish<T> {
    type Output = Result<T, Panicked>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Some(work) = &mut this.work else {
            return Poll::Pending;
        };
        this.has_begun = true;
        // The panic is caught here, since a future that panicked half-way must not be polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let done = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(_) => {
                tracing::error!("what a client asked for ended by a panic");
                Err(Panicked)
            }
        };
        this.work = None;
        Poll::Ready(done)
    }
}

impl<T: Send + 'static> Drop for Finish<T> {
    fn drop(&mut self) {
        let Some(work) = self.work.take().filter(|_| self.has_begun) else {
            return;
        };
        if Handle::try_current().is_err() {
            // The runtime has ended, and the process is about to end.
            return;
        }
        self.client.has_left.store(true, Ordering::SeqCst);
        let counted = self.finisher.deserted.one_more(self.source);
        self.finisher.shutdown.spawn(async move {
            work.await;
            drop(counted);
        });
    }
}

impl<T: Send + 'static> fmt::Debug for Finish<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finish").finish_non_exhaustive()
    }
}

/// Counts the work that clients left behind.
#[derive(Debug, Default)]
struct Deserted {
    by_source: Mutex<HashMap<SourceKey, usize>>,
    ended: Notify,
}

impl Deserted {
    fn has_room(&self, source: SourceKey) -> bool {
        let by_source = self.by_source();
        by_source.get(&source).copied().unwrap_or_default() < MOST_OF_A_SOURCE
            && by_source.values().sum::<usize>() < MOST
    }

    fn one_more(self: &Arc<Self>, source: SourceKey) -> One {
        *self.by_source().entry(source).or_default() += 1;
        One {
            source,
            all: Arc::clone(self),
        }
    }

    fn by_source(&self) -> MutexGuard<'_, HashMap<SourceKey, usize>> {
        self.by_source
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One piece of work that is counted until this is dropped.
struct One {
    source: SourceKey,
    all: Arc<Deserted>,
}

impl Drop for One {
    fn drop(&mut self) {
        let mut by_source = self.all.by_source();
        if let Some(count) = by_source.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                by_source.remove(&self.source);
            }
        }
        drop(by_source);
        self.all.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sekisho_source::KeyLength;
    use tokio::sync::oneshot;

    use super::*;

    fn source(last: u8) -> Source {
        Source::assured([192, 0, 2, last].into(), KeyLength::default())
    }

    /// Polls the future once.
    async fn begin<T: Send + 'static>(work: &mut Finish<T>) {
        std::future::poll_fn(|context| {
            assert!(Pin::new(&mut *work).poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }

    #[tokio::test]
    async fn what_was_begun_is_finished_though_the_client_left() {
        let shutdown = Shutdown::new();
        let finisher = Finisher::new(shutdown.clone());
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let mut work = finisher.finish(&source(1), |client| async move {
            let was_there = !client.has_left();
            may_go_on.await.expect("told to go on");
            tell.send((was_there, client.has_left())).expect("heard");
        });
        begin(&mut work).await;
        drop(work);
        go_on.send(()).expect("still at work");
        assert!(shutdown.drain(Duration::from_secs(60)).await);
        assert_eq!(told.await, Ok((true, true)));
    }

    #[tokio::test]
    async fn what_was_not_begun_is_dropped() {
        let shutdown = Shutdown::new();
        let work = Finisher::new(shutdown.clone()).finish(&source(1), |_| async {});
        drop(work);
        assert_eq!(shutdown.tasks(), 0);
    }

    #[tokio::test]
    async fn a_panic_is_told_and_nothing_goes_on() {
        let shutdown = Shutdown::new();
        let finisher = Finisher::new(shutdown.clone());
        let work: Finish<()> = finisher.finish(&source(1), |_| async { panic!("a fault of ours") });
        assert_eq!(work.await, Err(Panicked));
        assert_eq!(shutdown.tasks(), 0);
    }

    #[tokio::test]
    async fn a_source_that_hangs_up_all_the_time_keeps_only_itself_waiting() {
        let finisher = Finisher::new(Shutdown::new());
        let (go_on, waits) = tokio::sync::watch::channel(false);
        for _ in 0..MOST_OF_A_SOURCE {
            finisher.room_for(&source(1)).await;
            let mut waits = waits.clone();
            let mut work = finisher.finish(&source(1), |_| async move {
                waits.wait_for(|go_on| *go_on).await.map(drop).ok();
            });
            begin(&mut work).await;
        }
        finisher.room_for(&source(2)).await;
        let again = source(1);
        let mut room = pin!(finisher.room_for(&again));
        assert!(once(room.as_mut()).await.is_pending());
        go_on.send(true).expect("somebody waits");
        room.await;
    }

    async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
        std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
    }
}
