//! Who may register a factor, and what someone who owes one is led to.
//!
//! A password never becomes a factor by itself: with any factor registered, disabled ones included, one has to be
//! proven before another is registered.

use super::again::Strictness;
use crate::factor::{FactorKind, Standing};
use crate::policy::{FirstRegistration, Policy};

/// What a session that owes a factor is led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstStep {
    /// Prove one of these kinds.
    Prove(Vec<FactorKind>),
    /// Every registered kind is disabled: the help desk, or a trusted network, must help.
    AllDisabled,
    /// Register the first factor; as the site demands it.
    Register(FirstRegistration),
}

/// What stands before the registration of a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// A registered factor has to be proven first, at sign-in.
    ProveFirst,
    /// Password and factor are proven as before a change.
    AfterProof(Strictness),
    /// It is the first: what it needs, and whether the password is proven again besides.
    First {
        /// What it needs.
        needs: FirstRegistration,
        /// Whether the password is proven as before a change: not by those whom it has just brought here.
        after_password: bool,
    },
}

/// The kinds that can be proven: registered, not disabled, and used by the site.
#[must_use]
pub fn offered(standing: &Standing, policy: &Policy) -> Vec<FactorKind> {
    let mut offered = standing.offered();
    offered.retain(|&kind| policy.external_mail || kind != FactorKind::ExternalMail);
    offered
}

/// What someone who owes a factor is led to. A password alone leads to registration only where no factor is registered,
/// disabled ones included.
#[must_use]
pub fn first_step(standing: &Standing, policy: &Policy) -> FirstStep {
    if !standing.has_factor() {
        return FirstStep::Register(first_registration(standing, false, policy));
    }
    let offered = offered(standing, policy);
    if offered.is_empty() {
        FirstStep::AllDisabled
    } else {
        FirstStep::Prove(offered)
    }
}

/// What a first registration needs: the site's choice, from an untrusted network; and wherever it comes from the code
/// of the help desk, after that took the factors away.
#[must_use]
pub fn first_registration(
    standing: &Standing,
    trusted: bool,
    policy: &Policy,
) -> FirstRegistration {
    let choice = match trusted {
        true => FirstRegistration::Allow,
        false => policy.first_registration,
    };
    match choice {
        FirstRegistration::Allow if standing.enrolment.is_some() => {
            FirstRegistration::EnrolmentCode
        }
        choice => choice,
    }
}

/// What stands before the registration of a factor of a kind. `owes` is what the session owes; `None` for one that may
/// open mail.
#[must_use]
pub fn registration(
    standing: &Standing,
    kind: FactorKind,
    owes: Option<&FirstStep>,
    trusted: bool,
    policy: &Policy,
) -> Registration {
    match owes {
        Some(FirstStep::Prove(_) | FirstStep::AllDisabled) => return Registration::ProveFirst,
        Some(FirstStep::Register(_)) | None => {}
    }
    if !standing.has_factor() {
        return Registration::First {
            needs: first_registration(standing, trusted, policy),
            after_password: owes.is_none(),
        };
    }
    let replaces = kind.most() == 1 && standing.of_kind(kind).next().is_some();
    Registration::AfterProof(match replaces {
        true => Strictness::Anew,
        false => Strictness::Recent,
    })
}
