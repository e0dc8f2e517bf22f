//! Grants: the record that an account passed MFA from a source.

use jiff::Timestamp;
use sekisho_source::SourceKey;
use std::net::IpAddr;

use crate::account::AccountId;
use crate::factor::FactorKind;
use crate::id::GrantId;

/// An account passed MFA from a source, and until when that holds.
///
/// It belongs to the account and the source, not to a browser: whatever comes from that source for that account lives
/// by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its identity.
    pub id: GrantId,
    /// Whose.
    pub account: AccountId,
    /// From where.
    pub source: SourceKey,
    /// The full address that proved the factor, to show.
    pub address: IpAddr,
    /// The source of the other address family that shares it, if one was claimed.
    pub companion: Option<Companion>,
    /// By which kind of factor.
    pub factor: FactorKind,
    /// The success.
    pub granted_at: Timestamp,
    /// The first instant at which it no longer holds.
    pub expires_at: Timestamp,
}

/// The same line's source of the other address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Companion {
    /// The source.
    pub source: SourceKey,
    /// The full address that claimed it, to show.
    pub address: IpAddr,
    /// When it joined.
    pub joined_at: Timestamp,
}

impl Grant {
    /// Whether an address is of its source or its companion.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let companion = self.companion.map(|c| c.source);
        self.source.contains(address) || companion.is_some_and(|source| source.contains(address))
    }

    /// Whether it holds for a source at an instant.
    #[must_use]
    pub fn covers(&self, source: SourceKey, now: Timestamp) -> bool {
        let is_companion = self.companion.is_some_and(|c| c.source == source);
        now < self.expires_at && (self.source == source || is_companion)
    }
}
