//! The one place that reads the machine's clock.

use std::time::Duration;

use jiff::Timestamp;
use sekisho_checkpoint::ports::{BoxFuture, Clock};

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "everybody else is handed the time from here"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // Asked again after each sleep: the wall clock may be set while one sleeps, and a long sleep would not
            // notice.
            loop {
                let left = until.duration_since(self.now());
                let Ok(left) = Duration::try_from(left) else {
                    return;
                };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Duration::from_secs(30))).await;
            }
        })
    }
}
