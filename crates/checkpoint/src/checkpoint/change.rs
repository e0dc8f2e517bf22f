//! What a person changes, each change with what it ends, in one transaction, announced.

use jiff::Timestamp;
use std::net::IpAddr;

use super::admit::shortened;
use super::mailed::external_address;
use super::passwords::{Guessed, Whose};
use super::prove::{ProofError, Reproof, web_event};
use super::register::shortened_name;
use super::sign_in::offered;
use super::{Checkpoint, Out, Unavailable};
use crate::account::{Account, AccountId, Password};
use crate::address::MailAddress;
use crate::audit::{Event, What};
use crate::factor::{Factor, FactorKind, Method, RecoveryCodes, Standing};
use crate::grant::Grant;
use crate::id::{FactorId, GrantId, Reference};
use crate::ports::{
    Change, Cut, Ending, Letter, Notice, Order, PasswordChange, Reach, RecordsError, SessionUpdate,
    SetPasswordError,
};
use crate::rule::mfa_in_use;
use crate::throttle::{Guess, PASSWORDS_FOR_ACCOUNT, Throttle};
use crate::web::{Person, Seat};

/// The state of MFA as its page shows it.
#[derive(Debug, Clone)]
pub struct MfaView {
    /// Whether MFA is in use for the account, for whatever reason.
    pub in_use: bool,
    /// Whether the person turned it on.
    pub chosen: bool,
    /// Whether the site requires it, so that it can't be turned off.
    pub required: bool,
    /// The factors.
    pub factors: Vec<Factor>,
    /// The recovery codes, if any were made.
    pub recovery_codes: Option<RecoveryCodes>,
    /// Until when password and factor of this session need not be given again for lesser changes; `None` if they must be.
    pub proven_until: Option<Timestamp>,
    /// Whether this request comes from a trusted network.
    pub trusted_here: bool,
    /// The name of the network that this request comes from, if it has one.
    pub network: Option<String>,
}

/// A grant as its page shows it.
#[derive(Debug, Clone)]
pub struct GrantView {
    /// The grant.
    pub grant: Grant,
    /// The name of its network, if it has one.
    pub network: Option<String>,
    /// Whether this request comes from its source.
    pub here: bool,
}

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

/// Why what was given again is not enough.
#[derive(Debug)]
pub(super) enum ReproofError {
    Needed {
        password: bool,
        factor: Vec<FactorKind>,
    },
    WrongPassword,
    Proof(ProofError),
    Out(Out),
}

impl<E: Into<Out>> From<E> for ReproofError {
    fn from(error: E) -> Self {
        Self::Out(error.into())
    }
}

impl From<ReproofError> for ChangeError {
    fn from(error: ReproofError) -> Self {
        match error {
            ReproofError::Needed { password, factor } => Self::ReproofNeeded { password, factor },
            ReproofError::WrongPassword => Self::WrongPassword,
            ReproofError::Proof(proof) => Self::Proof(proof),
            ReproofError::Out(out) => out.into(),
        }
    }
}

impl From<Out> for ChangeError {
    fn from(out: Out) -> Self {
        let Unavailable = out.say("a change could not be made");
        Self::Unavailable
    }
}

impl Checkpoint {
    /// The state of MFA, for its page.
    #[must_use]
    pub fn mfa_view(&self, seat: &Seat) -> MfaView {
        let now = self.now();
        let site = self.site();
        let person = Person::from(seat);
        let account = person.account;
        let (password, factor) = self.owed_again(person, false, now);
        let mut until = seat.session.password_proven_at;
        if person.facts.has_factor() && !site.networks.trust(&person.source) {
            until = until.min(seat.session.factor_proven_at.unwrap_or(Timestamp::MIN));
        }
        MfaView {
            in_use: mfa_in_use(account, person.facts.mfa_on, &site.policy, now),
            chosen: person.facts.mfa_on,
            required: site.policy.requires_mfa(&account.groups, now),
            factors: person.facts.factors.clone(),
            recovery_codes: person.facts.recovery_codes,
            proven_until: (!password && !factor)
                .then(|| until.checked_add(site.policy.recent_proof).ok())
                .flatten(),
            trusted_here: site.networks.trust(&person.source),
            network: site.networks.of(&person.source).map(|n| n.name.clone()),
        }
    }

