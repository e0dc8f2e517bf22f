//! Audit events: what happened to an account, for its owner and for the help desk.

use jiff::Timestamp;
use std::net::IpAddr;

use crate::account::AccountId;
use crate::id::Reference;

/// One way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// The webmail.
    Webmail,
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
    /// Message submission.
    Submission,
    /// ManageSieve.
    ManageSieve,
    /// A server that asks the checkpoint.
    AuthApi,
}

impl Door {
    /// Every door.
    pub const ALL: [Self; 6] = [
        Self::Webmail,
        Self::Imap,
        Self::Pop3,
        Self::Submission,
        Self::ManageSieve,
        Self::AuthApi,
    ];

    /// The word that records keep.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webmail => "webmail",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Submission => "submission",
            Self::ManageSieve => "managesieve",
            Self::AuthApi => "authapi",
        }
    }

    /// Reads [`Self::as_str`] back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.as_str() == word)
    }
}

/// Who or what did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Someone at a door.
    Door(Door),
    /// The help desk, at the command line.
    HelpDesk,
    /// The system by itself.
    System,
}

impl Actor {
    /// The word that records keep.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Door(door) => door.as_str(),
            Self::HelpDesk => "help-desk",
            Self::System => "system",
        }
    }

    /// Reads [`Self::as_str`] back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "help-desk" => Some(Self::HelpDesk),
            "system" => Some(Self::System),
            door => Door::parse(door).map(Self::Door),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Let in by the webmail, or by a mail client after a while without it.
    SignedIn,
    /// The password was right; a factor is owed.
    PasswordRight,
    /// Refused: no such account.
    RefusedUnknown,
    /// Refused: the account may not be used.
    RefusedDisabled,
    /// Refused: wrong password.
    RefusedPassword,
    /// Refused: right password, no grant.
    RefusedNoGrant,
    /// Refused: too many failures.
    RefusedThrottled,
    /// An OTP was wrong.
    OtpWrong,
    /// A code of the help desk was wrong, at a first registration.
    EnrolmentCodeWrong,
    /// An OTP was accepted and the grant made or renewed.
    Granted,
    /// A grant was ended by hand.
    GrantEnded,
    /// The source of the other address family joined a grant.
    CompanionJoined,
    /// The password was right, and the factor never came.
    FactorNeverCame,
    /// "That wasn't me": everything was ended.
    NotMe,
    /// An OTP app was registered.
    AppRegistered,
    /// An external address was registered.
    AddressRegistered,
    /// Recovery codes were made; earlier ones hold no longer.
    RecoveryCodesMade,
    /// A recovery code was used up.
    RecoveryCodeUsed,
    /// An OTP app was given another name.
    FactorRenamed,
    /// A factor was removed.
    FactorRemoved,
    /// A kind of factor was disabled after too many failures.
    KindDisabled,
    /// A disabled kind was enabled again.
    KindEnabled,
    /// MFA was turned on.
    MfaOn,
    /// MFA was turned off.
    MfaOff,
    /// A new password is about to be set: what the old one opened has ended.
    PasswordChangeBegun,
    /// The password was changed.
    PasswordChanged,
    /// The help desk took all factors away.
    FactorsReset,
    /// The help desk gave out a one-time code for a first registration.
    EnrolmentCodeGiven,
    /// The account was disabled or deleted.
    AccountDisabled,
    /// A code was mailed.
    CodeMailed,
    /// Signed out.
    SignedOut,
}

impl EventKind {
    /// Every kind of event.
    pub const ALL: [Self; 31] = [
        Self::SignedIn,
        Self::PasswordRight,
        Self::RefusedUnknown,
        Self::RefusedDisabled,
        Self::RefusedPassword,
        Self::RefusedNoGrant,
        Self::RefusedThrottled,
        Self::OtpWrong,
        Self::EnrolmentCodeWrong,
        Self::Granted,
        Self::GrantEnded,
        Self::CompanionJoined,
        Self::FactorNeverCame,
        Self::NotMe,
        Self::AppRegistered,
        Self::AddressRegistered,
        Self::RecoveryCodesMade,
        Self::RecoveryCodeUsed,
        Self::FactorRenamed,
        Self::FactorRemoved,
        Self::KindDisabled,
        Self::KindEnabled,
        Self::MfaOn,
        Self::MfaOff,
        Self::PasswordChangeBegun,
        Self::PasswordChanged,
        Self::FactorsReset,
        Self::EnrolmentCodeGiven,
        Self::AccountDisabled,
        Self::CodeMailed,
        Self::SignedOut,
    ];

    /// The word that records keep.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed-in",
            Self::PasswordRight => "password-right",
            Self::RefusedUnknown => "refused-unknown",
            Self::RefusedDisabled => "refused-disabled",
            Self::RefusedPassword => "refused-password",
            Self::RefusedNoGrant => "refused-no-grant",
            Self::RefusedThrottled => "refused-throttled",
            Self::OtpWrong => "otp-wrong",
            Self::EnrolmentCodeWrong => "enrolment-code-wrong",
            Self::Granted => "granted",
            Self::GrantEnded => "grant-ended",
            Self::CompanionJoined => "companion-joined",
            Self::FactorNeverCame => "factor-never-came",
            Self::NotMe => "not-me",
            Self::AppRegistered => "app-registered",
            Self::AddressRegistered => "address-registered",
            Self::RecoveryCodesMade => "recovery-codes-made",
            Self::RecoveryCodeUsed => "recovery-code-used",
            Self::FactorRenamed => "factor-renamed",
            Self::FactorRemoved => "factor-removed",
            Self::KindDisabled => "kind-disabled",
            Self::KindEnabled => "kind-enabled",
            Self::MfaOn => "mfa-on",
            Self::MfaOff => "mfa-off",
            Self::PasswordChangeBegun => "password-change-begun",
            Self::PasswordChanged => "password-changed",
            Self::FactorsReset => "factors-reset",
            Self::EnrolmentCodeGiven => "enrolment-code-given",
            Self::AccountDisabled => "account-disabled",
            Self::CodeMailed => "code-mailed",
            Self::SignedOut => "signed-out",
        }
    }

    /// Reads [`Self::as_str`] back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|w| w.as_str() == word)
    }
}

/// One record of the audit table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Whose account; `None` where the name led to none.
    pub account: Option<AccountId>,
    /// A keyed hash of the typed name, where it led to no account: people type passwords there.
    pub name_hash: Option<[u8; 32]>,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub what: EventKind,
    /// From where; `None` for what has no source.
    pub address: Option<IpAddr>,
    /// What the client called itself, shortened to 100 characters, control characters replaced.
    pub client: String,
    /// Under which reference the person can find it.
    pub reference: Option<Reference>,
    /// A few words more, such as the name of a factor or the help desk's reason; never a secret.
    pub detail: String,
}
