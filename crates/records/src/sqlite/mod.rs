//! The records in one SQLite file.
//!
//! The file is in WAL mode with `synchronous=FULL` and may be open in several processes at once, such as the server and a command of the help desk. Times are
//! kept in whole milliseconds, rounded down: what expires does so at most a millisecond early, never late.

mod account;
mod audit;
mod clock;
mod codes;
mod connection;
mod factors;
mod grants;
mod readers;
mod recovery;
mod restored;
mod revocations;
mod sessions;
mod throttle;
mod value;
mod waiting;
mod writer;

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::audit::{Event, What};
use sekisho_checkpoint::factor::{FactorKind, Standing};
use sekisho_checkpoint::grant::{Companion, Grant};
use sekisho_checkpoint::id::{FactorId, GrantId, Reference, SessionId, TokenHash};
use sekisho_checkpoint::ports::{
    Claim, MailedCode, Order, OtpFailures, Records, RecordsError, Reseal, Revocation,
    RevocationNumber, SessionUpdate, WaitingSignIn,
};
use sekisho_checkpoint::session::Session;
use sekisho_checkpoint::throttle::{GuessCount, Limit, Throttle, reached_until, windows};
use sekisho_otp::Step;

use readers::Readers;
use writer::Writer;

/// How many readings go on at once. Each is short; more would only wait for the same two or four cores.
const READERS: usize = 4;

/// The records in a SQLite file.
///
/// Reading methods that take `now` (`grants`, `mailed_codes`) do not raise the clock's mark: a page view would cost a disk sync. Those that write do.
pub struct SqliteRecords {
    writer: Writer,
    readers: Readers,
}

impl SqliteRecords {
    /// Opens the file, makes it if it is missing (readable for its owner alone) and brings it up to date.
    ///
    /// # Errors
    /// It can't be opened or made, is no database of this kind, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, RecordsError> {
        let writer = Writer::start(connection::to_write(path)?)?;
        let readers: Result<_, Fault> = (0..READERS).map(|_| connection::to_read(path)).collect();
        Ok(Self {
            writer,
            readers: Readers::new(readers?),
        })
    }
}

impl fmt::Debug for SqliteRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteRecords")
    }
}

