//! Codes that are mailed to a private address: to prove it, or to register it.

use jiff::{SignedDuration, Timestamp};
use sekisho_otp::OtpCode;

use super::prove::{ProofError, web_event};
use super::{Checkpoint, Out, Site};
use crate::address::MailAddress;
use crate::audit::What;
use crate::factor::{Factor, FactorKind, Method};
use crate::id::{LetterId, SessionId};
use crate::ports::{CodePurpose, Fate, Letter, MailedCode, OtpLetter, RecordsError};
use crate::throttle::{Guess, MAILED_FOR_ACCOUNT, MAILED_FROM_SOURCE, TRIES_A_SIGN_IN, Throttle};
use crate::web::Person;

/// How long after a mailed code the next may be asked for.
const MAIL_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// A code that was mailed and waits to be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailedCodeState {
    /// Where it went.
    pub to: MailAddress,
    /// When.
    pub issued_at: Timestamp,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// The letter, to ask what became of it.
    pub letter: LetterId,
    /// How many tries are left before the password is asked for again.
    pub tries_left: u32,
    /// When another may be asked for.
    pub again_at: Timestamp,
}

impl Checkpoint {
    /// Mails a code to the registered external address.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn mail_code(&self, person: Person<'_>) -> Result<MailedCodeState, ProofError> {
        let kind = FactorKind::ExternalMail;
        let site = self.site();
        let address = person.facts.of_kind(kind).find_map(external_address);
        let (Some(address), true) = (address, site.policy.external_mail) else {
            return Err(ProofError::NotOffered);
        };
        if person.facts.kind(kind).disabled {
            return Err(ProofError::KindDisabled);
        }
        self.mail(person, address.clone(), CodePurpose::Prove, &site)
            .await
    }

    /// The mailed code that waits in a session, for the page that is shown again.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn mailed_code(
        &self,
        person: Person<'_>,
    ) -> Result<Option<MailedCodeState>, RecordsError> {
        self.waiting_code(person, CodePurpose::Prove).await
    }

    /// What became of a letter; `None` if that is unknown.
    pub async fn letter_fate(&self, letter: LetterId) -> Option<Fate> {
        self.courier.fate(letter).await.ok().flatten()
    }

    /// Checks a mailed code and uses it up; returns the address that it proved.
    pub(super) async fn verify_mailed(
        &self,
        person: Person<'_>,
        code: &OtpCode,
        purpose: CodePurpose,
        client: &str,
        now: Timestamp,
    ) -> Result<MailAddress, ProofError> {
        let session = person.session.id;
        let hash = self.code_hash(session, &purpose, code);
        if let Some(mailed) = self.records.use_mailed_code(session, &hash, now).await? {
            return Ok(mailed.address);
        }
        let live = self.records.mailed_codes(session, now).await?;
        if !live.iter().any(|c| c.purpose == purpose) {
            return Err(ProofError::CodeExpired);
        }
        let tries_left = self
            .count_wrong(person, FactorKind::ExternalMail, client, now)
            .await?;
        Err(ProofError::Wrong {
            kind: FactorKind::ExternalMail,
            tries_left: Some(tries_left),
        })
    }

    /// Mails a code for a purpose.
    pub(super) async fn mail(
        &self,
        person: Person<'_>,
        to: MailAddress,
        purpose: CodePurpose,
        site: &Site,
    ) -> Result<MailedCodeState, ProofError> {
        let account = person.account.id;
        // Letters asked for in parallel are counted like letters asked for in a row.
        let _one_at_a_time = self.one_at_a_time(account).await;
        let now = self.now();
        if let Some(waiting) = self.waiting_code(person, purpose.clone()).await?
            && waiting.to.folded() == to.folded()
            && now < waiting.again_at
        {
            return Err(ProofError::TooManyLetters {
                until: waiting.again_at,
            });
        }
        let at_source =
            Throttle::AccountAt(account, person.source.throttle_key(), Guess::MailedCode);
        let at_all = Throttle::Account(account, Guess::MailedCode);
        let limits = [
            (at_source.clone(), MAILED_FROM_SOURCE),
            (at_all.clone(), MAILED_FOR_ACCOUNT),
        ];
        if let Some(until) = self.over(&limits, now).await? {
            return Err(ProofError::TooManyLetters { until });
        }
        let Some(from) = person.account.main_address() else {
            return Err(ProofError::Unavailable);
        };
        let code = OtpCode::generate();
        let letter = LetterId::draw().map_err(Out::from)?;
        let expires_at = now + site.policy.mailed_code;
        // Counted and kept before it is sent: whatever fails afterwards, nobody gets more letters or a code that nobody remembers.
        self.records.count(&[at_source, at_all], now).await?;
        let mailed = MailedCode {
            session: person.session.id,
            account,
            hash: self.code_hash(person.session.id, &purpose, &code),
            purpose,
            address: to.clone(),
            issued_at: now,
            expires_at,
            letter,
        };
        self.records.put_mailed_code(&mailed, now).await?;
        self.courier
            .send(Letter::Otp(OtpLetter {
                id: letter,
                from: from.clone(),
                to: to.clone(),
                code,
                asked_from: person.source.shown_address(),
                expires_at,
            }))
            .await?;
        self.records
            .note(&web_event(person, What::CodeMailed, "", "", now))
            .await?;
        Ok(MailedCodeState {
            to,
            issued_at: now,
            expires_at,
            letter,
            tries_left: TRIES_A_SIGN_IN.saturating_sub(person.session.otp_failures),
            again_at: now + MAIL_AGAIN,
        })
    }

    /// The latest live code of a purpose in a session.
    pub(super) async fn waiting_code(
        &self,
        person: Person<'_>,
        purpose: CodePurpose,
    ) -> Result<Option<MailedCodeState>, RecordsError> {
        let codes = self
            .records
            .mailed_codes(person.session.id, self.now())
            .await?;
        Ok(codes
            .into_iter()
            .filter(|c| c.purpose == purpose)
            .max_by_key(|c| c.issued_at)
            .map(|code| MailedCodeState {
                to: code.address,
                issued_at: code.issued_at,
                expires_at: code.expires_at,
                letter: code.letter,
                tries_left: TRIES_A_SIGN_IN.saturating_sub(person.session.otp_failures),
                again_at: code.issued_at + MAIL_AGAIN,
            }))
    }

    fn code_hash(&self, session: SessionId, purpose: &CodePurpose, code: &OtpCode) -> [u8; 32] {
        let purpose = match purpose {
            CodePurpose::Prove => "mailed code to prove",
            CodePurpose::Register => "mailed code to register",
        };
        self.keys
            .keyed_hash(purpose, format!("{session} {}", code.expose()).as_bytes())
    }
}

/// The address of an external-mail factor.
pub(super) fn external_address(factor: &Factor) -> Option<&MailAddress> {
    match &factor.method {
        Method::ExternalMail { address } => Some(address),
        Method::OtpApp { .. } => None,
    }
}
