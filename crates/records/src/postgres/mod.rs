//! The records in a PostgreSQL database, for several nodes at once.
//!
//! Writers of one account wait for each other (an advisory lock by the account's number), so that what is true of SQLite's single writer is true here of each
//! account; what concerns no account compares and sets in one statement. Times are kept in whole milliseconds, rounded down: what expires does so at most a
//! millisecond early, never late.
//!
//! While the database is away, turned read-only or too slow, each piece of work ends with an error within its time. Connections that failed are closed; new ones
//! are made when they are needed, to the first server of those configured that takes writes.

mod account;
mod audit;
mod codes;
mod factors;
mod grants;
mod keys;
mod mark;
mod migrate;
mod news;
mod pool;
mod recovery;
mod restored;
mod revocations;
mod sessions;
mod throttle;
mod time;
mod tls;
mod value;
mod waiting;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_checkpoint::audit::{Event, What};
use sekisho_checkpoint::factor::{FactorKind, Standing};
use sekisho_checkpoint::grant::{Companion, Grant};
use sekisho_checkpoint::id::{FactorId, GrantId, Reference, SessionId, TokenHash};
use sekisho_checkpoint::ports::{
    Claim, MailedCode, Order, OtpFailures, Records, RecordsError, Reseal, Revocation,
    RevocationNumber, SessionUpdate, WaitingSignIn,
};
use sekisho_checkpoint::sealing::KeyId;
use sekisho_checkpoint::session::Session;
use sekisho_checkpoint::throttle::{GuessCount, Limit, Throttle, reached_until, windows};
use sekisho_checkpoint::{AccountId, Password};
use sekisho_net::client::{Connector, Roots};
use sekisho_otp::Step;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config};

use pool::Pool;
use tls::MakeTls;

pub use time::DatabaseClock;
pub(crate) use value::text;

/// The records in a PostgreSQL database.
///
/// Reading methods that take `now` (`grants`, `mailed_codes`) do not raise the clock's mark. Those that write do.
pub struct PostgresRecords {
    pool: Pool,
    heard: Arc<Notify>,
    listening: AbortHandle,
    was_empty: bool,
}

/// Where the database is, and how it is spoken to.
#[derive(Clone)]
pub struct PostgresSettings {
    /// The servers, each a host name, an address or the folder of a Unix socket, with its port: the first that takes writes is used.
    pub servers: Vec<(String, u16)>,
    /// The database's name.
    pub database: String,
    /// The user's name.
    pub user: String,
    /// The user's password, if the server asks for one.
    pub password: Option<Password>,
    /// Whose certificate counts; `None` speaks in the clear.
    pub roots: Option<Roots>,
    /// How many connections at most.
    pub connections: usize,
    /// How long a piece of work may take, with its wait for a connection.
    pub time_limit: Duration,
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("servers", &self.servers)
            .field("database", &self.database)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl PostgresRecords {
    /// Connects, and brings the database up to date: it has to exist, and to belong to the user.
    ///
    /// # Errors
    /// No server answers, takes the user and takes writes; the database is of a newer version, or holds tables of something else.
    pub async fn open(settings: PostgresSettings) -> Result<Self, RecordsError> {
        let PostgresSettings {
            connections,
            time_limit,
            ..
        } = settings;
        let roots = settings.roots.clone().unwrap_or(Roots::Anybody);
        let connector =
            Connector::new(&roots, time_limit).map_err(|error| RecordsError(error.to_string()))?;
        let config = config(settings);
        let tls = MakeTls(connector);
        let was_empty = migrated(&config, &tls).await?;
        let pool = Pool::new(config.clone(), tls.clone(), connections, time_limit)?;
        let heard = Arc::new(Notify::new());
        let listening = tokio::spawn(news::listen(config, tls, Arc::clone(&heard)));
        Ok(Self {
            pool,
            heard,
            listening: listening.abort_handle(),
            was_empty,
        })
    }

    /// Whether the database was empty before it was opened here.
    #[must_use]
    pub fn was_empty(&self) -> bool {
        self.was_empty
    }

    /// Whether somebody has a factor whose key is sealed.
    ///
    /// # Errors
    /// The database does not say.
    pub async fn holds_sealed_keys(&self) -> Result<bool, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let sql =
                    "SELECT EXISTS (SELECT FROM factors WHERE sealed_key IS NOT NULL) AS holds";
                let row = db.query_one(sql, &[]).await?;
                db.done(value::plain(&row, "holds")?)
            })
            .await
    }

    /// Sees to it that this node seals with the keys of the others.
    ///
    /// # Errors
    /// It has another key of the same number, or lacks the newest.
    pub async fn agree_on_keys(&self, keys: &[(KeyId, [u8; 32])]) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(None, None).await?;
                keys::agree(&db, keys).await?;
                db.commit(()).await
            })
            .await
    }

    /// The time of the database.
    ///
    /// # Errors
    /// It does not tell it.
    pub async fn clock(&self) -> Result<DatabaseClock, RecordsError> {
        DatabaseClock::start(self.pool.clone()).await
    }
}

