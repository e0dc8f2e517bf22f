//! Factors: what a person has beyond the password.

use jiff::Timestamp;
use sekisho_otp::Step;

use crate::address::MailAddress;
use crate::id::FactorId;
use crate::sealing::Sealed;

/// The kinds of factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactorKind {
    /// A code from an OTP app.
    OtpApp,
    /// A code mailed to a private address.
    ExternalMail,
    /// A recovery code, kept on paper for the day on which the others are out of reach.
    RecoveryCode,
}

impl FactorKind {
    /// Every kind, in the order in which they are offered, which is that of the variants.
    pub const ALL: [Self; 3] = [Self::OtpApp, Self::ExternalMail, Self::RecoveryCode];

    /// The word that records keep for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtpApp => "otp-app",
            Self::ExternalMail => "external-mail",
            Self::RecoveryCode => "recovery-code",
        }
    }

    /// How many of the kind an account may have. Where it is one, another takes its place; elsewhere one more is
    /// refused.
    #[must_use]
    pub fn most(self) -> usize {
        match self {
            Self::OtpApp => 10,
            Self::ExternalMail | Self::RecoveryCode => 1,
        }
    }

    /// Reads [`Self::as_str`] back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == word)
    }
}

/// A registered factor.
#[derive(Debug, Clone)]
pub struct Factor {
    /// Its identity.
    pub id: FactorId,
    /// The name its owner gave it; may be empty.
    pub name: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When it was last accepted.
    pub last_used_at: Option<Timestamp>,
    /// What it is.
    pub method: Method,
}

impl Factor {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> FactorKind {
        match self.method {
            Method::OtpApp { .. } => FactorKind::OtpApp,
            Method::ExternalMail { .. } => FactorKind::ExternalMail,
        }
    }

    /// The private address that it is, if it is one. News of changes go there too.
    #[must_use]
    pub fn address(&self) -> Option<&MailAddress> {
        match &self.method {
            Method::ExternalMail { address } => Some(address),
            Method::OtpApp { .. } => None,
        }
    }
}

/// What a factor is made of.
#[derive(Debug, Clone)]
pub enum Method {
    /// An OTP app.
    OtpApp {
        /// Its key, sealed for its account and factor id.
        key: Sealed,
        /// The last step accepted; this and earlier ones never are again.
        last_step: Option<Step>,
    },
    /// A private mail address.
    ExternalMail {
        /// Where codes are mailed.
        address: MailAddress,
    },
}

/// How a kind of factor stands for an account: its failures count over all factors of the kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindStanding {
    /// Failures since the kind's last success.
    pub failures: u32,
    /// Whether the kind is disabled. It counts as registered all the same.
    pub disabled: bool,
}

/// How all kinds stand for an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindStandings([KindStanding; FactorKind::ALL.len()]);

impl KindStandings {
    /// How a kind stands.
    #[must_use]
    pub fn of(&self, kind: FactorKind) -> KindStanding {
        self.0[kind as usize]
    }

    /// How a kind stands, to be changed.
    pub fn of_mut(&mut self, kind: FactorKind) -> &mut KindStanding {
        &mut self.0[kind as usize]
    }
}

/// A one-time code of the help desk, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolment {
    /// Its keyed hash.
    pub hash: [u8; 32],
    /// The first instant at which it is no longer accepted.
    pub expires_at: Timestamp,
}

/// What the records keep of an account: all that the rule and the factor flows need, in one reading.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Whether the person turned MFA on.
    pub mfa_on: bool,
    /// The one-time code of the help desk that the next registration needs, if it needs one. It goes on needing one
    /// when the code has expired.
    pub enrolment: Option<Enrolment>,
    /// The factors, the oldest first.
    pub factors: Vec<Factor>,
    /// How each kind stands.
    pub kinds: KindStandings,
    /// The recovery codes that were made, if any were.
    pub recovery_codes: Option<RecoveryCodes>,
    /// Whether a new password is wanted: the person said that somebody else used the present one.
    pub password_wanted: bool,
}

/// What is kept of an account's recovery codes, beyond their hashes. They stand beside a factor and go with the last
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryCodes {
    /// When they were made.
    pub made_at: Timestamp,
    /// How many are not used yet.
    pub left: u32,
}

impl Standing {
    /// The standing of a kind.
    #[must_use]
    pub fn kind(&self, kind: FactorKind) -> KindStanding {
        self.kinds.of(kind)
    }

    /// The factors of a kind; recovery codes are not among them.
    pub fn of_kind(&self, kind: FactorKind) -> impl Iterator<Item = &Factor> {
        self.factors.iter().filter(move |f| f.kind() == kind)
    }

    /// Whether any factor is registered, disabled ones included: only where none is may a password lead to
    /// registration.
    #[must_use]
    pub fn has_factor(&self) -> bool {
        !self.factors.is_empty()
    }

    /// The kinds to offer at sign-in: registered and not disabled.
    #[must_use]
    pub fn offered(&self) -> Vec<FactorKind> {
        FactorKind::ALL
            .into_iter()
            .filter(|&kind| !self.kind(kind).disabled && self.has_kind(kind))
            .collect()
    }

    /// Whether there is anything of a kind to prove.
    #[must_use]
    pub fn has_kind(&self, kind: FactorKind) -> bool {
        match kind {
            FactorKind::RecoveryCode => self.recovery_codes.is_some_and(|codes| codes.left > 0),
            FactorKind::OtpApp | FactorKind::ExternalMail => self.of_kind(kind).next().is_some(),
        }
    }
}

/// A factor's name as it is kept: at most 40 characters, none of them a control character.
#[must_use]
pub(crate) fn shortened_name(name: &str) -> String {
    name.trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(40)
        .collect()
}
