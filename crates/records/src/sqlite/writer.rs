//! The one connection that writes, on a thread of its own.
//!
//! A commit waits for the disk. Whatever is asked while it waits is taken together into the next transaction, each
//! piece in a savepoint of its own, so that sixty-four callers cost a few waits and not sixty-four, and one that fails
//! takes nothing of its neighbours with it. Nobody gets an answer before the commit is on disk.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use sekisho_checkpoint::ports::RecordsError;
use tokio::sync::oneshot;

use super::fault::Fault;

/// The most that goes into one transaction: bounds how long another process waits for its turn.
const TOGETHER: usize = 128;

/// Hands work to the writing thread; the thread ends when this is dropped.
pub(super) struct Writer {
    queue: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread with its connection.
    pub(super) fn start(connection: Connection) -> Result<Self, Fault> {
        let (queue, waiting) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("records".to_owned())
            .spawn(move || write_all(connection, &waiting))
            .map_err(Fault::Thread)?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Does the work in a transaction, all or nothing, and returns when that is on disk.
    ///
    /// A caller that stops waiting does not undo it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, RecordsError> {
        let (answer, answered) = oneshot::channel();
        let job = Work {
            state: State::Waiting(work),
            answer,
        };
        self.queue
            .as_ref()
            .and_then(|queue| queue.send(Box::new(job)).ok())
            .ok_or(Fault::Stopped)?;
        answered.await.map_err(|_| Fault::Stopped)?
    }
}

impl Drop for Writer {
    /// Waits until all that was asked is written and the file is closed.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the records' writing thread had ended by a panic");
        }
    }
}

fn write_all(mut connection: Connection, waiting: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = waiting.recv() {
        let mut jobs = vec![first];
        jobs.extend(waiting.try_iter().take(TOGETHER - 1));
        let failure = write_together(&mut connection, &mut jobs)
            .err()
            .map(|fault| {
                tracing::error!(error = %fault, "the records could not be written");
                fault.to_string()
            });
        for job in jobs {
            job.answer(failure.as_deref());
        }
    }
}

fn write_together(connection: &mut Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), Fault> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in jobs {
        job.run(&mut transaction);
        // A full disk and the like make SQLite roll back everything at once: nothing more may run, it would commit by
        // itself.
        if transaction.is_autocommit() {
            return Err(Fault::RolledBack);
        }
    }
    Ok(transaction.commit()?)
}

/// A piece of work of any type.
trait Job: Send {
    /// Does it within the transaction.
    fn run(&mut self, transaction: &mut Transaction<'_>);

    /// Tells the caller, once the transaction is on disk, or why it is not.
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct Work<F, T> {
    state: State<F, T>,
    answer: oneshot::Sender<Result<T, RecordsError>>,
}

enum State<F, T> {
    Waiting(F),
    Done(Result<T, Fault>),
    Begun,
}

impl<F, T> Job for Work<F, T>
where
    F: FnOnce(&Connection) -> Result<T, Fault> + Send,
    T: Send,
{
    fn run(&mut self, transaction: &mut Transaction<'_>) {
        if let State::Waiting(work) = std::mem::replace(&mut self.state, State::Begun) {
            self.state = State::Done(in_savepoint(transaction, work));
        }
    }

    fn answer(self: Box<Self>, failure: Option<&str>) {
        let result = match (self.state, failure) {
            (State::Done(Err(fault)), _) => Err(fault.into()),
            (_, Some(why)) => Err(RecordsError(why.to_owned())),
            (State::Done(Ok(value)), None) => Ok(value),
            (State::Waiting(_) | State::Begun, None) => Err(Fault::Stopped.into()),
        };
        // A caller that went away needs no answer.
        let _ = self.answer.send(result);
    }
}

fn in_savepoint<T>(
    transaction: &mut Transaction<'_>,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let savepoint = transaction.savepoint()?;
    let value = work(&savepoint)?;
    savepoint.commit()?;
    Ok(value)
}