impl Drop for PostgresRecords {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl fmt::Debug for PostgresRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresRecords")
    }
}

fn config(settings: PostgresSettings) -> Config {
    let mut config = Config::new();
    for (host, port) in &settings.servers {
        config.host(host).port(*port);
    }
    config
        .dbname(&settings.database)
        .user(&settings.user)
        .application_name("sekisho")
        .connect_timeout(settings.time_limit)
        // A server that has gone silently, with its machine, is noticed though nothing is being sent.
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(settings.time_limit)
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .ssl_mode(match settings.roots {
            Some(_) => SslMode::Require,
            None => SslMode::Disable,
        });
    if let Some(password) = settings.password {
        config.password(password.expose());
    }
    config
}

async fn migrated(config: &Config, tls: &MakeTls) -> Result<bool, Fault> {
    let mut single = Single::connect(config, tls).await?;
    migrate::migrate(&mut single.client).await
}

/// A connection outside the pool, for work that takes as long as it takes.
pub(crate) struct Single {
    pub(crate) client: Client,
    speaking: AbortHandle,
}

impl Single {
    async fn connect(config: &Config, tls: &MakeTls) -> Result<Self, Fault> {
        let (client, connection) = config.connect(tls.clone()).await?;
        let speaking = tokio::spawn(connection).abort_handle();
        Ok(Self { client, speaking })
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        self.speaking.abort();
    }
}

/// Brings a database up to date and connects to it, to fill it.
pub(crate) async fn connect_to_copy(settings: PostgresSettings) -> Result<Single, RecordsError> {
    let tls = MakeTls(connector(&settings)?);
    let config = config(settings);
    migrated(&config, &tls).await?;
    Ok(Single::connect(&config, &tls).await?)
}

fn connector(settings: &PostgresSettings) -> Result<Connector, RecordsError> {
    let roots = settings.roots.clone().unwrap_or(Roots::Anybody);
    Connector::new(&roots, settings.time_limit).map_err(|error| RecordsError(error.to_string()))
}

