//! The ports: what the checkpoint needs of the world, as traits that others implement.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_otp::{OtpCode, Step};
use sekisho_source::SourceKey;

use crate::account::{Account, AccountId, LoginName, Password};
use crate::address::MailAddress;
use crate::audit::{Event, What};
use crate::factor::{Enrolment, Factor, FactorKind, Standing};
use crate::grant::{Companion, Grant};
use crate::id::{FactorId, GrantId, LetterId, Reference, SessionId, TokenHash};
use crate::sealing::Sealed;
use crate::session::Session;
use crate::throttle::{GuessCount, Limit, Throttle};

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The wall clock. A test holds one in its hand.
pub trait Clock: Send + Sync + 'static {
    /// The time. It may step back; the checkpoint evens that out.
    fn now(&self) -> Timestamp;

    /// Completes when [`Self::now`] has reached `until`.
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()>;
}

/// The records could not be reached, or gave nonsense. Whoever gets this stays closed and says "temporarily".
#[derive(Debug, thiserror::Error)]
#[error("the records are out of reach: {0}")]
pub struct RecordsError(pub String);

/// The checkpoint's records. Each method is one transaction that is on disk when it returns.
///
/// Writing methods raise the clock's stored high-water mark in the same transaction: to `now` where they take it, to the event's time where they write one.
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

    /// Keeps a grant; one of the same account and source is replaced by it, keeping its id, which is returned, and its companion. Sign-ins of that account and source that
    /// waited for a factor wait no longer.
    async fn put_grant(&self, grant: &Grant, now: Timestamp) -> Result<GrantId, RecordsError>;

    /// Keeps the right to join a grant from the other address family, under the hash of its token.
    async fn put_claim(&self, claim: &Claim, now: Timestamp) -> Result<(), RecordsError>;

    /// Uses up a claim that is live at `now`. Exactly one of any number of racing callers gets it.
    async fn take_claim(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Claim>, RecordsError>;

    /// Lets a companion join a grant that is live at `now`, in place of one that joined before. Returns whether the grant was live.
    async fn join_grant(
        &self,
        grant: GrantId,
        companion: Companion,
        now: Timestamp,
    ) -> Result<bool, RecordsError>;

    /// Remembers a sign-in that waits for its factor; of several of an account and source the time of the first and the session of the last.
    async fn put_waiting(&self, waiting: &WaitingSignIn) -> Result<(), RecordsError>;

    /// Takes the sign-ins away that began before an instant and still wait, at most `limit`: each goes to one caller alone.
    async fn take_waiting(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<WaitingSignIn>, RecordsError>;

    /// Uses up a recovery code of that hash and clears the kind's failures. Returns how many are left; exactly one of any number of racing callers gets that.
    async fn use_recovery_code(
        &self,
        account: AccountId,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<u32>, RecordsError>;

    /// Carries out an order: changes, ends what it ends and writes the event, all or nothing. Returns the number of the revocation; `None`, with nothing done,
    /// if the session that gave the order has ended.
    async fn apply(&self, order: &Order) -> Result<Option<RevocationNumber>, RecordsError>;

    /// Accepts a step of an OTP app unless this or a later one was accepted before (compare-and-set), and clears the kind's failures.
    /// Returns whether it was accepted; exactly one of any number of racing callers gets `true`.
    async fn accept_step(
        &self,
        account: AccountId,
        factor: FactorId,
        step: Step,
        now: Timestamp,
    ) -> Result<bool, RecordsError>;

    /// Counts a wrong OTP of a kind, for the kind and for the session; disables the kind when its failures reach `disable_at`. Returns the counts after it.
    async fn count_otp_failure(
        &self,
        account: AccountId,
        kind: FactorKind,
        session: Option<SessionId>,
        disable_at: u32,
        now: Timestamp,
    ) -> Result<OtpFailures, RecordsError>;

    /// Keeps a mailed code.
    async fn put_mailed_code(&self, code: &MailedCode, now: Timestamp) -> Result<(), RecordsError>;

    /// The live mailed codes of a session, the oldest first.
    async fn mailed_codes(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Vec<MailedCode>, RecordsError>;

    /// Uses up a mailed code: if one of this session with that hash is live at `now`, all codes of the session end and the kind's failures are cleared.
    /// Returns the code; exactly one of any number of racing callers gets it.
    async fn use_mailed_code(
        &self,
        session: SessionId,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<MailedCode>, RecordsError>;

    /// Keeps a new session.
    async fn put_session(&self, session: &Session) -> Result<(), RecordsError>;

    /// The session of a token.
    async fn session(&self, token: &TokenHash) -> Result<Option<Session>, RecordsError>;

    /// Writes the session's fields anew, if it still exists; its `otp_failures` only as [`SessionUpdate`] says. Once a factor is proven in it, it waits for
    /// none. Returns whether it existed.
    async fn update_session(
        &self,
        session: SessionId,
        update: &SessionUpdate,
    ) -> Result<bool, RecordsError>;

    /// Ends one session.
    async fn end_session(&self, session: SessionId) -> Result<(), RecordsError>;

    /// Records a failure (or a mailed code) under each of the keys.
    async fn count(&self, keys: &[Throttle], now: Timestamp) -> Result<(), RecordsError>;

    /// Counts a guess under each of the keys before it is made, unless one of the limits is reached. However many are made at once, in whichever processes, no
    /// more are counted than a limit allows.
    async fn count_guess(
        &self,
        keys: &[Throttle],
        limits: &[(Throttle, Limit)],
        now: Timestamp,
    ) -> Result<GuessCount, RecordsError>;

    /// Takes back what [`Self::count_guess`] counted at an instant, once under each of the keys: the guess was right, or could not be made.
    async fn take_guess_back(&self, keys: &[Throttle], at: Timestamp) -> Result<(), RecordsError>;

    /// The times recorded under each key after `since`, the oldest first, in the order of the keys; at most 200 a key.
    async fn counted(
        &self,
        keys: &[(Throttle, Timestamp)],
    ) -> Result<Vec<Vec<Timestamp>>, RecordsError>;

    /// Writes an audit event.
    async fn note(&self, event: &Event) -> Result<(), RecordsError>;

    /// The account's events of these kinds (of all, if none is named) after `since`, the newest first, at most `limit`. Of other kinds there may be any number: whoever is refused makes one.
    async fn events(
        &self,
        account: AccountId,
        kinds: &[What],
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Event>, RecordsError>;

    /// The event of a reference.
    async fn event_of(&self, reference: &Reference) -> Result<Option<Event>, RecordsError>;

    /// All events after `since`, the newest first, at most `limit`, for the command line; of one kind if given.
    async fn all_events(
        &self,
        since: Timestamp,
        what: Option<What>,
        limit: u32,
    ) -> Result<Vec<Event>, RecordsError>;

    /// The revocations after a number, in order. `None` asks for the latest number alone (the list is empty).
    async fn revocations(
        &self,
        after: Option<RevocationNumber>,
    ) -> Result<(RevocationNumber, Vec<Revocation>), RecordsError>;

    /// Completes when a revocation may have been written elsewhere, for records that hear of it; others never say so, and are asked twice a second. Cancel-safe.
    async fn revocation_heard(&self) {
        std::future::pending().await
    }

    /// Removes what is past: events before `events_before`, dead grants, sessions older than `sessions_before`, dead codes, failures older than a day,
    /// revocations older than a day.
    async fn purge(
        &self,
        events_before: Timestamp,
        sessions_before: Timestamp,
        now: Timestamp,
    ) -> Result<(), RecordsError>;

    /// Says that the records were restored from an old copy. Whatever was live then is over: sessions, grants and all that waits. What was used since then can't be used once
    /// more: every OTP app goes on behind `steps_before`, and recovery codes count as used. Revocations go on with numbers far beyond any that was given.
    async fn restored(&self, steps_before: Step, now: Timestamp) -> Result<(), RecordsError>;

    /// Replaces every sealed key by what `reseal` makes of it; for key rotation. Returns how many were replaced.
    async fn reseal(&self, reseal: &Reseal) -> Result<u32, RecordsError>;
}

/// Makes of a factor's sealed key the one to keep instead; `None` leaves it. (A name of its own, since `async_trait` would tie the key's lifetime to the call.)
pub type Reseal = dyn Fn(AccountId, FactorId, &Sealed) -> Option<Sealed> + Send + Sync;

/// A change of what the records keep of an account.
#[derive(Debug, Clone)]
pub enum Change {
    /// Nothing but the ending and the event.
    None,
    /// MFA on or off.
    Mfa(bool),
    /// A factor more; with its step already used, if it is an OTP app. Uses up a waiting enrolment code.
    AddFactor(Factor),
    /// A factor less; with the last one the recovery codes go.
    RemoveFactor(FactorId),
    /// Another name for a factor.
    RenameFactor(FactorId, String),
    /// Recovery codes by their hashes, in place of earlier ones.
    RecoveryCodes(Vec<[u8; 32]>),
    /// A new password is wanted, or no longer.
    PasswordWanted(bool),
    /// A factor in place of all others of its kind.
    ReplaceFactors(Factor),
    /// A disabled kind enabled, its failures cleared.
    EnableKind(FactorKind),
    /// All factors gone; the next registration needs this code.
    Reset(Enrolment),
    /// A one-time code for the next registration.
    EnrolmentCode(Enrolment),
}

/// The right to join a grant from the other address family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The hash of its token.
    pub token: TokenHash,
    /// Whose grant.
    pub account: AccountId,
    /// Which grant.
    pub grant: GrantId,
    /// The first instant at which it no longer holds.
    pub expires_at: Timestamp,
}

/// A sign-in whose password was right and whose factor is awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingSignIn {
    /// Whose.
    pub account: AccountId,
    /// The session that it began.
    pub session: SessionId,
    /// From where.
    pub source: SourceKey,
    /// The full address, to show.
    pub address: IpAddr,
    /// What the client called itself.
    pub client: String,
    /// When.
    pub at: Timestamp,
}

/// What is done to an account in one transaction.
#[derive(Debug, Clone)]
pub struct Order {
    /// Whose.
    pub account: AccountId,
    /// The session that gives it, if it takes one: where that has ended meanwhile, nothing is done.
    pub session: Option<SessionId>,
    /// What changes.
    pub change: Change,
    /// What ends.
    pub ending: Ending,
    /// What is written down.
    pub event: Event,
    /// The registration under way in the session that this finishes: it ends with it, and if it is another by now, or has ended, nothing is done.
    pub registration: Option<Sealed>,
}

/// How far an ending reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach<T> {
    /// None ends.
    None,
    /// All end.
    All,
    /// All end but this one.
    AllBut(T),
    /// This one ends.
    Only(T),
}

/// Which mail connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// None.
    None,
    /// Those that the rule would no longer admit.
    Judged,
    /// All.
    All,
}

/// What a change ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Webmail sessions.
    pub sessions: Reach<SessionId>,
    /// Grants, by source.
    pub grants: Reach<SourceKey>,
    /// Mail connections; cached verifications of the password go whenever any are cut.
    pub connections: Cut,
}

