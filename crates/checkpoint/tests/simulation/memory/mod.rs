//! The records in memory: each method is one step on a copy that takes the place of what was there, or nothing at all.
//!
//! Before and after its step a method gives others a turn once, so that whoever polls the callers decides what happens
//! in which order.

mod kept;
mod sessions;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::audit::{Event, EventKind};
use sekisho_checkpoint::factor::{Method, Standing};
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

pub use kept::Kept;

/// Records in memory.
#[derive(Default)]
pub struct MemoryRecords {
    kept: Mutex<Kept>,
    /// How often it was asked whether a guess may be made.
    pub guesses_asked: AtomicU64,
}

impl MemoryRecords {
    /// Records that begin with what others hold.
    pub fn holding(kept: Kept) -> Self {
        Self {
            kept: Mutex::new(kept),
            guesses_asked: AtomicU64::new(0),
        }
    }

    /// A copy of all that is kept at this moment.
    pub fn kept(&self) -> Kept {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// One step, between two turns of others. What fails has done nothing.
    async fn step<T>(
        &self,
        work: impl FnOnce(&mut Kept) -> Result<T, RecordsError>,
    ) -> Result<T, RecordsError> {
        a_turn_of_others().await;
        let result = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let mut copy = kept.clone();
            work(&mut copy).inspect(|_| *kept = copy)
        };
        a_turn_of_others().await;
        result
    }

