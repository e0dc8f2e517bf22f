//! Orderly shutdown.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// How long what ended by a panic rests before it begins anew.
const PAUSE: Duration = Duration::from_secs(1);

pin_project! {
    /// A task that ends early when it is cut off. An async block would reserve memory for the task twice, and every
    /// connection is a task.
    struct UntilCut<F> {
        #[pin]
        cut: WaitForCancellationFutureOwned,
        #[pin]
        task: F,
    }
}

impl<F: Future<Output = ()>> Future for UntilCut<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        match this.cut.poll(context) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => this.task.poll(context),
        }
    }
}

/// The shutdown shared by everything that ends together. First, everything is asked to end: listeners close, and
/// connections end that are idle or not logged in. Then [`Self::drain`] waits for the busy ones, and cuts off those
/// that take too long.
///
/// If another process takes over, [`Self::leave`] comes first: listeners close, and everything ends that the other
/// process can do as well. What only this process can continue, such as a connection to another server, runs until it
/// ends by itself or the end is asked for.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    leaving: CancellationToken,
    asked: CancellationToken,
    cut: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Starts with no task.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task for which [`Self::drain`] waits.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone().cancelled_owned();
        self.tasks.spawn(UntilCut { cut, task });
    }

    /// Runs what goes on until the end is asked for, in a task of its own. Should it end by a panic, it begins anew
    /// after a second; `what` says in the log what it was.
    pub fn spawn_lasting<F>(&self, what: &'static str, begin: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let until = self.clone();
        self.spawn(async move {
            while !until.is_asked() {
                // Apart, so that only this ends by its panic; what is left of it is dropped with the set.
                let mut lasting = JoinSet::new();
                lasting.spawn(begin());
                tokio::select! {
                    () = until.asked() => return,
                    ended = lasting.join_next() => {
                        tracing::error!(what, ?ended, "what was to last ended by a fault of ours, and begins anew");
                    }
                }
                tokio::select! {
                    () = until.asked() => return,
                    () = sleep(PAUSE) => {}
                }
            }
        });
    }

    /// Asks for nothing new to begin: listeners close.
    pub fn leave(&self) {
        self.leaving.cancel();
        self.tasks.close();
    }

    /// Completes when nothing new may begin, because another process takes over or the end has been asked for.
    /// Cancel-safe.
    pub async fn leaving(&self) {
        self.leaving.cancelled().await;
    }

    /// Completes when all tasks have ended by themselves, after [`Self::leave`]. Cancel-safe.
    pub async fn all_ended(&self) {
        self.tasks.wait().await;
    }

    /// The number of running tasks.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Completes when the end has been asked for. Cancel-safe.
    pub async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Whether the end has been asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Asks for the end, waits up to `grace` for the tasks to end by themselves, then drops the rest; all have ended
    /// when it returns. Returns whether all ended in time.
    pub async fn drain(&self, grace: Duration) -> bool {
        self.leave();
        self.asked.cancel();
        let in_time = timeout(grace, self.tasks.wait()).await.is_ok();
        self.cut.cancel();
        self.tasks.wait().await;
        in_time
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_is_to_last_begins_anew_after_a_panic_and_ends_with_the_rest() {
        let shutdown = Shutdown::new();
        let begun = Arc::new(AtomicU32::new(0));
        let (tell, mut told) = mpsc::channel(9);
        shutdown.spawn_lasting("a test", move || {
            let (begun, tell) = (Arc::clone(&begun), tell.clone());
            async move {
                let times = begun.fetch_add(1, Ordering::Relaxed);
                tell.send(times).await.expect("heard");
                assert!(times > 0, "a fault of ours");
                std::future::pending().await
            }
        });
        assert_eq!(told.recv().await, Some(0));
        assert_eq!(told.recv().await, Some(1));
        assert!(shutdown.drain(Duration::from_secs(60)).await);
        assert_eq!(told.recv().await, None, "it was dropped");
    }
}
