//! The records in one SQLite file.
//!
//! The file is in WAL mode with `synchronous=FULL` and may be open in several processes at once, such as the server and
//! a command of the help desk. Times are kept in whole milliseconds, rounded down: what expires does so at most a
//! millisecond early, never late.

mod account;
mod audit;
mod clock;
mod codes;
mod connection;
mod factors;
mod failures;
mod fault;
mod grants;
mod outbox;
mod readers;
mod recovery;
mod restored;
mod revocations;
mod sessions;
mod throttle;
mod update;
mod value;
mod waiting;
mod writer;

use std::fmt;
use std::path::Path;

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
use sekisho_checkpoint::session::Session;
use sekisho_checkpoint::throttle::{
    GuessStart, Limit, Throttle, guess_start, in_flight_windows, windows,
};
use sekisho_otp::Step;

use crate::words::keyed;
use fault::Fault;
use readers::Readers;
use writer::Writer;

/// How many readings go on at once. Each is short; more would only wait for the same two or four cores.
const READERS: usize = 4;

/// The records in a SQLite file.
///
/// Reading methods that take `now` (`grants`, `mailed_codes`) do not raise the clock's mark: a page view would cost a
/// disk sync. Those that write do.
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
        Self::open_on(path, None)
    }

    /// The same through a file system that SQLite was given under a name, such as one that records what it writes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_through(path: &Path, vfs: &str) -> Result<Self, RecordsError> {
        Self::open_on(path, Some(vfs))
    }

    fn open_on(path: &Path, vfs: Option<&str>) -> Result<Self, RecordsError> {
        let writer = Writer::start(connection::to_write(path, vfs)?)?;
        let readers: Result<_, Fault> = (0..READERS)
            .map(|_| connection::to_read(path, vfs))
            .collect();
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

    async fn put_claim(&self, claim: &CompanionClaim, now: Timestamp) -> Result<(), RecordsError> {
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
    ) -> Result<Option<CompanionClaim>, RecordsError> {
        let token = *token;
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                grants::take_claim(db, &token, now)
            })
            .await
    }

    async fn waiting_sign_ins(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<WaitingSignIn>, RecordsError> {
        self.readers
            .run(move |db| waiting::before(db, before, limit))
            .await
    }

    async fn apply(&self, update: &AccountUpdate) -> Result<Applied, RecordsError> {
        let update = update.clone();
        self.writer
            .run(move |db| {
                clock::raise(db, update.at)?;
                update::apply(db, &update)
            })
            .await
    }

    async fn count_otp_failure(&self, failure: &OtpFailure) -> Result<OtpFailures, RecordsError> {
        let failure = failure.clone();
        self.writer
            .run(move |db| {
                clock::raise(db, failure.event.at)?;
                failures::count(db, &failure)
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

    async fn begin_session(&self, new: &NewSession) -> Result<SessionBegun, RecordsError> {
        let new = new.clone();
        self.writer
            .run(move |db| {
                clock::raise(db, new.event.at)?;
                sessions::begin(db, &new)
            })
            .await
    }

    async fn session(&self, token: &TokenHash) -> Result<Option<Session>, RecordsError> {
        let token = *token;
        self.readers
            .look_up(move |db| sessions::of_token(db, &token))
            .await
    }

    async fn session_of_superseded(
        &self,
        token: &TokenHash,
    ) -> Result<Option<Session>, RecordsError> {
        let token = *token;
        self.readers
            .look_up(move |db| sessions::of_superseded(db, &token))
            .await
    }

    async fn update_session(
        &self,
        session: SessionId,
        update: &SessionUpdate,
    ) -> Result<bool, RecordsError> {
        let update = update.clone();
        self.writer
            .run(move |db| sessions::update(db, session, &update))
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

    async fn begin_guess(
        &self,
        keys: &[Throttle],
        limits: &[(Throttle, Limit)],
        now: Timestamp,
    ) -> Result<GuessStart, RecordsError> {
        let keys: Vec<String> = keys.iter().map(Throttle::key_in_flight).collect();
        let windows = keyed(&windows(limits, now));
        let in_flight = in_flight_windows(limits, now);
        let limits = limits.to_vec();
        self.writer
            .run(move |db| {
                let wrong = throttle::counted(db, &windows)?;
                let in_flight = throttle::counted(db, &in_flight)?;
                let start = guess_start(&limits, &wrong, &in_flight);
                if start == GuessStart::Begun {
                    clock::raise(db, now)?;
                    throttle::count(db, &keys, now)?;
                }
                Ok(start)
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
        self.writer
            .run(move |db| {
                throttle::take_back(db, &in_flight, at)?;
                throttle::count(db, &wrong, at)
            })
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
        kinds: &[EventKind],
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
        what: Option<EventKind>,
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

    async fn claim_letters(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxLetter>, RecordsError> {
        if !self.readers.run(move |db| outbox::is_due(db, now)).await? {
            return Ok(Vec::new());
        }
        self.writer
            .run(move |db| {
                clock::raise(db, now)?;
                outbox::claim(db, now, until, limit)
            })
            .await
    }

    async fn remove_letter(&self, letter: LetterId) -> Result<(), RecordsError> {
        self.writer.run(move |db| outbox::remove(db, letter)).await
    }

    async fn put_off_letter(
        &self,
        letter: LetterId,
        tries: u32,
        until: Timestamp,
    ) -> Result<(), RecordsError> {
        self.writer
            .run(move |db| outbox::put_off(db, letter, tries, until))
            .await
    }

    async fn reseal(&self, reseal: &Reseal) -> Result<u32, RecordsError> {
        let (keys, letters, registrations) = self
            .readers
            .run(|db| {
                Ok((
                    factors::sealed_keys(db)?,
                    outbox::all(db)?,
                    sessions::registrations(db)?,
                ))
            })
            .await?;
        let keys: Vec<_> = keys
            .into_iter()
            .filter_map(|key| {
                let new = reseal(SealedItem::OtpKey(key.account, key.factor), &key.sealed)?;
                Some((key, new))
            })
            .collect();
        let letters: Vec<_> = letters
            .into_iter()
            .filter_map(|letter| {
                let new = reseal(SealedItem::Letter(letter.account, letter.id), &letter.body)?;
                Some((letter, new))
            })
            .collect();
        let registrations: Vec<_> = registrations
            .into_iter()
            .filter_map(|old| {
                let item = SealedItem::Registration(old.account, old.session);
                let new = reseal(item, &old.sealed)?;
                Some((old, new))
            })
            .collect();
        self.writer
            .run(move |db| {
                for (letter, body) in &letters {
                    outbox::replace_body(db, letter, body)?;
                }
                for (old, new) in &registrations {
                    sessions::replace_registration(db, old, new)?;
                }
                factors::replace_keys(db, &keys)
            })
            .await
    }
}
