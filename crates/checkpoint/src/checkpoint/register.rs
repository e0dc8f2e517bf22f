//! Registering factors: who may, what is under way, and what finishing it does. How it goes is in a kind's own file:
//! `otp_app`, `external_mail`.
//!
//! The registration under way lives sealed in the session, not in the browser: whoever comes back to the page, after a
//! reload or after the phone discarded it, finds the same step and the same codes.

use jiff::{SignedDuration, Timestamp};
use sekisho_otp::{AppCode, OtpKey, UserCode};

use super::mailed::MailedCodeState;
use super::pending::Pending;
use super::prove::{Follows, ProofError, web_event};
use super::reproof::{Reproof, ReproofError};
use super::{Checkpoint, Failure, Unavailable};
use crate::address::MailAddress;
use crate::audit::{Event, EventKind};
use crate::factor::{Enrolment, FactorKind};
use crate::id::{FactorId, LetterId, SessionToken};
use crate::one_time_code::OneTimeCode;
use crate::policy::FirstRegistration;
use crate::ports::{AccountUpdate, CodePurpose, RecordsError};
use crate::rule::again::Strictness;
use crate::rule::registration::{Registration, registration};
use crate::throttle::{
    ENROLMENT_CODES_FOR_ACCOUNT, ENROLMENT_CODES_FROM_SOURCE, Guess, GuessStart, Throttle,
};
use crate::web::Person;

/// How long others who try a code at this moment may take.
const IN_FLIGHT: SignedDuration = SignedDuration::from_secs(1);

/// A registration under way.
#[derive(Debug)]
pub enum RegistrationState {
    /// The user code is shown, the app code awaited.
    UserCode {
        /// The user code.
        user: UserCode,
        /// Until when it can be used.
        expires_at: Timestamp,
    },
    /// Both codes are exchanged, the OTP that the app shows is awaited.
    Codes {
        /// The user code, still to be typed into the app.
        user: UserCode,
        /// The app code, as it was taken.
        app: AppCode,
        /// Until when.
        expires_at: Timestamp,
    },
    /// A key is shown for an authenticator of somebody else's; the OTP that it shows is awaited.
    Key {
        /// The key.
        key: OtpKey,
        /// Until when.
        expires_at: Timestamp,
    },
    /// A code was mailed to the address to be registered.
    Address {
        /// The address.
        to: MailAddress,
        /// The code that waits; `None` once it has ended, when another can be asked for.
        code: Option<MailedCodeState>,
        /// Until when the registration can be finished.
        expires_at: Timestamp,
        /// The letter.
        letter: LetterId,
    },
}

/// A factor was registered.
#[derive(Debug)]
pub struct Registered {
    /// A new token for the session: proving the new factor raised its privilege.
    pub token: SessionToken,
    /// The factor.
    pub factor: FactorId,
}

/// Why a factor is not registered, or not yet.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The code that the app shows, or the mailed code, was not accepted.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The password, or a factor, must be proven again first.
    #[error("the password or a factor must be given again")]
    ReproofNeeded {
        /// Whether the password is needed.
        password: bool,
        /// One of these factors is needed; none if empty.
        factor: Vec<FactorKind>,
    },
    /// The password given again is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// The site forbids a first registration from here.
    #[error("a first registration is not possible from this network")]
    Forbidden,
    /// The help desk's one-time code is needed.
    #[error("a one-time code of the help desk is needed")]
    EnrolmentCodeNeeded,
    /// It was given and is wrong.
    #[error("the one-time code of the help desk is wrong")]
    EnrolmentCodeWrong,
    /// It is right, but its time is over.
    #[error("the one-time code of the help desk has expired")]
    EnrolmentCodeExpired,
    /// The address is one of the site's own.
    #[error("an address of the site itself can't be a factor")]
    OwnDomain,
    /// The user code was typed where the app code belongs.
    #[error("this is the user code; the app code is the one that the app made")]
    SameCode,
    /// No registration is under way any more.
    #[error("the codes have ended; begin again")]
    NothingWaits,
    /// The site does not use mailed codes.
    #[error("external mail is not used here")]
    TurnedOff,
    /// The account has as many OTP apps as it may.
    #[error("no more than {0} OTP apps can be registered")]
    TooMany(usize),
    /// The checkpoint can't judge just now.
    #[error("the checkpoint can't be asked just now")]
    Unavailable,
}

impl From<Failure> for RegisterError {
    fn from(failure: Failure) -> Self {
        let Unavailable = failure.say("a registration could not go on");
        Self::Unavailable
    }
}

impl From<RecordsError> for RegisterError {
    fn from(error: RecordsError) -> Self {
        Failure::from(error).into()
    }
}

impl Checkpoint {
    /// The registration under way in a session; `None` if there is none, or its time is over.
    pub async fn registration(
        &self,
        person: Person<'_>,
    ) -> Result<Option<RegistrationState>, RecordsError> {
        Ok(match self.pending(person) {
            None | Some(Pending::RecoveryCodes { .. }) => None,
            Some(Pending::Key {
                app,
                user,
                expires_at,
            }) => Some(RegistrationState::Key {
                key: OtpKey::agree(&app, &user),
                expires_at,
            }),
            Some(Pending::App {
                user,
                app: None,
                expires_at,
            }) => Some(RegistrationState::UserCode { user, expires_at }),
            Some(Pending::App {
                user,
                app: Some(app),
                expires_at,
            }) => Some(RegistrationState::Codes {
                user,
                app,
                expires_at,
            }),
            Some(Pending::Address {
                to,
                letter,
                expires_at,
            }) => Some(RegistrationState::Address {
                to,
                code: self.waiting_code(person, CodePurpose::Register).await?,
                expires_at,
                letter,
            }),
        })
    }

