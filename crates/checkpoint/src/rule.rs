//! The rule: one pure function from what is known to what is decided.
//!
//! Every door, and every webmail request, gets its answer from [`decide`] and from nowhere else.

use jiff::Timestamp;
use sekisho_source::Source;

use crate::account::Account;
use crate::grant::Grant;
use crate::id::GrantId;
use crate::network::Networks;
use crate::policy::Policy;

/// What is known of the one who asks, once the name led to an account.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The account.
    pub account: &'a Account,
    /// Whether the password was right, or an earlier proof of it still holds.
    pub password_right: bool,
    /// Whether the person turned MFA on.
    pub mfa_on: bool,
    /// Whether any factor is registered.
    pub has_factor: bool,
    /// Grants of this account; others', dead ones and those of other sources are passed over.
    pub grants: &'a [Grant],
}

/// Why someone is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// MFA is not in use for the account.
    MfaUnused,
    /// The source lies in a trusted network.
    Trusted,
    /// A grant is live; it ends at that instant.
    Grant(GrantId, Timestamp),
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Wrong password, or an account that may not be used.
    Refused,
    /// The mailbox opens.
    Admitted(Reason),
    /// Password right, factor owed: the webmail asks for one, every other door refuses.
    FactorOwed {
        /// Whether one is registered; if none is, the webmail asks for the registration of one.
        registered: bool,
    },
}

/// Whether MFA is in use for an account: by the person's choice or by the site's.
#[must_use]
pub fn mfa_in_use(account: &Account, mfa_on: bool, policy: &Policy, now: Timestamp) -> bool {
    mfa_on || policy.requires_mfa(&account.groups, now)
}

/// Decides. Pure: the same facts at the same instant give the same answer at every door.
#[must_use]
pub fn decide(
    facts: &Facts<'_>,
    source: &Source,
    networks: &Networks,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    if !facts.password_right || !facts.account.usable {
        return Decision::Refused;
    }
    if !mfa_in_use(facts.account, facts.mfa_on, policy, now) {
        return Decision::Admitted(Reason::MfaUnused);
    }
    if networks.trust(source) {
        return Decision::Admitted(Reason::Trusted);
    }
    let live = source.grant_key().and_then(|key| {
        facts
            .grants
            .iter()
            .filter(|g| g.account == facts.account.id && g.covers(key, now))
            .max_by_key(|g| g.expires_at)
    });
    match live {
        Some(grant) => Decision::Admitted(Reason::Grant(grant.id, grant.expires_at)),
        None => Decision::FactorOwed {
            registered: facts.has_factor,
        },
    }
}
