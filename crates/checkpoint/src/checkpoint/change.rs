//! What a person changes, each change with what it ends, its event and its letter in one transaction.

use super::prove::{ProofError, web_event};
use super::reproof::{Reproof, ReproofError};
use super::{Checkpoint, Failure, Unavailable};
use crate::audit::EventKind;
use crate::factor::{FactorKind, Method, shortened_name};
use crate::id::{FactorId, GrantId};
use crate::ports::{AccountUpdate, Change, Cut, Ending, Reach, RecordsError, SetPasswordError};
use crate::rule::again::Strictness;
use crate::web::{AdmittedSession, Person};

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The password, or a factor, must be given first.
    #[error("the password or a factor must be given again")]
    ReproofNeeded {
        /// Whether the password is needed.
        password: bool,
        /// One of these factors is needed; none if empty.
        factor: Vec<FactorKind>,
    },
    /// The password is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// The code was not accepted.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The site requires MFA.
    #[error("the site requires multi-factor authentication")]
    Required,
    /// From an untrusted network MFA is turned on only together with a proven factor.
    #[error("register a factor first, or come from a trusted network")]
    NoFactor,
    /// Possible from a trusted network only.
    #[error("this is possible from a trusted network only")]
    NotTrusted,
    /// There is no such factor (any more).
    #[error("there is no such factor")]
    NoSuchFactor,
    /// Passwords are changed here, so none was changed elsewhere.
    #[error("passwords of this account are changed here")]
    ChangedHere,
    /// The new password was not taken.
    #[error(transparent)]
    Password(#[from] SetPasswordError),
    /// The checkpoint can't judge just now.
    #[error("the checkpoint can't be asked just now")]
    Unavailable,
}

impl From<ReproofError> for ChangeError {
    fn from(error: ReproofError) -> Self {
        match error {
            ReproofError::Needed { password, factor } => Self::ReproofNeeded { password, factor },
            ReproofError::WrongPassword => Self::WrongPassword,
            ReproofError::Proof(proof) => Self::Proof(proof),
            ReproofError::Failure(failure) => failure.into(),
        }
    }
}

impl From<Failure> for ChangeError {
    fn from(failure: Failure) -> Self {
        let Unavailable = failure.say("a change could not be made");
        Self::Unavailable
    }
}

impl Checkpoint {
    /// Turns MFA on or off. Turning it on ends every other session, and mail connections that the rule no longer
    /// admits.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn set_mfa(
        &self,
        session: &AdmittedSession,
        on: bool,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(session);
        let site = self.site();
        if person.facts.mfa_on == on {
            return Ok(());
        }
        if !on && site.policy.requires_mfa(&person.account.groups, self.now()) {
            return Err(ChangeError::Required);
        }
        let trusted = site.networks.trust(&person.source);
        if on && !trusted && !person.facts.has_factor() {
            return Err(ChangeError::NoFactor);
        }
        let strictness = match on {
            true => Strictness::Recent,
            false => Strictness::Anew,
        };
        self.prove_again(person, reproof, strictness, client)
            .await?;
        let (what, ending) = if on {
            let ending = Ending {
                sessions: Reach::AllBut(person.session.id),
                grants: Reach::None,
                connections: Cut::Judged,
            };
            (EventKind::MfaOn, ending)
        } else {
            (EventKind::MfaOff, Ending::NOTHING)
        };
        let event = web_event(person, what, client, "", self.now());
        self.carry_out(person, Change::Mfa(on), ending, event).await
    }

    /// Removes a factor. Ends all other sessions, all grants but this source's and all mail connections.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn remove_factor(
        &self,
        session: &AdmittedSession,
        factor: FactorId,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(session);
        let Some(found) = person.facts.factors.iter().find(|f| f.id == factor) else {
            return Err(ChangeError::NoSuchFactor);
        };
        self.prove_again(person, reproof, Strictness::Anew, client)
            .await?;
        let detail = match &found.method {
            Method::OtpApp { .. } => found.name.as_str(),
            Method::ExternalMail { .. } => "",
        };
        let event = web_event(person, EventKind::FactorRemoved, client, detail, self.now());
        let (change, ending) = (Change::RemoveFactor(factor), self.ending_but(person));
        self.carry_out(person, change, ending, event).await
    }

    /// Gives an OTP app another name.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn rename_factor(
        &self,
        session: &AdmittedSession,
        factor: FactorId,
        name: &str,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(session);
        let Some(found) = person.facts.factors.iter().find(|f| f.id == factor) else {
            return Err(ChangeError::NoSuchFactor);
        };
        let name = shortened_name(name);
        if found.name == name {
            return Ok(());
        }
        self.prove_again(person, reproof, Strictness::Recent, client)
            .await?;
        let detail = format!("{} -> {name}", found.name);
        let event = web_event(
            person,
            EventKind::FactorRenamed,
            client,
            &detail,
            self.now(),
        );
        let change = Change::RenameFactor(factor, name);
        self.carry_out(person, change, Ending::NOTHING, event).await
    }

    /// Enables a disabled kind of factor again; from a trusted network only.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn enable_kind(
        &self,
        session: &AdmittedSession,
        kind: FactorKind,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(session);
        if !self.site().networks.trust(&person.source) {
            return Err(ChangeError::NotTrusted);
        }
        self.prove_again(person, reproof, Strictness::Recent, client)
            .await?;
        let event = web_event(
            person,
            EventKind::KindEnabled,
            client,
            kind.as_str(),
            self.now(),
        );
        let change = Change::EnableKind(kind);
        self.carry_out(person, change, Ending::NOTHING, event).await
    }

    /// Ends a grant, or all of the account's; connections that lived by them are closed.
    ///
    /// # Errors
    /// The records are out of reach; nothing has ended.
    pub async fn end_grants(
        &self,
        session: &AdmittedSession,
        which: Option<GrantId>,
        client: &str,
    ) -> Result<(), RecordsError> {
        let person = Person::from(session);
        let now = self.now();
        let grants = match which {
            None => Reach::All,
            Some(id) => {
                let live = self.records.grants(person.account.id, now).await?;
                match live.into_iter().find(|g| g.id == id) {
                    Some(grant) => Reach::Only(grant.source),
                    None => return Ok(()),
                }
            }
        };
        let ending = Ending {
            sessions: Reach::None,
            grants,
            connections: Cut::Judged,
        };
        let event = web_event(person, EventKind::GrantEnded, client, "", now);
        self.end_for(person, ending, event).await
    }

    /// "That wasn't me": ends everything, this session too; who signs in next is asked for a new password.
    ///
    /// # Errors
    /// The records are out of reach; nothing has ended.
    pub async fn not_me(
        &self,
        session: &AdmittedSession,
        client: &str,
    ) -> Result<(), RecordsError> {
        let person = Person::from(session);
        let event = web_event(person, EventKind::NotMe, client, "", self.now());
        let update = AccountUpdate {
            // Also when its session has ended meanwhile: to end everything is always safe.
            session: None,
            change: Change::PasswordWanted(true),
            ending: Ending::EVERYTHING,
            ..self
                .told(person, event)
                .map_err(|failure| RecordsError(failure.to_string()))?
        };
        self.apply(&update).await.map(|_| ())
    }
}
