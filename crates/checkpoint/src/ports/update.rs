//! What changes of the records in one transaction.

use std::net::IpAddr;

use jiff::Timestamp;
use sekisho_otp::Step;
use sekisho_source::SourceKey;

use super::outbox::OutboxLetter;
use crate::account::AccountId;
use crate::address::MailAddress;
use crate::audit::Event;
use crate::factor::{Enrolment, Factor, FactorKind, Standing};
use crate::grant::{Companion, Grant};
use crate::id::{FactorId, GrantId, LetterId, SessionId, TokenHash};
use crate::sealing::Sealed;
use crate::session::Session;
use crate::throttle::Throttle;

/// What is done to an account in one transaction: all of it, or nothing.
#[derive(Debug, Clone)]
pub struct AccountUpdate {
    /// Whose.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// The session in which it is done, if it takes one: where that has ended meanwhile, nothing is done.
    pub session: Option<InSession>,
    /// What it takes for granted, if anything.
    pub expects: Option<Expected>,
    /// What it uses up: where that was used meanwhile, nothing is done. It is used up only where there is what changes.
    pub uses: Option<OneTime>,
    /// What changes.
    pub change: Change,
    /// What ends.
    pub ending: Ending,
    /// The grant that it makes. One of the same account and source is replaced by it, keeping its id and its companion;
    /// sign-ins of that account and source that waited for a factor wait no longer.
    pub grant: Option<Grant>,
    /// Under which keys it is counted.
    pub counted: Vec<Throttle>,
    /// What is written down.
    pub events: Vec<Event>,
    /// What is to be sent.
    pub letters: Vec<OutboxLetter>,
    /// A letter that is not to be sent any more, with the mailed code that it carries.
    pub withdraws: Option<LetterId>,
}

impl AccountUpdate {
    /// An update that does nothing yet.
    #[must_use]
    pub fn new(account: AccountId, at: Timestamp) -> Self {
        Self {
            account,
            at,
            session: None,
            expects: None,
            uses: None,
            change: Change::None,
            ending: Ending::NOTHING,
            grant: None,
            counted: Vec::new(),
            events: Vec::new(),
            letters: Vec::new(),
            withdraws: None,
        }
    }
}

/// What came of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Applied {
    /// All of it was done; with the number of the revocation that it is, or of the last one before.
    Done(RevocationNumber),
    /// Nothing was done: the session has ended.
    SessionEnded,
    /// Nothing was done: the browser holds another token by now, the registration under way is another, or the account
    /// has other factors than it takes for granted.
    OutOfDate,
    /// Nothing was done: what it uses up was used, is not there or is another by now.
    NotAccepted,
}

/// What a registration takes for granted, since that is what allowed it: of two that would both be the first, one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The factors that the account has.
    pub factors: Vec<FactorId>,
    /// The help desk's code that waits.
    pub enrolment: Option<Enrolment>,
}

impl Expected {
    /// That an account stands like this.
    #[must_use]
    pub fn of(standing: &Standing) -> Self {
        let mut factors: Vec<_> = standing.factors.iter().map(|factor| factor.id).collect();
        factors.sort_unstable();
        Self {
            factors,
            enrolment: standing.enrolment,
        }
    }
}

/// The session in which something is done.
#[derive(Debug, Clone)]
pub struct InSession {
    /// Which.
    pub id: SessionId,
    /// The registration under way in it that this finishes: it ends with it; if it is another by now, nothing is done.
    pub finishes: Option<Sealed>,
    /// What changes of the session.
    pub update: SessionUpdate,
}

impl InSession {
    /// In that session, of which nothing changes.
    #[must_use]
    pub fn unchanged(id: SessionId) -> Self {
        Self::changed(id, SessionUpdate::default())
    }

    /// In that session, with what changes of it.
    #[must_use]
    pub fn changed(id: SessionId, update: SessionUpdate) -> Self {
        Self {
            id,
            finishes: None,
            update,
        }
    }
}

