//! The connections to PostgreSQL: made when they are needed, lent to one piece of work at a time, and closed rather
//! than lent on when anything went wrong with them.

use std::future::Future;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, RecyclingMethod};
use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::ports::RecordsError;
use tokio_postgres::Config;
use tokio_postgres::error::SqlState;

use super::fault::Fault;
use super::lent::Lent;
use super::mark;
use super::tls::MakeTls;

/// How often work is begun again that PostgreSQL rolled back because others were in its way (40P01, 40001): they have
/// had their turn by then.
const ATTEMPTS: usize = 5;

/// Lends connections.
#[derive(Clone)]
pub(super) struct Pool {
    pool: deadpool_postgres::Pool,
    time_limit: Duration,
}

impl Pool {
    /// Makes the pool; connects to nobody yet. `time_limit` bounds every piece of work, with its wait for a connection.
    pub(super) fn new(
        config: Config,
        tls: MakeTls,
        connections: usize,
        time_limit: Duration,
    ) -> Result<Self, Fault> {
        // A connection that is broken says so itself; asking it each time would cost as much as the work.
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_config(config, tls, ManagerConfig { recycling_method });
        // The server stops what nobody waits for any more, and lets go what a node that died had locked. What was
        // committed has to be on disk, however the database is set; where it is set to wait for a replica as well, it
        // does.
        let milliseconds = time_limit.as_millis();
        let settings = format!(
            "SET statement_timeout = {milliseconds};
             SET idle_in_transaction_session_timeout = {milliseconds};
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        );
        let prepare = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            let settings = settings.clone();
            Box::pin(async move {
                let set = client.batch_execute(&settings).await;
                set.map_err(HookError::Backend)
            })
        });
        let pool = deadpool_postgres::Pool::builder(manager)
            .max_size(connections)
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .post_create(prepare)
            .build()
            .map_err(|error| Fault::Pool(error.to_string()))?;
        Ok(Self { pool, time_limit })
    }

    /// Does a piece of work within its time; anew, if others were in its way.
    pub(super) async fn run<T, F>(
        &self,
        work: impl Fn() -> F + Send + Sync,
    ) -> Result<T, RecordsError>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        let working = async {
            for _ in 1..ATTEMPTS {
                match work().await {
                    Err(fault) if fault.others_were_in_the_way() => {}
                    result => return result,
                }
            }
            work().await
        };
        match tokio::time::timeout(self.time_limit, working).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Fault::TooSlow(self.time_limit).into()),
        }
    }

    /// Borrows a connection for single statements.
    pub(super) async fn lend(&self) -> Result<Lent, Fault> {
        Ok(self.pool.get().await?.into())
    }

    /// Begins to read: all that is read is of one moment.
    pub(super) async fn read(&self) -> Result<Lent, Fault> {
        let lent = self.lend().await?;
        lent.begin_to_read().await?;
        Ok(lent)
    }

    /// Begins to write: raises the clock's mark, and waits for those who write of the same account. Each statement sees
    /// what was committed before it began.
    pub(super) async fn write(
        &self,
        now: Option<Timestamp>,
        account: Option<AccountId>,
    ) -> Result<Lent, Fault> {
        let lent = self.lend().await?;
        // Sent at once, in this order.
        let begin = lent.batch("BEGIN ISOLATION LEVEL READ COMMITTED");
        let raise = async {
            match now {
                Some(now) => mark::raise(&lent, now).await,
                None => Ok(()),
            }
        };
        let wait = async {
            match account {
                Some(account) => {
                    let lock = "SELECT pg_advisory_xact_lock($1)";
                    lent.execute(lock, &[&account.get()]).await.map(drop)
                }
                None => Ok(()),
            }
        };
        tokio::try_join!(biased; begin, raise, wait)?;
        Ok(lent)
    }
}

impl Fault {
    /// PostgreSQL rolled the work back so that others could go on; nothing of it was done.
    fn others_were_in_the_way(&self) -> bool {
        let Self::Postgres(error) = self else {
            return false;
        };
        let states = [
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
        ];
        error.code().is_some_and(|code| states.contains(code))
    }
}
