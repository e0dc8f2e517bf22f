//! The connections that read, beside the one that writes: in WAL mode neither waits for the other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::ErrorCode::DatabaseBusy;
use sekisho_checkpoint::ports::RecordsError;
use tokio::sync::Semaphore;

use super::connection::BUSY;
use super::fault::Fault;

/// A few connections, lent to one reading at a time.
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    free: Arc<Semaphore>,
}

impl Readers {
    /// Takes the connections to lend.
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        Self {
            free: Arc::new(Semaphore::new(connections.len())),
            idle: Arc::new(Mutex::new(connections)),
        }
    }

    /// Looks something up on the thread that asks: a few pages that are in memory cost less than handing the question
    /// to another thread and waiting for it. Where it would have to wait for a lock, it goes on on a blocking thread.
    /// All that the work reads is of one moment.
    pub(super) async fn look_up<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, RecordsError> {
        let found = {
            let _permit = self.free.acquire().await;
            let mut lent = Lent::take(&self.idle)?;
            at_once(lent.connection()?, &work)
        };
        match found {
            Err(Fault::Sqlite(error)) if error.sqlite_error_code() == Some(DatabaseBusy) => {
                self.run(work).await
            }
            other => Ok(other?),
        }
    }

    /// Reads on a blocking thread; all that the work reads is of one moment.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, RecordsError> {
        let permit = Arc::clone(&self.free).acquire_owned().await;
        let idle = Arc::clone(&self.idle);
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut lent = Lent::take(&idle)?;
            let moment = lent.connection()?.transaction()?;
            let value = work(&moment)?;
            moment.finish()?;
            Ok::<_, Fault>(value)
        });
        Ok(reading.await.map_err(|_| Fault::Stopped)??)
    }
}

/// Reads without waiting for anybody.
fn at_once<T>(
    connection: &mut Connection,
    work: impl Fn(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.busy_timeout(Duration::ZERO)?;
    let value = Moment::begin(connection).and_then(|moment| {
        let value = work(moment.0)?;
        moment.end()?;
        Ok(value)
    });
    connection.busy_timeout(BUSY)?;
    value
}

/// A transaction that only reads, rolled back when dropped. As rusqlite's own, but for the statements, which are not
/// parsed anew each time: that would cost as much as what is read.
struct Moment<'a>(&'a Connection);

impl<'a> Moment<'a> {
    fn begin(connection: &'a Connection) -> Result<Self, Fault> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(connection))
    }

    fn end(self) -> Result<(), Fault> {
        self.0.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // Where this fails, so does the next beginning.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

/// A connection on loan; it goes back when dropped, also by a panic.
struct Lent<'a> {
    idle: &'a Mutex<Vec<Connection>>,
    connection: Option<Connection>,
}

impl<'a> Lent<'a> {
    fn take(idle: &'a Mutex<Vec<Connection>>) -> Result<Self, Fault> {
        let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Self {
            idle,
            connection: Some(connection.ok_or(Fault::Stopped)?),
        })
    }

    fn connection(&mut self) -> Result<&mut Connection, Fault> {
        self.connection.as_mut().ok_or(Fault::Stopped)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}
