//! Proving a factor: at sign-in, to renew a grant, and before a change. What is particular to a kind is in a file of
//! its own: `otp_app`, `mailed`, `recovery`; `challenge` is for kinds of which something is drawn here first.

use jiff::{SignedDuration, Timestamp};
use sekisho_otp::OtpCode;

use super::admit::shortened;
use super::sign_in::is_past;
use super::turns::AccountTurn;
use super::{Checkpoint, Failure, Site, Unavailable};
use crate::audit::{Actor, Door, Event, EventKind};
use crate::factor::FactorKind;
use crate::grant::Grant;
use crate::id::{GrantId, SessionToken};
use crate::one_time_code::OneTimeCode;
use crate::ports::{
    AccountUpdate, Applied, CodePurpose, CourierError, InSession, NewToken, OtpFailure,
    RecordsError, SessionUpdate,
};
use crate::throttle::{
    Guess, OTPS_FOR_ACCOUNT, OTPS_FROM_SITE, OTPS_FROM_SOURCE, TRIES_A_SIGN_IN,
    TRIES_BEFORE_DISABLED, Throttle,
};
use crate::web::{AdmittedSession, FactorOwed, FirstStep, Person};

/// What follows of an accepted code.
#[derive(Debug, Clone, Copy)]
pub(super) enum Follows<'a> {
    /// The grant, and this new token for the session.
    Grant(&'a SessionToken),
    /// A change may be made in the session.
    Reproof,
}

/// A code as a person gave it.
#[derive(Debug)]
pub enum Proof {
    /// What an OTP app shows.
    App(OtpCode),
    /// What was mailed.
    Mail(OtpCode),
    /// A recovery code.
    Recovery(OneTimeCode),
}

impl Proof {
    /// Of which kind of factor.
    #[must_use]
    pub fn kind(&self) -> FactorKind {
        match self {
            Self::App(_) => FactorKind::OtpApp,
            Self::Mail(_) => FactorKind::ExternalMail,
            Self::Recovery(_) => FactorKind::RecoveryCode,
        }
    }
}

/// Why a factor is not proven.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The code is wrong.
    #[error("the code is wrong")]
    Wrong {
        /// Of which kind it was to be.
        kind: FactorKind,
        /// Tries left before the password is asked for again; `None` where tries are not counted.
        tries_left: Option<u32>,
    },
    /// The code is right but was used; it cost no try.
    #[error("the code was used already; the next one comes in {next_in_seconds} s")]
    Used {
        /// Seconds until the app shows the next one.
        next_in_seconds: u32,
    },
    /// The code belongs to another time: the device's clock is wrong.
    #[error("the clock of the device is off by about {minutes} minutes")]
    ClockOff {
        /// By how many minutes; negative when it is behind.
        minutes: i32,
        /// Tries left.
        tries_left: Option<u32>,
    },
    /// Too many wrong codes: the session has ended, the password is asked for again.
    #[error("too many wrong codes; sign in again")]
    PasswordAgain,
    /// The page is out of date: something was done meanwhile in another of the browser's tabs, or elsewhere.
    #[error("something else was done meanwhile")]
    OutOfDate,
    /// The kind is disabled after too many failures.
    #[error("this kind of factor is disabled")]
    KindDisabled,
    /// Further tries must wait.
    #[error("further tries must wait until {until}")]
    Wait {
        /// Until when.
        until: Timestamp,
    },
    /// The kind is not registered, or not offered here.
    #[error("this kind of factor is not registered")]
    NotOffered,
    /// No mailed code is live.
    #[error("the mailed code has ended; ask for another")]
    CodeExpired,
    /// Enough codes were mailed.
    #[error("too many codes were mailed; another can be asked for at {until}")]
    TooManyLetters {
        /// When.
        until: Timestamp,
    },
    /// The code could not be mailed.
    #[error(transparent)]
    Mail(#[from] CourierError),
    /// The request's source is not known for certain, so no grant can be made for it.
    #[error("the source of the request is hidden by a proxy that is not configured")]
    SourceObscured,
    /// The checkpoint can't judge just now.
    #[error("the checkpoint can't be asked just now")]
    Unavailable,
}

impl From<Failure> for ProofError {
    fn from(failure: Failure) -> Self {
        let Unavailable = failure.say("a factor could not be checked");
        Self::Unavailable
    }
}

