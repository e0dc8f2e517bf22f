//! The connections that read, beside the one that writes: in WAL mode neither waits for the other.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use sekisho_checkpoint::ports::RecordsError;
use tokio::sync::Semaphore;

use super::Fault;

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
