//! Finishes work that a client began, even if the client hangs up.
//!
//! A connection's task does what the client asked for. When the client hangs up, the task is dropped at whichever point
//! it has reached: a password would be changed without the notice being sent, or a guess made without being counted.
//! Work that must not stop half-way runs in a [`Finish`]. While the client waits, this costs nothing; when the client
//! leaves, a task of its own does the rest, and [`Shutdown::drain`] waits for that task as for all others.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use sekisho_source::Source;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::Shutdown;
use crate::permits::{Bounds, Permits, TooMuchBegun, WorkPermit};

/// Finishes work that clients began. Clones share one count of what is begun.
#[derive(Debug, Clone)]
pub struct Finisher {
    shutdown: Shutdown,
    permits: Arc<Permits>,
}

impl Finisher {
    /// Work that clients leave behind becomes a task of `shutdown`, and is dropped at the end of its grace.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self::with_bounds(shutdown, Bounds::default())
    }

    fn with_bounds(shutdown: Shutdown, bounds: Bounds) -> Self {
        Self {
            shutdown,
            permits: Arc::new(Permits::new(bounds)),
        }
    }

    /// Waits until this source, and all sources together, have little enough begun, among clients of the same source
    /// first come, first served. Cancel-safe: nothing has begun yet.
    ///
    /// The permit is taken before the work begins and kept to its end, so hanging up gains a client nothing: what it
    /// left behind still counts, and when its source has as much begun as it may, only that source waits. Take a permit
    /// only when all is there that the client sends, so that no client can hold one by sending slowly.
    ///
    /// # Errors
    /// [`TooMuchBegun`] after ten seconds: answer "temporarily".
    pub async fn permit(&self, source: &Source) -> Result<WorkPermit, TooMuchBegun> {
        self.permits.take(source).await
    }

    /// Runs `work` for a client: where the result is awaited, and to its end even if that future is dropped half-way. A
    /// future that was never polled is dropped without effect.
    pub fn finish<T, F>(&self, permit: WorkPermit, work: F) -> Finish<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.finish_reading(|_| async move {
            let done = work.await;
            drop(permit);
            done
        })
    }

    /// The same for work that still reads what the client sends. It takes its permit itself, by [`Self::permit`], when
    /// all was read and before it changes anything, and ends without one if the client has left.
    pub fn finish_reading<T, F>(&self, work: impl FnOnce(Presence) -> F) -> Finish<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let client = Presence::default();
        Finish {
            work: Some(Box::pin(work(client.clone()))),
            has_begun: false,
            client,
            shutdown: self.shutdown.clone(),
        }
    }
}

/// Tells whether a client still waits for the work that it began.
#[derive(Debug, Clone, Default)]
pub struct Presence(CancellationToken);

impl Presence {
    /// Whether the client has hung up. If so, don't wait for anything that it should still send; what has arrived may
    /// be less than it meant to send.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Completes when the client has hung up. Cancel-safe.
    pub async fn left(&self) {
        self.0.cancelled().await;
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
    shutdown: Shutdown,
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
        self.client.0.cancel();
        self.shutdown.spawn(async move {
            work.await;
        });
    }
}

