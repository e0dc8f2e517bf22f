//! Checking a name and a password: the half that all doors share.

use std::hash::Hash;
use std::pin::pin;

use jiff::{SignedDuration, Timestamp};
use sekisho_source::Source;

use super::password_owner::PasswordOwner;
use super::turns::{Turn, Turns};
use super::verified::{Epoch, WrongBefore};
use super::{Checkpoint, Failure, Site};
use crate::account::{Account, AccountId, LoginName, Password};
use crate::audit::EventKind;
use crate::credential::{Credential, PasswordCheck};
use crate::factor::Standing;
use crate::grant::Grant;
use crate::rule::{Cause, Decision, Facts, decide};
use crate::throttle::{
    Guess, GuessStart, Limit, PASSWORDS_FOR_ACCOUNT, PASSWORDS_FROM_SITE, PASSWORDS_FROM_SOURCE,
    Throttle, reached_until, windows,
};

/// For how long a guess waits for its turn and for the outcome of others in flight.
const LONGEST_BUSY: SignedDuration = SignedDuration::from_secs(20);
/// When it asks again, should nothing be heard of them.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_millis(200);

/// Who a typed name leads to: an account, or nobody, then known by a keyed hash alone.
#[derive(Debug)]
pub(super) enum Subject {
    /// An account with what the records keep of it.
    Known(Box<Known>),
    /// A name that leads to no account.
    Unknown([u8; 32]),
}

/// An account with its facts.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) account: Account,
    pub(super) standing: Standing,
    pub(super) grants: Vec<Grant>,
}

impl Subject {
    pub(super) fn account(&self) -> Option<AccountId> {
        match self {
            Self::Known(known) => Some(known.account.id),
            Self::Unknown(_) => None,
        }
    }

    pub(super) fn name_hash(&self) -> Option<[u8; 32]> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(hash) => Some(*hash),
        }
    }

    /// Whose password is guessed.
    pub(super) fn whose(&self) -> PasswordOwner {
        match self {
            Self::Known(known) => PasswordOwner::Account(known.account.id),
            Self::Unknown(hash) => PasswordOwner::Nobody(*hash),
        }
    }
}

/// What came of a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guessed {
    Right,
    Wrong,
    /// Nothing was tried: too many guesses were wrong.
    MustWait {
        until: Timestamp,
    },
}

/// What came of looking at a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// This is known of it. Whether it lets anybody in, the rule says.
    Known(PasswordCheck),
    /// Too many guesses were wrong: nothing was looked at until then, right or not.
    Throttled(Timestamp),
}

