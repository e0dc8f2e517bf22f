//! What failures are counted under, and how many are too many.
//!
//! Failures are single records with a time, counted within a window; they are kept for the account *and* for the
//! source, so that neither many sources against one account nor one source against many accounts goes unnoticed. Names
//! that lead to no account count alike, under a keyed hash.

use jiff::{SignedDuration, Timestamp};
use sekisho_source::SourceKey;

use crate::account::AccountId;
use crate::factor::FactorKind;

/// What is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guess {
    /// A password.
    Password,
    /// A code of a kind of factor.
    Otp(FactorKind),
    /// A code of the help desk, at a first registration.
    EnrolmentCode,
    /// Not a guess: a code that was mailed. Counted to keep people's mailboxes from being flooded.
    MailedCode,
    /// Not a guess either: news that a factor never came. Counted so that they are news.
    NeverCame,
}

impl Guess {
    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Otp(kind) => kind.as_str(),
            Self::EnrolmentCode => "enrolment-code",
            Self::MailedCode => "mailed",
            Self::NeverCame => "never-came",
        }
    }
}

/// What failures are counted under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Throttle {
    /// An account, whatever the source.
    Account(AccountId, Guess),
    /// A name that leads to no account, by its keyed hash.
    Name([u8; 32], Guess),
    /// A source, whatever the account; also the enclosing /48 of an IPv6 source.
    Source(SourceKey, Guess),
    /// An account from a source.
    AccountAt(AccountId, SourceKey, Guess),
    /// A name that leads to no account, from a source.
    NameAt([u8; 32], SourceKey, Guess),
}

impl Throttle {
    /// The key that records keep.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Account(account, guess) => format!("account {account} {}", guess.as_str()),
            Self::Name(hash, guess) => format!("name {} {}", hex(hash), guess.as_str()),
            Self::Source(source, guess) => format!("source {source} {}", guess.as_str()),
            Self::AccountAt(account, source, guess) => {
                format!("account {account} source {source} {}", guess.as_str())
            }
            Self::NameAt(hash, source, guess) => {
                format!("name {} source {source} {}", hex(hash), guess.as_str())
            }
        }
    }

    /// The key that records keep a guess under whose outcome is not known yet.
    #[must_use]
    pub fn key_in_flight(&self) -> String {
        format!("in flight {}", self.key())
    }
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// So many within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The count at which no more is accepted.
    pub count: u32,
    /// Over which time it is counted.
    pub window: SignedDuration,
}

impl Limit {
    /// Until when no more is accepted, for what was counted at these times of the window, the oldest first; `None`
    /// below the limit.
    #[must_use]
    pub fn reached_until(&self, times: &[Timestamp]) -> Option<Timestamp> {
        let first_that_counts = times.len().checked_sub(self.count as usize)?;
        times.get(first_that_counts).map(|&at| at + self.window)
    }
}

/// Under what, and from when on, the counts of some limits are to be read at an instant.
#[must_use]
pub fn windows(limits: &[(Throttle, Limit)], now: Timestamp) -> Vec<(Throttle, Timestamp)> {
    limits
        .iter()
        .map(|(throttle, limit)| (throttle.clone(), now - limit.window))
        .collect()
}

/// Until when no more is accepted by the strictest of some limits, for the times counted under each in its window;
/// `None` below all of them.
#[must_use]
pub fn reached_until(
    limits: &[(Throttle, Limit)],
    counted: &[Vec<Timestamp>],
) -> Option<Timestamp> {
    let ends = limits
        .iter()
        .zip(counted)
        .filter_map(|((_, limit), times)| limit.reached_until(times));
    ends.max()
}

/// What came of asking to make a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuessStart {
    /// It counts as in flight from now on, and may be made.
    Begun,
    /// Should all guesses in flight turn out wrong, a limit would be reached. Nothing is counted; one may ask again
    /// when some are settled.
    Busy,
    /// Wrong guesses have reached a limit. Nothing is counted, and nothing is to be tried.
    LimitReached {
        /// Until when.
        until: Timestamp,
    },
}