    /// The same for what only reads.
    async fn look<T>(&self, work: impl FnOnce(&Kept) -> T) -> Result<T, RecordsError> {
        a_turn_of_others().await;
        let seen = work(&self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        a_turn_of_others().await;
        Ok(seen)
    }
}

/// Is pending once.
pub async fn a_turn_of_others() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if waited {
            return std::task::Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[async_trait]
impl Records for MemoryRecords {
    async fn raise_clock(&self, now: Timestamp) -> Result<Timestamp, RecordsError> {
        self.step(|kept| Ok(kept.raise(now))).await
    }

    async fn standing(&self, account: AccountId) -> Result<Standing, RecordsError> {
        self.look(|kept| kept.standing(account)).await
    }

    async fn grants(&self, account: AccountId, now: Timestamp) -> Result<Vec<Grant>, RecordsError> {
        self.look(|kept| kept.live_grants(account, now)).await
    }

    async fn standing_and_grants(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(Standing, Vec<Grant>), RecordsError> {
        self.look(|kept| (kept.standing(account), kept.live_grants(account, now)))
            .await
    }

    async fn put_claim(&self, claim: &CompanionClaim, now: Timestamp) -> Result<(), RecordsError> {
        self.step(|kept| {
            kept.raise(now);
            kept.claims.push(claim.clone());
            Ok(())
        })
        .await
    }

    async fn take_claim(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<CompanionClaim>, RecordsError> {
        self.step(|kept| {
            kept.raise(now);
            let at = kept.claims.iter().position(|claim| claim.token == *token);
            let claim = at.map(|at| kept.claims.remove(at));
            Ok(claim.filter(|claim| now < claim.expires_at))
        })
        .await
    }

    async fn waiting_sign_ins(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<WaitingSignIn>, RecordsError> {
        self.look(|kept| {
            let mut waiting: Vec<_> = kept
                .waiting
                .iter()
                .filter(|w| w.at < before)
                .cloned()
                .collect();
            waiting.sort_by_key(|w| w.at);
            waiting.truncate(limit as usize);
            waiting
        })
        .await
    }

    async fn apply(&self, update: &AccountUpdate) -> Result<Applied, RecordsError> {
        self.step(|kept| kept.apply(update)).await
    }

    async fn count_otp_failure(&self, failure: &OtpFailure) -> Result<OtpFailures, RecordsError> {
        self.step(|kept| kept.count_failure(failure)).await
    }

    async fn mailed_codes(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Vec<MailedCode>, RecordsError> {
        self.look(|kept| {
            let live = |code: &&MailedCode| code.session == session && now < code.expires_at;
            let mut codes: Vec<_> = kept.codes.iter().filter(live).cloned().collect();
            codes.sort_by_key(|code| code.issued_at);
            codes
        })
        .await
    }

    async fn begin_session(&self, new: &NewSession) -> Result<SessionBegun, RecordsError> {
        self.step(|kept| kept.begin_session(new)).await
    }

    async fn session(&self, token: &TokenHash) -> Result<Option<Session>, RecordsError> {
        self.look(|kept| {
            kept.sessions
                .iter()
                .find(|session| session.token == *token)
                .cloned()
        })
        .await
    }

    async fn session_of_superseded(
        &self,
        token: &TokenHash,
    ) -> Result<Option<Session>, RecordsError> {
        let is_it = |session: &&Session| {
            let before = session.superseded.as_ref();
            before.is_some_and(|before| before.token == *token)
        };
        self.look(|kept| kept.sessions.iter().find(is_it).cloned())
            .await
    }

    async fn update_session(
        &self,
        session: SessionId,
        update: &SessionUpdate,
    ) -> Result<bool, RecordsError> {
        self.step(|kept| Ok(kept.update_session(session, update)))
            .await
    }

    async fn end_session(&self, session: SessionId) -> Result<(), RecordsError> {
        self.step(|kept| {
            kept.end_session(session);
            Ok(())
        })
        .await
    }

    async fn count(&self, keys: &[Throttle], now: Timestamp) -> Result<(), RecordsError> {
        self.step(|kept| {
            kept.raise(now);
            kept.counted.extend(keys.iter().map(|key| (key.key(), now)));
            Ok(())
        })
        .await
    }

    async fn begin_guess(
        &self,
        keys: &[Throttle],
        limits: &[(Throttle, Limit)],
        now: Timestamp,
    ) -> Result<GuessStart, RecordsError> {
        self.guesses_asked.fetch_add(1, Ordering::Relaxed);
        self.step(|kept| {
            let wrong: Vec<_> = windows(limits, now)
                .iter()
                .map(|(throttle, since)| kept.times(&throttle.key(), *since))
                .collect();
            let in_flight: Vec<_> = in_flight_windows(limits, now)
                .iter()
                .map(|(key, since)| kept.times(key, *since))
                .collect();
            let start = guess_start(limits, &wrong, &in_flight);
            if start == GuessStart::Begun {
                kept.raise(now);
                let begun = keys.iter().map(|key| (key.key_in_flight(), now));
                kept.counted.extend(begun);
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
        self.step(|kept| {
            for key in keys {
                let begun = (key.key_in_flight(), at);
                if let Some(index) = kept.counted.iter().position(|kept| *kept == begun) {
                    kept.counted.remove(index);
                }
                if was_wrong {
                    kept.counted.push((key.key(), at));
                }
            }
            Ok(())
        })
        .await
    }

    async fn counted(
        &self,
        keys: &[(Throttle, Timestamp)],
    ) -> Result<Vec<Vec<Timestamp>>, RecordsError> {
        self.look(|kept| {
            keys.iter()
                .map(|(throttle, since)| kept.times(&throttle.key(), *since))
                .collect()
        })
        .await
    }

    async fn note(&self, event: &Event) -> Result<(), RecordsError> {
        self.step(|kept| {
            kept.raise(event.at);
            kept.events.push(event.clone());
            Ok(())
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
        let wanted = |event: &Event| {
            event.account == Some(account)
                && event.at > since
                && (kinds.is_empty() || kinds.contains(&event.what))
        };
        self.look(|kept| kept.newest(wanted, limit)).await
    }

    async fn event_of(&self, reference: &Reference) -> Result<Option<Event>, RecordsError> {
        let wanted = |event: &Event| event.reference.as_ref() == Some(reference);
        self.look(|kept| kept.newest(wanted, 1).pop()).await
    }

    async fn all_events(
        &self,
        since: Timestamp,
        what: Option<EventKind>,
        limit: u32,
    ) -> Result<Vec<Event>, RecordsError> {
        let wanted = |event: &Event| event.at > since && what.is_none_or(|what| event.what == what);
        self.look(|kept| kept.newest(wanted, limit)).await
    }

    async fn revocations(
        &self,
        after: Option<RevocationNumber>,
    ) -> Result<(RevocationNumber, Vec<Revocation>), RecordsError> {
        self.look(|kept| {
            let after = after.map_or(i64::MAX, |after| after.0);
            let later = kept.revocations.iter().map(|(revocation, _)| *revocation);
            let later = later
                .filter(|revocation| revocation.number.0 > after)
                .collect();
            (RevocationNumber(kept.last_revocation), later)
        })
        .await
    }

    async fn purge(
        &self,
        events_before: Timestamp,
        sessions_before: Timestamp,
        now: Timestamp,
    ) -> Result<(), RecordsError> {
        self.step(|kept| {
            kept.raise(now);
            let a_day_ago = now - SignedDuration::from_hours(24);
            kept.events.retain(|event| event.at >= events_before);
            let old: Vec<_> = kept
                .sessions
                .iter()
                .filter(|s| s.created_at < sessions_before)
                .map(|s| s.id)
                .collect();
            for session in old {
                kept.end_session(session);
            }
            kept.grants.retain(|(grant, _)| now < grant.expires_at);
            kept.claims.retain(|claim| now < claim.expires_at);
            kept.codes.retain(|code| now < code.expires_at);
            kept.counted.retain(|(_, at)| *at >= a_day_ago);
            kept.revocations.retain(|(_, at)| *at >= a_day_ago);
            Ok(())
        })
        .await
    }

    async fn restored(&self, steps_before: Step, now: Timestamp) -> Result<(), RecordsError> {
        self.step(|kept| {
            kept.raise(now);
            for session in kept.sessions.clone() {
                kept.end_session(session.id);
            }
            kept.waiting.clear();
            kept.claims.clear();
            for (_, is_ended) in &mut kept.grants {
                *is_ended = true;
            }
            for standing in kept.standings.values_mut() {
                for factor in &mut standing.factors {
                    if let Method::OtpApp { last_step, .. } = &mut factor.method {
                        *last_step = Some(last_step.unwrap_or(steps_before).max(steps_before));
                    }
                }
                if let Some(codes) = &mut standing.recovery_codes {
                    codes.left = 0;
                }
            }
            for (_, used) in kept.recovery.values_mut().flatten() {
                *used = true;
            }
            kept.last_revocation += 1_000_000_000;
            Ok(())
        })
        .await
    }

    async fn claim_letters(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<OutboxLetter>, RecordsError> {
        self.step(|kept| Ok(kept.claim_letters(now, until, limit)))
            .await
    }

    async fn remove_letter(&self, letter: LetterId) -> Result<(), RecordsError> {
        self.step(|kept| {
            kept.outbox.retain(|waiting| waiting.id != letter);
            Ok(())
        })
        .await
    }

    async fn put_off_letter(
        &self,
        letter: LetterId,
        tries: u32,
        until: Timestamp,
    ) -> Result<(), RecordsError> {
        self.step(|kept| {
            let still =
                |waiting: &&mut OutboxLetter| waiting.id == letter && waiting.tries == tries;
            if let Some(waiting) = kept.outbox.iter_mut().find(still) {
                waiting.due_at = until;
            }
            Ok(())
        })
        .await
    }

    async fn reseal(&self, reseal: &Reseal) -> Result<u32, RecordsError> {
        self.step(|kept| {
            let mut replaced = 0;
            for (account, standing) in &mut kept.standings {
                for factor in &mut standing.factors {
                    if let Method::OtpApp { key, .. } = &mut factor.method
                        && let Some(new) = reseal(SealedItem::OtpKey(*account, factor.id), key)
                    {
                        *key = new;
                        replaced += 1;
                    }
                }
            }
            for letter in &mut kept.outbox {
                if let Some(new) =
                    reseal(SealedItem::Letter(letter.account, letter.id), &letter.body)
                {
                    letter.body = new;
                }
            }
            for session in &mut kept.sessions {
                let item = SealedItem::Registration(session.account, session.id);
                if let Some(old) = &session.registration
                    && let Some(new) = reseal(item, old)
                {
                    session.registration = Some(new);
                }
            }
            Ok(replaced)
        })
        .await
    }
}