impl From<RecordsError> for ProofError {
    fn from(error: RecordsError) -> Self {
        Failure::from(error).into()
    }
}

impl Checkpoint {
    /// Proves a factor at sign-in: makes the grant and gives the session a new token.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn prove(
        &self,
        owed: &FactorOwed,
        proof: Proof,
        client: &str,
    ) -> Result<SessionToken, ProofError> {
        match &owed.first {
            FirstStep::Prove(kinds) if kinds.contains(&proof.kind()) => {}
            FirstStep::AllDisabled => return Err(ProofError::KindDisabled),
            _ => return Err(ProofError::NotOffered),
        }
        self.prove_and_grant(Person::from(owed), &proof, client)
            .await
    }

    /// Proves a factor in a session that may open mail already, to renew the grant of its source.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn renew(
        &self,
        session: &AdmittedSession,
        proof: Proof,
        client: &str,
    ) -> Result<SessionToken, ProofError> {
        self.prove_and_grant(Person::from(session), &proof, client)
            .await
    }

    async fn prove_and_grant(
        &self,
        person: Person<'_>,
        proof: &Proof,
        client: &str,
    ) -> Result<SessionToken, ProofError> {
        if person.source.is_obscured() {
            return Err(ProofError::SourceObscured);
        }
        let token = SessionToken::draw().map_err(Failure::from)?;
        self.verify_otp(person, proof, client, Follows::Grant(&token))
            .await?;
        Ok(token)
    }

    /// What follows of an accepted code or a finished registration, in the transaction that accepts it.
    pub(super) fn follows(
        &self,
        person: Person<'_>,
        kind: FactorKind,
        client: &str,
        follows: Follows<'_>,
        now: Timestamp,
    ) -> Result<AccountUpdate, Failure> {
        let mut update = AccountUpdate::new(person.account.id, now);
        let mut session = SessionUpdate {
            factor_proven_at: Some(now),
            ..SessionUpdate::default()
        };
        if let Follows::Grant(token) = follows {
            let site = self.site();
            if let Some(source) = person.source.grant_key()
                && !site.networks.trust(&person.source)
            {
                update.grant = Some(Grant {
                    id: GrantId::draw()?,
                    account: person.account.id,
                    source,
                    address: person.source.shown_address(),
                    companion: None,
                    factor: kind,
                    granted_at: now,
                    expires_at: now + site.policy.grant,
                });
                update.events.push(web_event(
                    person,
                    EventKind::Granted,
                    client,
                    kind.as_str(),
                    now,
                ));
            }
            session.last_seen_at = Some(now);
            session.token = Some(NewToken {
                before: person.session.token,
                hash: token.hash(),
                key: person.key.wrap(person.session.id, token)?,
            });
        }
        update.session = Some(InSession::changed(person.session.id, session));
        Ok(update)
    }

    /// Carries out what follows of something that can be used once. Returns whether it was there to be used. The
    /// letters are handed over when the turn has ended.
    pub(super) async fn accept(
        &self,
        turn: &mut AccountTurn,
        update: &AccountUpdate,
    ) -> Result<bool, ProofError> {
        match self.write(update).await? {
            Applied::Done(_) => {
                turn.wrote(&update.letters);
                Ok(true)
            }
            Applied::NotAccepted => Ok(false),
            Applied::SessionEnded => Err(ProofError::PasswordAgain),
            Applied::OutOfDate => Err(ProofError::OutOfDate),
        }
    }

    /// Checks a code, one at a time for an account, and has it accepted together with what follows. Every failure is
    /// counted before its answer is known to anybody.
    pub(super) async fn verify_otp(
        &self,
        person: Person<'_>,
        proof: &Proof,
        client: &str,
        follows: Follows<'_>,
    ) -> Result<(), ProofError> {
        let mut turn = self.one_at_a_time(person.account.id).await;
        let verified = self
            .verify_in_turn(&mut turn, person, proof, client, follows)
            .await;
        self.hand_over(&turn.end()).await;
        verified
    }

    async fn verify_in_turn(
        &self,
        turn: &mut AccountTurn,
        person: Person<'_>,
        proof: &Proof,
        client: &str,
        follows: Follows<'_>,
    ) -> Result<(), ProofError> {
        let kind = proof.kind();
        let now = self.now();
        let site = self.site();
        // Read again under the lock: what the request saw may be from before another guess.
        let session = self.records.session(&person.session.token).await?;
        let Some(session) = session.filter(|s| !is_past(s, &site, now)) else {
            return Err(ProofError::PasswordAgain);
        };
        let standing = self.records.standing(person.account.id).await?;
        if !standing.has_kind(kind) {
            return Err(ProofError::NotOffered);
        }
        if standing.kind(kind).disabled {
            return Err(ProofError::KindDisabled);
        }
        if session.otp_failures >= TRIES_A_SIGN_IN {
            self.records.end_session(session.id).await?;
            return Err(ProofError::PasswordAgain);
        }
        self.obey_otp_limits(person, kind, &site, now).await?;
        let update = self.follows(person, kind, client, follows, now)?;
        match proof {
            Proof::App(code) => {
                self.verify_app(turn, person, &standing, code, client, update)
                    .await
            }
            Proof::Mail(code) => {
                self.verify_mailed(turn, person, code, CodePurpose::Prove, client, update)
                    .await
            }
            Proof::Recovery(code) => {
                self.verify_recovery(turn, person, standing, code, client, update)
                    .await
            }
        }
    }

    /// Counts a wrong code everywhere it counts; returns the tries left in the session.
    pub(super) async fn count_wrong(
        &self,
        turn: &mut AccountTurn,
        person: Person<'_>,
        kind: FactorKind,
        client: &str,
        now: Timestamp,
    ) -> Result<u32, ProofError> {
        let account = person.account.id;
        let guess = Guess::Otp(kind);
        let mut counted = vec![
            Throttle::Account(account, guess),
            Throttle::Source(person.source.throttle_key(), guess),
        ];
        counted.extend(
            person
                .source
                .enclosing_site()
                .map(|s| Throttle::Source(s, guess)),
        );
        let disabling = web_event(person, EventKind::KindDisabled, client, kind.as_str(), now);
        let failure = OtpFailure {
            account,
            kind,
            session: Some(person.session.id),
            disable_at: TRIES_BEFORE_DISABLED,
            counted,
            event: web_event(person, EventKind::OtpWrong, client, kind.as_str(), now),
            disabling_letters: self.news(person.account, person.facts, &disabling)?,
            disabling,
        };
        let failures = self.records.count_otp_failure(&failure).await?;
        if failures.disabled_now {
            turn.wrote(&failure.disabling_letters);
        }
        Ok(TRIES_A_SIGN_IN.saturating_sub(failures.session))
    }

    /// From untrusted networks, after ten failures in an hour each further try waits longer than the last.
    pub(super) async fn obey_otp_limits(
        &self,
        person: Person<'_>,
        kind: FactorKind,
        site: &Site,
        now: Timestamp,
    ) -> Result<(), ProofError> {
        if site.networks.trust(&person.source) {
            return Ok(());
        }
        let guess = Guess::Otp(kind);
        let account = Throttle::Account(person.account.id, guess);
        let times = self
            .records
            .counted(&[(account, now - OTPS_FOR_ACCOUNT.window)])
            .await?;
        let times = times.into_iter().next().unwrap_or_default();
        let beyond = (times.len() as u32).checked_sub(OTPS_FOR_ACCOUNT.count);
        if let (Some(beyond), Some(&last)) = (beyond, times.last()) {
            let until = last + SignedDuration::from_secs(30 << beyond.min(5));
            if now < until {
                return Err(ProofError::Wait { until });
            }
        }
        let source = Throttle::Source(person.source.throttle_key(), guess);
        let mut limits = vec![(source, OTPS_FROM_SOURCE)];
        if let Some(enclosing) = person.source.enclosing_site() {
            limits.push((Throttle::Source(enclosing, guess), OTPS_FROM_SITE));
        }
        match self.over(&limits, now).await? {
            Some(until) => Err(ProofError::Wait { until }),
            None => Ok(()),
        }
    }
}

/// An event of a person in the webmail.
pub(super) fn web_event(
    person: Person<'_>,
    what: EventKind,
    client: &str,
    detail: &str,
    now: Timestamp,
) -> Event {
    Event {
        at: now,
        account: Some(person.account.id),
        name_hash: None,
        actor: Actor::Door(Door::Webmail),
        what,
        address: Some(person.source.shown_address()),
        client: shortened(client),
        reference: None,
        detail: detail.to_owned(),
    }
}