#[async_trait]
impl Records for PostgresRecords {
    async fn raise_clock(&self, now: Timestamp) -> Result<Timestamp, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                mark::raise(&db, now).await?;
                let mark = mark::read(&db).await?;
                db.done(mark.max(now))
            })
            .await
    }

    async fn standing(&self, account: AccountId) -> Result<Standing, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let (_, standing) =
                    tokio::try_join!(biased; db.begin_to_read(), account::standing(&db, account))?;
                db.commit(standing).await
            })
            .await
    }

    async fn grants(&self, account: AccountId, now: Timestamp) -> Result<Vec<Grant>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let grants = grants::live(&db, account, now).await?;
                db.done(grants)
            })
            .await
    }

    async fn standing_and_grants(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(Standing, Vec<Grant>), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let (_, standing, grants) = tokio::try_join!(
                    biased;
                    db.begin_to_read(),
                    account::standing(&db, account),
                    grants::live(&db, account, now),
                )?;
                db.commit((standing, grants)).await
            })
            .await
    }

    async fn put_grant(&self, grant: &Grant, now: Timestamp) -> Result<GrantId, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), Some(grant.account)).await?;
                waiting::end_of(&db, grant.account, grant.source).await?;
                let id = grants::put(&db, grant).await?;
                db.commit(id).await
            })
            .await
    }

    async fn put_claim(&self, claim: &Claim, now: Timestamp) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                grants::put_claim(&db, claim).await?;
                db.commit(()).await
            })
            .await
    }

    async fn take_claim(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Claim>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                let claim = grants::take_claim(&db, token, now).await?;
                db.commit(claim).await
            })
            .await
    }

    async fn join_grant(
        &self,
        grant: GrantId,
        companion: Companion,
        now: Timestamp,
    ) -> Result<bool, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                let joined = grants::join(&db, grant, companion, now).await?;
                db.commit(joined).await
            })
            .await
    }

    async fn put_waiting(&self, sign_in: &WaitingSignIn) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                waiting::put(&db, sign_in).await?;
                db.done(())
            })
            .await
    }

    async fn take_waiting(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<WaitingSignIn>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let taken = waiting::take(&db, before, limit).await?;
                db.done(taken)
            })
            .await
    }

    async fn use_recovery_code(
        &self,
        account: AccountId,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<u32>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), Some(account)).await?;
                if !recovery::take(&db, account, hash, now).await? {
                    return db.commit(None).await;
                }
                account::clear_failures(&db, account, FactorKind::RecoveryCode).await?;
                let codes = recovery::of_account(&db, account).await?;
                db.commit(Some(codes.map_or(0, |codes| codes.left))).await
            })
            .await
    }

    async fn apply(&self, order: &Order) -> Result<Option<RevocationNumber>, RecordsError> {
        self.pool
            .run(|| async {
                let (account, at) = (order.account, order.event.at);
                let db = self.pool.write(Some(at), Some(account)).await?;
                if let Some(session) = order.session
                    && !sessions::goes_on(&db, account, session).await?
                {
                    return db.commit(None).await;
                }
                if let (Some(session), Some(registration)) = (order.session, &order.registration)
                    && !sessions::finish(&db, session, registration).await?
                {
                    return db.commit(None).await;
                }
                account::change(&db, account, &order.change, at).await?;
                sessions::end_of(&db, account, order.ending.sessions).await?;
                grants::end_of(&db, account, order.ending.grants, at).await?;
                audit::write(&db, &order.event).await?;
                let number = revocations::write(&db, account, &order.ending, at).await?;
                db.commit(Some(number)).await
            })
            .await
    }

    async fn accept_step(
        &self,
        account: AccountId,
        factor: FactorId,
        step: Step,
        now: Timestamp,
    ) -> Result<bool, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), Some(account)).await?;
                let accepted = factors::accept_step(&db, account, factor, step, now).await?;
                if accepted {
                    account::clear_failures(&db, account, FactorKind::OtpApp).await?;
                }
                db.commit(accepted).await
            })
            .await
    }

    async fn count_otp_failure(
        &self,
        account: AccountId,
        kind: FactorKind,
        session: Option<SessionId>,
        disable_at: u32,
        now: Timestamp,
    ) -> Result<OtpFailures, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), Some(account)).await?;
                let (kind, disabled_now) =
                    account::count_failure(&db, account, kind, disable_at).await?;
                let session = match session {
                    Some(session) => sessions::count_failure(&db, session).await?,
                    None => 0,
                };
                let failures = OtpFailures {
                    session,
                    kind,
                    disabled_now,
                };
                db.commit(failures).await
            })
            .await
    }

    async fn put_mailed_code(&self, code: &MailedCode, now: Timestamp) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                codes::put(&db, code).await?;
                db.commit(()).await
            })
            .await
    }

    async fn mailed_codes(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Vec<MailedCode>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let codes = codes::live(&db, session, now).await?;
                db.done(codes)
            })
            .await
    }

    async fn use_mailed_code(
        &self,
        session: SessionId,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<MailedCode>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                if !sessions::wait_for_account(&db, session).await? {
                    return db.commit(None).await;
                }
                let Some(code) = codes::take(&db, session, hash, now).await? else {
                    return db.commit(None).await;
                };
                account::clear_failures(&db, code.account, FactorKind::ExternalMail).await?;
                factors::mail_accepted(&db, &code, now).await?;
                db.commit(Some(code)).await
            })
            .await
    }

    async fn put_session(&self, session: &Session) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                // An ending that is being written does not see this session: it has to be there before this returns, so that whoever asks for endings hears of it.
                let db = self.pool.write(None, Some(session.account)).await?;
                sessions::put(&db, session).await?;
                db.commit(()).await
            })
            .await
    }

    async fn session(&self, token: &TokenHash) -> Result<Option<Session>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let session = sessions::of_token(&db, token).await?;
                db.done(session)
            })
            .await
    }

    async fn update_session(
        &self,
        session: SessionId,
        update: &SessionUpdate,
    ) -> Result<bool, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(None, None).await?;
                if update.factor_proven_at.is_some() {
                    waiting::end_of_session(&db, session).await?;
                }
                let existed = sessions::update(&db, session, update).await?;
                db.commit(existed).await
            })
            .await
    }

    async fn end_session(&self, session: SessionId) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                sessions::end(&db, session).await?;
                db.done(())
            })
            .await
    }

    async fn count(&self, keys: &[Throttle], now: Timestamp) -> Result<(), RecordsError> {
        let keys: Vec<String> = keys.iter().map(Throttle::key).collect();
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                throttle::count(&db, &keys, now).await?;
                db.commit(()).await
            })
            .await
    }

    async fn count_guess(
        &self,
        keys: &[Throttle],
        limits: &[(Throttle, Limit)],
        now: Timestamp,
    ) -> Result<GuessCount, RecordsError> {
        let keys: Vec<String> = keys.iter().map(Throttle::key).collect();
        let windows = keyed(&windows(limits, now));
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                throttle::wait_for_others(&db, &windows).await?;
                let counted = throttle::counted(&db, &windows).await?;
                if let Some(until) = reached_until(limits, &counted) {
                    return db.commit(GuessCount::LimitReached { until }).await;
                }
                throttle::count(&db, &keys, now).await?;
                db.commit(GuessCount::Counted).await
            })
            .await
    }

    async fn take_guess_back(&self, keys: &[Throttle], at: Timestamp) -> Result<(), RecordsError> {
        let keys: Vec<String> = keys.iter().map(Throttle::key).collect();
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                throttle::take_back(&db, &keys, at).await?;
                db.done(())
            })
            .await
    }

    async fn counted(
        &self,
        keys: &[(Throttle, Timestamp)],
    ) -> Result<Vec<Vec<Timestamp>>, RecordsError> {
        let keys = keyed(keys);
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let times = throttle::counted(&db, &keys).await?;
                db.done(times)
            })
            .await
    }

    async fn note(&self, event: &Event) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(event.at), None).await?;
                audit::write(&db, event).await?;
                db.commit(()).await
            })
            .await
    }

    async fn events(
        &self,
        account: AccountId,
        kinds: &[What],
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Event>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let events = audit::of_account(&db, account, kinds, since, limit).await?;
                db.done(events)
            })
            .await
    }

    async fn event_of(&self, reference: &Reference) -> Result<Option<Event>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let event = audit::of_reference(&db, reference).await?;
                db.done(event)
            })
            .await
    }

    async fn all_events(
        &self,
        since: Timestamp,
        what: Option<What>,
        limit: u32,
    ) -> Result<Vec<Event>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let events = audit::all(&db, since, what, limit).await?;
                db.done(events)
            })
            .await
    }

    async fn revocations(
        &self,
        after: Option<RevocationNumber>,
    ) -> Result<(RevocationNumber, Vec<Revocation>), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.read().await?;
                let found = revocations::after(&db, after).await?;
                db.commit(found).await
            })
            .await
    }

    async fn revocation_heard(&self) {
        self.heard.notified().await;
    }

    async fn purge(
        &self,
        events_before: Timestamp,
        sessions_before: Timestamp,
        now: Timestamp,
    ) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                audit::purge(&db, events_before).await?;
                sessions::purge(&db, sessions_before).await?;
                grants::purge(&db, now).await?;
                codes::purge(&db, now).await?;
                let a_day_ago = value::millis(now) - 24 * 60 * 60 * 1000;
                throttle::purge(&db, a_day_ago).await?;
                revocations::purge(&db, a_day_ago).await?;
                db.commit(()).await
            })
            .await
    }

    async fn restored(&self, steps_before: Step, now: Timestamp) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                restored::end_everything(&db, steps_before, now).await?;
                db.commit(()).await
            })
            .await
    }

    async fn reseal(&self, reseal: &Reseal) -> Result<u32, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(None, None).await?;
                let mut replaced = 0;
                for key in factors::sealed_keys(&db).await? {
                    let Some(new) = reseal(key.account, key.factor, &key.sealed) else {
                        continue;
                    };
                    replaced += u32::from(factors::replace_key(&db, &key, &new).await?);
                }
                db.commit(replaced).await
            })
            .await
    }
}

