//! One function a promise. Each gets a fresh place and opens the records there as often as it likes.

pub mod accounts;
pub mod clock_and_counts;
pub mod codes;
pub mod events;
pub mod grants;
pub mod outbox;
pub mod proofs;
pub mod sessions;
pub mod steps;

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::audit::{Actor, Door, Event, EventKind};
use sekisho_checkpoint::factor::{Factor, FactorKind, Method};
use sekisho_checkpoint::grant::Grant;
use sekisho_checkpoint::id::{FactorId, LetterId, SessionId, SessionToken};
use sekisho_checkpoint::ports::{
    AccountUpdate, Applied, Change, Ending, MailedCode, NewSession, OneTime, OtpFailure,
    OtpFailures, OutboxLetter, Records, RecordsError, RevocationNumber, WaitingSignIn,
};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::session::Session;
use sekisho_otp::Step;
use sekisho_source::{KeyLength, Source, SourceKey};

/// Where records are kept.
#[async_trait]
pub trait Place: Send + Sync {
    /// Opens them, as a process does when it starts.
    async fn open(&self) -> Arc<dyn Records>;
}

/// Makes a module of tests that hold a place to every promise.
macro_rules! held_by {
    ($name:ident, $place:expr) => {
        $crate::promises::held_by! { $name, $place,
            accounts::an_account_never_heard_of_has_the_default_standing
            accounts::changes_of_an_account_are_seen_and_survive_reopening
            accounts::a_change_that_fails_leaves_nothing_behind
            accounts::an_update_of_a_session_that_has_ended_does_nothing
            accounts::a_registration_is_finished_by_one_of_racing_callers
            accounts::of_two_first_registrations_one_is_the_first
            accounts::a_kind_is_disabled_at_its_limit_and_says_so_once
            accounts::failures_survive_reopening_and_end_with_a_success
            accounts::a_reset_takes_everything_and_leaves_the_enrolment_code
            accounts::a_recovery_code_is_used_once_and_goes_with_the_last_factor
            accounts::a_new_password_is_wanted_until_it_is_not
            accounts::resealing_replaces_keys_and_nothing_else
            clock_and_counts::the_clock_never_falls_below_its_mark
            clock_and_counts::failures_are_counted_within_their_window_and_survive_reopening
            clock_and_counts::guesses_in_parallel_are_counted_up_to_the_limit_by_however_many_processes
            clock_and_counts::a_guess_counts_when_it_was_wrong_and_stands_in_the_way_until_that_is_known
            codes::a_mailed_code_is_used_exactly_once_by_racing_callers
            codes::a_mailed_code_ends_with_its_time_its_session_and_its_siblings
            events::events_come_back_newest_first_and_by_reference
            events::what_was_restored_is_over
            events::revocations_are_numbered_in_order_and_never_twice
            events::purging_removes_what_is_past_and_nothing_else
            grants::a_grant_is_live_until_its_end_and_not_at_it
            grants::standing_and_grants_come_together_as_they_come_alone
            grants::a_later_grant_of_the_same_source_takes_the_place_and_keeps_the_id
            grants::endings_reach_the_sources_they_name_companions_included
            grants::an_ended_grant_can_not_be_put_back
            grants::a_companion_joins_by_a_claim_that_is_taken_once
            outbox::a_letter_is_claimed_by_one_at_a_time_until_it_is_removed
            outbox::codes_are_claimed_before_news_and_what_is_due_first_before_the_rest
            outbox::a_letter_is_put_off_by_whoever_claimed_it_last
            outbox::a_letter_for_a_session_goes_with_it_and_news_does_not
            outbox::a_withdrawn_letter_takes_its_code_along
            proofs::a_proof_is_written_whole
            proofs::a_proof_in_a_session_that_has_ended_leaves_nothing_behind
            proofs::what_was_used_already_leaves_nothing_behind
            proofs::what_is_not_there_to_be_changed_uses_nothing_up
            proofs::a_proof_that_fails_leaves_nothing_behind
            proofs::of_proofs_that_replace_one_token_one_does
            proofs::nothing_that_not_me_ended_is_made_by_a_proof_at_the_same_time
            proofs::a_wrong_otp_is_counted_whole
            sessions::a_session_comes_back_whole_and_is_updated_in_part
            sessions::a_sign_in_is_written_whole_or_not_at_all
            sessions::a_superseded_token_is_known_until_it_is_forgotten
            sessions::a_session_takes_the_place_of_one_that_was_left_behind
            sessions::ended_sessions_stay_ended
            sessions::no_session_slips_past_an_ending_that_is_being_written
            sessions::a_sign_in_waits_until_its_factor_comes_or_it_is_taken
            steps::one_of_sixty_four_racing_callers_has_the_step_accepted
            steps::a_step_and_those_before_it_are_never_accepted_again
        }
    };
    ($name:ident, $place:expr, $($module:ident::$promise:ident)+) => {
        mod $name {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $promise() {
                    promises::$module::$promise(&$place).await;
                }
            )+
        }
    };
}
pub(crate) use held_by;

