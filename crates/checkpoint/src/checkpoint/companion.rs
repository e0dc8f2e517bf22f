//! Lines with two addresses: a grant's companion of the other address family, and refusals that come from another
//! address than the browser's.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use sekisho_source::Source;

use super::admit::shortened;
use super::{Checkpoint, Failure, Unavailable};
use crate::audit::{Actor, Door, Event, EventKind};
use crate::grant::{Companion, Grant};
use crate::id::{SessionToken, TokenHash};
use crate::ports::{AccountUpdate, Applied, Change, CompanionClaim, Cut, RecordsError};
use crate::rule::Reason;
use crate::web::AdmittedSession;

/// How long after the success a companion may be claimed.
const CLAIMED_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// How far back a refused mail client is taken for the one that the person is busy with.
const LATELY: SignedDuration = SignedDuration::from_mins(30);

/// The right to join a grant from the other address family, once: 256 random bits.
#[derive(Debug, Clone)]
pub struct CompanionToken(SessionToken);

impl CompanionToken {
    /// Reads a token from its 64 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        SessionToken::parse(text).map(Self)
    }

    /// The token in hexadecimal, for the page.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.expose()
    }

    fn hash(&self) -> TokenHash {
        self.0.hash()
    }
}

/// Why a companion does not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompanionError {
    /// The token was used, its minute is over, or the grant has ended.
    #[error("the token is used or past")]
    Past,
    /// The request came by the same address family as the grant.
    #[error("this is the same address family")]
    SameFamily,
    /// The request's source is not known for certain.
    #[error("the source of the request is hidden by a proxy that is not configured")]
    SourceObscured,
    /// The checkpoint can't judge just now.
    #[error("the checkpoint can't be asked just now")]
    Unavailable,
}

impl From<Failure> for CompanionError {
    fn from(failure: Failure) -> Self {
        let Unavailable = failure.say("a companion could not join");
        Self::Unavailable
    }
}

/// A mail client that was refused a moment ago with the right password, at an address that no grant covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// From where it came.
    pub address: IpAddr,
    /// When.
    pub at: Timestamp,
    /// What it calls itself.
    pub client: String,
    /// Whether its address is of the other family than the browser's, so that it may be the same line.
    pub other_family: bool,
}

impl Checkpoint {
    /// A token by which the other address family of this line may join the grant; for a minute from the success, where
    /// none has joined yet.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn offer_companion(
        &self,
        session: &AdmittedSession,
    ) -> Result<Option<CompanionToken>, RecordsError> {
        let now = self.now();
        let Some(grant) = self.grant_of(session, now).await? else {
            return Ok(None);
        };
        let expires_at = grant.granted_at + CLAIMED_WITHIN;
        // One that joined before the grant was renewed may be another by now.
        let has_joined = grant
            .companion
            .is_some_and(|c| c.joined_at >= grant.granted_at);
        if has_joined || expires_at <= now {
            return Ok(None);
        }
        let token = CompanionToken(SessionToken::draw().map_err(|e| RecordsError(e.to_string()))?);
        let claim = CompanionClaim {
            token: token.hash(),
            account: grant.account,
            grant: grant.id,
            expires_at,
        };
        self.records.put_claim(&claim, now).await?;
        Ok(Some(token))
    }

    /// Lets the source of this request join the grant of a token. The token is used up, whatever comes of it.
    ///
    /// # Errors
    /// [`CompanionError`].
    pub async fn claim_companion(
        &self,
        token: &CompanionToken,
        source: Source,
        client: &str,
    ) -> Result<(), CompanionError> {
        let now = self.now();
        let Some(key) = source.grant_key() else {
            return Err(CompanionError::SourceObscured);
        };
        let claim = self.records.take_claim(&token.hash(), now).await;
        let Some(claim) = claim.map_err(Failure::from)? else {
            return Err(CompanionError::Past);
        };
        let grants = self.records.grants(claim.account, now).await;
        let mut grants = grants.map_err(Failure::from)?.into_iter();
        let Some(grant) = grants.find(|g| g.id == claim.grant) else {
            return Err(CompanionError::Past);
        };
        if grant.source.is_ipv6() == key.is_ipv6() {
            return Err(CompanionError::SameFamily);
        }
        let companion = Companion {
            source: key,
            address: source.shown_address(),
            joined_at: now,
        };
        let before = grant.companion.map(|c| c.source);
        let mut update = AccountUpdate {
            change: Change::JoinGrant(grant.id, companion),
            ..AccountUpdate::new(claim.account, now)
        };
        if before != Some(key) {
            update
                .events
                .push(companion_joined(&grant, source, client, now));
            // What lived by another companion is judged again.
            update.ending.connections = before.map_or(Cut::None, |_| Cut::Judged);
        }
        match self.apply(&update).await.map_err(Failure::from)? {
            Applied::Done(_) => Ok(()),
            Applied::NotAccepted | Applied::SessionEnded | Applied::OutOfDate => {
                Err(CompanionError::Past)
            }
        }
    }

    /// The newest mail client that was refused lately for want of a grant, if its address is not one of those that are
    /// let in.
    ///
    /// # Errors
    /// The records are out of reach.
    pub async fn refused_elsewhere(
        &self,
        session: &AdmittedSession,
    ) -> Result<Option<Elsewhere>, RecordsError> {
        let now = self.now();
        let here = session.admitted.source();
        if !matches!(session.admitted.reason(), Reason::Grant(..)) {
            return Ok(None);
        }
        let account = session.session.account;
        let grants = self.records.grants(account, now).await?;
        let since = now.checked_sub(LATELY).unwrap_or(Timestamp::MIN);
        let kinds = [EventKind::RefusedNoGrant];
        let events = self.records.events(account, &kinds, since, 1).await?;
        let is_let_in = |address| grants.iter().any(|grant| grant.has(address));
        Ok(events
            .into_iter()
            .find_map(|event| Some((event.address?, event)))
            .filter(|(address, _)| !is_let_in(*address))
            .map(|(address, event)| Elsewhere {
                address,
                at: event.at,
                client: event.client,
                other_family: address.is_ipv6() != here.shown_address().is_ipv6(),
            }))
    }

    /// The grant that a session lives by, where the request comes from the source that won it.
    async fn grant_of(
        &self,
        session: &AdmittedSession,
        now: Timestamp,
    ) -> Result<Option<Grant>, RecordsError> {
        let Reason::Grant(id, _) = session.admitted.reason() else {
            return Ok(None);
        };
        let here = session.admitted.source().grant_key();
        let grants = self.records.grants(session.session.account, now).await?;
        let own = |grant: &Grant| grant.id == id && Some(grant.source) == here;
        Ok(grants.into_iter().find(own))
    }
}

/// The event of a companion that joined a grant.
fn companion_joined(grant: &Grant, source: Source, client: &str, now: Timestamp) -> Event {
    Event {
        at: now,
        account: Some(grant.account),
        name_hash: None,
        actor: Actor::Door(Door::Webmail),
        what: EventKind::CompanionJoined,
        address: Some(source.shown_address()),
        client: shortened(client),
        reference: None,
        detail: grant.address.to_string(),
    }
}