impl Ending {
    /// Nothing ends.
    pub const NOTHING: Self = Self {
        sessions: Reach::None,
        grants: Reach::None,
        connections: Cut::None,
    };
    /// Everything ends.
    pub const EVERYTHING: Self = Self {
        sessions: Reach::All,
        grants: Reach::All,
        connections: Cut::All,
    };
}

/// Numbers revocations in the order in which they were written, so that each node can catch up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RevocationNumber(pub i64);

/// Something ended that open connections may live by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Its number.
    pub number: RevocationNumber,
    /// Whose.
    pub account: AccountId,
    /// Which connections.
    pub cut: Cut,
}

/// The counts after a wrong OTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtpFailures {
    /// In the session.
    pub session: u32,
    /// Of the kind since its last success.
    pub kind: u32,
    /// Whether this failure disabled the kind.
    pub disabled_now: bool,
}

/// What a mailed code is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodePurpose {
    /// Proving the registered address at sign-in or before a change.
    Prove,
    /// Proving an address that is to be registered.
    Register,
}

/// A code that was mailed.
#[derive(Debug, Clone)]
pub struct MailedCode {
    /// In which session it can be used.
    pub session: SessionId,
    /// Whose.
    pub account: AccountId,
    /// Keyed hash of the code.
    pub hash: [u8; 32],
    /// What for.
    pub purpose: CodePurpose,
    /// Where it went.
    pub address: MailAddress,
    /// When.
    pub issued_at: Timestamp,
    /// The first instant at which it no longer holds.
    pub expires_at: Timestamp,
    /// The letter that carries it.
    pub letter: LetterId,
}