    /// What finishes the registration under way, and ends that in the same transaction: of two requests that would
    /// finish it, one does. Finishing it proves the factor, so that a grant and a new token follow.
    pub(super) fn finishing(
        &self,
        person: Person<'_>,
        kind: FactorKind,
        token: &SessionToken,
        client: &str,
        event: Event,
    ) -> Result<AccountUpdate, Failure> {
        let mut update = self.follows(person, kind, client, Follows::Grant(token), event.at)?;
        if let Some(session) = &mut update.session {
            session.finishes = person.session.registration.clone();
        }
        update.letters = self.news(person.account, person.facts, &event)?;
        update.events.insert(0, event);
        Ok(update)
    }

    /// Gives a registration up.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn abandon_registration(&self, person: Person<'_>) -> Result<(), RecordsError> {
        self.end_pending(person).await
    }

    /// Whether a person may register a factor of a kind from here, with what was given again.
    pub(super) async fn may_register(
        &self,
        person: Person<'_>,
        kind: FactorKind,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), RegisterError> {
        one_more_may_come(person, kind)?;
        let site = self.site();
        let trusted = site.networks.trust(&person.source);
        match registration(person.facts, kind, person.owed, trusted, &site.policy) {
            Registration::ProveFirst => return Err(RegisterError::Forbidden),
            Registration::AfterProof(strictness) => {
                self.prove_again(person, reproof, strictness, client)
                    .await?;
            }
            Registration::First {
                needs,
                after_password,
            } => {
                self.may_register_first(person, needs, reproof, client)
                    .await?;
                if after_password {
                    self.prove_again(person, reproof, Strictness::Recent, client)
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn may_register_first(
        &self,
        person: Person<'_>,
        needs: FirstRegistration,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), RegisterError> {
        match (needs, &reproof.enrolment_code) {
            (FirstRegistration::Allow, _) => Ok(()),
            (FirstRegistration::Forbid, _) => Err(RegisterError::Forbidden),
            (FirstRegistration::EnrolmentCode, None) => Err(RegisterError::EnrolmentCodeNeeded),
            (FirstRegistration::EnrolmentCode, Some(typed)) => {
                self.check_enrolment_code(person, typed, client).await
            }
        }
    }

    /// Checks a code of the help desk. It is written down before it is looked at, and counts if it was wrong.
    async fn check_enrolment_code(
        &self,
        person: Person<'_>,
        typed: &str,
        client: &str,
    ) -> Result<(), RegisterError> {
        // What is no code at all was mistyped.
        let typed = OneTimeCode::parse(typed).map_err(|_| RegisterError::EnrolmentCodeWrong)?;
        let (account, now) = (person.account.id, self.now());
        let source = person.source.throttle_key();
        let of_account = Throttle::Account(account, Guess::EnrolmentCode);
        let from_source = Throttle::Source(source, Guess::EnrolmentCode);
        let limits = [
            (of_account.clone(), ENROLMENT_CODES_FOR_ACCOUNT),
            (from_source.clone(), ENROLMENT_CODES_FROM_SOURCE),
        ];
        let keys = [of_account, from_source];
        match self.records.begin_guess(&keys, &limits, now).await? {
            GuessStart::Begun => {}
            GuessStart::LimitReached { until } => return Err(ProofError::Wait { until }.into()),
            GuessStart::Busy => {
                let until = now + IN_FLIGHT;
                return Err(ProofError::Wait { until }.into());
            }
        }
        let typed = self.enrolment_hash(account, &typed);
        let is_right = |code: &Enrolment| {
            bool::from(subtle::ConstantTimeEq::ct_eq(&code.hash[..], &typed[..]))
        };
        let given = person.facts.enrolment.filter(is_right);
        self.records
            .settle_guess(&keys, now, given.is_none())
            .await?;
        let Some(given) = given else {
            let event = web_event(person, EventKind::EnrolmentCodeWrong, client, "", now);
            self.records.note(&event).await?;
            return Err(RegisterError::EnrolmentCodeWrong);
        };
        if given.expires_at <= now {
            return Err(RegisterError::EnrolmentCodeExpired);
        }
        Ok(())
    }
}

/// Refuses one more of a kind of which a person has as many as may be. Looked at when a registration begins, and
/// when it is finished, since others that began in other sessions may have been finished in between.
pub(super) fn one_more_may_come(person: Person<'_>, kind: FactorKind) -> Result<(), RegisterError> {
    let most = kind.most();
    match most > 1 && person.facts.of_kind(kind).count() >= most {
        true => Err(RegisterError::TooMany(most)),
        false => Ok(()),
    }
}

impl From<ReproofError> for RegisterError {
    fn from(error: ReproofError) -> Self {
        match error {
            ReproofError::Needed { password, factor } => Self::ReproofNeeded { password, factor },
            ReproofError::WrongPassword => Self::WrongPassword,
            ReproofError::Proof(proof) => Self::Proof(proof),
            ReproofError::Failure(failure) => failure.into(),
        }
    }
}
