//! The rule: one pure function from what is known to what is decided.
//!
//! Every door, and every webmail request, gets its answer from [`decide`] and from nowhere else. What has to be proven
//! once more before a change is in [`again`], who may register a factor in [`registration`]; they are pure as well.

use jiff::Timestamp;
use sekisho_source::Source;

use crate::account::Account;
use crate::credential::Credential;
use crate::grant::Grant;
use crate::id::GrantId;
use crate::network::Networks;
use crate::policy::Policy;

pub mod again;
pub mod registration;

/// What is known of the one who asks, once the name led to an account.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The account.
    pub account: &'a Account,
    /// What was shown, and what came of checking it.
    pub credential: Credential,
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

/// Why someone is refused, whatever the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The credential is not the account's.
    Credential,
    /// The account may not be used.
    Account,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The credential is wrong, or the account may not be used.
    Refused(Cause),
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
    match facts.credential {
        Credential::Password(check) if !check.is_right() => {
            return Decision::Refused(Cause::Credential);
        }
        // A password never stands for a factor, nor for a grant: all that follows is asked for beside it.
        Credential::Password(_) => {}
    }
    if !facts.account.usable {
        return Decision::Refused(Cause::Account);
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
