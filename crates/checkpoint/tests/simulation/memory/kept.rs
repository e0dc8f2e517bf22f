//! What the records hold, and each step that changes it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::audit::Event;
use sekisho_checkpoint::factor::{
    Factor, FactorKind, KindStanding, Method, RecoveryCodes, Standing,
};
use sekisho_checkpoint::grant::Grant;
use sekisho_checkpoint::id::SessionId;
use sekisho_checkpoint::ports::{
    AccountUpdate, Applied, Change, CodePurpose, CompanionClaim, Cut, Ending, Expected, MailedCode,
    OneTime, OtpFailure, OtpFailures, OutboxLetter, Reach, RecordsError, Revocation,
    RevocationNumber, WaitingSignIn,
};
use sekisho_checkpoint::session::Session;
use sekisho_source::SourceKey;

/// All that is kept.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// The clock's mark.
    pub mark: Option<Timestamp>,
    pub(super) standings: BTreeMap<AccountId, Standing>,
    /// By account: the hash of each recovery code, and whether it was used.
    pub(super) recovery: BTreeMap<AccountId, Vec<([u8; 32], bool)>>,
    /// With whether it was ended by hand.
    pub(super) grants: Vec<(Grant, bool)>,
    pub(super) claims: Vec<CompanionClaim>,
    pub(super) waiting: Vec<WaitingSignIn>,
    /// The sessions that have not ended, in the order in which they began.
    pub sessions: Vec<Session>,
    /// How many events there were when each session began.
    pub began: BTreeMap<SessionId, usize>,
    /// How many there were when each session had ended, those of the ending itself among them.
    pub ended: BTreeMap<SessionId, usize>,
    /// How often somebody was told to send a letter: whoever wrote it, and whoever claimed it.
    pub sendings: usize,
    pub(super) codes: Vec<MailedCode>,
    pub(super) counted: Vec<(String, Timestamp)>,
    /// All events, in the order in which they were written.
    pub events: Vec<Event>,
    pub(super) revocations: Vec<(Revocation, Timestamp)>,
    pub(super) last_revocation: i64,
    /// The letters that wait.
    pub outbox: Vec<OutboxLetter>,
}

pub(super) fn failure<T>(words: &str) -> Result<T, RecordsError> {
    Err(RecordsError(words.to_owned()))
}

impl Kept {
    pub(super) fn raise(&mut self, now: Timestamp) -> Timestamp {
        let mark = self.mark.map_or(now, |mark| mark.max(now));
        self.mark = Some(mark);
        mark
    }

    /// How an account stands.
    pub fn standing(&self, account: AccountId) -> Standing {
        let mut standing = self.standings.get(&account).cloned().unwrap_or_default();
        // Of one instant, as they were registered: an id is drawn, and must not decide in which order things happen.
        standing.factors.sort_by_key(|factor| factor.registered_at);
        standing
    }

    /// The live grants of an account, the newest first.
    pub fn live_grants(&self, account: AccountId, now: Timestamp) -> Vec<Grant> {
        let live = |(grant, is_ended): &&(Grant, bool)| {
            grant.account == account && !is_ended && now < grant.expires_at
        };
        let mut grants: Vec<Grant> = self
            .grants
            .iter()
            .filter(live)
            .map(|(grant, _)| grant.clone())
            .collect();
        grants.sort_by_key(|grant| std::cmp::Reverse(grant.granted_at));
        grants
    }

    pub(super) fn of(&mut self, account: AccountId) -> &mut Standing {
        self.standings.entry(account).or_default()
    }

    pub(super) fn kind(&mut self, account: AccountId, kind: FactorKind) -> &mut KindStanding {
        self.of(account).kinds.of_mut(kind)
    }

