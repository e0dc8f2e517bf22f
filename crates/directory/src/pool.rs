//! Computes hashes on threads of its own, by default one for each core.
//!
//! A hash takes 19 MiB. On threads that come and go, the allocator keeps a multiple of that for each of them; these few
//! threads use the same memory again and again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_checkpoint::account::Password;
use tokio::sync::oneshot;

use crate::AccountsError;
use crate::hash::{ArgonCost, Memory, StoredHash};
use crate::rules::LONGEST;

/// Computes a limited number of hashes at once; further ones wait without blocking a thread.
pub(crate) struct Pool {
    jobs: Sender<Job>,
    worker: Arc<Worker>,
}

/// A computation for a waiting task.
type Job = Box<dyn FnOnce(&Worker, &mut Memory) + Send>;

/// The result of checking a password.
pub(crate) enum Verdict {
    Wrong,
    Right,
    /// Right. The password's hash in the site's own form is to replace the stored one.
    RightButKeep(String),
}

impl Pool {
    /// Starts `at_once` threads, which end with the pool.
    pub(crate) fn start(cost: ArgonCost, at_once: usize) -> Result<Self, AccountsError> {
        let worker = Arc::new(Worker {
            cost,
            computed: AtomicU64::new(0),
        });
        let (jobs, waiting) = channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..at_once {
            let (waiting, worker) = (Arc::clone(&waiting), Arc::clone(&worker));
            std::thread::Builder::new()
                .name("hashes".to_owned())
                .spawn(move || work(&waiting, &worker))
                .map_err(AccountsError::Thread)?;
        }
        Ok(Self { jobs, worker })
    }

    /// How many hashes of full cost were computed since the start.
    pub(crate) fn computed(&self) -> u64 {
        self.worker.computed.load(Ordering::Relaxed)
    }

    pub(crate) async fn hash(&self, password: &Password) -> Result<String, AccountsError> {
        let password = password.clone();
        self.run(move |worker, memory| worker.hash(password.expose().as_bytes(), memory))
            .await
    }

    /// Checks a password. Exactly one hash of full cost is computed, even if none is stored, so that the time taken
    /// tells nothing.
    pub(crate) async fn verify(
        &self,
        stored: Option<StoredHash>,
        password: &Password,
    ) -> Result<Verdict, AccountsError> {
        let password = password.clone();
        self.run(move |worker, memory| worker.verify(stored, password.expose().as_bytes(), memory))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Worker, &mut Memory) -> Result<T, AccountsError> + Send + 'static,
    ) -> Result<T, AccountsError> {
        let (answer, answered) = oneshot::channel();
        let job = move |worker: &Worker, memory: &mut Memory| {
            // If the waiting task has been dropped, nobody needs the result.
            if !answer.is_closed() {
                let _ = answer.send(work(worker, memory));
            }
        };
        self.jobs
            .send(Box::new(job))
            .map_err(|_| AccountsError::GivenUp)?;
        answered.await.map_err(|_| AccountsError::GivenUp)?
    }
}

/// Does one job after another until the pool is dropped.
fn work(waiting: &Mutex<Receiver<Job>>, worker: &Worker) {
    let mut memory = Memory::default();
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = next else { return };
        // If a job panics, its waiting task gets an error and this thread goes on.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            job(worker, &mut memory);
        }));
    }
}

/// Computes hashes and counts them: each hash of full cost is computed by `hash` or `matches`.
struct Worker {
    cost: ArgonCost,
    computed: AtomicU64,
}

impl Worker {
    /// A hash that is missing or not in the site's own form still costs one full computation: that of its replacement,
    /// which is used only if the password was right.
    fn verify(
        &self,
        stored: Option<StoredHash>,
        typed: &[u8],
        memory: &mut Memory,
    ) -> Result<Verdict, AccountsError> {
        let bounded = typed.get(..LONGEST).unwrap_or(typed);
        let stored = stored.filter(|_| typed.len() <= LONGEST);
        match stored {
            Some(current) if current.is_current(&self.cost) => {
                Ok(if self.matches(&current, bounded, memory) {
                    Verdict::Right
                } else {
                    Verdict::Wrong
                })
            }
            foreign => {
                let right = foreign.is_some_and(|hash| hash.verify(bounded, memory));
                let new = self.hash(bounded, memory)?;
                Ok(if right {
                    Verdict::RightButKeep(new)
                } else {
                    Verdict::Wrong
                })
            }
        }
    }

    fn hash(&self, password: &[u8], memory: &mut Memory) -> Result<String, AccountsError> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        Ok(self.cost.hash(password, memory)?)
    }

    fn matches(&self, current: &StoredHash, password: &[u8], memory: &mut Memory) -> bool {
        self.computed.fetch_add(1, Ordering::Relaxed);
        current.verify(password, memory)
    }
}