    /// Turns MFA on or off. Turning it on ends every other session, and mail connections that the rule no longer admits.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn set_mfa(
        &self,
        seat: &Seat,
        on: bool,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(seat);
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
        self.prove_again(person, reproof, !on, client).await?;
        let (what, ending) = if on {
            let ending = Ending {
                sessions: Reach::AllBut(person.session.id),
                grants: Reach::None,
                connections: Cut::Judged,
            };
            (What::MfaOn, ending)
        } else {
            (What::MfaOff, Ending::NOTHING)
        };
        let event = web_event(person, what, client, "", self.now());
        Ok(self
            .carry_out(person, Change::Mfa(on), ending, event)
            .await?)
    }

    /// Removes a factor. Ends all other sessions, all grants but this source's and all mail connections.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn remove_factor(
        &self,
        seat: &Seat,
        factor: FactorId,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(seat);
        let Some(found) = person.facts.factors.iter().find(|f| f.id == factor) else {
            return Err(ChangeError::NoSuchFactor);
        };
        self.prove_again(person, reproof, true, client).await?;
        let detail = match &found.method {
            Method::OtpApp { .. } => found.name.as_str(),
            Method::ExternalMail { .. } => "",
        };
        let event = web_event(person, What::FactorRemoved, client, detail, self.now());
        let (change, ending) = (Change::RemoveFactor(factor), self.ending_but(person));
        Ok(self.carry_out(person, change, ending, event).await?)
    }

    /// Gives an OTP app another name.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn rename_factor(
        &self,
        seat: &Seat,
        factor: FactorId,
        name: &str,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(seat);
        let Some(found) = person.facts.factors.iter().find(|f| f.id == factor) else {
            return Err(ChangeError::NoSuchFactor);
        };
        let name = shortened_name(name);
        if found.name == name {
            return Ok(());
        }
        self.prove_again(person, reproof, false, client).await?;
        let detail = format!("{} -> {name}", found.name);
        let event = web_event(person, What::FactorRenamed, client, &detail, self.now());
        let change = Change::RenameFactor(factor, name);
        Ok(self
            .carry_out(person, change, Ending::NOTHING, event)
            .await?)
    }

    /// Enables a disabled kind of factor again; from a trusted network only.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn enable_kind(
        &self,
        seat: &Seat,
        kind: FactorKind,
        reproof: &Reproof,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(seat);
        if !self.site().networks.trust(&person.source) {
            return Err(ChangeError::NotTrusted);
        }
        self.prove_again(person, reproof, false, client).await?;
        let event = web_event(person, What::KindEnabled, client, kind.as_str(), self.now());
        let change = Change::EnableKind(kind);
        Ok(self
            .carry_out(person, change, Ending::NOTHING, event)
            .await?)
    }

    /// The live grants of the account.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn grants(&self, seat: &Seat) -> Result<Vec<GrantView>, RecordsError> {
        let source = seat.admitted.source();
        let now = self.now();
        let grants = self.records.grants(seat.session.account, now).await?;
        Ok(grants
            .into_iter()
            .map(|grant| GrantView {
                network: self.network_name(grant.address),
                here: source.grant_key().is_some_and(|key| grant.covers(key, now)),
                grant,
            })
            .collect())
    }

    /// Ends a grant, or all of the account's; connections that lived by them are closed.
    ///
    /// # Errors
    /// The records are out of reach; nothing has ended.
    pub async fn end_grants(
        &self,
        seat: &Seat,
        which: Option<GrantId>,
        client: &str,
    ) -> Result<(), RecordsError> {
        let person = Person::from(seat);
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
        let event = web_event(person, What::GrantEnded, client, "", now);
        self.end_for(person, ending, event).await
    }

    /// The account's events of some kinds in the last days, the newest first, at most `limit`.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn recent(
        &self,
        account: AccountId,
        kinds: &[What],
        days: u32,
        limit: u32,
    ) -> Result<Vec<Event>, RecordsError> {
        let since = self
            .now()
            .checked_sub(jiff::SignedDuration::from_hours(24 * i64::from(days)))
            .unwrap_or(Timestamp::MIN);
        self.records.events(account, kinds, since, limit).await
    }

    /// The account's event of a reference as people type it; none if it is another's.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn by_reference(
        &self,
        account: AccountId,
        typed: &str,
    ) -> Result<Option<Event>, RecordsError> {
        let Some(reference) = Reference::parse(typed) else {
            return Ok(None);
        };
        let event = self.records.event_of(&reference).await?;
        Ok(event.filter(|event| event.account == Some(account)))
    }

    /// The kinds that can be proven here and now: registered, not disabled, and used by the site.
    #[must_use]
    pub fn offered(&self, person: Person<'_>) -> Vec<FactorKind> {
        offered(person.facts, &self.site())
    }

    /// The name of the network that an address lies in.
    #[must_use]
    pub fn network_name(&self, address: IpAddr) -> Option<String> {
        let source = sekisho_source::Source::assured(address, sekisho_source::KeyLength::default());
        self.site().networks.of(&source).map(|n| n.name.clone())
    }

    /// Where passwords are changed.
    #[must_use]
    pub fn password_change(&self) -> PasswordChange {
        self.directory.password_change()
    }

    /// Changes the password. Ends all other sessions, all grants but this source's and all mail connections.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn change_password(
        &self,
        seat: &Seat,
        old: Password,
        new: &Password,
        reproof: Reproof,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(seat);
        let reproof = Reproof {
            password: Some(old),
            ..reproof
        };
        self.check_again(person, reproof.password.as_ref()).await?;
        self.prove_again(person, &reproof, false, client).await?;
        self.directory
            .check_new_password(person.account.id, new)
            .await?;
        // Ended before, lest a crash in between leave open what the old password opened; and after, for what it opened meanwhile.
        let ending = self.ending_but(person);
        let begun = web_event(person, What::PasswordChangeBegun, client, "", self.now());
        self.end_for(person, ending, begun)
            .await
            .map_err(Out::from)?;
        self.directory.set_password(person.account.id, new).await?;
        let event = web_event(person, What::PasswordChanged, client, "", self.now());
        Ok(self
            .carry_out(person, Change::PasswordWanted(false), ending, event)
            .await?)
    }

    /// "That wasn't me": ends everything, this session too; who signs in next is asked for a new password.
    ///
    /// # Errors
    /// The records are out of reach; nothing has ended.
    pub async fn not_me(&self, seat: &Seat, client: &str) -> Result<(), RecordsError> {
        let person = Person::from(seat);
        let order = Order {
            account: person.account.id,
            session: None,
            change: Change::PasswordWanted(true),
            ending: Ending::EVERYTHING,
            event: web_event(person, What::NotMe, client, "", self.now()),
            registration: None,
        };
        self.end(&order).await?;
        self.announce(person.account, person.facts, &order.event)
            .await;
        Ok(())
    }

    /// The person says that the password was changed where Sekisho can't see it: ends what a change ends, and no new one is wanted any longer.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn password_changed_elsewhere(
        &self,
        seat: &Seat,
        client: &str,
    ) -> Result<(), ChangeError> {
        let person = Person::from(seat);
        if self.directory.password_change() == PasswordChange::Here {
            return Err(ChangeError::ChangedHere);
        }
        let event = web_event(
            person,
            What::PasswordChanged,
            client,
            "elsewhere",
            self.now(),
        );
        let (change, ending) = (Change::PasswordWanted(false), self.ending_but(person));
        Ok(self.carry_out(person, change, ending, event).await?)
    }

    /// Makes sure that password and, from an untrusted network, a factor were proven: now (`strict`), or within the last minutes.
    pub(super) async fn prove_again(
        &self,
        person: Person<'_>,
        reproof: &Reproof,
        strict: bool,
        client: &str,
    ) -> Result<(), ReproofError> {
        let (password, factor) = self.owed_again(person, strict, self.now());
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
            self.verify_otp(person, entry, client)
                .await
                .map_err(ReproofError::Proof)?;
            let update = SessionUpdate {
                factor_proven_at: Some(self.now()),
                ..SessionUpdate::default()
            };
            self.records
                .update_session(person.session.id, &update)
                .await?;
        }
        Ok(())
    }

    /// Whether password and factor are owed again for a change.
    fn owed_again(&self, person: Person<'_>, strict: bool, now: Timestamp) -> (bool, bool) {
        let site = self.site();
        let recent = |at: Timestamp| now < at + site.policy.recent_proof;
        let password = strict || !recent(person.session.password_proven_at);
        let factor = person.facts.has_factor()
            && !site.networks.trust(&person.source)
            && (strict || !person.session.factor_proven_at.is_some_and(recent));
        (password, factor)
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
        let whose = Whose::Account(account);
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

    /// Carries out what a person orders in a session that still exists, and tells the person by mail.
    pub(super) async fn carry_out(
        &self,
        person: Person<'_>,
        change: Change,
        ending: Ending,
        event: Event,
    ) -> Result<(), Out> {
        let order = Order {
            account: person.account.id,
            session: Some(person.session.id),
            change,
            ending,
            event,
            registration: None,
        };
        self.order(person, &order).await
    }

    /// The same for an order that says more.
    pub(super) async fn order(&self, person: Person<'_>, order: &Order) -> Result<(), Out> {
        if !self.end(order).await? {
            return Err(Out::SessionEnded);
        }
        self.announce(person.account, person.facts, &order.event)
            .await;
        Ok(())
    }

    /// Writes an order, and lets its ending take effect in this process at once. Returns whether it was carried out: its session may have ended.
    pub(super) async fn end(&self, order: &Order) -> Result<bool, RecordsError> {
        let Some(number) = self.records.apply(order).await? else {
            return Ok(false);
        };
        let cut = order.ending.connections;
        if cut != Cut::None {
            self.carried_out_here(number);
        }
        self.take_effect(order.account, cut).await;
        Ok(true)
    }

    /// Ends something of a person's; that is always safe, so it is done even if the session that asks for it has ended.
    pub(super) async fn end_for(
        &self,
        person: Person<'_>,
        ending: Ending,
        event: Event,
    ) -> Result<(), RecordsError> {
        let order = Order {
            account: person.account.id,
            session: None,
            change: Change::None,
            ending,
            event,
            registration: None,
        };
        self.end(&order).await.map(drop)
    }

    /// What ends when a factor is removed or replaced, or the password changed: all but this session and this source's grant.
    pub(super) fn ending_but(&self, person: Person<'_>) -> Ending {
        Ending {
            sessions: Reach::AllBut(person.session.id),
            grants: person.source.grant_key().map_or(Reach::All, Reach::AllBut),
            connections: Cut::All,
        }
    }

    /// The external addresses that hear of changes.
    pub(super) fn external_addresses(facts: &Standing) -> Vec<MailAddress> {
        facts
            .factors
            .iter()
            .filter_map(external_address)
            .cloned()
            .collect()
    }

    /// Tells the person by mail, at the mailbox and at every external address. A letter that can't be sent does not undo the change.
    pub(super) async fn announce(&self, account: &Account, facts: &Standing, event: &Event) {
        let Some(mailbox) = account.main_address() else {
            return;
        };
        let notice = Notice {
            account: account.id,
            mailbox: mailbox.clone(),
            also_to: Self::external_addresses(facts),
            what: event.what,
            at: event.at,
            from: event.address,
            detail: shortened(&event.detail),
            page: self.site().policy.help_url.clone(),
        };
        if let Err(error) = self.courier.send(Letter::Notice(notice)).await {
            tracing::error!(%error, "a notice could not be sent");
        }
    }
}