/// Fields of a session to write anew; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct SessionUpdate {
    /// A new token.
    pub token: Option<TokenHash>,
    /// A later request.
    pub last_seen_at: Option<Timestamp>,
    /// The password proven anew; clears the wrong OTPs.
    pub password_proven_at: Option<Timestamp>,
    /// A factor proven; clears the wrong OTPs.
    pub factor_proven_at: Option<Timestamp>,
    /// The registration under way.
    pub registration: Option<Option<Sealed>>,
    /// The stash.
    pub stash: Option<Option<Sealed>>,
    /// The sealed password.
    pub password: Option<Option<Sealed>>,
}

/// The directory could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("the directory is out of reach: {0}")]
pub struct DirectoryError(pub String);

/// Where a person changes the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordChange {
    /// Here.
    Here,
    /// At the site's page of that URL.
    At(String),
}

/// Why a new password was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// It is shorter than the site demands.
    #[error("the password has fewer than {0} characters")]
    TooShort(usize),
    /// It is longer than can be checked.
    #[error("the password has more than {0} bytes")]
    TooLong(usize),
    /// It is among the passwords that everybody tries, or is made of the login name.
    #[error("the password is too easy to guess")]
    TooCommon,
    /// Passwords are not changed here.
    #[error("passwords of this account are not changed here")]
    Elsewhere,
    /// The directory could not be reached.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Maps names to accounts and checks passwords.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// The one account that a name leads to: its login name or one of its addresses.
    async fn find(&self, name: &LoginName) -> Result<Option<Account>, DirectoryError>;

    /// An account by its id.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError>;

    /// The accounts to which mail for an address goes; none if it is not one of the site's mailboxes.
    async fn recipients(&self, address: &MailAddress) -> Result<Vec<AccountId>, DirectoryError>;

    /// Checks a password; for `None` (no such account) does the same work and says no.
    async fn verify(
        &self,
        account: Option<AccountId>,
        password: &Password,
    ) -> Result<bool, DirectoryError>;

    /// Whether a new password would be taken; nothing is changed.
    async fn check_new_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), SetPasswordError>;

    /// Where passwords are changed.
    fn password_change(&self) -> PasswordChange;

    /// Sets a new password.
    async fn set_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), SetPasswordError>;
}

