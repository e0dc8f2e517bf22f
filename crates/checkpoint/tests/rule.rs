//! The rule against a model of it, over random histories; and its table, case by case.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use sekisho_checkpoint::account::{Account, AccountId, Group};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::credential::{Credential, PasswordCheck};
use sekisho_checkpoint::factor::{
    Enrolment, Factor, FactorKind, KindStanding, Method, RecoveryCodes, Standing,
};
use sekisho_checkpoint::grant::{Companion, Grant};
use sekisho_checkpoint::id::{FactorId, GrantId};
use sekisho_checkpoint::network::{Network, NetworkClass, Networks};
use sekisho_checkpoint::policy::{FirstRegistration, MfaDemand, Policy};
use sekisho_checkpoint::rule::again::{Proven, Strictness, owed_again, proven_until};
use sekisho_checkpoint::rule::registration::{
    FirstStep, Registration, first_step, offered, registration,
};
use sekisho_checkpoint::rule::{Cause, Decision, Facts, Reason, decide};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_source::{KeyLength, Source};

/// The places that appear in histories; the first lies in the trusted network, the second in the untrusted part cut out
/// of it.
const PLACES: [&str; 5] = [
    "203.0.113.7",
    "203.0.113.200",
    "198.51.100.1",
    "2001:db8::1",
    "2001:db8:0:1::1",
];

fn place(index: usize) -> Source {
    Source::assured(
        PLACES[index].parse().expect("an address"),
        KeyLength::default(),
    )
}

fn networks() -> Networks {
    let net = |name: &str, class, prefix: &str| Network {
        name: name.into(),
        class,
        prefixes: vec![prefix.parse().expect("a prefix")],
    };
    Networks::new(vec![
        net("campus", NetworkClass::Trusted, "203.0.113.0/24"),
        net("eduroam", NetworkClass::Untrusted, "203.0.113.128/25"),
    ])
    .expect("networks")
}

fn account(id: i64) -> Account {
    Account {
        id: AccountId::new(id),
        login: format!("a{id}"),
        display_name: String::new(),
        addresses: Vec::new(),
        groups: Vec::new(),
        usable: true,
    }
}

fn password(is_right: bool) -> Credential {
    Credential::Password(match is_right {
        true => PasswordCheck::Right,
        false => PasswordCheck::Wrong,
    })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("in range")
}

fn grant(account: i64, place_index: usize, granted: i64) -> Grant {
    Grant {
        id: GrantId::new(granted),
        account: AccountId::new(account),
        source: place(place_index).grant_key().expect("assured"),
        address: place(place_index).shown_address(),
        companion: None,
        factor: FactorKind::OtpApp,
        granted_at: at(granted),
        expires_at: at(granted) + SignedDuration::from_hours(14),
    }
}

/// What happens in a history.
#[derive(Debug, Clone)]
enum Happens {
    Mfa { account: i64, on: bool },
    Otp { account: i64, place: usize },
    EndGrants { account: i64 },
    Disable { account: i64, usable: bool },
    Wait { seconds: i64 },
}

fn happens() -> impl Strategy<Value = Happens> {
    let account = 1..=2i64;
    let place = 0..PLACES.len();
    prop_oneof![
        1 => (account.clone(), any::<bool>()).prop_map(|(account, on)| Happens::Mfa { account, on }),
        4 => (account.clone(), place).prop_map(|(account, place)| Happens::Otp { account, place }),
        1 => account.clone().prop_map(|account| Happens::EndGrants { account }),
        1 => (account, prop::bool::weighted(0.8)).prop_map(|(account, usable)| Happens::Disable { account, usable }),
        4 => prop_oneof![1..60i64, Just(14 * 3600), 3600..50_000i64].prop_map(|seconds| Happens::Wait { seconds }),
    ]
}

