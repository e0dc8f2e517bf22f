//! Joins the rule with its ports: gathers the facts, asks [`decide`](crate::rule::decide), carries out what follows.
//!
//! In reading order: `passwords` is the half that all doors share, `password_owner` whose password is guessed,
//! `verified` the memory of passwords, `turns` what makes guesses wait for each other; `admit` serves the doors that
//! are not the webmail; `sign_in` keeps the webmail's sessions, `left_behind` those whose browser never heard of its
//! new token. `carry_out` is how everything is changed, in one transaction each, and `letters` how it is told. `prove`
//! checks factors, at sign-in and before changes (`reproof`), `otp_app`, `mailed` and `recovery` being the kinds and
//! `challenge` what some are asked by; `register` takes new ones, `external_mail` being a kind's, of which `pending`
//! is what waits; `companion` joins the two addresses of a line; `change` and `new_password` are everything else that
//! a person changes, `views` what their pages show, `desk` what the help desk does; `upkeep` ends leases, follows
//! other nodes' revocations and purges, `never_came` tells of sign-ins that stopped half-way, `reseal` lets keys go
//! round.

mod admit;
mod carry_out;
mod challenge;
mod change;
mod companion;
mod desk;
mod external_mail;
mod left_behind;
mod letters;
mod mailed;
mod never_came;
mod new_password;
mod otp_app;
mod password_owner;
mod passwords;
mod pending;
mod prove;
mod recovery;
mod register;
mod reproof;
mod reseal;
mod sign_in;
mod turns;
mod upkeep;
mod verified;
mod views;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use sekisho_source::SourceKey;

use crate::account::AccountId;
use crate::audit::Door;
use crate::door::NotAdmitted;
use crate::id::NoRandomness;
use crate::lease::Register;
use crate::network::Networks;
use crate::policy::Policy;
use crate::ports::{
    Clock, Courier, Directory, DirectoryError, Records, RecordsError, RevocationNumber,
};
use crate::sealing::{KeyRing, SealingError};
use crate::throttle::Throttle;
use password_owner::PasswordOwner;
use turns::{AccountTurn, Turns};
use verified::Verified;

pub use challenge::Challenge;
pub use change::ChangeError;
pub use companion::{CompanionError, CompanionToken, Elsewhere};
pub use mailed::MailedCodeState;
pub use prove::{Proof, ProofError};
pub use recovery::RECOVERY_CODES;
pub use register::{RegisterError, Registered, RegistrationState};
pub use reproof::Reproof;
pub use reseal::ResealError;
pub use views::{GrantView, MfaView};

/// What a site configured: read again while running, replaced as a whole.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// Its networks.
    pub networks: Networks,
    /// Its rules.
    pub policy: Policy,
}

/// What a checkpoint is made of.
pub struct Parts {
    /// The records.
    pub records: Arc<dyn Records>,
    /// The directory.
    pub directory: Arc<dyn Directory>,
    /// The courier.
    pub courier: Arc<dyn Courier>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The keys.
    pub keys: KeyRing,
    /// What the site configured.
    pub site: Site,
}

/// The checkpoint. Shared behind an [`Arc`].
pub struct Checkpoint {
    records: Arc<dyn Records>,
    directory: Arc<dyn Directory>,
    courier: Arc<dyn Courier>,
    clock: Arc<dyn Clock>,
    keys: KeyRing,
    site: RwLock<Arc<Site>>,
    leases: Register,
    verified: Verified,
    /// When a mail client's coming in was last written down.
    noted: Mutex<HashMap<(AccountId, SourceKey, Door), Timestamp>>,
    /// One at a time for an account, so that guesses in parallel are counted like guesses in a row.
    verifying: Turns<AccountId>,
    /// The same for passwords, by account or name; apart, so that a flood of passwords keeps nobody's OTP waiting.
    guessing: Turns<PasswordOwner>,
    /// Who waits for the outcome of guesses in flight stands in line, by the widest limit that may keep them waiting.
    in_line: Turns<Throttle>,
    /// Whether it was said in the log that letters have no way out.
    said_no_relay: AtomicBool,
    /// Heard by the first of each line.
    guess_settled: tokio::sync::Notify,
    /// The latest instant seen, in milliseconds: time never goes below it.
    high_water: AtomicI64,
    /// The revocations that were seen.
    followed: Mutex<Followed>,
}

/// How far the revocations in the records were followed.
#[derive(Debug)]
struct Followed {
    /// All up to this one.
    upto: RevocationNumber,
    /// And these later ones, which this process wrote and carried out itself.
    own: Vec<RevocationNumber>,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint").finish_non_exhaustive()
    }
}

impl Checkpoint {
    /// Starts a checkpoint: takes the clock's mark and the revocations so far from the records.
    ///
    /// # Errors
    /// The records can't be read.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, RecordsError> {
        let mark = parts.records.raise_clock(parts.clock.now()).await?;
        let (upto, _) = parts.records.revocations(None).await?;
        let verified = Verified::new().map_err(|e| RecordsError(e.to_string()))?;
        Ok(Arc::new(Self {
            records: parts.records,
            directory: parts.directory,
            courier: parts.courier,
            clock: parts.clock,
            keys: parts.keys,
            site: RwLock::new(Arc::new(parts.site)),
            leases: Register::default(),
            verified,
            noted: Mutex::default(),
            verifying: Turns::new(),
            guessing: Turns::new(),
            in_line: Turns::new(),
            said_no_relay: AtomicBool::new(false),
            guess_settled: tokio::sync::Notify::new(),
            high_water: AtomicI64::new(mark.as_millisecond()),
            followed: Mutex::new(Followed {
                upto,
                own: Vec::new(),
            }),
        }))
    }

    /// The checkpoint's time: the wall clock, never below what it once was, in this process or as the records remember.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let wall = self.clock.now().as_millisecond();
        let mark = self.high_water.fetch_max(wall, Ordering::Relaxed).max(wall);
        Timestamp::from_millisecond(mark).unwrap_or(Timestamp::MAX)
    }

    /// The clock, for doors that wait.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What the site configured, as of now.
    #[must_use]
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for the account's turn; the next comes when this one is dropped.
    async fn one_at_a_time(&self, account: AccountId) -> AccountTurn {
        AccountTurn::new(self.verifying.take(account).await)
    }
}

/// Why the checkpoint can't answer. Whoever gets this stays closed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    #[error(transparent)]
    Sealing(#[from] SealingError),
    #[error("the account is being changed all the time")]
    Busy,
    #[error("the session was ended meanwhile")]
    SessionEnded,
    #[error("the passwords that are being checked for this account or source don't come to an end")]
    GuessesInFlight,
}

impl Failure {
    /// Says it in the log; the one who asked learns "temporarily" and no more.
    fn say(self, what: &'static str) -> Unavailable {
        tracing::error!(error = %self, "{what}");
        Unavailable
    }
}

/// The checkpoint can't be asked just now; the reason is in the log.
struct Unavailable;

impl From<Unavailable> for NotAdmitted {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}