/// The courier took no letter.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// Mail can't be sent just now.
    #[error("mail can't be sent just now: {0}")]
    Temporarily(String),
    /// No way out for such mail is configured.
    #[error("no relay is configured for mail that leaves the site")]
    NoRelay,
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Still on its way; with the last temporary trouble, if there was one.
    Waiting(Option<String>),
    /// Handed over.
    Sent,
    /// Refused for good; with the words of who refused.
    Failed(String),
    /// Its time ended before it could be handed over.
    Expired,
}

/// A letter of the checkpoint. How it reads is the courier's; what it says is here.
#[derive(Debug, Clone)]
pub enum Letter {
    /// A mailed OTP.
    Otp(OtpLetter),
    /// News of a change, to the mailbox and the external addresses.
    Notice(Notice),
}

/// A mailed OTP: from the account's own address, gone from the queue when the code ends.
#[derive(Debug, Clone)]
pub struct OtpLetter {
    /// The letter's id.
    pub id: LetterId,
    /// From whose address.
    pub from: MailAddress,
    /// To where.
    pub to: MailAddress,
    /// The code.
    pub code: OtpCode,
    /// Who asked.
    pub asked_from: IpAddr,
    /// Until when the code holds.
    pub expires_at: Timestamp,
}

/// News of a change of an account.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Whose mailbox gets it.
    pub account: AccountId,
    /// From and to that address.
    pub mailbox: MailAddress,
    /// External addresses that get it too, the old and the new.
    pub also_to: Vec<MailAddress>,
    /// What happened.
    pub what: What,
    /// When.
    pub at: Timestamp,
    /// From where, if from anywhere.
    pub from: Option<IpAddr>,
    /// A few words more; may be empty.
    pub detail: String,
    /// The page on which the person can see what happened and end everything.
    pub page: String,
}

/// Takes letters and carries them durably: once taken, a letter outlives a crash.
#[async_trait]
pub trait Courier: Send + Sync + 'static {
    /// Takes a letter.
    async fn send(&self, letter: Letter) -> Result<(), CourierError>;

    /// What became of an OTP letter; `None` if unknown (or long gone).
    async fn fate(&self, letter: LetterId) -> Result<Option<Fate>, CourierError>;
}