/// The rule once more, told backwards from the history: the last word on each matter counts.
fn model_admits(
    history: &[(i64, Happens)],
    account: i64,
    password: bool,
    place_index: usize,
    now: i64,
) -> bool {
    let last = |f: &dyn Fn(&Happens) -> Option<bool>| history.iter().rev().find_map(|(_, h)| f(h));
    let usable = last(&|h| {
        matches!(h, Happens::Disable { account: a, .. } if *a == account)
            .then(|| matches!(h, Happens::Disable { usable: true, .. }))
    });
    let mfa = last(&|h| {
        matches!(h, Happens::Mfa { account: a, .. } if *a == account)
            .then(|| matches!(h, Happens::Mfa { on: true, .. }))
    });
    let granted = history.iter().rev().find_map(|(when, h)| match h {
        Happens::EndGrants { account: a } if *a == account => Some(false),
        Happens::Otp { account: a, place } if *a == account && *place == place_index => {
            Some(now - when < 14 * 3600)
        }
        _ => None,
    });
    password
        && usable.unwrap_or(true)
        && (!mfa.unwrap_or(false) || place_index == 0 || granted.unwrap_or(false))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn the_rule_agrees_with_its_model_over_random_histories(
        steps in prop::collection::vec(happens(), 0..25),
        asked in (1..=2i64, any::<bool>(), 0..PLACES.len()),
    ) {
        let mut now = 0;
        let mut history = Vec::new();
        let mut grants: Vec<Grant> = Vec::new();
        let (mut mfa, mut usable) = ([false; 3], [true; 3]);
        for step in steps {
            match step {
                Happens::Wait { seconds } => now += seconds,
                Happens::Mfa { account, on } => mfa[account as usize] = on,
                Happens::Disable { account, usable: u } => usable[account as usize] = u,
                Happens::EndGrants { account } => grants.retain(|g| g.account != AccountId::new(account)),
                Happens::Otp { account, place } => grants.push(grant(account, place, now)),
            }
            history.push((now, step));
        }
        let (id, password_right, place_index) = asked;
        let account = Account { usable: usable[id as usize], ..account(id) };
        let facts = Facts {
            account: &account,
            credential: password(password_right),
            mfa_on: mfa[id as usize],
            has_factor: true,
            grants: &grants,
        };
        let decision = decide(&facts, &place(place_index), &networks(), &Policy::default(), at(now));
        prop_assert_eq!(
            matches!(decision, Decision::Admitted(_)),
            model_admits(&history, id, password_right, place_index, now),
            "{:?} after {:?}", decision, history
        );
    }
}

/// Alice, with MFA in use, right password, one grant at the third place made at time 0.
fn decide_for(place_source: &Source, mfa_on: bool, policy: &Policy, now: Timestamp) -> Decision {
    let grants = [grant(1, 2, 0)];
    let account = Account {
        groups: vec![Group("staff".into())],
        ..account(1)
    };
    let facts = Facts {
        account: &account,
        credential: password(true),
        mfa_on,
        has_factor: false,
        grants: &grants,
    };
    decide(&facts, place_source, &networks(), policy, now)
}

#[test]
fn a_grant_ends_at_its_second() {
    let policy = Policy::default();
    let end = 14 * 3600;
    let last = decide_for(&place(2), true, &policy, at(end - 1));
    assert!(matches!(last, Decision::Admitted(Reason::Grant(_, until)) if until == at(end)));
    let over = decide_for(&place(2), true, &policy, at(end));
    assert_eq!(over, Decision::FactorOwed { registered: false });
}

#[test]
fn an_obscured_source_uses_no_grant_and_is_trusted_nowhere() {
    for index in [0, 2] {
        let hidden = Source::obscured(place(index).shown_address(), KeyLength::default());
        let decision = decide_for(&hidden, true, &Policy::default(), at(1));
        assert_eq!(decision, Decision::FactorOwed { registered: false });
    }
}

#[test]
fn the_companion_source_shares_the_grant() {
    let mut with_companion = grant(1, 2, 0);
    with_companion.companion = Some(Companion {
        source: place(3).throttle_key(),
        address: place(3).shown_address(),
        joined_at: Timestamp::UNIX_EPOCH,
    });
    let key = place(3).grant_key().expect("assured");
    assert!(with_companion.covers(key, at(1)));
    assert!(!with_companion.covers(place(4).grant_key().expect("assured"), at(1)));
}

