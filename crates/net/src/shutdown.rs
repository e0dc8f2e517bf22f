//! Ending in order.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

pin_project! {
    /// A task, up to where it is cut off. An async block would keep room for the task twice, and every connection is one.
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

/// Shared by everything that ends together. First it is asked to end: listeners close, and what is idle or not logged in ends. Then [`Self::drain`] waits for
/// what is busy, and cuts off what takes too long.
///
/// Where another process takes over, [`Self::leave`] comes before: listeners close, and what the other process can do as well ends; what only this one can go on
/// with, such as a connection to somebody else's server, goes on until it ends by itself or the end is asked for.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    leaving: CancellationToken,
    asked: CancellationToken,
    cut: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Nothing runs yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task that [`Self::drain`] waits for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone().cancelled_owned();
        self.tasks.spawn(UntilCut { cut, task });
    }

    /// Lets nothing new begin.
    pub fn leave(&self) {
        self.leaving.cancel();
        self.tasks.close();
    }

    /// Completes when nothing new may begin: another process takes over, or the end has been asked for. Cancel-safe.
    pub async fn leaving(&self) {
        self.leaving.cancelled().await;
    }

    /// Completes when all tasks have ended by themselves, after [`Self::leave`]. Cancel-safe.
    pub async fn all_ended(&self) {
        self.tasks.wait().await;
    }

    /// How many tasks run.
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

    /// Asks for the end, waits up to `grace` for the tasks to end by themselves, then drops the rest. All are gone when it returns. Says whether nothing
    /// had to be dropped.
    pub async fn drain(&self, grace: Duration) -> bool {
        self.leave();
        self.asked.cancel();
        let in_time = timeout(grace, self.tasks.wait()).await.is_ok();
        self.cut.cancel();
        self.tasks.wait().await;
        in_time
    }
}
