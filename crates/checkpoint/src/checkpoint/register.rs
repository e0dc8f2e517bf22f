//! Registering factors: the exchange of codes with an OTP app, and a private address.
//!
//! The registration under way lives sealed in the session, not in the browser: whoever comes back to the page, after a
//! reload or after the phone discarded it, finds the same step and the same codes.

use jiff::{SignedDuration, Timestamp};
use sekisho_otp::{AppCode, OtpCode, OtpKey, UserCode};

use super::mailed::MailedCodeState;
use super::pending::Pending;
use super::prove::{Follows, ProofError, minutes_off, otp_key_binding, web_event};
use super::reproof::{Reproof, ReproofError};
use super::{Checkpoint, Failure, Unavailable};
use crate::address::MailAddress;
use crate::audit::{Event, EventKind};
use crate::factor::{Factor, FactorKind, Method, shortened_name};
use crate::id::{FactorId, LetterId, SessionToken};
use crate::one_time_code::OneTimeCode;
use crate::policy::FirstRegistration;
use crate::ports::{
    AccountUpdate, Applied, Change, CodePurpose, Ending, RecordsError, SessionUpdate,
};
use crate::rule::again::Strictness;
use crate::rule::registration::{Registration, registration};
use crate::web::Person;

/// How long an address that is to be registered is kept for its codes.
const ADDRESS_WAITS: SignedDuration = SignedDuration::from_hours(1);
/// How far a wrong clock is recognised at registration, in steps: twelve hours.
const CLOCK_RADIUS: u64 = 1440;

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

    /// Makes a user code to show; a new one takes the place of one that waits.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn offer_user_code(
        &self,
        person: Person<'_>,
        reproof: &Reproof,
        client: &str,
    ) -> Result<RegistrationState, RegisterError> {
        self.may_register(person, FactorKind::OtpApp, reproof, client)
            .await?;
        let expires_at = self.now() + self.site().policy.user_code;
        let user = UserCode::generate();
        self.keep_pending(person, &Pending::app(&user, None, expires_at))
            .await?;
        Ok(RegistrationState::UserCode { user, expires_at })
    }

    /// Makes a key to show to an authenticator of somebody else's, as a QR code or to be typed (RFC 6238 by its common
    /// form).
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn offer_key(
        &self,
        person: Person<'_>,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), RegisterError> {
        self.may_register(person, FactorKind::OtpApp, reproof, client)
            .await?;
        let pending = Pending::Key {
            app: AppCode::generate(),
            user: UserCode::generate(),
            expires_at: self.now() + self.site().policy.user_code,
        };
        Ok(self.keep_pending(person, &pending).await?)
    }

    /// Takes the app code; makes the user code too, if none waits.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn take_app_code(
        &self,
        person: Person<'_>,
        app: AppCode,
        reproof: &Reproof,
        client: &str,
    ) -> Result<RegistrationState, RegisterError> {
        let (user, expires_at) = match self.pending(person) {
            Some(Pending::App {
                user, expires_at, ..
            }) => (user, expires_at),
            _ => {
                self.may_register(person, FactorKind::OtpApp, reproof, client)
                    .await?;
                (
                    UserCode::generate(),
                    self.now() + self.site().policy.user_code,
                )
            }
        };
        if app.grouped() == user.grouped() {
            return Err(RegisterError::SameCode);
        }
        let pending = Pending::app(&user, Some(&app), expires_at);
        self.keep_pending(person, &pending).await?;
        Ok(RegistrationState::Codes {
            user,
            app,
            expires_at,
        })
    }

    /// Finishes the registration of an OTP app with the code that it shows. For someone who owed a factor this makes
    /// the grant.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn finish_app(
        &self,
        person: Person<'_>,
        otp: OtpCode,
        name: &str,
        client: &str,
    ) -> Result<Registered, RegisterError> {
        let Some(
            Pending::App {
                user,
                app: Some(app),
                ..
            }
            | Pending::Key { user, app, .. },
        ) = self.pending(person)
        else {
            return Err(RegisterError::NothingWaits);
        };
        let now = self.now();
        let key = OtpKey::agree(&app, &user);
        let Some(step) = key.find(&otp, now.as_second()) else {
            return Err(RegisterError::Proof(
                match key.find_wide(&otp, now.as_second(), CLOCK_RADIUS) {
                    Some(step) => ProofError::ClockOff {
                        minutes: minutes_off(step, now),
                        tries_left: None,
                    },
                    None => ProofError::Wrong {
                        kind: FactorKind::OtpApp,
                        tries_left: None,
                    },
                },
            ));
        };
        let id = FactorId::draw().map_err(Failure::from)?;
        let binding = otp_key_binding(person.account.id, id);
        let factor = Factor {
            id,
            name: shortened_name(name),
            registered_at: now,
            last_used_at: Some(now),
            method: Method::OtpApp {
                key: self
                    .keys
                    .seal(binding, key.expose_bytes())
                    .map_err(Failure::from)?,
                last_step: Some(step),
            },
        };
        let token = SessionToken::draw().map_err(Failure::from)?;
        let event = web_event(person, EventKind::AppRegistered, client, &factor.name, now);
        let update = self.finishing(person, FactorKind::OtpApp, &token, client, event)?;
        let update = AccountUpdate {
            change: Change::AddFactor(factor),
            ..update
        };
        match self.apply(&update).await? {
            Applied::Done(_) => Ok(Registered { token, factor: id }),
            Applied::SessionEnded | Applied::NotAccepted => Err(RegisterError::NothingWaits),
        }
    }

    /// Takes an address to register and mails it a code; again for another code, or another address.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn take_address(
        &self,
        person: Person<'_>,
        address: MailAddress,
        reproof: &Reproof,
        client: &str,
    ) -> Result<RegistrationState, RegisterError> {
        let site = self.site();
        if !site.policy.external_mail {
            return Err(RegisterError::TurnedOff);
        }
        let own = site.policy.own_domains.contain(&address)
            || person
                .account
                .addresses
                .iter()
                .any(|a| a.folded() == address.folded());
        if own {
            return Err(RegisterError::OwnDomain);
        }
        // Who proved enough to begin may ask for the code again, for the same address and in the same hour, without
        // proving it again.
        let begun = match self.pending(person) {
            Some(Pending::Address { to, expires_at, .. }) if to.folded() == address.folded() => {
                Some(expires_at)
            }
            _ => {
                self.may_register(person, FactorKind::ExternalMail, reproof, client)
                    .await?;
                None
            }
        };
        // Longer than its code: whoever waited too long finds the address still there, and asks for another code.
        let expires_at = begun.unwrap_or(self.now() + ADDRESS_WAITS);
        let letter = LetterId::draw().map_err(Failure::from)?;
        let pending = Pending::Address {
            to: address.clone(),
            letter,
            expires_at,
        };
        let under_way = SessionUpdate {
            registration: Some(self.sealed_pending(person, &pending)?),
            ..SessionUpdate::default()
        };
        let code = self
            .mail(
                person,
                letter,
                address.clone(),
                CodePurpose::Register,
                under_way,
                &site,
            )
            .await?;
        Ok(RegistrationState::Address {
            to: address,
            expires_at,
            letter,
            code: Some(code),
        })
    }

    /// Finishes the registration of an address with the code that was mailed there. An address registered before gives
    /// way to it only now.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn finish_address(
        &self,
        person: Person<'_>,
        otp: OtpCode,
        client: &str,
    ) -> Result<Registered, RegisterError> {
        let Some(Pending::Address { to, .. }) = self.pending(person) else {
            return Err(RegisterError::NothingWaits);
        };
        let _one_at_a_time = self.one_at_a_time(person.account.id).await;
        let now = self.now();
        self.may_try_registration_code(person, &otp, &to, now)
            .await?;
        let id = FactorId::draw().map_err(Failure::from)?;
        let factor = Factor {
            id,
            name: String::new(),
            registered_at: now,
            last_used_at: Some(now),
            method: Method::ExternalMail { address: to },
        };
        let replaces = person
            .facts
            .of_kind(FactorKind::ExternalMail)
            .next()
            .is_some();
        let event = web_event(person, EventKind::AddressRegistered, client, "", now);
        // The old address hears of it, and the new one.
        let mut facts = person.facts.clone();
        facts.factors.push(factor.clone());
        let (change, ending) = if replaces {
            (Change::ReplaceFactors(factor), self.ending_but(person))
        } else {
            (Change::AddFactor(factor), Ending::NOTHING)
        };
        let person_after = Person {
            facts: &facts,
            ..person
        };
        let token = SessionToken::draw().map_err(Failure::from)?;
        let update = self.finishing(
            person_after,
            FactorKind::ExternalMail,
            &token,
            client,
            event,
        )?;
        let update = AccountUpdate {
            change,
            ending,
            ..update
        };
        self.verify_mailed(person, &otp, CodePurpose::Register, client, update)
            .await?;
        Ok(Registered { token, factor: id })
    }

    /// What finishes the registration under way, and ends that in the same transaction: of two requests that would
    /// finish it, one does. Finishing it proves the factor, so that a grant and a new token follow.
    fn finishing(
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

    /// Whether a code for an address may be tried: not one that was mailed to another.
    async fn may_try_registration_code(
        &self,
        person: Person<'_>,
        otp: &OtpCode,
        to: &MailAddress,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let session = self.records.session(&person.session.token).await?;
        if session.is_none_or(|s| s.otp_failures >= crate::throttle::TRIES_A_SIGN_IN) {
            self.records.end_session(person.session.id).await?;
            return Err(ProofError::PasswordAgain.into());
        }
        self.obey_otp_limits(person, FactorKind::ExternalMail, &self.site(), now)
            .await?;
        match self
            .mailed_to(person, otp, CodePurpose::Register, now)
            .await?
        {
            Some(address) if address != *to => Err(RegisterError::NothingWaits),
            _ => Ok(()),
        }
    }

    /// Whether a person may register a factor of a kind from here, with what was given again.
    async fn may_register(
        &self,
        person: Person<'_>,
        kind: FactorKind,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), RegisterError> {
        let site = self.site();
        let most = kind.most();
        if most > 1 && person.facts.of_kind(kind).count() >= most {
            return Err(RegisterError::TooMany(most));
        }
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
                self.may_register_first(person, needs, reproof)?;
                if after_password {
                    self.prove_again(person, reproof, Strictness::Recent, client)
                        .await?;
                }
            }
        }
        Ok(())
    }

    fn may_register_first(
        &self,
        person: Person<'_>,
        needs: FirstRegistration,
        reproof: &Reproof,
    ) -> Result<(), RegisterError> {
        match (needs, person.facts.enrolment, &reproof.enrolment_code) {
            (FirstRegistration::Allow, _, _) => Ok(()),
            (FirstRegistration::Forbid, _, _) => Err(RegisterError::Forbidden),
            (FirstRegistration::EnrolmentCode, _, None) => Err(RegisterError::EnrolmentCodeNeeded),
            (FirstRegistration::EnrolmentCode, expected, Some(typed)) => {
                let typed =
                    OneTimeCode::parse(typed).map_err(|_| RegisterError::EnrolmentCodeWrong)?;
                let typed = self.enrolment_hash(person.account.id, &typed);
                let given = expected
                    .filter(|e| bool::from(subtle::ConstantTimeEq::ct_eq(&e.hash[..], &typed[..])))
                    .ok_or(RegisterError::EnrolmentCodeWrong)?;
                if given.expires_at <= self.now() {
                    return Err(RegisterError::EnrolmentCodeExpired);
                }
                Ok(())
            }
        }
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
