//! Bounds how much work may be begun and not finished.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sekisho_source::{Source, SourceKey};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Above how many sources those are looked for that have nothing begun any more.
const FEW: usize = 64;

/// How much may be begun and not finished, and how long a client waits for its turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) of_all: usize,
    pub(crate) of_a_source: usize,
    pub(crate) patience: Duration,
}

impl Default for Bounds {
    /// 1,000 for each source, as many as it may have connections that have not logged in: a whole campus may be behind
    /// one address. Work that holds a permit waits for nothing that a client sends, so it is mostly done in
    /// milliseconds, or in a second where a password is hashed; a thousand of them at once is more than a campus asks
    /// for. Where a directory answers slowly, a login waits for other guesses at its password or from its source, 20
    /// seconds at most, and then as long as its own answer takes. All sources together may have sixteen times as much.
    fn default() -> Self {
        Self {
            of_all: 16_000,
            of_a_source: 1_000,
            patience: Duration::from_secs(10),
        }
    }
}

/// Nothing was begun: too much of what this source, or all sources together, began is not finished yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much that was begun is not finished yet")]
pub struct TooMuchBegun;

impl From<AcquireError> for TooMuchBegun {
    /// No semaphore is ever closed.
    fn from(_: AcquireError) -> Self {
        Self
    }
}

/// Counts work from its beginning to its end, whether or not its client stays.
#[derive(Debug)]
pub(crate) struct Permits {
    bounds: Bounds,
    of_all: Arc<Semaphore>,
    by_source: Mutex<BySource>,
}

#[derive(Debug)]
struct BySource {
    permits: HashMap<SourceKey, Weak<Semaphore>>,
    /// At how many entries the idle ones are taken out.
    sweep_at: usize,
}

/// The permission to begin something. It counts against its bounds until it is dropped.
#[derive(Debug)]
pub struct WorkPermit {
    // In this order, so that a source gets no further permit while it still counts among all.
    _of_all: OwnedSemaphorePermit,
    _of_source: OwnedSemaphorePermit,
}

impl Permits {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            of_all: Arc::new(Semaphore::new(bounds.of_all)),
            by_source: Mutex::new(BySource {
                permits: HashMap::new(),
                sweep_at: FEW,
            }),
        }
    }

    /// Waits for a permit, among those of the same source first come, first served. Only who has one of its source
    /// waits for one of all, so no source has more than its share there. Cancel-safe.
    pub(crate) async fn take(&self, source: &Source) -> Result<WorkPermit, TooMuchBegun> {
        let of_source = self.of(source.throttle_key());
        let taking = async {
            let of_source = of_source.acquire_owned().await?;
            let of_all = Arc::clone(&self.of_all).acquire_owned().await?;
            Ok(WorkPermit {
                _of_all: of_all,
                _of_source: of_source,
            })
        };
        timeout(self.bounds.patience, taking)
            .await
            .unwrap_or(Err(TooMuchBegun))
    }

    fn of(&self, key: SourceKey) -> Arc<Semaphore> {
        let mut by_source = self
            .by_source
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let BySource { permits, sweep_at } = &mut *by_source;
        if let Some(live) = permits.get(&key).and_then(Weak::upgrade) {
            return live;
        }
        if permits.len() >= *sweep_at {
            permits.retain(|_, permits| permits.strong_count() > 0);
            *sweep_at = FEW.max(2 * permits.len());
        }
        let new = Arc::new(Semaphore::new(self.bounds.of_a_source));
        permits.insert(key, Arc::downgrade(&new));
        new
    }

    #[cfg(test)]
    fn sources(&self) -> usize {
        self.by_source
            .lock()
            .expect("nobody panicked")
            .permits
            .len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sekisho_source::KeyLength;

    #[tokio::test]
    async fn sources_that_have_nothing_begun_are_forgotten() {
        let permits = Permits::new(Bounds::default());
        let busy = Source::assured([198, 51, 100, 1].into(), KeyLength::default());
        let held = permits.take(&busy).await.expect("a permit");
        for last in 0..=255 {
            let source = Source::assured([192, 0, 2, last].into(), KeyLength::default());
            permits.take(&source).await.expect("a permit");
        }
        assert!(permits.sources() <= FEW, "{}", permits.sources());
        let same = permits.of(busy.throttle_key());
        assert_eq!(same.available_permits(), Bounds::default().of_a_source - 1);
        drop(held);
        assert_eq!(same.available_permits(), Bounds::default().of_a_source);
    }
}
