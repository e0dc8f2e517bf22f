//! Credentials: what a door is shown so that it lets somebody in, and what came of checking it.
//!
//! Each kind is a variant of [`Credential`]. The rule says what a kind is worth, in [`decide`](crate::rule::decide),
//! and does not compile without it.

/// What was shown, and what came of checking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A password.
    Password(PasswordCheck),
}

/// What is known of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordCheck {
    /// It is not the account's.
    Wrong,
    /// It is the account's: it was verified just now.
    Right,
    /// The same was verified a few minutes ago, for an attempt from the same address that was admitted.
    Remembered,
    /// Somebody else verified it, whose word counts here.
    Attested,
    /// It was right when the session, or the connection, that goes on by it began. What ends it ends those.
    Earlier,
}

impl PasswordCheck {
    /// Whether it was right, at the time at which it counts.
    #[must_use]
    pub fn is_right(self) -> bool {
        match self {
            Self::Wrong => false,
            Self::Right | Self::Remembered | Self::Attested | Self::Earlier => true,
        }
    }
}

impl Credential {
    /// As it counts later, for the connection that was opened by it.
    #[must_use]
    pub fn later(self) -> Self {
        match self {
            Self::Password(check) if check.is_right() => Self::Password(PasswordCheck::Earlier),
            Self::Password(_) => self,
        }
    }
}
