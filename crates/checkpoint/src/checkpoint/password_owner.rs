//! Whose password is guessed.

use sekisho_source::Source;

use crate::account::AccountId;
use crate::throttle::{Guess, Throttle};

/// Whose password is guessed: an account's, or that of a name that leads to none, which is treated alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum PasswordOwner {
    Account(AccountId),
    Nobody([u8; 32]),
}

impl PasswordOwner {
    pub(super) fn account(self) -> Option<AccountId> {
        match self {
            Self::Account(account) => Some(account),
            Self::Nobody(_) => None,
        }
    }

    /// What all guesses are counted under.
    pub(super) fn throttle(self) -> Throttle {
        match self {
            Self::Account(account) => Throttle::Account(account, Guess::Password),
            Self::Nobody(name) => Throttle::Name(name, Guess::Password),
        }
    }

    /// What those from one source are counted under.
    pub(super) fn throttle_at(self, source: &Source) -> Throttle {
        let key = source.throttle_key();
        match self {
            Self::Account(account) => Throttle::AccountAt(account, key, Guess::Password),
            Self::Nobody(name) => Throttle::NameAt(name, key, Guess::Password),
        }
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Account(account) => account.get().to_be_bytes().to_vec(),
            Self::Nobody(name) => name.to_vec(),
        }
    }
}
