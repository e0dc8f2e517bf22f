//! Ending in order.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Shared by everything that ends together. First it is asked to end: listeners close, and what is idle or not logged in ends. Then [`Self::drain`] waits for
/// what is busy, and cuts off what takes too long.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
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
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = cut.cancelled() => {}
                () = task => {}
            }
        });
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
        self.asked.cancel();
        self.tasks.close();
        let in_time = timeout(grace, self.tasks.wait()).await.is_ok();
        self.cut.cancel();
        self.tasks.wait().await;
        in_time
    }
}
