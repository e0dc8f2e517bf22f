//! A checkpoint for tests: one account, `alice`, with the password `right`; records that keep nothing; and a clock that
//! the test moves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_checkpoint::account::{Account, AccountId, LoginName, Password};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::audit::{Event, EventKind};
use sekisho_checkpoint::factor::Standing;
use sekisho_checkpoint::grant::Grant;
use sekisho_checkpoint::id::{LetterId, Reference, SessionId, TokenHash};
use sekisho_checkpoint::policy::{MfaDemand, Policy};
use sekisho_checkpoint::ports::{
    AccountUpdate, Applied, Clock, CompanionClaim, Courier, CourierError, Directory,
    DirectoryError, Fate, Letter, MailedCode, NewSession, OtpFailure, OtpFailures, OutboxLetter,
    PasswordChange, Records, RecordsError, Reseal, Revocation, RevocationNumber, SessionBegun,
    SessionUpdate, SetPasswordError, WaitingSignIn,
};
use sekisho_checkpoint::sealing::{KeyId, KeyRing, SealingKey};
use sekisho_checkpoint::session::Session;
use sekisho_checkpoint::throttle::{GuessStart, Limit, Throttle};
use sekisho_checkpoint::{Checkpoint, Parts, Site};
use sekisho_fakes::HandClock;
use sekisho_otp::Step;

/// The checkpoint, and the parts that the test controls.
pub struct World {
    pub checkpoint: Arc<Checkpoint>,
    pub clock: Arc<HandClock>,
    records: Arc<FewRecords>,
}

impl World {
    pub async fn start() -> Self {
        let clock = HandClock::new();
        let records = Arc::new(FewRecords::default());
        let keys = BTreeMap::from([(KeyId(1), SealingKey::new([7; 32]))]);
        let checkpoint = Checkpoint::start(Parts {
            records: Arc::clone(&records) as Arc<dyn Records>,
            directory: Arc::new(Alice),
            courier: Arc::new(NoCourier),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            keys: KeyRing::new(keys).expect("a key"),
            site: Site::default(),
        })
        .await
        .expect("a checkpoint");
        Self {
            checkpoint,
            clock,
            records,
        }
    }

    /// From now on everybody needs a second factor, and nobody has one.
    pub async fn demand_mfa(&self) {
        let policy = Policy {
            mfa: MfaDemand::RequiredFrom(Timestamp::UNIX_EPOCH),
            ..Policy::default()
        };
        let site = Site {
            policy,
            ..Site::default()
        };
        self.checkpoint.reconfigure(site).await;
    }

    /// From now on the records are unavailable.
    pub fn lose_the_records(&self) {
        self.records.lost.store(true, Ordering::Relaxed);
    }
}

struct Alice;

fn alice() -> Account {
    Account {
        id: AccountId::new(1),
        login: "alice".to_owned(),
        display_name: String::new(),
        addresses: vec![MailAddress::parse("alice@kit.example").expect("an address")],
        groups: Vec::new(),
        usable: true,
    }
}

#[async_trait]
impl Directory for Alice {
    async fn find(&self, name: &LoginName) -> Result<Option<Account>, DirectoryError> {
        Ok((name.as_str() == "alice").then(alice))
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        Ok(Some(alice()).filter(|account| account.id == id))
    }

    async fn recipients(&self, _: &MailAddress) -> Result<Vec<AccountId>, DirectoryError> {
        Ok(Vec::new())
    }

    async fn verify(
        &self,
        account: Option<AccountId>,
        password: &Password,
    ) -> Result<bool, DirectoryError> {
        Ok(account.is_some() && password.expose() == "right")
    }

    fn password_change(&self) -> PasswordChange {
        PasswordChange::Here
    }

    async fn check_new_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Ok(())
    }

    async fn set_password(&self, _: AccountId, _: &Password) -> Result<(), SetPasswordError> {
        Err(SetPasswordError::Elsewhere)
    }
}

struct NoCourier;

#[async_trait]
impl Courier for NoCourier {
    async fn send(&self, _: Letter) -> Result<(), CourierError> {
        Err(CourierError::NoRelay)
    }

    async fn fate(&self, _: LetterId) -> Result<Option<Fate>, CourierError> {
        Ok(None)
    }
}

/// Records that keep nothing and only answer what a login needs; everything else fails.
#[derive(Default)]
struct FewRecords {
    lost: AtomicBool,
}

impl FewRecords {
    fn answer<T>(&self, answer: T) -> Result<T, RecordsError> {
        if self.lost.load(Ordering::Relaxed) {
            return Self::none();
        }
        Ok(answer)
    }

    fn none<T>() -> Result<T, RecordsError> {
        Err(RecordsError("not kept".to_owned()))
    }
}

