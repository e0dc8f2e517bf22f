//! Where hashes are computed: on threads of their own, as many as the machine has cores.
//!
//! A hash takes 19 MiB. On threads that come and go, the allocator keeps a multiple of it for each of them; these few use theirs again and again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_checkpoint::account::Password;
use tokio::sync::oneshot;

use crate::AccountsError;
use crate::hash::{ArgonCost, Memory, StoredHash};
use crate::rules::LONGEST;

/// Computes hashes, a bounded number at once; who finds it full waits, holding no thread.
pub(crate) struct Pool {
    jobs: Sender<Job>,
    worker: Arc<Worker>,
}

/// What a thread does for somebody who waits.
type Job = Box<dyn FnOnce(&Worker, &mut Memory) + Send>;

/// What a password was found to be.
pub(crate) enum Verdict {
    Wrong,
    Right,
    /// Right, and here is its hash in the site's own form, to be kept instead.
    RightButKeep(String),
}

impl Pool {
    /// Starts that many threads; they end with the pool.
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

    /// Checks a password. Whatever is stored, even nothing, one hash of full cost is computed.
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
            // Who has hung up meanwhile needs no answer.
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

/// Does one job after the other until the pool is gone.
fn work(waiting: &Mutex<Receiver<Job>>, worker: &Worker) {
    let mut memory = Memory::default();
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = next else { return };
        // A job that panics answers nobody, which is an error to who waits; the thread goes on.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            job(worker, &mut memory);
        }));
    }
}

/// Computes and counts: each hash of full cost goes through one of its two doors.
struct Worker {
    cost: ArgonCost,
    computed: AtomicU64,
}

impl Worker {
    /// For a foreign hash the computation yields its replacement if the password was right; otherwise, and for no hash at all, it yields nothing.
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
        self.cost.hash(password, memory)
    }

    fn matches(&self, current: &StoredHash, password: &[u8], memory: &mut Memory) -> bool {
        self.computed.fetch_add(1, Ordering::Relaxed);
        current.verify(password, memory)
    }
}
