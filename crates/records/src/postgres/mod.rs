//! The records in a PostgreSQL database, for several nodes at once.
//!
//! Writers of one account wait for each other (an advisory lock by the account's number), so that what is true of
//! SQLite's single writer is true here of each account; what concerns no account compares and sets in one statement.
//! Times are kept in whole milliseconds, rounded down: what expires does so at most a millisecond early, never late.
//!
//! While the database is away, turned read-only or too slow, each piece of work ends with an error within its time.
//! Connections that failed are closed; new ones are made when they are needed, to the first server of those configured
//! that takes writes.

mod account;
mod audit;
mod codes;
mod connect;
mod factors;
mod failures;
mod fault;
mod grants;
mod keys;
mod lent;
mod mark;
mod migrate;
mod news;
mod outbox;
mod pool;
mod recovery;
mod restored;
mod revocations;
mod sessions;
mod throttle;
mod time;
mod tls;
mod update;
mod value;
mod waiting;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::audit::{Event, EventKind};
use sekisho_checkpoint::factor::Standing;
use sekisho_checkpoint::grant::Grant;
use sekisho_checkpoint::id::{LetterId, Reference, SessionId, TokenHash};
use sekisho_checkpoint::ports::{
    AccountUpdate, Applied, CompanionClaim, MailedCode, NewSession, OtpFailure, OtpFailures,
    OutboxLetter, Records, RecordsError, Reseal, Revocation, RevocationNumber, SealedItem,
    SessionBegun, SessionUpdate, WaitingSignIn,
};
use sekisho_checkpoint::sealing::KeyId;
use sekisho_checkpoint::session::Session;
use sekisho_checkpoint::throttle::{
    GuessStart, Limit, Throttle, guess_start, in_flight_windows, windows,
};
use sekisho_otp::Step;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::words::keyed;
use connect::{config, connector, migrated};
use pool::Pool;
use tls::MakeTls;

pub use connect::PostgresSettings;
pub(crate) use connect::connect_to_copy;
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

impl PostgresRecords {
    /// Connects, and brings the database up to date: it has to exist, and to belong to the user.
    ///
    /// # Errors
    /// No server answers, takes the user and takes writes; the database is of a newer version, or holds tables of
    /// something else.
    pub async fn open(settings: PostgresSettings) -> Result<Self, RecordsError> {
        let PostgresSettings {
            connections,
            time_limit,
            ..
        } = settings;
        let tls = MakeTls(connector(&settings)?);
        let config = config(settings);
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

    async fn put_claim(&self, claim: &CompanionClaim, now: Timestamp) -> Result<(), RecordsError> {
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
    ) -> Result<Option<CompanionClaim>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                let claim = grants::take_claim(&db, token, now).await?;
                db.commit(claim).await
            })
            .await
    }

    async fn waiting_sign_ins(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<WaitingSignIn>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let waiting = waiting::before(&db, before, limit).await?;
                db.done(waiting)
            })
            .await
    }

    async fn apply(&self, update: &AccountUpdate) -> Result<Applied, RecordsError> {
        self.pool
            .run(|| async {
                let db = self
                    .pool
                    .write(Some(update.at), Some(update.account))
                    .await?;
                let applied = update::apply(&db, update).await?;
                db.commit(applied).await
            })
            .await
    }

    async fn count_otp_failure(&self, failure: &OtpFailure) -> Result<OtpFailures, RecordsError> {
        self.pool
            .run(|| async {
                let db = self
                    .pool
                    .write(Some(failure.event.at), Some(failure.account))
                    .await?;
                let failures = failures::count(&db, failure).await?;
                db.commit(failures).await
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

    async fn begin_session(&self, new: &NewSession) -> Result<SessionBegun, RecordsError> {
        self.pool
            .run(|| async {
                // An ending that is being written does not see this session: it has to be there first, with its
                // revocation.
                let db = self
                    .pool
                    .write(Some(new.event.at), Some(new.session.account))
                    .await?;
                let begun = sessions::begin(&db, new).await?;
                db.commit(begun).await
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

    async fn session_of_superseded(
        &self,
        token: &TokenHash,
    ) -> Result<Option<Session>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let session = sessions::of_superseded(&db, token).await?;
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

    async fn begin_guess(
        &self,
        keys: &[Throttle],
        limits: &[(Throttle, Limit)],
        now: Timestamp,
    ) -> Result<GuessStart, RecordsError> {
        let keys: Vec<String> = keys.iter().map(Throttle::key_in_flight).collect();
        let mut windows = keyed(&windows(limits, now));
        let own = windows.len();
        windows.extend(in_flight_windows(limits, now));
        self.pool
            .run(|| async {
                let db = self.pool.write(Some(now), None).await?;
                throttle::wait_for_others(&db, &windows[..own]).await?;
                let mut wrong = throttle::counted(&db, &windows).await?;
                let in_flight = wrong.split_off(own);
                let start = guess_start(limits, &wrong, &in_flight);
                if start == GuessStart::Begun {
                    throttle::count(&db, &keys, now).await?;
                }
                db.commit(start).await
            })
            .await
    }

    async fn settle_guess(
        &self,
        keys: &[Throttle],
        at: Timestamp,
        was_wrong: bool,
    ) -> Result<(), RecordsError> {
        let in_flight: Vec<String> = keys.iter().map(Throttle::key_in_flight).collect();
        let wrong: Vec<String> = match was_wrong {
            true => keys.iter().map(Throttle::key).collect(),
            false => Vec::new(),
        };
        self.pool
            .run(|| async {
                let db = self.pool.write(None, None).await?;
                throttle::take_back(&db, &in_flight, at).await?;
                throttle::count(&db, &wrong, at).await?;
                db.commit(()).await
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
        kinds: &[EventKind],
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
        what: Option<EventKind>,
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

    async fn claim_letters(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxLetter>, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                let is_due = outbox::is_due(&db, now).await?;
                db.done(())?;
                if !is_due {
                    return Ok(Vec::new());
                }
                let db = self.pool.write(Some(now), None).await?;
                let claimed = outbox::claim(&db, now, until, limit).await?;
                db.commit(claimed).await
            })
            .await
    }

    async fn remove_letter(&self, letter: LetterId) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                outbox::remove(&db, letter).await?;
                db.done(())
            })
            .await
    }

    async fn put_off_letter(
        &self,
        letter: LetterId,
        tries: u32,
        until: Timestamp,
    ) -> Result<(), RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.lend().await?;
                outbox::put_off(&db, letter, tries, until).await?;
                db.done(())
            })
            .await
    }

    async fn reseal(&self, reseal: &Reseal) -> Result<u32, RecordsError> {
        self.pool
            .run(|| async {
                let db = self.pool.write(None, None).await?;
                let mut replaced = 0;
                for key in factors::sealed_keys(&db).await? {
                    let item = SealedItem::OtpKey(key.account, key.factor);
                    if let Some(new) = reseal(item, &key.sealed) {
                        replaced += u32::from(factors::replace_key(&db, &key, &new).await?);
                    }
                }
                for letter in outbox::all(&db).await? {
                    let item = SealedItem::Letter(letter.account, letter.id);
                    if let Some(new) = reseal(item, &letter.body) {
                        outbox::replace_body(&db, &letter, &new).await?;
                    }
                }
                for under_way in sessions::registrations(&db).await? {
                    let item = SealedItem::Registration(under_way.account, under_way.session);
                    if let Some(new) = reseal(item, &under_way.sealed) {
                        sessions::replace_registration(&db, &under_way, &new).await?;
                    }
                }
                db.commit(replaced).await
            })
            .await
    }
}
