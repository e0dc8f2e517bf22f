//! `[policy]`: the site's rules. Their defaults are the checkpoint's own, [`Policy::default`].

use jiff::Timestamp;
use sekisho_checkpoint::account::Group;
use sekisho_checkpoint::policy::{FirstRegistration, MfaDemand, Policy, RefusalStyle};
use sekisho_source::KeyLength;

use super::site::Site;
use crate::config::read::List;
use crate::config::section::section;
use crate::config::values::{Demand, Seconds, TEN_YEARS};

/// How long something that the site gives out may last.
type Lifetime = Seconds<1, TEN_YEARS>;

section! {
    /// The site's rules; the numbers are those of a careful site.
    pub(in crate::config) struct PolicySection("[policy]") {
        /// `optional`: the person's choice; `required`: in use for everybody.
        mfa: Demand = usual_demand(),
        /// From when on it is required, as `2027-04-01T00:00:00+09:00`; at once if not set.
        mfa_from: Option<Timestamp> = None,
        /// Groups for which MFA is required though it is optional for the rest.
        mfa_groups: List<Group> = Vec::new(),
        /// What a first registration from an untrusted network needs: `allow`, `enrolment-code` or `forbid`.
        first_registration: FirstRegistration = Policy::default().first_registration,
        /// Whether a code mailed to a private address counts as a factor.
        external_mail: bool = Policy::default().external_mail,
        /// How long a grant lives.
        grant: Lifetime = Seconds::new(Policy::default().grant),
        /// How long a webmail session lives at most.
        session: Lifetime = Seconds::new(Policy::default().session),
        /// How long a webmail session lives without a request.
        session_idle: Lifetime = Seconds::new(Policy::default().session_idle),
        /// How long a waiting user code can be used.
        user_code: Lifetime = Seconds::new(Policy::default().user_code),
        /// How long a mailed code can be used.
        mailed_code: Lifetime = Seconds::new(Policy::default().mailed_code),
        /// How long a one-time code of the help desk can be used.
        enrolment_code: Lifetime = Seconds::new(Policy::default().enrolment_code),
        /// How long after the attempt a mail client's refusal leaves.
        refusal_delay: Seconds<0, 30> = Seconds::new(Policy::default().refusal_delay),
        /// What a refused mail client is told: `helpful`, `terse` or `names-cause`.
        refusal: RefusalStyle = Policy::default().refusal,
        /// How long audit records are kept; `4320h` is 180 days.
        audit_kept: Lifetime = Seconds::new(Policy::default().audit_kept),
        /// The IPv6 prefix length that makes a source.
        ipv6_prefix: KeyLength = KeyLength::default(),
    }
}

fn usual_demand() -> Demand {
    match Policy::default().mfa {
        MfaDemand::Optional => Demand::Optional,
        MfaDemand::RequiredFrom(_) => Demand::Required,
    }
}

impl PolicySection {
    /// The rules, and what makes an IPv6 source. Every rule is named here, so that none can be forgotten.
    pub(in crate::config) fn check(&self, site: &Site) -> (Policy, KeyLength) {
        let Self {
            header: _,
            mfa,
            mfa_from,
            mfa_groups,
            first_registration,
            external_mail,
            grant,
            session,
            session_idle,
            user_code,
            mailed_code,
            enrolment_code,
            refusal_delay,
            refusal,
            audit_kept,
            ipv6_prefix,
        } = self;
        let required = MfaDemand::RequiredFrom(mfa_from.unwrap_or(Timestamp::MIN));
        let of_group = |group: &Group| (group.clone(), required);
        let policy = Policy {
            mfa: match **mfa {
                Demand::Optional => MfaDemand::Optional,
                Demand::Required => required,
            },
            mfa_groups: mfa_groups.iter().map(|group| of_group(group)).collect(),
            first_registration: first_registration.get(),
            external_mail: external_mail.get(),
            own_domains: site.own_domains.clone(),
            grant: grant.signed(),
            session: session.signed(),
            session_idle: session_idle.signed(),
            user_code: user_code.signed(),
            mailed_code: mailed_code.signed(),
            enrolment_code: enrolment_code.signed(),
            // No site has asked for another time, so there is no key for it.
            recent_proof: Policy::default().recent_proof,
            refusal_delay: refusal_delay.signed(),
            audit_kept: audit_kept.signed(),
            refusal: refusal.get(),
            help_url: format!("{}/mfa", site.url.as_str()),
        };
        (policy, ipv6_prefix.get())
    }
}
