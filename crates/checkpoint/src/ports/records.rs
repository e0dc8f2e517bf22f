//! The records: what the checkpoint has kept, and the one way in which it changes.

use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_otp::Step;

use super::outbox::OutboxLetter;
use super::update::{
    AccountUpdate, Applied, CompanionClaim, MailedCode, NewSession, OtpFailure, OtpFailures,
    Revocation, RevocationNumber, SessionBegun, SessionUpdate, WaitingSignIn,
};
use crate::account::AccountId;
use crate::audit::{Event, EventKind};
use crate::factor::Standing;
use crate::grant::Grant;
use crate::id::{FactorId, LetterId, Reference, SessionId, TokenHash};
use crate::sealing::Sealed;
use crate::session::Session;
use crate::throttle::{GuessStart, Limit, Throttle};

/// The records could not be reached, or gave nonsense. Whoever gets this stays closed and says "temporarily".
#[derive(Debug, thiserror::Error)]
#[error("the records are out of reach: {0}")]
pub struct RecordsError(pub String);

/// The checkpoint's records. Each method is one transaction that is on disk when it returns.
///
/// Writing methods raise the clock's stored high-water mark in the same transaction: to `now` where they take it, else
/// to the time of the update or event that they write.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// Raises the stored high-water mark of the clock to `now`, and returns the mark: never below what was stored.
    async fn raise_clock(&self, now: Timestamp) -> Result<Timestamp, RecordsError>;

    /// How an account stands; the default for one never heard of.
    async fn standing(&self, account: AccountId) -> Result<Standing, RecordsError>;

    /// The account's grants that are live at `now`, the newest first.
    async fn grants(&self, account: AccountId, now: Timestamp) -> Result<Vec<Grant>, RecordsError>;

    /// [`Self::standing`] and [`Self::grants`] of one moment, in one question.
    async fn standing_and_grants(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(Standing, Vec<Grant>), RecordsError>;

    /// Keeps the right to join a grant from the other address family, under the hash of its token.
    async fn put_claim(&self, claim: &CompanionClaim, now: Timestamp) -> Result<(), RecordsError>;

    /// Uses up a claim that is live at `now`. Exactly one of any number of racing callers gets it.
    async fn take_claim(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<CompanionClaim>, RecordsError>;

    /// The sign-ins that began before an instant and still wait, the oldest first, at most `limit`.
    async fn waiting_sign_ins(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<WaitingSignIn>, RecordsError>;

    /// Carries out an update, all or nothing.
    async fn apply(&self, update: &AccountUpdate) -> Result<Applied, RecordsError>;

    /// Counts a wrong OTP, for its kind and for the session, with all that follows of it. Returns the counts after it.
    async fn count_otp_failure(&self, failure: &OtpFailure) -> Result<OtpFailures, RecordsError>;

    /// The live mailed codes of a session, the oldest first.
    async fn mailed_codes(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Vec<MailedCode>, RecordsError>;

    /// Begins a session with all that belongs to its beginning, or does nothing.
    async fn begin_session(&self, new: &NewSession) -> Result<SessionBegun, RecordsError>;

    /// The session of a token.
    async fn session(&self, token: &TokenHash) -> Result<Option<Session>, RecordsError>;

    /// The session whose superseded token this is.
    async fn session_of_superseded(
        &self,
        token: &TokenHash,
    ) -> Result<Option<Session>, RecordsError>;

    /// Writes the session's fields anew, if it still exists; its `otp_failures` only as [`SessionUpdate`] says. Once a
    /// factor is proven in it, it waits for none. Returns whether it existed, with the token that was to be replaced.
    async fn update_session(
        &self,
        session: SessionId,
        update: &SessionUpdate,
    ) -> Result<bool, RecordsError>;

    /// Ends one session.
    async fn end_session(&self, session: SessionId) -> Result<(), RecordsError>;

    /// Records a failure (or a mailed code) under each of the keys.
    async fn count(&self, keys: &[Throttle], now: Timestamp) -> Result<(), RecordsError>;

    /// Writes down under each of the keys that a guess is made, unless [`guess_start`](crate::throttle::guess_start)
    /// says otherwise. However many begin at once, in whichever processes, wrong guesses and those in flight together
    /// are no more than a limit allows.
    async fn begin_guess(
        &self,
        keys: &[Throttle],
        limits: &[(Throttle, Limit)],
        now: Timestamp,
    ) -> Result<GuessStart, RecordsError>;

    /// Ends a guess that began under these keys at an instant: it is in flight no longer, and counts as wrong if it
    /// was.
    async fn settle_guess(
        &self,
        keys: &[Throttle],
        at: Timestamp,
        was_wrong: bool,
    ) -> Result<(), RecordsError>;

    /// The times recorded under each key after `since`, the oldest first, in the order of the keys; at most 200 a key.
    async fn counted(
        &self,
        keys: &[(Throttle, Timestamp)],
    ) -> Result<Vec<Vec<Timestamp>>, RecordsError>;

    /// Writes an audit event.
    async fn note(&self, event: &Event) -> Result<(), RecordsError>;

    /// The account's events of these kinds (of all, if none is named) after `since`, the newest first, at most `limit`.
    /// Of other kinds there may be any number: whoever is refused makes one.
    async fn events(
        &self,
        account: AccountId,
        kinds: &[EventKind],
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Event>, RecordsError>;

    /// The event of a reference.
    async fn event_of(&self, reference: &Reference) -> Result<Option<Event>, RecordsError>;

    /// All events after `since`, the newest first, at most `limit`, for the command line; of one kind if given.
    async fn all_events(
        &self,
        since: Timestamp,
        what: Option<EventKind>,
        limit: u32,
    ) -> Result<Vec<Event>, RecordsError>;

    /// The revocations after a number, in order. `None` asks for the latest number alone (the list is empty).
    async fn revocations(
        &self,
        after: Option<RevocationNumber>,
    ) -> Result<(RevocationNumber, Vec<Revocation>), RecordsError>;

    /// Completes when a revocation may have been written elsewhere, for records that hear of it; others never say so,
    /// and are asked twice a second. Cancel-safe.
    async fn revocation_heard(&self) {
        std::future::pending().await
    }

    /// Removes what is past: events before `events_before`, dead grants, sessions older than `sessions_before`, dead
    /// codes, failures older than a day, revocations older than a day. Letters of the outbox stay: whoever claims one
    /// too late gives it up, and says so.
    async fn purge(
        &self,
        events_before: Timestamp,
        sessions_before: Timestamp,
        now: Timestamp,
    ) -> Result<(), RecordsError>;

    /// Says that the records were restored from an old copy. Whatever was live then is over: sessions with their mailed
    /// codes, grants and all that waits for a factor. What was used since then can't be used once more: every OTP app
    /// goes on behind `steps_before`, and recovery codes count as used. Revocations go on with numbers far beyond any
    /// that was given. News in the outbox stays: told twice is better than never.
    async fn restored(&self, steps_before: Step, now: Timestamp) -> Result<(), RecordsError>;

    /// Claims letters of the outbox that are due at `now`, at most `limit`: nobody else claims them before `until`.
    /// First come the letters for a session, since somebody waits for the code in them, then news; among each, those
    /// that are due earliest. A claim counts as a try.
    async fn claim_letters(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxLetter>, RecordsError>;

    /// Removes a letter from the outbox: it was handed over, or is given up.
    async fn remove_letter(&self, letter: LetterId) -> Result<(), RecordsError>;

    /// Puts a letter off until an instant, if nobody claimed it after the try of that number.
    async fn put_off_letter(
        &self,
        letter: LetterId,
        tries: u32,
        until: Timestamp,
    ) -> Result<(), RecordsError>;

    /// Replaces every sealed key, every sealed letter and every registration under way by what `reseal` makes of it;
    /// for key rotation. Returns how many keys were replaced.
    async fn reseal(&self, reseal: &Reseal) -> Result<u32, RecordsError>;
}

/// What the site's keys have sealed in the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedItem {
    /// The key of an OTP app.
    OtpKey(AccountId, FactorId),
    /// A letter of the outbox.
    Letter(AccountId, LetterId),
    /// The registration under way in a session.
    Registration(AccountId, SessionId),
}

/// Makes of something sealed what is to be kept instead; `None` leaves it. (A name of its own, since `async_trait`
/// would tie the lifetime of what is sealed to the call.)
pub type Reseal = dyn Fn(SealedItem, &Sealed) -> Option<Sealed> + Send + Sync;