pub fn alice() -> AccountId {
    AccountId::new(7)
}

pub fn bob() -> AccountId {
    AccountId::new(8)
}

/// An instant, in seconds from an arbitrary one.
pub fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-04-06T09:00:00Z".parse().expect("an instant");
    start + SignedDuration::from_secs(seconds)
}

pub fn source(address: &str) -> SourceKey {
    let address: IpAddr = address.parse().expect("an address");
    Source::assured(address, KeyLength::default()).throttle_key()
}

pub fn event(what: EventKind, seconds: i64) -> Event {
    Event {
        at: at(seconds),
        account: Some(alice()),
        name_hash: None,
        actor: Actor::Door(Door::Webmail),
        what,
        address: Some("203.0.113.7".parse().expect("an address")),
        client: "Firefox".to_owned(),
        reference: None,
        detail: String::new(),
    }
}

pub fn otp_app(id: i64) -> Factor {
    Factor {
        id: FactorId::new(id),
        name: "my phone".to_owned(),
        registered_at: at(id),
        last_used_at: None,
        method: Method::OtpApp {
            key: Sealed(vec![1, 2, 3, id as u8]),
            last_step: None,
        },
    }
}

pub fn external_mail(id: i64) -> Factor {
    Factor {
        id: FactorId::new(id),
        name: String::new(),
        registered_at: at(id),
        last_used_at: None,
        method: Method::ExternalMail {
            address: MailAddress::parse("Alice.Private@example.net").expect("an address"),
        },
    }
}

pub fn session(id: i64) -> (SessionToken, Session) {
    let token = SessionToken::draw().expect("randomness");
    let session = Session {
        id: SessionId::new(id),
        token: token.hash(),
        key: Sealed(vec![8; 60]),
        superseded: None,
        account: alice(),
        created_at: at(0),
        last_seen_at: at(0),
        password_proven_at: at(0),
        factor_proven_at: None,
        otp_failures: 0,
        registration: None,
        stash: None,
        password: None,
    };
    (token, session)
}

/// A session that begins, and nothing besides; the event is nobody's.
pub fn begins(session: &Session) -> NewSession {
    NewSession {
        session: session.clone(),
        unless_revoked_since: RevocationNumber(0),
        takes_place_of: None,
        waiting: None,
        event: Event {
            account: None,
            ..event(EventKind::SignedIn, 0)
        },
    }
}

/// Carries out a change that ends nothing.
pub async fn change(records: &dyn Records, change: Change) {
    apply(records, change, Ending::NOTHING).await;
}

pub async fn apply(records: &dyn Records, change: Change, ending: Ending) -> RevocationNumber {
    match records.apply(&update(change, ending)).await {
        Ok(Applied::Done(number)) => number,
        other => panic!("no session gave it: {other:?}"),
    }
}