/// Windows by the keys under which counts are kept.
fn keyed(windows: &[(Throttle, Timestamp)]) -> Vec<(String, Timestamp)> {
    windows
        .iter()
        .map(|(throttle, since)| (throttle.key(), *since))
        .collect()
}

/// What can go wrong here; the port knows it as one error, whose text this is.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("PostgreSQL: {}", with_causes(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("no connection to PostgreSQL: {0}")]
    Pool(String),
    #[error("PostgreSQL took longer than {0:?}")]
    TooSlow(Duration),
    #[error("the database has version {0}, made by a newer program than this one: use that")]
    Newer(i64),
    #[error("the database can't be set up: it has to belong to the user and to hold no tables of something else: {}", with_causes(.0))]
    NotOurs(tokio_postgres::Error),
    #[error("the stored {0} can't be read")]
    Damaged(&'static str),
    #[error("the stored grant of that id has ended or is of another source")]
    GrantTaken,
    #[error("a number is too large to be stored")]
    TooLarge,
    #[error(
        "key {0} of this node is another than that of the nodes before it: copy the file of the keys from one of them"
    )]
    AnotherKey(i64),
    #[error(
        "the nodes have a key {0}, which this one lacks: copy the file of the keys from one that has it"
    )]
    NoSuchKey(i64),
    #[error("the connection has ended")]
    Stopped,
}

/// An error and what it came of: tokio-postgres says "db error" and the rest only when asked.
fn with_causes(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

impl From<deadpool_postgres::PoolError> for Fault {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            other => Self::Pool(other.to_string()),
        }
    }
}

impl From<Fault> for RecordsError {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}