    pub(super) fn apply(&mut self, update: &AccountUpdate) -> Result<Applied, RecordsError> {
        let (account, at) = (update.account, update.at);
        self.raise(at);
        if let Some(session) = &update.session {
            let Some(now) = self
                .sessions
                .iter()
                .find(|s| s.id == session.id && s.account == account)
            else {
                return Ok(Applied::SessionEnded);
            };
            let is_another = session
                .update
                .token
                .as_ref()
                .is_some_and(|new| new.before != now.token);
            if is_another || (session.finishes.is_some() && session.finishes != now.registration) {
                return Ok(Applied::OutOfDate);
            }
        }
        if let Some(expected) = &update.expects
            && *expected != Expected::of(&self.standing(account))
        {
            return Ok(Applied::OutOfDate);
        }
        if let Some(one_time) = &update.uses
            && !self.used(account, one_time, at)
        {
            return Ok(Applied::NotAccepted);
        }
        if !self.changed(account, &update.change, at)? {
            return match update.uses {
                None => Ok(Applied::NotAccepted),
                // An error, so that what was used up is given back.
                Some(_) => failure("what is to be changed is not there"),
            };
        }
        let ended = self.end(account, &update.ending);
        if let Some(grant) = &update.grant {
            self.waiting
                .retain(|w| w.account != account || w.source != grant.source);
            self.put_grant(grant)?;
        }
        if let Some(session) = &update.session {
            if session.finishes.is_some() {
                self.session(session.id, |kept| kept.registration = None);
            }
            self.update_session(session.id, &session.update);
        }
        if let Some(letter) = update.withdraws {
            self.codes.retain(|code| code.letter != letter);
            self.outbox.retain(|waiting| waiting.id != letter);
        }
        self.counted
            .extend(update.counted.iter().map(|key| (key.key(), at)));
        self.events.extend(update.events.iter().cloned());
        for session in ended {
            self.ended.insert(session, self.events.len());
        }
        self.put_letters(&update.letters)?;
        Ok(Applied::Done(self.revoke(account, &update.ending, at)))
    }

    pub(super) fn used(&mut self, account: AccountId, one_time: &OneTime, now: Timestamp) -> bool {
        let kind = match one_time {
            OneTime::Step { factor, step } => {
                let taken =
                    self.of(account)
                        .factors
                        .iter_mut()
                        .find_map(|kept| match &mut kept.method {
                            Method::OtpApp { last_step, .. }
                                if kept.id == *factor
                                    && last_step.is_none_or(|last| last < *step) =>
                            {
                                *last_step = Some(*step);
                                kept.last_used_at = Some(now);
                                Some(())
                            }
                            _ => None,
                        });
                if taken.is_none() {
                    return false;
                }
                FactorKind::OtpApp
            }
            OneTime::MailedCode { session, hash } => {
                let live = |code: &&MailedCode| {
                    code.session == *session
                        && code.account == account
                        && code.hash == *hash
                        && now < code.expires_at
                };
                let Some(code) = self.codes.iter().find(live).cloned() else {
                    return false;
                };
                self.codes.retain(|other| other.session != *session);
                if code.purpose == CodePurpose::Prove {
                    for kept in &mut self.of(account).factors {
                        if let Method::ExternalMail { address } = &kept.method
                            && *address == code.address
                        {
                            kept.last_used_at = Some(now);
                        }
                    }
                }
                FactorKind::ExternalMail
            }
            OneTime::RecoveryCode { hash, left } => {
                let codes = self.recovery.entry(account).or_default();
                let unused = codes.iter().filter(|(_, used)| !used).count();
                let Some(code) = codes.iter_mut().find(|(kept, used)| kept == hash && !used) else {
                    return false;
                };
                if unused != *left as usize + 1 {
                    return false;
                }
                code.1 = true;
                if let Some(codes) = &mut self.of(account).recovery_codes {
                    codes.left = *left;
                }
                FactorKind::RecoveryCode
            }
            OneTime::WaitingSignIn { source, at } => {
                let before = self.waiting.len();
                self.waiting
                    .retain(|w| w.account != account || w.source != *source || w.at != *at);
                return self.waiting.len() < before;
            }
        };
        self.kind(account, kind).failures = 0;
        true
    }