#[async_trait]
impl Records for SqliteRecords {
    async fn raise_clock(&self, now: Timestamp) -> Result<Timestamp, RecordsError> {
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                Ok(clock::mark(db)?.max(now))
            })
            .await
    }

    async fn standing(&self, account: AccountId) -> Result<Standing, RecordsError> {
        self.readers
            .look_up(move |db| account::standing(db, account))
            .await
    }

    async fn grants(&self, account: AccountId, now: Timestamp) -> Result<Vec<Grant>, RecordsError> {
        self.readers
            .look_up(move |db| grants::live(db, account, now))
            .await
    }

    async fn standing_and_grants(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(Standing, Vec<Grant>), RecordsError> {
        self.readers
            .look_up(move |db| {
                Ok((
                    account::standing(db, account)?,
                    grants::live(db, account, now)?,
                ))
            })
            .await
    }

    async fn put_grant(&self, grant: &Grant, now: Timestamp) -> Result<GrantId, RecordsError> {
        let grant = grant.clone();
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                waiting::end_of(db, grant.account, grant.source)?;
                grants::put(db, &grant)
            })
            .await
    }

    async fn put_claim(&self, claim: &Claim, now: Timestamp) -> Result<(), RecordsError> {
        let claim = claim.clone();
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                grants::put_claim(db, &claim)
            })
            .await
    }

    async fn take_claim(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Claim>, RecordsError> {
        let token = *token;
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                grants::take_claim(db, &token, now)
            })
            .await
    }

    async fn join_grant(
        &self,
        grant: GrantId,
        companion: Companion,
        now: Timestamp,
    ) -> Result<bool, RecordsError> {
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                grants::join(db, grant, companion, now)
            })
            .await
    }

    async fn put_waiting(&self, waiting: &WaitingSignIn) -> Result<(), RecordsError> {
        let sign_in = waiting.clone();
        self.writer.run(move |db| waiting::put(db, &sign_in)).await
    }

    async fn take_waiting(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<WaitingSignIn>, RecordsError> {
        self.writer
            .run(move |db| waiting::take(db, before, limit))
            .await
    }

    async fn use_recovery_code(
        &self,
        account: AccountId,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<u32>, RecordsError> {
        let hash = *hash;
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                if !recovery::take(db, account, &hash, now)? {
                    return Ok(None);
                }
                account::clear_failures(db, account, FactorKind::RecoveryCode)?;
                let codes = recovery::of_account(db, account)?;
                Ok(Some(codes.map_or(0, |codes| codes.left)))
            })
            .await
    }

    async fn apply(&self, order: &Order) -> Result<Option<RevocationNumber>, RecordsError> {
        let order = order.clone();
        self.writer
            .run(move |db| {
                let (account, at) = (order.account, order.event.at);
                clock::raise(db, at)?;
                if let Some(session) = order.session
                    && !sessions::goes_on(db, account, session)?
                {
                    return Ok(None);
                }
                if let (Some(session), Some(registration)) = (order.session, &order.registration)
                    && !sessions::finish(db, session, registration)?
                {
                    return Ok(None);
                }
                account::change(db, account, &order.change, at)?;
                sessions::end_of(db, account, order.ending.sessions)?;
                grants::end_of(db, account, order.ending.grants, at)?;
                audit::write(db, &order.event)?;
                revocations::write(db, account, &order.ending, at).map(Some)
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
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                let accepted = factors::accept_step(db, account, factor, step, now)?;
                if accepted {
                    account::clear_failures(db, account, FactorKind::OtpApp)?;
                }
                Ok(accepted)
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
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                let (kind, disabled_now) = account::count_failure(db, account, kind, disable_at)?;
                let session = match session {
                    Some(session) => sessions::count_failure(db, session)?,
                    None => 0,
                };
                Ok(OtpFailures {
                    session,
                    kind,
                    disabled_now,
                })
            })
            .await
    }

    async fn put_mailed_code(&self, code: &MailedCode, now: Timestamp) -> Result<(), RecordsError> {
        let code = code.clone();
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                codes::put(db, &code)
            })
            .await
    }

    async fn mailed_codes(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Vec<MailedCode>, RecordsError> {
        self.readers
            .run(move |db| codes::live(db, session, now))
            .await
    }

    async fn use_mailed_code(
        &self,
        session: SessionId,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<MailedCode>, RecordsError> {
        let hash = *hash;
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                let Some(code) = codes::take(db, session, &hash, now)? else {
                    return Ok(None);
                };
                account::clear_failures(db, code.account, FactorKind::ExternalMail)?;
                factors::mail_accepted(db, &code, now)?;
                Ok(Some(code))
            })
            .await
    }

    async fn put_session(&self, session: &Session) -> Result<(), RecordsError> {
        let session = session.clone();
        self.writer.run(move |db| sessions::put(db, &session)).await
    }

    async fn session(&self, token: &TokenHash) -> Result<Option<Session>, RecordsError> {
        let token = *token;
        self.readers
            .look_up(move |db| sessions::of_token(db, &token))
            .await
    }

    async fn update_session(
        &self,
        session: SessionId,
        update: &SessionUpdate,
    ) -> Result<bool, RecordsError> {
        let update = update.clone();
        self.writer
            .run(move |db| {
                if update.factor_proven_at.is_some() {
                    waiting::end_of_session(db, session)?;
                }
                sessions::update(db, session, &update)
            })
            .await
    }

    async fn end_session(&self, session: SessionId) -> Result<(), RecordsError> {
        self.writer.run(move |db| sessions::end(db, session)).await
    }

    async fn count(&self, keys: &[Throttle], now: Timestamp) -> Result<(), RecordsError> {
        let keys: Vec<String> = keys.iter().map(Throttle::key).collect();
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                throttle::count(db, &keys, now)
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
        let limits = limits.to_vec();
        self.writer
            .run(move |db| {
                let counted = throttle::counted(db, &windows)?;
                if let Some(until) = reached_until(&limits, &counted) {
                    return Ok(GuessCount::LimitReached { until });
                }
                clock::raise(db, now)?;
                throttle::count(db, &keys, now)?;
                Ok(GuessCount::Counted)
            })
            .await
    }

    async fn take_guess_back(&self, keys: &[Throttle], at: Timestamp) -> Result<(), RecordsError> {
        let keys: Vec<String> = keys.iter().map(Throttle::key).collect();
        self.writer
            .run(move |db| throttle::take_back(db, &keys, at))
            .await
    }

    async fn counted(
        &self,
        keys: &[(Throttle, Timestamp)],
    ) -> Result<Vec<Vec<Timestamp>>, RecordsError> {
        let keys = keyed(keys);
        self.readers
            .run(move |db| throttle::counted(db, &keys))
            .await
    }

    async fn note(&self, event: &Event) -> Result<(), RecordsError> {
        let event = event.clone();
        self.writer
            .run(move |db| {
                clock::raise(db, event.at)?;
                audit::write(db, &event)
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
        let kinds = kinds.to_vec();
        self.readers
            .run(move |db| audit::of_account(db, account, &kinds, since, limit))
            .await
    }

    async fn event_of(&self, reference: &Reference) -> Result<Option<Event>, RecordsError> {
        let reference = reference.clone();
        self.readers
            .run(move |db| audit::of_reference(db, &reference))
            .await
    }

    async fn all_events(
        &self,
        since: Timestamp,
        what: Option<What>,
        limit: u32,
    ) -> Result<Vec<Event>, RecordsError> {
        self.readers
            .run(move |db| audit::all(db, since, what, limit))
            .await
    }

    async fn revocations(
        &self,
        after: Option<RevocationNumber>,
    ) -> Result<(RevocationNumber, Vec<Revocation>), RecordsError> {
        self.readers
            .run(move |db| revocations::after(db, after))
            .await
    }

    async fn purge(
        &self,
        events_before: Timestamp,
        sessions_before: Timestamp,
        now: Timestamp,
    ) -> Result<(), RecordsError> {
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                audit::purge(db, events_before)?;
                sessions::purge(db, sessions_before)?;
                grants::purge(db, now)?;
                codes::purge(db, now)?;
                let a_day_ago = value::millis(now) - 24 * 60 * 60 * 1000;
                throttle::purge(db, a_day_ago)?;
                revocations::purge(db, a_day_ago)
            })
            .await
    }

    async fn restored(&self, steps_before: Step, now: Timestamp) -> Result<(), RecordsError> {
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                restored::end_everything(db, steps_before, now)
            })
            .await
    }

    async fn reseal(&self, reseal: &Reseal) -> Result<u32, RecordsError> {
        let keys = self.readers.run(factors::sealed_keys).await?;
        let resealed: Vec<_> = keys
            .into_iter()
            .filter_map(|key| {
                let new = reseal(key.account, key.factor, &key.sealed)?;
                Some((key, new))
            })
            .collect();
        self.writer
            .run(move |db| factors::replace_keys(db, &resealed))
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
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the file can't be made: {0}")]
    Create(#[source] std::io::Error),
    #[error("the writing thread can't be started: {0}")]
    Thread(#[source] std::io::Error),
    #[error("the file has version {0}, made by a newer program than this one: use that")]
    Newer(u32),
    #[error("the stored {0} can't be read")]
    Damaged(&'static str),
    #[error("the stored grant of that id has ended or is of another source")]
    GrantTaken,
    #[error("a number is too large to be stored")]
    TooLarge,
    #[error("SQLite rolled the transaction back")]
    RolledBack,
    #[error("the thread that does this has stopped")]
    Stopped,
}

impl From<Fault> for RecordsError {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}