/// Something that can be used once. Of any number of racing callers exactly one uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneTime {
    /// A step of an OTP app, unless it or a later one was accepted before (RFC 6238, 5.2). Clears the kind's failures.
    Step {
        /// Of which app.
        factor: FactorId,
        /// The step.
        step: Step,
    },
    /// A mailed code of a session. All codes of that session end with it, and the kind's failures are cleared.
    MailedCode {
        /// Of which session.
        session: SessionId,
        /// Its keyed hash.
        hash: [u8; 32],
    },
    /// A recovery code. Clears the kind's failures.
    RecoveryCode {
        /// Its keyed hash.
        hash: [u8; 32],
        /// How many are left behind it; where another number is, nothing is done.
        left: u32,
    },
    /// A sign-in that waits for its factor: it waits no longer.
    WaitingSignIn {
        /// From where it came.
        source: SourceKey,
        /// When it began.
        at: Timestamp,
    },
}

impl OneTime {
    /// The kind of factor that it proves, whose failures it clears; `None` if it proves none.
    #[must_use]
    pub fn kind(&self) -> Option<FactorKind> {
        match self {
            Self::Step { .. } => Some(FactorKind::OtpApp),
            Self::MailedCode { .. } => Some(FactorKind::ExternalMail),
            Self::RecoveryCode { .. } => Some(FactorKind::RecoveryCode),
            Self::WaitingSignIn { .. } => None,
        }
    }
}

/// A change of what the records keep of an account.
#[derive(Debug, Clone)]
pub enum Change {
    /// Nothing but the ending and the event.
    None,
    /// MFA on or off.
    Mfa(bool),
    /// A factor more; with its step already used, if it is an OTP app. Uses up a waiting enrolment code.
    AddFactor(Factor),
    /// A factor less; with the last one the recovery codes go. Where there is no such factor, nothing is done.
    RemoveFactor(FactorId),
    /// Another name for a factor. Where there is no such factor, nothing is done.
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
    /// A mailed code more, which can be used at once.
    MailedCode(MailedCode),
    /// A companion joins a grant, in place of one that joined before; where the grant is not live, nothing is done.
    JoinGrant(GrantId, Companion),
}

/// The right to join a grant from the other address family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanionClaim {
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

/// A session that begins, with all that belongs to its beginning.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// The last revocation when its password began to be checked: if something of the account was revoked since, no
    /// session begins.
    pub unless_revoked_since: RevocationNumber,
    /// The session in whose place it comes, which ends.
    pub takes_place_of: Option<LeftBehind>,
    /// That it waits for its factor. Of several sign-ins of an account and source, the time of the first is kept, and
    /// the session of the last.
    pub waiting: Option<WaitingSignIn>,
    /// What is written down.
    pub event: Event,
}

/// What came of beginning a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum SessionBegun {
    /// It has begun.
    Begun,
    /// Nothing was done: something of the account was revoked meanwhile.
    Revoked,
    /// Nothing was done: the session in whose place it was to come has ended or gone on meanwhile.
    WentOn,
}

/// A session that was left behind: its browser has not heard of its token, and brings the superseded one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftBehind {
    /// Which. It is one of the same account, or none.
    pub session: SessionId,
    /// The superseded token: where that was forgotten meanwhile, or is another, the session has gone on.
    pub token: TokenHash,
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

/// A wrong OTP, with all that follows of it.
#[derive(Debug, Clone)]
pub struct OtpFailure {
    /// Whose.
    pub account: AccountId,
    /// Of which kind.
    pub kind: FactorKind,
    /// In which session, if in one.
    pub session: Option<SessionId>,
    /// The kind is disabled when its failures reach this.
    pub disable_at: u32,
    /// Under which keys it is counted besides.
    pub counted: Vec<Throttle>,
    /// What is written down.
    pub event: Event,
    /// What is written down besides if it disables the kind.
    pub disabling: Event,
    /// What is to be sent if it disables the kind.
    pub disabling_letters: Vec<OutboxLetter>,
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

/// The token that a session's browser gets in place of another. That one is kept as the superseded one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The hash of the one before: where the browser holds another by now, nothing is done.
    pub before: TokenHash,
    /// Its hash.
    pub hash: TokenHash,
    /// The session's key, wrapped under it.
    pub key: Sealed,
}

/// Fields of a session to write anew; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct SessionUpdate {
    /// A new token in place of the one that the browser held.
    pub token: Option<NewToken>,
    /// The superseded token that is worth nothing any more, since the browser was seen with the new one. Another stays.
    pub forgets: Option<TokenHash>,
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
