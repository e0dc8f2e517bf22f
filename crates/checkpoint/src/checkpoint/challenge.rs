//! Challenges: kinds of factor of which a person has nothing to show before something was drawn here.
//!
//! A challenge is drawn for one session, counts there alone, once and for some minutes, and its answer is a
//! [`Proof`](super::Proof) like any other. What is drawn, and where it goes, is a kind's own.

use super::Checkpoint;
use super::mailed::MailedCodeState;
use super::prove::ProofError;
use crate::factor::FactorKind;
use crate::ports::{CodePurpose, RecordsError};
use crate::web::Person;

/// A challenge that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// A code was mailed; that code is the answer.
    Mailed(MailedCodeState),
}

impl Checkpoint {
    /// Draws a challenge of a kind.
    ///
    /// # Errors
    /// [`ProofError`]; [`ProofError::NotOffered`] for a kind that is proven without one.
    pub async fn challenge(
        &self,
        person: Person<'_>,
        kind: FactorKind,
    ) -> Result<Challenge, ProofError> {
        match kind {
            FactorKind::ExternalMail => self.mail_code(person).await.map(Challenge::Mailed),
            FactorKind::OtpApp | FactorKind::RecoveryCode => Err(ProofError::NotOffered),
        }
    }

    /// The challenge of a kind that waits in a session, for the page that is shown again.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn waiting_challenge(
        &self,
        person: Person<'_>,
        kind: FactorKind,
    ) -> Result<Option<Challenge>, RecordsError> {
        match kind {
            FactorKind::ExternalMail => {
                let code = self.waiting_code(person, CodePurpose::Prove).await?;
                Ok(code.map(Challenge::Mailed))
            }
            FactorKind::OtpApp | FactorKind::RecoveryCode => Ok(None),
        }
    }
}
