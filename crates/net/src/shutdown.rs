//! Orderly shutdown.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

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