/// For how long a guess whose outcome nobody wrote down stands in the way of others. Its process may have died before
/// anybody learned the outcome.
pub const IN_FLIGHT_FOR: SignedDuration = SignedDuration::from_mins(1);

/// Under what, and from when on, guesses in flight are to be read at an instant, in the order of the limits.
#[must_use]
pub fn in_flight_windows(limits: &[(Throttle, Limit)], now: Timestamp) -> Vec<(String, Timestamp)> {
    limits
        .iter()
        .map(|(throttle, _)| (throttle.key_in_flight(), now - IN_FLIGHT_FOR))
        .collect()
}

/// Whether a guess may be made, for the wrong guesses and those in flight that were found under each of some limits.
/// Only wrong ones keep anybody waiting for long: many people may give their right passwords at once.
#[must_use]
pub fn guess_start(
    limits: &[(Throttle, Limit)],
    wrong: &[Vec<Timestamp>],
    in_flight: &[Vec<Timestamp>],
) -> GuessStart {
    if let Some(until) = reached_until(limits, wrong) {
        return GuessStart::LimitReached { until };
    }
    let mut found = limits.iter().zip(wrong).zip(in_flight);
    let is_busy = found.any(|(((_, limit), wrong), in_flight)| {
        wrong.len() + in_flight.len() >= limit.count as usize
    });
    match is_busy {
        true => GuessStart::Busy,
        false => GuessStart::Begun,
    }
}

/// Wrong passwords for an account or an unknown name.
pub const PASSWORDS_FOR_ACCOUNT: Limit = Limit {
    count: 20,
    window: SignedDuration::from_mins(15),
};
/// Wrong passwords from a source.
pub const PASSWORDS_FROM_SOURCE: Limit = Limit {
    count: 30,
    window: SignedDuration::from_mins(15),
};
/// Wrong passwords from an IPv6 /48: a whole site may sit behind it.
pub const PASSWORDS_FROM_SITE: Limit = Limit {
    count: 100,
    window: SignedDuration::from_mins(15),
};
/// Wrong OTPs of a kind for an account, from untrusted networks, before tries must wait.
pub const OTPS_FOR_ACCOUNT: Limit = Limit {
    count: 10,
    window: SignedDuration::from_hours(1),
};
/// Wrong OTPs from a source.
pub const OTPS_FROM_SOURCE: Limit = Limit {
    count: 30,
    window: SignedDuration::from_hours(1),
};
/// Wrong OTPs from an IPv6 /48: a whole site may sit behind it.
pub const OTPS_FROM_SITE: Limit = Limit {
    count: 100,
    window: SignedDuration::from_hours(1),
};
/// Wrong codes of the help desk for an account.
pub const ENROLMENT_CODES_FOR_ACCOUNT: Limit = Limit {
    count: 10,
    window: SignedDuration::from_hours(1),
};
/// Wrong codes of the help desk from a source.
pub const ENROLMENT_CODES_FROM_SOURCE: Limit = Limit {
    count: 30,
    window: SignedDuration::from_hours(1),
};
/// Codes mailed for an account from one source.
pub const MAILED_FROM_SOURCE: Limit = Limit {
    count: 5,
    window: SignedDuration::from_hours(1),
};
/// Codes mailed for an account.
pub const MAILED_FOR_ACCOUNT: Limit = Limit {
    count: 15,
    window: SignedDuration::from_hours(1),
};
/// News of an account that a factor never came from a source.
pub const NEWS_OF_A_SOURCE: Limit = Limit {
    count: 1,
    window: SignedDuration::from_hours(24),
};
/// News of an account that a factor never came.
pub const NEWS_OF_AN_ACCOUNT: Limit = Limit {
    count: 3,
    window: SignedDuration::from_hours(24),
};
/// Wrong OTPs in one sign-in before the password is asked for again.
pub const TRIES_A_SIGN_IN: u32 = 5;
/// Wrong OTPs of a kind since its last success at which the kind is disabled.
pub const TRIES_BEFORE_DISABLED: u32 = 100;
