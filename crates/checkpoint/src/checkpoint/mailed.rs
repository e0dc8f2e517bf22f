//! Codes that are mailed to a private address: to prove it, or to register it.

use jiff::{SignedDuration, Timestamp};
use sekisho_otp::OtpCode;

use super::prove::{ProofError, web_event};
use super::turns::AccountTurn;
use super::{Checkpoint, Failure, Site};
use crate::address::MailAddress;
use crate::audit::EventKind;
use crate::factor::{Factor, FactorKind};
use crate::id::{LetterId, SessionId};
use crate::ports::{
    AccountUpdate, Applied, Change, CodePurpose, Fate, InSession, MailedCode, OneTime, OtpLetter,
    RecordsError, SessionUpdate,
};
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
    pub(super) async fn mail_code(
        &self,
        person: Person<'_>,
    ) -> Result<MailedCodeState, ProofError> {
        let kind = FactorKind::ExternalMail;
        let site = self.site();
        let address = person.facts.of_kind(kind).find_map(Factor::address);
        let (Some(address), true) = (address, site.policy.external_mail) else {
            return Err(ProofError::NotOffered);
        };
        if person.facts.kind(kind).disabled {
            return Err(ProofError::KindDisabled);
        }
        let letter = LetterId::draw().map_err(Failure::from)?;
        let unchanged = SessionUpdate::default();
        self.mail(
            person,
            letter,
            address.clone(),
            CodePurpose::Prove,
            unchanged,
            &site,
        )
        .await
    }

    /// What became of a letter; `None` if that is unknown.
    pub async fn letter_fate(&self, letter: LetterId) -> Option<Fate> {
        self.courier.fate(letter).await.ok().flatten()
    }

    /// Checks a mailed code, and has it accepted together with what follows.
    pub(super) async fn verify_mailed(
        &self,
        turn: &mut AccountTurn,
        person: Person<'_>,
        code: &OtpCode,
        purpose: CodePurpose,
        client: &str,
        mut update: AccountUpdate,
    ) -> Result<(), ProofError> {
        let session = person.session.id;
        let now = update.at;
        let hash = self.code_hash(session, &purpose, code);
        update.uses = Some(OneTime::MailedCode { session, hash });
        if self.accept(turn, &update).await? {
            return Ok(());
        }
        let live = self.records.mailed_codes(session, now).await?;
        if !live.iter().any(|c| c.purpose == purpose) {
            return Err(ProofError::CodeExpired);
        }
        let tries_left = self
            .count_wrong(turn, person, FactorKind::ExternalMail, client, now)
            .await?;
        Err(ProofError::Wrong {
            kind: FactorKind::ExternalMail,
            tries_left: Some(tries_left),
        })
    }

    /// To where a live code of a session was mailed; `None` if it is none.
    pub(super) async fn mailed_to(
        &self,
        person: Person<'_>,
        code: &OtpCode,
        purpose: CodePurpose,
        now: Timestamp,
    ) -> Result<Option<MailAddress>, RecordsError> {
        let session = person.session.id;
        let hash = self.code_hash(session, &purpose, code);
        let live = self.records.mailed_codes(session, now).await?;
        Ok(live.into_iter().find(|c| c.hash == hash).map(|c| c.address))
    }

    /// Mails a code for a purpose. That it is counted, the code itself, its letter, the event and what changes of the
    /// session are one transaction.
    pub(super) async fn mail(
        &self,
        person: Person<'_>,
        letter: LetterId,
        to: MailAddress,
        purpose: CodePurpose,
        under_way: SessionUpdate,
        site: &Site,
    ) -> Result<MailedCodeState, ProofError> {
        let account = person.account.id;
        // Letters asked for in parallel are counted like letters asked for in a row.
        let turn = self.one_at_a_time(account).await;
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
        let expires_at = now + site.policy.mailed_code;
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
        let carried = OtpLetter {
            id: letter,
            from: from.clone(),
            to: to.clone(),
            code,
            asked_from: person.source.shown_address(),
            expires_at,
        };
        let carried = self.otp_letter(account, person.session.id, &carried)?;
        let update = AccountUpdate {
            session: Some(InSession::changed(person.session.id, under_way.clone())),
            change: Change::MailedCode(mailed),
            counted: vec![at_source, at_all],
            events: vec![web_event(person, EventKind::CodeMailed, "", "", now)],
            letters: vec![carried.clone()],
            ..AccountUpdate::new(account, now)
        };
        let Applied::Done(_) = self.write(&update).await? else {
            return Err(ProofError::PasswordAgain);
        };
        drop(turn);
        if let Err(error) = self.try_to_hand_over(&carried).await {
            self.take_back(person, letter, &under_way).await;
            return Err(error.into());
        }
        Ok(MailedCodeState {
            to,
            issued_at: now,
            expires_at,
            letter,
            tries_left: TRIES_A_SIGN_IN.saturating_sub(person.session.otp_failures),
            again_at: now + MAIL_AGAIN,
        })
    }

    /// Takes a code back that could not be handed over: it must not wait to be typed. That it was asked for stays
    /// counted. The registration for which it was is not under way either, unless another has been begun meanwhile.
    async fn take_back(&self, person: Person<'_>, letter: LetterId, under_way: &SessionUpdate) {
        let as_before = SessionUpdate {
            registration: under_way
                .registration
                .as_ref()
                .map(|_| person.session.registration.clone()),
            ..SessionUpdate::default()
        };
        let mut update = AccountUpdate {
            session: Some(InSession {
                finishes: under_way.registration.clone().flatten(),
                ..InSession::changed(person.session.id, as_before)
            }),
            withdraws: Some(letter),
            ..AccountUpdate::new(person.account.id, self.now())
        };
        let mut taken = self.write(&update).await;
        if let Ok(Applied::OutOfDate) = taken {
            update.session = None;
            taken = self.write(&update).await;
        }
        if let Err(error) = taken {
            tracing::error!(%letter, %error, "a code that could not be mailed could not be taken back");
        }
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
