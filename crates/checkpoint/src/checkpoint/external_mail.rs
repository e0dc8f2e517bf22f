//! External mail: registering a private address by a code that is mailed there.

use jiff::{SignedDuration, Timestamp};
use sekisho_otp::OtpCode;

use super::pending::Pending;
use super::prove::{ProofError, web_event};
use super::register::{RegisterError, Registered, RegistrationState};
use super::reproof::Reproof;
use super::turns::AccountTurn;
use super::{Checkpoint, Failure};
use crate::address::MailAddress;
use crate::audit::EventKind;
use crate::factor::{Factor, FactorKind, Method};
use crate::id::{FactorId, LetterId, SessionToken};
use crate::ports::{AccountUpdate, Change, CodePurpose, Ending, Expected, SessionUpdate};
use crate::throttle::TRIES_A_SIGN_IN;
use crate::web::Person;

/// How long an address that is to be registered is kept for its codes.
const ADDRESS_WAITS: SignedDuration = SignedDuration::from_hours(1);

impl Checkpoint {
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
        let mut turn = self.one_at_a_time(person.account.id).await;
        let finished = self
            .finish_address_in_turn(&mut turn, person, otp, to, client)
            .await;
        self.hand_over(&turn.end()).await;
        finished
    }

    async fn finish_address_in_turn(
        &self,
        turn: &mut AccountTurn,
        person: Person<'_>,
        otp: OtpCode,
        to: MailAddress,
        client: &str,
    ) -> Result<Registered, RegisterError> {
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
            expects: Some(Expected::of(person.facts)),
            change,
            ending,
            ..update
        };
        self.verify_mailed(turn, person, &otp, CodePurpose::Register, client, update)
            .await?;
        Ok(Registered { token, factor: id })
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
        if session.is_none_or(|s| s.otp_failures >= TRIES_A_SIGN_IN) {
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
}