    pub(super) fn changed(
        &mut self,
        account: AccountId,
        change: &Change,
        at: Timestamp,
    ) -> Result<bool, RecordsError> {
        match change {
            Change::None => {}
            Change::Mfa(on) => self.of(account).mfa_on = *on,
            Change::AddFactor(factor) => {
                self.add(account, factor)?;
                self.of(account).enrolment = None;
            }
            Change::RemoveFactor(id) => {
                let before = self.of(account).factors.len();
                self.of(account).factors.retain(|kept| kept.id != *id);
                if self.of(account).factors.len() == before {
                    return Ok(false);
                }
                if before == 1 {
                    self.set_recovery_codes(account, &[], at);
                }
            }
            Change::RenameFactor(id, name) => {
                let mut factors = self.of(account).factors.iter_mut();
                let Some(factor) = factors.find(|kept| kept.id == *id) else {
                    return Ok(false);
                };
                factor.name.clone_from(name);
            }
            Change::RecoveryCodes(hashes) => self.set_recovery_codes(account, hashes, at),
            Change::PasswordWanted(wanted) => self.of(account).password_wanted = *wanted,
            Change::ReplaceFactors(factor) => {
                self.of(account)
                    .factors
                    .retain(|kept| kept.kind() != factor.kind());
                self.add(account, factor)?;
            }
            Change::EnableKind(kind) => *self.kind(account, *kind) = KindStanding::default(),
            Change::Reset(code) => {
                self.set_recovery_codes(account, &[], at);
                let standing = self.of(account);
                *standing = Standing {
                    mfa_on: standing.mfa_on,
                    password_wanted: standing.password_wanted,
                    enrolment: Some(*code),
                    ..Standing::default()
                };
            }
            Change::EnrolmentCode(code) => self.of(account).enrolment = Some(*code),
            Change::MailedCode(code) => {
                if !self
                    .sessions
                    .iter()
                    .any(|session| session.id == code.session)
                {
                    return failure("there is no such session");
                }
                self.codes.push(code.clone());
            }
            Change::JoinGrant(id, companion) => {
                let live = |(grant, is_ended): &&mut (Grant, bool)| {
                    grant.id == *id && !*is_ended && at < grant.expires_at
                };
                match self.grants.iter_mut().find(live) {
                    Some((grant, _)) => grant.companion = Some(*companion),
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    pub(super) fn add(&mut self, account: AccountId, factor: &Factor) -> Result<(), RecordsError> {
        let is_taken =
            |standing: &Standing| standing.factors.iter().any(|kept| kept.id == factor.id);
        if self.standings.values().any(is_taken) {
            return failure("two factors of one id");
        }
        self.of(account).factors.push(factor.clone());
        Ok(())
    }

    pub(super) fn set_recovery_codes(
        &mut self,
        account: AccountId,
        hashes: &[[u8; 32]],
        at: Timestamp,
    ) {
        self.recovery
            .insert(account, hashes.iter().map(|hash| (*hash, false)).collect());
        self.of(account).recovery_codes = (!hashes.is_empty()).then_some(RecoveryCodes {
            made_at: at,
            left: hashes.len() as u32,
        });
    }

    pub(super) fn put_grant(&mut self, grant: &Grant) -> Result<(), RecordsError> {
        let same = |(kept, is_ended): &&mut (Grant, bool)| {
            kept.account == grant.account && kept.source == grant.source && !*is_ended
        };
        if let Some((kept, _)) = self.grants.iter_mut().find(same) {
            *kept = Grant {
                id: kept.id,
                companion: grant.companion.or(kept.companion),
                ..grant.clone()
            };
            return Ok(());
        }
        if self.grants.iter().any(|(kept, _)| kept.id == grant.id) {
            return failure("the grant of that id has ended");
        }
        self.grants.push((grant.clone(), false));
        Ok(())
    }

    pub(super) fn put_letters(&mut self, letters: &[OutboxLetter]) -> Result<(), RecordsError> {
        for letter in letters {
            if self.outbox.iter().any(|kept| kept.id == letter.id) {
                return failure("two letters of one id");
            }
            self.outbox.push(letter.clone());
            self.sendings += 1;
        }
        Ok(())
    }

    pub(super) fn end(&mut self, account: AccountId, ending: &Ending) -> Vec<SessionId> {
        let reached: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|session| session.account == account)
            .map(|session| session.id)
            .filter(|id| match ending.sessions {
                Reach::None => false,
                Reach::All => true,
                Reach::AllBut(other) => *id != other,
                Reach::Only(this) => *id == this,
            })
            .collect();
        for session in &reached {
            self.end_session(*session);
        }
        let has = |grant: &Grant, key: SourceKey| {
            grant.source == key
                || grant
                    .companion
                    .is_some_and(|companion| companion.source == key)
        };
        for (grant, is_ended) in self
            .grants
            .iter_mut()
            .filter(|(grant, _)| grant.account == account)
        {
            *is_ended |= match ending.grants {
                Reach::None => false,
                Reach::All => true,
                Reach::AllBut(key) => !has(grant, key),
                Reach::Only(key) => has(grant, key),
            };
        }
        reached
    }

    pub(super) fn revoke(
        &mut self,
        account: AccountId,
        ending: &Ending,
        at: Timestamp,
    ) -> RevocationNumber {
        let cut = match (ending.connections, ending.grants) {
            (Cut::None, Reach::None) => return RevocationNumber(self.last_revocation),
            (Cut::None, _) => Cut::Judged,
            (cut, _) => cut,
        };
        self.last_revocation += 1;
        let number = RevocationNumber(self.last_revocation);
        self.revocations.push((
            Revocation {
                number,
                account,
                cut,
            },
            at,
        ));
        number
    }

    pub(super) fn count_failure(
        &mut self,
        failure: &OtpFailure,
    ) -> Result<OtpFailures, RecordsError> {
        self.raise(failure.event.at);
        let kind = self.kind(failure.account, failure.kind);
        let was_disabled = kind.disabled;
        kind.failures += 1;
        kind.disabled |= kind.failures >= failure.disable_at;
        let (failures, disabled_now) = (kind.failures, kind.disabled && !was_disabled);
        let mut in_session = 0;
        if let Some(session) = failure.session {
            self.session(session, |kept| {
                kept.otp_failures += 1;
                in_session = kept.otp_failures;
            });
        }
        self.counted.extend(
            failure
                .counted
                .iter()
                .map(|key| (key.key(), failure.event.at)),
        );
        self.events.push(failure.event.clone());
        if disabled_now {
            self.events.push(failure.disabling.clone());
            self.put_letters(&failure.disabling_letters)?;
        }
        Ok(OtpFailures {
            session: in_session,
            kind: failures,
            disabled_now,
        })
    }

    pub(super) fn claim_letters(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Vec<OutboxLetter> {
        if self.outbox.iter().any(|letter| letter.due_at <= now) {
            self.raise(now);
        }
        self.outbox
            .sort_by_key(|letter| (letter.session.is_none(), letter.due_at));
        let due = self.outbox.iter_mut().filter(|letter| letter.due_at <= now);
        let claimed: Vec<_> = due
            .take(limit as usize)
            .map(|letter| {
                letter.tries += 1;
                letter.due_at = until;
                letter.clone()
            })
            .collect();
        self.sendings += claimed.len();
        claimed
    }

    /// How many guesses there are of which nobody wrote down what came of them.
    pub fn guesses_in_flight(&self) -> usize {
        let keys = self.counted.iter().map(|(key, _)| key);
        keys.filter(|key| key.starts_with("in flight ")).count()
    }

    /// The times counted under a key after an instant, the latest 200.
    pub(super) fn times(&self, key: &str, since: Timestamp) -> Vec<Timestamp> {
        let found = self
            .counted
            .iter()
            .filter(|(kept, at)| kept == key && *at > since);
        let mut times: Vec<Timestamp> = found.map(|(_, at)| *at).collect();
        times.sort_unstable();
        times.split_off(times.len().saturating_sub(200))
    }

    /// The newest first; of one instant, the last written first.
    pub(super) fn newest(&self, wanted: impl Fn(&Event) -> bool, limit: u32) -> Vec<Event> {
        let mut events: Vec<Event> = self
            .events
            .iter()
            .rev()
            .filter(|event| wanted(event))
            .cloned()
            .collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        events.truncate(limit as usize);
        events
    }
}
