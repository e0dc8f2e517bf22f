//! The time of the database's machine, for all nodes: a grant ends at one instant, however their own clocks go.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::ports::{BoxFuture, Clock, RecordsError};
use tokio::task::AbortHandle;

use super::fault::Fault;
use super::pool::Pool;
use super::value::plain;

/// How often the database is asked for its time.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// The longest sleep: after it the time is looked at again, since the database's clock may have been set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);

/// The database's clock, read every ten seconds and carried on in between by this machine's steady one, also while the
/// database is away.
pub struct DatabaseClock {
    read: Arc<RwLock<Reading>>,
    asking: AbortHandle,
}

/// What time it was when.
#[derive(Clone, Copy)]
struct Reading {
    time: Timestamp,
    at: Instant,
}

impl DatabaseClock {
    pub(super) async fn start(pool: Pool) -> Result<Self, RecordsError> {
        let read = Arc::new(RwLock::new(ask(&pool).await?));
        let latest = Arc::clone(&read);
        let asking = tokio::spawn(async move {
            loop {
                tokio::time::sleep(ASK_EVERY).await;
                match ask(&pool).await {
                    Ok(reading) => {
                        *latest.write().unwrap_or_else(PoisonError::into_inner) = reading;
                    }
                    Err(error) => tracing::warn!(%error, "the database does not tell the time"),
                }
            }
        });
        Ok(Self {
            read,
            asking: asking.abort_handle(),
        })
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        let reading = *self.read.read().unwrap_or_else(PoisonError::into_inner);
        let since = SignedDuration::try_from(reading.at.elapsed()).unwrap_or(SignedDuration::MAX);
        reading.time.saturating_add(since).unwrap_or(reading.time)
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            while let Ok(left) = Duration::try_from(until.duration_since(self.now()))
                && !left.is_zero()
            {
                tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
            }
        })
    }
}

impl Drop for DatabaseClock {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl fmt::Debug for DatabaseClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseClock")
    }
}

/// Asks for the time; the answer was made half way between the question and its arrival.
async fn ask(pool: &Pool) -> Result<Reading, RecordsError> {
    let asked = Instant::now();
    let micros: i64 = pool
        .run(|| async {
            let db = pool.lend().await?;
            let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros";
            let row = db.query_one(sql, &[]).await?;
            db.done(plain(&row, "micros")?)
        })
        .await?;
    let time = Timestamp::from_microsecond(micros).map_err(|_| Fault::Damaged("time"))?;
    Ok(Reading {
        time,
        at: asked + asked.elapsed() / 2,
    })
}