#[async_trait]
impl Records for FewRecords {
    async fn raise_clock(&self, now: Timestamp) -> Result<Timestamp, RecordsError> {
        self.answer(now)
    }

    async fn standing(&self, _: AccountId) -> Result<Standing, RecordsError> {
        self.answer(Standing::default())
    }

    async fn grants(&self, _: AccountId, _: Timestamp) -> Result<Vec<Grant>, RecordsError> {
        self.answer(Vec::new())
    }

    async fn standing_and_grants(
        &self,
        _: AccountId,
        _: Timestamp,
    ) -> Result<(Standing, Vec<Grant>), RecordsError> {
        self.answer((Standing::default(), Vec::new()))
    }

    async fn put_claim(&self, _: &CompanionClaim, _: Timestamp) -> Result<(), RecordsError> {
        Self::none()
    }

    async fn take_claim(
        &self,
        _: &TokenHash,
        _: Timestamp,
    ) -> Result<Option<CompanionClaim>, RecordsError> {
        Self::none()
    }

    async fn waiting_sign_ins(
        &self,
        _: Timestamp,
        _: u32,
    ) -> Result<Vec<WaitingSignIn>, RecordsError> {
        self.answer(Vec::new())
    }

    async fn apply(&self, _: &AccountUpdate) -> Result<Applied, RecordsError> {
        Self::none()
    }

    async fn count_otp_failure(&self, _: &OtpFailure) -> Result<OtpFailures, RecordsError> {
        Self::none()
    }

    async fn mailed_codes(
        &self,
        _: SessionId,
        _: Timestamp,
    ) -> Result<Vec<MailedCode>, RecordsError> {
        Self::none()
    }

    async fn begin_session(&self, _: &NewSession) -> Result<SessionBegun, RecordsError> {
        Self::none()
    }

    async fn session(&self, _: &TokenHash) -> Result<Option<Session>, RecordsError> {
        Self::none()
    }

    async fn session_of_superseded(&self, _: &TokenHash) -> Result<Option<Session>, RecordsError> {
        Self::none()
    }

    async fn update_session(&self, _: SessionId, _: &SessionUpdate) -> Result<bool, RecordsError> {
        Self::none()
    }

    async fn end_session(&self, _: SessionId) -> Result<(), RecordsError> {
        Self::none()
    }

    async fn count(&self, _: &[Throttle], _: Timestamp) -> Result<(), RecordsError> {
        self.answer(())
    }

    async fn begin_guess(
        &self,
        _: &[Throttle],
        _: &[(Throttle, Limit)],
        _: Timestamp,
    ) -> Result<GuessStart, RecordsError> {
        self.answer(GuessStart::Begun)
    }

    async fn settle_guess(
        &self,
        _: &[Throttle],
        _: Timestamp,
        _: bool,
    ) -> Result<(), RecordsError> {
        self.answer(())
    }

    async fn counted(
        &self,
        keys: &[(Throttle, Timestamp)],
    ) -> Result<Vec<Vec<Timestamp>>, RecordsError> {
        self.answer(vec![Vec::new(); keys.len()])
    }

    async fn note(&self, _: &Event) -> Result<(), RecordsError> {
        self.answer(())
    }

    async fn events(
        &self,
        _: AccountId,
        _: &[EventKind],
        _: Timestamp,
        _: u32,
    ) -> Result<Vec<Event>, RecordsError> {
        Self::none()
    }

    async fn event_of(&self, _: &Reference) -> Result<Option<Event>, RecordsError> {
        Self::none()
    }

    async fn all_events(
        &self,
        _: Timestamp,
        _: Option<EventKind>,
        _: u32,
    ) -> Result<Vec<Event>, RecordsError> {
        Self::none()
    }

    async fn revocations(
        &self,
        _: Option<RevocationNumber>,
    ) -> Result<(RevocationNumber, Vec<Revocation>), RecordsError> {
        self.answer((RevocationNumber(0), Vec::new()))
    }

    async fn purge(&self, _: Timestamp, _: Timestamp, _: Timestamp) -> Result<(), RecordsError> {
        self.answer(())
    }

    async fn restored(&self, _: Step, _: Timestamp) -> Result<(), RecordsError> {
        Self::none()
    }

    async fn claim_letters(
        &self,
        _: Timestamp,
        _: Timestamp,
        _: u32,
    ) -> Result<Vec<OutboxLetter>, RecordsError> {
        self.answer(Vec::new())
    }

    async fn remove_letter(&self, _: LetterId) -> Result<(), RecordsError> {
        Self::none()
    }

    async fn put_off_letter(&self, _: LetterId, _: u32, _: Timestamp) -> Result<(), RecordsError> {
        Self::none()
    }

    async fn reseal(&self, _: &Reseal) -> Result<u32, RecordsError> {
        Self::none()
    }
}