impl Checkpoint {
    /// Finds who a typed name leads to.
    pub(super) async fn subject(
        &self,
        name: &str,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<Subject, Failure> {
        let unknown = || Subject::Unknown(self.keys.keyed_hash("name", name.as_bytes()));
        let Ok(login) = LoginName::parse(name) else {
            return Ok(unknown());
        };
        let same = authorization
            .filter(|other| !other.is_empty())
            .is_none_or(|other| LoginName::parse(other).is_ok_and(|o| o == login));
        if !same {
            return Ok(unknown());
        }
        let Some(account) = self.directory.find(&login).await? else {
            return Ok(Subject::Unknown(
                self.keys.keyed_hash("name", login.as_str().as_bytes()),
            ));
        };
        Ok(Subject::Known(Box::new(self.known(account, now).await?)))
    }

    /// Joins an account with what the records keep of it.
    pub(super) async fn known(&self, account: Account, now: Timestamp) -> Result<Known, Failure> {
        let (standing, grants) = self.records.standing_and_grants(account.id, now).await?;
        Ok(Known {
            account,
            standing,
            grants,
        })
    }

    /// Checks a password against its subject, counting and obeying failures.
    pub(super) async fn check_password(
        &self,
        subject: &Subject,
        password: &Password,
        source: &Source,
        site: &Site,
        now: Timestamp,
    ) -> Result<Checked, Failure> {
        if let Subject::Known(known) = subject
            && self.verified.knows(known.account.id, password, source, now)
        {
            return Ok(Checked::Known(PasswordCheck::Remembered));
        }
        let limits = self.limits(subject, source, site, now);
        let guess = self.guess(subject.whose(), password, source, &limits, now);
        Ok(match guess.await? {
            Guessed::Right => Checked::Known(PasswordCheck::Right),
            Guessed::Wrong => Checked::Known(PasswordCheck::Wrong),
            Guessed::MustWait { until } => Checked::Throttled(until),
        })
    }

    /// Makes a guess at a password. It is written down before anything is computed, and counts as wrong for the limits
    /// until its outcome is known, so that guesses in parallel are limited like guesses in a row. The same wrong one
    /// again counts once: it is remembered when, and only when, it was counted. Since what does not count has no limit,
    /// it is also computed only once in a few seconds: till then it is still wrong. That tells nobody anything new, and
    /// nobody can keep the processors busy with what costs no guess.
    ///
    /// # Errors
    /// The records or the directory are out of reach. Without records nothing is tried, and no outcome is told that was
    /// not written down.
    pub(super) async fn guess(
        &self,
        whose: PasswordOwner,
        password: &Password,
        source: &Source,
        limits: &[(Throttle, Limit)],
        now: Timestamp,
    ) -> Result<Guessed, Failure> {
        // Whom a limit keeps waiting does not stand in the way of others as well.
        if let Some(until) = self.over(limits, now).await? {
            return Ok(Guessed::MustWait { until });
        }
        let keys = failure_keys(whose.throttle(), whose.throttle_at(source), source);
        let give_up_at = self.clock.now() + LONGEST_BUSY;
        let mut head_of_line = None;
        loop {
            let turn = self.turn_until(&self.guessing, whose, give_up_at).await?;
            // Listening begins before the records are asked, so that no outcome is missed.
            let mut settled = pin!(self.guess_settled.notified());
            settled.as_mut().enable();
            let seen = self.verified.epoch();
            let before = self.verified.wrong_before(whose, password, source, now);
            let start = match before {
                WrongBefore::JustNow => return Ok(Guessed::Wrong),
                WrongBefore::Counted => GuessStart::Begun,
                WrongBefore::No => self.records.begin_guess(&keys, limits, now).await?,
            };
            match start {
                GuessStart::LimitReached { until } => return Ok(Guessed::MustWait { until }),
                GuessStart::Busy if self.clock.now() >= give_up_at => {
                    return Err(Failure::GuessesInFlight);
                }
                GuessStart::Busy => {}
                GuessStart::Begun => {
                    drop(head_of_line.take());
                    let verified = self.directory.verify(whose.account(), password).await;
                    let was_wrong = matches!(verified, Ok(false));
                    if before == WrongBefore::No {
                        let written = self.records.settle_guess(&keys, now, was_wrong).await;
                        self.guess_settled.notify_waiters();
                        written?;
                    }
                    if verified? {
                        return Ok(Guessed::Right);
                    }
                    self.verified
                        .remember_wrong(whose, password, source, now, seen);
                    return Ok(Guessed::Wrong);
                }
            }
            // Nobody else's guess waits behind one that may not be made yet.
            drop(turn);
            // Only one of those whom the widest limit keeps waiting asks the records again and again. Otherwise all of
            // them would ask whenever a guess is settled, and a thousand from one source keep everybody from writing.
            if let (None, Some((widest, _))) = (&head_of_line, limits.last()) {
                let line = self.turn_until(&self.in_line, widest.clone(), give_up_at);
                head_of_line = Some(line.await?);
                continue;
            }
            let again = self.clock.sleep_until(self.clock.now() + LOOK_AGAIN);
            tokio::select! {
                // In this order, so that tests can have a run again.
                biased;
                () = settled => {}
                // Other processes' guesses are settled unheard.
                () = again => {}
            }
        }
    }

    /// Waits for a turn, but not for ever: how long those before need is up to a directory elsewhere.
    async fn turn_until<K: Eq + Hash>(
        &self,
        turns: &Turns<K>,
        whose: K,
        give_up_at: Timestamp,
    ) -> Result<Turn, Failure> {
        tokio::select! {
            biased;
            turn = turns.take(whose) => Ok(turn),
            // Nobody sleeps who has the turn at once.
            () = async { self.clock.sleep_until(give_up_at).await } => Err(Failure::GuessesInFlight),
        }
    }

    /// Takes somebody's word that the password was right, obeying failures as if it had been checked here: after too
    /// many, a right one does not count.
    pub(super) async fn trust_password(
        &self,
        subject: &Subject,
        source: &Source,
        site: &Site,
        now: Timestamp,
    ) -> Result<Checked, Failure> {
        let attested = Checked::Known(PasswordCheck::Attested);
        let Subject::Known(_) = subject else {
            return Ok(attested);
        };
        let limits = self.limits(subject, source, site, now);
        let throttled = self.over(&limits, now).await?;
        Ok(throttled.map_or(attested, Checked::Throttled))
    }

    /// Counts a wrong password that was tried elsewhere, once however often it is repeated.
    pub(super) async fn count_wrong_password(
        &self,
        whose: PasswordOwner,
        password: &Password,
        source: &Source,
        now: Timestamp,
    ) -> Result<(), Failure> {
        // Who has waited for too long counts without a turn: rather twice than never.
        let give_up_at = self.clock.now() + LONGEST_BUSY;
        let _one_at_a_time = self
            .turn_until(&self.guessing, whose, give_up_at)
            .await
            .ok();
        let seen = self.verified.epoch();
        let before = self.verified.wrong_before(whose, password, source, now);
        if before == WrongBefore::No {
            let keys = failure_keys(whose.throttle(), whose.throttle_at(source), source);
            self.records.count(&keys, now).await?;
            self.verified
                .remember_wrong(whose, password, source, now, seen);
        }
        Ok(())
    }

    /// Asks the rule about an account, for which a credential was shown.
    pub(super) fn judge(
        &self,
        known: &Known,
        credential: Credential,
        source: &Source,
        site: &Site,
        now: Timestamp,
    ) -> Decision {
        let facts = Facts {
            account: &known.account,
            credential,
            mfa_on: known.standing.mfa_on,
            has_factor: known.standing.has_factor(),
            grants: &known.grants,
        };
        decide(&facts, source, &site.networks, &site.policy, now)
    }

    /// Remembers an admitted verification.
    pub(super) fn remember(
        &self,
        account: AccountId,
        password: &Password,
        source: &Source,
        now: Timestamp,
        seen: Epoch,
    ) {
        self.verified.remember(account, password, source, now, seen);
    }

    /// Whether strangers' failures must not lock this source out: it lies in a trusted network or has a live grant. Its
    /// own still count.
    fn sheltered(&self, subject: &Subject, source: &Source, site: &Site, now: Timestamp) -> bool {
        site.networks.trust(source)
            || match (subject, source.grant_key()) {
                (Subject::Known(known), Some(key)) => {
                    known.grants.iter().any(|g| g.covers(key, now))
                }
                _ => false,
            }
    }

    /// What limits guesses at a subject's password from a source.
    fn limits(
        &self,
        subject: &Subject,
        source: &Source,
        site: &Site,
        now: Timestamp,
    ) -> Vec<(Throttle, Limit)> {
        let whose = subject.whose();
        let mut limits = vec![(whose.throttle_at(source), PASSWORDS_FOR_ACCOUNT)];
        if !self.sheltered(subject, source, site, now) {
            limits.push((whose.throttle(), PASSWORDS_FOR_ACCOUNT));
            limits.push((
                Throttle::Source(source.throttle_key(), Guess::Password),
                PASSWORDS_FROM_SOURCE,
            ));
            if let Some(site) = source.enclosing_site() {
                limits.push((Throttle::Source(site, Guess::Password), PASSWORDS_FROM_SITE));
            }
        }
        limits
    }

    /// The latest end of any limit that is reached.
    pub(super) async fn over(
        &self,
        limits: &[(Throttle, Limit)],
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Failure> {
        let counted = self.records.counted(&windows(limits, now)).await?;
        Ok(reached_until(limits, &counted))
    }
}

/// A wrong password counts for account (or name), source and both, wherever it comes from; whom it keeps waiting is
/// another question.
fn failure_keys(all: Throttle, at_source: Throttle, source: &Source) -> Vec<Throttle> {
    let mut keys = vec![
        all,
        at_source,
        Throttle::Source(source.throttle_key(), Guess::Password),
    ];
    keys.extend(
        source
            .enclosing_site()
            .map(|s| Throttle::Source(s, Guess::Password)),
    );
    keys
}

/// What a refusal is in the audit.
pub(super) fn refusal(cause: Cause) -> EventKind {
    match cause {
        Cause::Credential => EventKind::RefusedPassword,
        Cause::Account => EventKind::RefusedDisabled,
    }
}
