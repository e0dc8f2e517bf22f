//! Proving password and factor once more, before a change.

use super::password_owner::PasswordOwner;
use super::passwords::Guessed;
use super::prove::{Follows, Proof, ProofError};
use super::{Checkpoint, Failure};
use crate::account::Password;
use crate::factor::FactorKind;
use crate::ports::SessionUpdate;
use crate::rule::again::{OwedAgain, Proven, Strictness, owed_again};
use crate::throttle::{Guess, PASSWORDS_FOR_ACCOUNT, Throttle};
use crate::web::Person;

/// What a person gives again before a change.
#[derive(Debug, Default)]
pub struct Reproof {
    /// The password.
    pub password: Option<Password>,
    /// A code.
    pub proof: Option<Proof>,
    /// The help desk's one-time code, where the first registration needs it.
    pub enrolment_code: Option<String>,
}

impl Reproof {
    /// Nothing given: what was proven a moment ago must do.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

/// Why what was given again is not enough.
#[derive(Debug)]
pub(super) enum ReproofError {
    Needed {
        password: bool,
        factor: Vec<FactorKind>,
    },
    WrongPassword,
    Proof(ProofError),
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for ReproofError {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

impl Checkpoint {
    /// Makes sure that what the rule wants proven once more is proven.
    pub(super) async fn prove_again(
        &self,
        person: Person<'_>,
        reproof: &Reproof,
        strictness: Strictness,
        client: &str,
    ) -> Result<(), ReproofError> {
        let owed = self.owed_again(person, strictness);
        self.prove_owed(person, reproof, owed, client).await
    }

    /// What the rule wants proven once more.
    pub(super) fn owed_again(&self, person: Person<'_>, strictness: Strictness) -> OwedAgain {
        let recent = self.site().policy.recent_proof;
        owed_again(self.proven(person), strictness, recent, self.now())
    }

    /// Makes sure that what is owed is proven once more.
    pub(super) async fn prove_owed(
        &self,
        person: Person<'_>,
        reproof: &Reproof,
        OwedAgain { password, factor }: OwedAgain,
        client: &str,
    ) -> Result<(), ReproofError> {
        let offered = if factor {
            self.offered(person)
        } else {
            Vec::new()
        };
        if factor && offered.is_empty() {
            return Err(ReproofError::Proof(ProofError::KindDisabled));
        }
        let needs_password = password && reproof.password.is_none();
        let needs_factor = factor && reproof.proof.is_none();
        if needs_password || needs_factor {
            return Err(ReproofError::Needed {
                password,
                factor: offered,
            });
        }
        if password {
            self.check_again(person, reproof.password.as_ref()).await?;
        }
        if let (true, Some(entry)) = (factor, &reproof.proof) {
            self.verify_otp(person, entry, client, Follows::Reproof)
                .await
                .map_err(ReproofError::Proof)?;
        }
        Ok(())
    }

    /// What the rule has to know of somebody who changes something.
    pub(super) fn proven(&self, person: Person<'_>) -> Proven {
        Proven {
            password_at: person.session.password_proven_at,
            factor_at: person.session.factor_proven_at,
            has_factor: person.facts.has_factor(),
            trusted: self.site().networks.trust(&person.source),
        }
    }

    /// Checks the password of a signed-in person once more; failures count as at every door.
    async fn check_again(
        &self,
        person: Person<'_>,
        password: Option<&Password>,
    ) -> Result<(), ReproofError> {
        let now = self.now();
        let account = person.account.id;
        let Some(password) = password else {
            return Err(ReproofError::WrongPassword);
        };
        let from_here = Throttle::AccountAt(account, person.source.throttle_key(), Guess::Password);
        let limits = [(from_here, PASSWORDS_FOR_ACCOUNT)];
        let whose = PasswordOwner::Account(account);
        let guess = self.guess(whose, password, &person.source, &limits, now);
        match guess.await? {
            Guessed::Right => {}
            Guessed::Wrong => return Err(ReproofError::WrongPassword),
            Guessed::MustWait { until } => {
                return Err(ReproofError::Proof(ProofError::Wait { until }));
            }
        }
        let update = SessionUpdate {
            password_proven_at: Some(now),
            ..SessionUpdate::default()
        };
        self.records
            .update_session(person.session.id, &update)
            .await?;
        Ok(())
    }
}
