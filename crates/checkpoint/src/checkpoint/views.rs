//! What the pages of a signed-in person show: MFA, grants and events.

use std::net::IpAddr;

use jiff::Timestamp;

use super::Checkpoint;
use crate::account::AccountId;
use crate::audit::{Event, EventKind};
use crate::factor::{Factor, FactorKind, RecoveryCodes};
use crate::grant::Grant;
use crate::id::Reference;
use crate::ports::{PasswordChange, RecordsError};
use crate::rule::again::{OwedAgain, Strictness, owed_again, proven_until};
use crate::rule::mfa_in_use;
use crate::rule::registration::offered;
use crate::web::{AdmittedSession, Person};

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
    /// What has to be given again now for a lesser change.
    pub owed_again: OwedAgain,
    /// Until when password and factor of this session need not be given again for lesser changes; `None` if they must
    /// be.
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

impl Checkpoint {
    /// The state of MFA, for its page.
    #[must_use]
    pub fn mfa_view(&self, session: &AdmittedSession) -> MfaView {
        let now = self.now();
        let site = self.site();
        let person = Person::from(session);
        let account = person.account;
        let (proven, recent) = (self.proven(person), site.policy.recent_proof);
        MfaView {
            in_use: mfa_in_use(account, person.facts.mfa_on, &site.policy, now),
            chosen: person.facts.mfa_on,
            required: site.policy.requires_mfa(&account.groups, now),
            factors: person.facts.factors.clone(),
            recovery_codes: person.facts.recovery_codes,
            owed_again: owed_again(proven, Strictness::Recent, recent, now),
            proven_until: proven_until(proven, recent, now),
            trusted_here: site.networks.trust(&person.source),
            network: site.networks.of(&person.source).map(|n| n.name.clone()),
        }
    }

    /// The live grants of the account.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn grants(&self, session: &AdmittedSession) -> Result<Vec<GrantView>, RecordsError> {
        let source = session.admitted.source();
        let now = self.now();
        let grants = self.records.grants(session.session.account, now).await?;
        Ok(grants
            .into_iter()
            .map(|grant| GrantView {
                network: self.network_name(grant.address),
                here: source.grant_key().is_some_and(|key| grant.covers(key, now)),
                grant,
            })
            .collect())
    }

    /// The account's events of some kinds in the last days, the newest first, at most `limit`.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn recent(
        &self,
        account: AccountId,
        kinds: &[EventKind],
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
        offered(person.facts, &self.site().policy)
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
}
