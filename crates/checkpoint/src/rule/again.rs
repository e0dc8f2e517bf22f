//! What has to be proven once more before a change: the password, and from an untrusted network a factor.

use jiff::{SignedDuration, Timestamp};

/// How much a change asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// What was proven within the last minutes will do.
    Recent,
    /// All is proven once more, however recently it was.
    Anew,
}

/// What is known of the one who changes something.
#[derive(Debug, Clone, Copy)]
pub struct Proven {
    /// When the password was proven in this session.
    pub password_at: Timestamp,
    /// When a factor was proven in this session, if one was.
    pub factor_at: Option<Timestamp>,
    /// Whether any factor is registered, disabled ones included.
    pub has_factor: bool,
    /// Whether the source lies in a trusted network.
    pub trusted: bool,
}

/// What is owed once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwedAgain {
    /// The password.
    pub password: bool,
    /// A factor.
    pub factor: bool,
}

impl OwedAgain {
    /// Whether nothing is owed.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        !self.password && !self.factor
    }
}

/// Says what is owed once more. A proof counts as recent before `recent` has passed since it.
#[must_use]
pub fn owed_again(
    proven: Proven,
    strictness: Strictness,
    recent: SignedDuration,
    now: Timestamp,
) -> OwedAgain {
    let counts = |at: Timestamp| strictness == Strictness::Recent && now < at + recent;
    OwedAgain {
        password: !counts(proven.password_at),
        factor: proven.has_factor && !proven.trusted && !proven.factor_at.is_some_and(counts),
    }
}

/// Until when nothing is owed for a change that takes recent proofs; `None` if something is.
#[must_use]
pub fn proven_until(proven: Proven, recent: SignedDuration, now: Timestamp) -> Option<Timestamp> {
    if !owed_again(proven, Strictness::Recent, recent, now).is_nothing() {
        return None;
    }
    let factor_counts = proven.has_factor && !proven.trusted;
    let factor_at = proven.factor_at.filter(|_| factor_counts);
    let earliest = factor_at.map_or(proven.password_at, |at| at.min(proven.password_at));
    Some(earliest + recent)
}
