//! What a site demands, in numbers and dates.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::account::Group;
use crate::address::OwnDomains;

/// Whether MFA is the person's choice or the site's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MfaDemand {
    /// The person turns it on and off.
    #[default]
    Optional,
    /// In use for everybody concerned from that instant on, whatever they chose.
    RequiredFrom(Timestamp),
}

impl MfaDemand {
    /// Whether MFA is required at an instant.
    #[must_use]
    pub fn required_at(self, now: Timestamp) -> bool {
        matches!(self, Self::RequiredFrom(from) if from <= now)
    }
}

/// What a first registration of a factor needs when it comes from an untrusted network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstRegistration {
    /// Nothing more than the password.
    #[default]
    Allow,
    /// A one-time enrolment code that the help desk gave out.
    EnrolmentCode,
    /// It is not possible: the person comes to a trusted network.
    Forbid,
}

/// What a refused mail client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RefusalStyle {
    /// The same helpful sentence for every cause.
    #[default]
    Helpful,
    /// "Authentication failed", as mail servers always said.
    Terse,
    /// The helpful sentence, and once the password was right, that only the factor is missing.
    NamesCause,
}

/// The site's rules. Times are durations; the values of [`Policy::default`] are those people know unless their site
/// says otherwise.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The demand on everybody.
    pub mfa: MfaDemand,
    /// The demand on groups; the strictest of the site's and the groups' holds.
    pub mfa_groups: HashMap<Group, MfaDemand>,
    /// First registration from an untrusted network.
    pub first_registration: FirstRegistration,
    /// Whether a code mailed to a private address counts as a factor here.
    pub external_mail: bool,
    /// The site's own mail domains.
    pub own_domains: OwnDomains,
    /// How long a grant lives.
    pub grant: SignedDuration,
    /// How long a webmail session lives at most.
    pub session: SignedDuration,
    /// How long a webmail session lives without a request.
    pub session_idle: SignedDuration,
    /// How long a waiting user code can be used.
    pub user_code: SignedDuration,
    /// How long a mailed code can be used.
    pub mailed_code: SignedDuration,
    /// How long a one-time code of the help desk can be used.
    pub enrolment_code: SignedDuration,
    /// How long a password and factor proven in a session are enough for a further change.
    pub recent_proof: SignedDuration,
    /// How long after the attempt a mail client's refusal leaves.
    pub refusal_delay: SignedDuration,
    /// How long audit records are kept.
    pub audit_kept: SignedDuration,
    /// What a refused mail client is told.
    pub refusal: RefusalStyle,
    /// The address to remember, `https://.../mfa`, for the helpful sentence. ASCII.
    pub help_url: String,
}

impl Default for Policy {
    fn default() -> Self {
        let hours = SignedDuration::from_hours;
        let minutes = SignedDuration::from_mins;
        Self {
            mfa: MfaDemand::Optional,
            mfa_groups: HashMap::new(),
            first_registration: FirstRegistration::Allow,
            external_mail: true,
            own_domains: OwnDomains::default(),
            grant: hours(14),
            session: hours(14),
            session_idle: hours(2),
            user_code: minutes(10),
            mailed_code: minutes(10),
            enrolment_code: hours(7 * 24),
            recent_proof: minutes(5),
            refusal_delay: SignedDuration::from_secs(2),
            audit_kept: hours(180 * 24),
            refusal: RefusalStyle::Helpful,
            help_url: String::new(),
        }
    }
}

impl Policy {
    /// Whether the site requires MFA of a member of these groups at an instant.
    #[must_use]
    pub fn requires_mfa(&self, groups: &[Group], now: Timestamp) -> bool {
        self.mfa.required_at(now)
            || groups
                .iter()
                .filter_map(|g| self.mfa_groups.get(g))
                .any(|demand| demand.required_at(now))
    }
}
