//! Where hashes are computed: on blocking threads, no more at once than the machine has cores for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sekisho_checkpoint::account::Password;
use tokio::sync::Semaphore;

use crate::AccountsError;
use crate::hash::{ArgonCost, StoredHash};
use crate::rules::LONGEST;

/// Computes hashes, a bounded number at once; who finds it full waits, holding no thread.
pub(crate) struct Pool {
    free: Arc<Semaphore>,
    worker: Arc<Worker>,
}

/// What a password was found to be.
pub(crate) enum Verdict {
    Wrong,
    Right,
    /// Right, and here is its hash in the site's own form, to be kept instead.
    RightButKeep(String),
}

impl Pool {
    pub(crate) fn new(cost: ArgonCost, at_once: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(at_once)),
            worker: Arc::new(Worker {
                cost,
                computed: AtomicU64::new(0),
            }),
        }
    }

    /// How many hashes of full cost were computed since the start.
    pub(crate) fn computed(&self) -> u64 {
        self.worker.computed.load(Ordering::Relaxed)
    }

    pub(crate) async fn hash(&self, password: &Password) -> Result<String, AccountsError> {
        let password = password.clone();
        self.run(move |worker| worker.hash(password.expose().as_bytes()))
            .await
    }

    /// Checks a password. Whatever is stored, even nothing, one hash of full cost is computed.
    pub(crate) async fn verify(
        &self,
        stored: Option<StoredHash>,
        password: &Password,
    ) -> Result<Verdict, AccountsError> {
        let password = password.clone();
        self.run(move |worker| worker.verify(stored, password.expose().as_bytes()))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Worker) -> Result<T, AccountsError> + Send + 'static,
    ) -> Result<T, AccountsError> {
        let permit = Arc::clone(&self.free).acquire_owned().await;
        let worker = Arc::clone(&self.worker);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&worker)
        })
        .await
        .map_err(|_| AccountsError::GivenUp)?
    }
}

/// Computes and counts: each hash of full cost goes through one of its two doors.
struct Worker {
    cost: ArgonCost,
    computed: AtomicU64,
}

impl Worker {
    /// For a foreign hash the computation yields its replacement if the password was right; otherwise, and for no hash at all, it yields nothing.
    fn verify(&self, stored: Option<StoredHash>, typed: &[u8]) -> Result<Verdict, AccountsError> {
        let bounded = typed.get(..LONGEST).unwrap_or(typed);
        let stored = stored.filter(|_| typed.len() <= LONGEST);
        match stored {
            Some(current) if current.is_current(&self.cost) => {
                Ok(if self.matches(&current, bounded) {
                    Verdict::Right
                } else {
                    Verdict::Wrong
                })
            }
            foreign => {
                let right = foreign.is_some_and(|hash| hash.verify(bounded));
                let new = self.hash(bounded)?;
                Ok(if right {
                    Verdict::RightButKeep(new)
                } else {
                    Verdict::Wrong
                })
            }
        }
    }

    fn hash(&self, password: &[u8]) -> Result<String, AccountsError> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        self.cost.hash(password)
    }

    fn matches(&self, current: &StoredHash, password: &[u8]) -> bool {
        self.computed.fetch_add(1, Ordering::Relaxed);
        current.verify(password)
    }
}