#[test]
fn a_sites_demand_begins_on_its_date_and_may_concern_a_group() {
    let by_group = Policy {
        mfa_groups: [(Group("staff".into()), MfaDemand::RequiredFrom(at(100)))].into(),
        ..Policy::default()
    };
    let by_site = Policy {
        mfa: MfaDemand::RequiredFrom(at(100)),
        ..Policy::default()
    };
    for policy in [by_group, by_site] {
        let before = decide_for(&place(3), false, &policy, at(99));
        assert_eq!(before, Decision::Admitted(Reason::MfaUnused));
        let after = decide_for(&place(3), false, &policy, at(100));
        assert_eq!(after, Decision::FactorOwed { registered: false });
    }
}

#[test]
fn a_wrong_credential_and_an_unusable_account_are_refused_whatever_speaks_for_them() {
    let grants = [grant(1, 2, 0)];
    let checks = [
        (PasswordCheck::Wrong, false),
        (PasswordCheck::Right, true),
        (PasswordCheck::Remembered, true),
        (PasswordCheck::Attested, true),
        (PasswordCheck::Earlier, true),
    ];
    for (check, is_right) in checks {
        for (usable, mfa_on, from) in [
            (true, false, 4),
            (true, true, 0),
            (true, true, 2),
            (false, false, 4),
            (false, true, 0),
            (false, true, 2),
        ] {
            let account = Account {
                usable,
                ..account(1)
            };
            let facts = Facts {
                account: &account,
                credential: Credential::Password(check),
                mfa_on,
                has_factor: true,
                grants: &grants,
            };
            let decision = decide(&facts, &place(from), &networks(), &Policy::default(), at(1));
            match (is_right, usable) {
                (false, _) => assert_eq!(decision, Decision::Refused(Cause::Credential)),
                (true, false) => assert_eq!(decision, Decision::Refused(Cause::Account)),
                (true, true) => assert!(matches!(decision, Decision::Admitted(_))),
            }
        }
    }
}

#[test]
fn a_credential_counts_later_as_what_it_was_found_to_be() {
    for (check, later) in [
        (PasswordCheck::Wrong, PasswordCheck::Wrong),
        (PasswordCheck::Attested, PasswordCheck::Earlier),
        (PasswordCheck::Right, PasswordCheck::Earlier),
    ] {
        let credential = Credential::Password(check).later();
        assert_eq!(credential, Credential::Password(later));
    }
}

fn factor(kind: FactorKind) -> Factor {
    Factor {
        id: FactorId::new(kind as i64),
        name: String::new(),
        registered_at: at(0),
        last_used_at: None,
        method: match kind {
            FactorKind::ExternalMail => Method::ExternalMail {
                address: MailAddress::parse("private@elsewhere.example").expect("an address"),
            },
            _ => Method::OtpApp {
                key: Sealed(Vec::new()),
                last_step: None,
            },
        },
    }
}

/// Any account, as the records may keep it: recovery codes stand only beside a factor.
fn standings() -> impl Strategy<Value = Standing> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let disabled = prop::collection::vec(any::<bool>(), FactorKind::ALL.len());
    (flags, disabled).prop_map(|((app, mail, codes, enrolment), disabled)| {
        let registered = [(app, FactorKind::OtpApp), (mail, FactorKind::ExternalMail)];
        let factors = registered.into_iter().filter(|(is_there, _)| *is_there);
        let mut standing = Standing {
            factors: factors.map(|(_, kind)| factor(kind)).collect(),
            enrolment: enrolment.then_some(Enrolment {
                hash: [0; 32],
                expires_at: at(0),
            }),
            recovery_codes: ((app || mail) && codes).then_some(RecoveryCodes {
                made_at: at(0),
                left: 10,
            }),
            ..Standing::default()
        };
        for (kind, disabled) in FactorKind::ALL.into_iter().zip(disabled) {
            let of_kind = KindStanding {
                failures: 0,
                disabled,
            };
            *standing.kinds.of_mut(kind) = of_kind;
        }
        standing
    })
}