impl<T: Send + 'static> fmt::Debug for Finish<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finish").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sekisho_source::KeyLength;
    use tokio::sync::{oneshot, watch};

    use super::*;

    /// Patience that no test comes to the end of.
    const LONG: Duration = Duration::from_secs(600);

    fn source(last: u8) -> Source {
        Source::assured([192, 0, 2, last].into(), KeyLength::default())
    }

    fn few(shutdown: &Shutdown, patience: Duration) -> Finisher {
        let bounds = Bounds {
            of_all: 5,
            of_a_source: 3,
            patience,
        };
        Finisher::with_bounds(shutdown.clone(), bounds)
    }

    /// Work that a client begins and that goes on until it is told to end.
    async fn begun(
        finisher: &Finisher,
        source: &Source,
        until: &watch::Sender<bool>,
    ) -> Finish<()> {
        let permit = finisher.permit(source).await.expect("a permit");
        let mut until = until.subscribe();
        let mut work = finisher.finish(permit, async move {
            until.wait_for(|ends| *ends).await.map(drop).ok();
        });
        begin(&mut work).await;
        work
    }

    /// Polls the future once.
    async fn begin<T: Send + 'static>(work: &mut Finish<T>) {
        assert!(once(Pin::new(work)).await.is_pending());
    }

    async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
        std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
    }

    #[tokio::test]
    async fn what_was_begun_is_finished_though_the_client_left() {
        let shutdown = Shutdown::new();
        let finisher = Finisher::new(shutdown.clone());
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let mut work = finisher.finish_reading(|client| async move {
            let was_there = !client.has_left();
            may_go_on.await.expect("told to go on");
            client.left().await;
            tell.send((was_there, client.has_left())).expect("heard");
        });
        begin(&mut work).await;
        drop(work);
        go_on.send(()).expect("still at work");
        assert!(shutdown.drain(LONG).await);
        assert_eq!(told.await, Ok((true, true)));
    }

    #[tokio::test]
    async fn what_was_not_begun_is_dropped() {
        let shutdown = Shutdown::new();
        let work = Finisher::new(shutdown.clone()).finish_reading(|_| async {});
        drop(work);
        assert_eq!(shutdown.tasks(), 0);
    }

    #[tokio::test]
    async fn a_panic_is_told_and_nothing_goes_on() {
        let shutdown = Shutdown::new();
        let finisher = few(&shutdown, LONG);
        for _ in 0..6 {
            let permit = finisher.permit(&source(1)).await.expect("given back");
            let work: Finish<()> = finisher.finish(permit, async { panic!("a fault of ours") });
            assert_eq!(work.await, Err(Panicked));
        }
        assert_eq!(shutdown.tasks(), 0);
    }

    #[tokio::test]
    async fn clients_that_begin_at_once_and_all_hang_up_leave_no_more_than_their_source_may_have() {
        let shutdown = Shutdown::new();
        let finisher = few(&shutdown, LONG);
        let ends = watch::Sender::new(false);
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(begun(&finisher, &source(1), &ends).await);
        }
        let (again, other) = (source(1), source(2));
        let mut fourth = Box::pin(finisher.permit(&again));
        assert!(
            once(fourth.as_mut()).await.is_pending(),
            "before any hangs up"
        );
        drop(clients);
        assert_eq!(shutdown.tasks(), 3);
        assert!(
            once(fourth.as_mut()).await.is_pending(),
            "nor by hanging up"
        );
        let mut fifth = Box::pin(finisher.permit(&again));
        assert!(once(fifth.as_mut()).await.is_pending());
        drop(
            finisher
                .permit(&other)
                .await
                .expect("others are not concerned"),
        );
        ends.send_replace(true);
        let first_come = fourth.await.expect("when some is finished");
        fifth.await.expect("and who came later, later");
        drop(first_come);
        assert!(shutdown.drain(LONG).await);
    }

    #[tokio::test]
    async fn all_sources_together_have_a_bound_too() {
        let finisher = few(&Shutdown::new(), LONG);
        let ends = watch::Sender::new(false);
        let mut clients = Vec::new();
        for last in 1..=5 {
            clients.push(begun(&finisher, &source(last), &ends).await);
        }
        let sixth = source(6);
        let mut sixth = Box::pin(finisher.permit(&sixth));
        assert!(once(sixth.as_mut()).await.is_pending());
        drop(clients);
        ends.send_replace(true);
        sixth.await.expect("a permit");
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let shutdown = Shutdown::new();
        let finisher = few(&shutdown, Duration::ZERO);
        let ends = watch::Sender::new(false);
        for _ in 0..3 {
            drop(begun(&finisher, &source(1), &ends).await);
        }
        assert!(finisher.permit(&source(1)).await.is_err());
    }
}