/// An update that no session gave.
pub fn update(change: Change, ending: Ending) -> AccountUpdate {
    AccountUpdate {
        change,
        ending,
        events: vec![event(EventKind::MfaOn, 0)],
        ..AccountUpdate::new(alice(), at(0))
    }
}

pub async fn register(records: &dyn Records, factor: Factor) {
    change(records, Change::AddFactor(factor)).await;
}

/// A letter of the outbox, due at an instant.
pub fn letter(id: i64, due: i64) -> OutboxLetter {
    OutboxLetter {
        id: LetterId::new(id),
        account: alice(),
        session: None,
        body: Sealed(vec![5, id as u8]),
        tries: 0,
        due_at: at(due),
        expires_at: at(due + 1000),
    }
}

/// Updates that do one thing.
#[async_trait]
pub trait OneThing: Records {
    /// Begins a session, whatever was revoked before.
    async fn begin(
        &self,
        session: &Session,
        waiting: Option<WaitingSignIn>,
    ) -> Result<(), RecordsError> {
        let (unless_revoked_since, _) = self.revocations(None).await?;
        let new = NewSession {
            unless_revoked_since,
            waiting,
            ..begins(session)
        };
        self.begin_session(&new).await.map(drop)
    }

    async fn uses(
        &self,
        account: AccountId,
        one_time: OneTime,
        now: Timestamp,
    ) -> Result<bool, RecordsError> {
        let update = AccountUpdate {
            uses: Some(one_time),
            ..AccountUpdate::new(account, now)
        };
        Ok(matches!(self.apply(&update).await?, Applied::Done(_)))
    }

    async fn accept_step(
        &self,
        account: AccountId,
        factor: FactorId,
        step: Step,
        now: Timestamp,
    ) -> Result<bool, RecordsError> {
        self.uses(account, OneTime::Step { factor, step }, now)
            .await
    }

    async fn use_mailed_code(
        &self,
        session: SessionId,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<bool, RecordsError> {
        let hash = *hash;
        self.uses(alice(), OneTime::MailedCode { session, hash }, now)
            .await
    }

    /// Returns how many are left.
    async fn use_recovery_code(
        &self,
        account: AccountId,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<u32>, RecordsError> {
        let codes = self.standing(account).await?.recovery_codes;
        let Some(left) = codes.and_then(|codes| codes.left.checked_sub(1)) else {
            return Ok(None);
        };
        let hash = *hash;
        let used = self
            .uses(account, OneTime::RecoveryCode { hash, left }, now)
            .await?;
        Ok(used.then_some(left))
    }

    async fn put_mailed_code(
        &self,
        code: &MailedCode,
        now: Timestamp,
    ) -> Result<Applied, RecordsError> {
        self.apply(&AccountUpdate {
            change: Change::MailedCode(code.clone()),
            ..AccountUpdate::new(code.account, now)
        })
        .await
    }

    async fn put_grant(&self, grant: &Grant, now: Timestamp) -> Result<Applied, RecordsError> {
        self.apply(&AccountUpdate {
            grant: Some(grant.clone()),
            ..AccountUpdate::new(grant.account, now)
        })
        .await
    }

    /// A wrong OTP of Alice's of which nothing else follows.
    async fn count_failure(
        &self,
        kind: FactorKind,
        session: Option<SessionId>,
        disable_at: u32,
        now: i64,
    ) -> Result<OtpFailures, RecordsError> {
        self.count_otp_failure(&OtpFailure {
            account: alice(),
            kind,
            session,
            disable_at,
            counted: Vec::new(),
            event: event(EventKind::OtpWrong, now),
            disabling: event(EventKind::KindDisabled, now),
            disabling_letters: Vec::new(),
        })
        .await
    }
}

impl<R: Records + ?Sized> OneThing for R {}