fn policies() -> impl Strategy<Value = Policy> {
    let choice = prop_oneof![
        Just(FirstRegistration::Allow),
        Just(FirstRegistration::EnrolmentCode),
        Just(FirstRegistration::Forbid),
    ];
    (choice, any::<bool>()).prop_map(|(first_registration, external_mail)| Policy {
        first_registration,
        external_mail,
        ..Policy::default()
    })
}

proptest! {
    #[test]
    fn a_proof_is_owed_again_when_it_is_not_recent_and_a_factor_not_from_a_trusted_network(
        password_at in -900..=0i64,
        factor_at in prop::option::of(-900..=0i64),
        has_factor in any::<bool>(),
        trusted in any::<bool>(),
    ) {
        let recent = SignedDuration::from_mins(5);
        let proven = Proven { password_at: at(password_at), factor_at: factor_at.map(at), has_factor, trusted };
        let owed = |strictness, now| owed_again(proven, strictness, recent, now);
        let is_recent = |proven: i64| proven > -300;
        let factor_counts = has_factor && !trusted;
        let now = owed(Strictness::Recent, at(0));
        prop_assert_eq!(now.password, !is_recent(password_at));
        prop_assert_eq!(now.factor, factor_counts && !factor_at.is_some_and(is_recent));
        let anew = owed(Strictness::Anew, at(0));
        prop_assert!(anew.password && anew.factor == factor_counts);
        // Until the instant that a page says nothing is owed, and from it on something is.
        let until = proven_until(proven, recent, at(0));
        prop_assert_eq!(until.is_some(), now.is_nothing());
        if let Some(until) = until {
            let before = until - SignedDuration::from_millis(1);
            prop_assert!(owed(Strictness::Recent, before).is_nothing());
            prop_assert!(!owed(Strictness::Recent, until).is_nothing());
        }
    }

    #[test]
    fn a_password_never_becomes_a_factor_by_itself(
        standing in standings(),
        policy in policies(),
        trusted in any::<bool>(),
        kind in prop::sample::select(&FactorKind::ALL[..2]),
    ) {
        let step = first_step(&standing, &policy);
        let owing = registration(&standing, kind, Some(&step), trusted, &policy);
        let admitted = registration(&standing, kind, None, trusted, &policy);
        if standing.has_factor() {
            // Disabled ones count: neither is registration the first step, nor does it begin without a proof.
            prop_assert!(!matches!(step, FirstStep::Register(_)));
            prop_assert_eq!(owing, Registration::ProveFirst);
            let replaces = kind == FactorKind::ExternalMail && standing.of_kind(kind).next().is_some();
            let strictness = if replaces { Strictness::Anew } else { Strictness::Recent };
            prop_assert_eq!(admitted, Registration::AfterProof(strictness));
        } else {
            let Registration::First { needs, after_password } = owing else {
                return Err(TestCaseError::fail(format!("{owing:?}")));
            };
            prop_assert!(!after_password, "the password has just been proven");
            prop_assert_eq!(admitted, Registration::First { needs, after_password: true });
            match (standing.enrolment, trusted) {
                // After the help desk took the factors away its code is needed, wherever that was.
                (Some(_), _) => prop_assert!(needs != FirstRegistration::Allow),
                (None, true) => prop_assert_eq!(needs, FirstRegistration::Allow),
                (None, false) => prop_assert_eq!(needs, policy.first_registration),
            }
        }
    }

    #[test]
    fn what_is_offered_is_registered_not_disabled_and_used_by_the_site(
        standing in standings(),
        policy in policies(),
    ) {
        let offered = offered(&standing, &policy);
        for kind in FactorKind::ALL {
            let is_used = kind != FactorKind::ExternalMail || policy.external_mail;
            prop_assert_eq!(
                offered.contains(&kind),
                standing.has_kind(kind) && !standing.kind(kind).disabled && is_used
            );
        }
        match first_step(&standing, &policy) {
            FirstStep::Prove(kinds) => prop_assert!(kinds == offered && !offered.is_empty()),
            FirstStep::AllDisabled => prop_assert!(standing.has_factor() && offered.is_empty()),
            FirstStep::Register(_) => prop_assert!(!standing.has_factor()),
        }
    }
}
