use sekisho_checkpoint::factor::{Enrolment, FactorKind, KindStanding, Method};
use sekisho_checkpoint::id::FactorId;
use sekisho_checkpoint::ports::{
    AccountUpdate, Applied, Change, Ending, Expected, InSession, SealedItem, SessionBegun,
};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_otp::Step;

use super::{
    OneThing as _, Place, alice, apply, at, begins, bob, change, external_mail, letter, otp_app,
    register, session, update,
};

fn enrolment(byte: u8) -> Enrolment {
    Enrolment {
        hash: [byte; 32],
        expires_at: at(600),
    }
}

pub async fn an_account_never_heard_of_has_the_default_standing(place: &dyn Place) {
    let standing = place.open().await.standing(bob()).await.expect("read");
    assert!(!standing.mfa_on && !standing.has_factor());
    assert_eq!(standing.enrolment, None);
    assert_eq!(standing.kind(FactorKind::OtpApp), KindStanding::default());
    assert_eq!(
        standing.kind(FactorKind::ExternalMail),
        KindStanding::default()
    );
}

pub async fn changes_of_an_account_are_seen_and_survive_reopening(place: &dyn Place) {
    let records = place.open().await;
    change(&*records, Change::EnrolmentCode(enrolment(5))).await;
    let with_code = records.standing(alice()).await.expect("read");
    assert_eq!(with_code.enrolment, Some(enrolment(5)));
    change(&*records, Change::Mfa(true)).await;
    register(&*records, external_mail(2)).await;
    register(&*records, otp_app(1)).await;
    register(&*records, otp_app(3)).await;
    drop(records);

    let records = place.open().await;
    let standing = records.standing(alice()).await.expect("read");
    assert!(standing.mfa_on);
    assert_eq!(standing.enrolment, None, "registering uses it up");
    let ids: Vec<_> = standing.factors.iter().map(|f| f.id.get()).collect();
    assert_eq!(ids, [1, 2, 3], "the oldest first");
    assert!(
        matches!(&standing.factors[1].method, Method::ExternalMail { address } if address.to_string() == "Alice.Private@example.net")
    );
    assert!(
        matches!(&standing.factors[0].method, Method::OtpApp { key, last_step: None } if key.0 == [1, 2, 3, 1])
    );

    change(&*records, Change::Mfa(false)).await;
    change(&*records, Change::RemoveFactor(FactorId::new(2))).await;
    change(&*records, Change::ReplaceFactors(otp_app(4))).await;
    let standing = records.standing(alice()).await.expect("read");
    assert!(!standing.mfa_on);
    let ids: Vec<_> = standing.factors.iter().map(|f| f.id.get()).collect();
    assert_eq!(ids, [4]);
    assert!(!records.standing(bob()).await.expect("read").has_factor());
}

pub async fn a_change_that_fails_leaves_nothing_behind(place: &dyn Place) {
    let records = place.open().await;
    let (token, kept) = session(1);
    records.begin(&kept, None).await.expect("kept");
    register(&*records, otp_app(1)).await;
    let again = update(Change::AddFactor(otp_app(1)), Ending::EVERYTHING);
    let events = records
        .events(alice(), &[], at(-1), 10)
        .await
        .expect("read");
    let failed = records.apply(&again).await;
    assert!(failed.is_err(), "two factors of one id");
    let events_after = records
        .events(alice(), &[], at(-1), 10)
        .await
        .expect("read");
    assert_eq!(events_after, events);
    let still = records.session(&token.hash()).await.expect("read");
    assert_eq!(still, Some(kept));
}

pub async fn an_update_of_a_session_that_has_ended_does_nothing(place: &dyn Place) {
    let records = place.open().await;
    let (_, kept) = session(1);
    records.begin(&kept, None).await.expect("kept");
    let updates = |change| AccountUpdate {
        session: Some(InSession::unchanged(kept.id)),
        ..update(change, Ending::NOTHING)
    };
    let done = records.apply(&updates(Change::Mfa(true))).await;
    assert!(matches!(done.expect("asked"), Applied::Done(_)));

    apply(&*records, Change::Reset(enrolment(1)), Ending::EVERYTHING).await;
    let events = records
        .events(alice(), &[], at(-1), 10)
        .await
        .expect("read");
    let late = records
        .apply(&updates(Change::AddFactor(otp_app(1))))
        .await
        .expect("asked");
    assert_eq!(late, Applied::SessionEnded);
    assert!(!records.standing(alice()).await.expect("read").has_factor());
    let events_after = records
        .events(alice(), &[], at(-1), 10)
        .await
        .expect("read");
    assert_eq!(events_after, events, "nor is it written down");
}

pub async fn a_registration_is_finished_by_one_of_racing_callers(place: &dyn Place) {
    let records = place.open().await;
    let (_, mut kept) = session(1);
    kept.registration = Some(Sealed(vec![7; 40]));
    records.begin(&kept, None).await.expect("kept");
    let mut callers = tokio::task::JoinSet::new();
    for id in 0..16 {
        let records = std::sync::Arc::clone(&records);
        let finishes = AccountUpdate {
            session: Some(InSession {
                finishes: kept.registration.clone(),
                ..InSession::unchanged(kept.id)
            }),
            ..update(Change::AddFactor(otp_app(id)), Ending::NOTHING)
        };
        callers.spawn(async move { records.apply(&finishes).await.expect("asked") });
    }
    let done = callers.join_all().await;
    let done = done
        .iter()
        .filter(|applied| matches!(applied, Applied::Done(_)));
    assert_eq!(done.count(), 1);
    let standing = records.standing(alice()).await.expect("read");
    assert_eq!(standing.factors.len(), 1, "one key, one factor");
}

pub async fn a_kind_is_disabled_at_its_limit_and_says_so_once(place: &dyn Place) {
    let records = place.open().await;
    let mut said = Vec::new();
    for _ in 0..4 {
        let counts = records
            .count_failure(FactorKind::OtpApp, None, 3, 0)
            .await
            .expect("counted");
        said.push((counts.kind, counts.disabled_now));
    }
    assert_eq!(said, [(1, false), (2, false), (3, true), (4, false)]);
    let standing = records.standing(alice()).await.expect("read");
    assert!(
        standing.kind(FactorKind::OtpApp).disabled
            && !standing.kind(FactorKind::ExternalMail).disabled
    );

    change(&*records, Change::EnableKind(FactorKind::OtpApp)).await;
    let standing = records.standing(alice()).await.expect("read");
    assert_eq!(standing.kind(FactorKind::OtpApp), KindStanding::default());
}

pub async fn failures_survive_reopening_and_end_with_a_success(place: &dyn Place) {
    let records = place.open().await;
    let (_, kept) = session(1);
    records.begin(&kept, None).await.expect("kept");
    register(&*records, otp_app(1)).await;
    let fail = |kind| {
        let (records, id) = (&records, kept.id);
        async move {
            records
                .count_failure(kind, Some(id), 100, 1)
                .await
                .expect("counted")
        }
    };
    fail(FactorKind::OtpApp).await;
    fail(FactorKind::ExternalMail).await;
    let counts = fail(FactorKind::OtpApp).await;
    assert_eq!((counts.kind, counts.session), (2, 3));
    drop(records);

    let records = place.open().await;
    let standing = records.standing(alice()).await.expect("read");
    assert_eq!(
        (
            standing.kind(FactorKind::OtpApp).failures,
            standing.kind(FactorKind::ExternalMail).failures
        ),
        (2, 1)
    );
    let accepted = records
        .accept_step(alice(), FactorId::new(1), Step(5), at(2))
        .await;
    assert!(accepted.expect("asked"));
    let standing = records.standing(alice()).await.expect("read");
    assert_eq!(
        (
            standing.kind(FactorKind::OtpApp).failures,
            standing.kind(FactorKind::ExternalMail).failures
        ),
        (0, 1),
        "each kind for itself"
    );
}

pub async fn a_reset_takes_everything_and_leaves_the_enrolment_code(place: &dyn Place) {
    let records = place.open().await;
    change(&*records, Change::Mfa(true)).await;
    register(&*records, otp_app(1)).await;
    register(&*records, external_mail(2)).await;
    records
        .count_failure(FactorKind::OtpApp, None, 1, 0)
        .await
        .expect("counted");
    change(&*records, Change::Reset(enrolment(9))).await;
    let standing = records.standing(alice()).await.expect("read");
    assert!(standing.mfa_on, "a reset does not turn MFA off");
    assert!(!standing.has_factor() && !standing.kind(FactorKind::OtpApp).disabled);
    assert_eq!(standing.enrolment, Some(enrolment(9)));
}

pub async fn resealing_replaces_keys_and_nothing_else(place: &dyn Place) {
    let records = place.open().await;
    for factor in [otp_app(1), otp_app(2), external_mail(3)] {
        register(&*records, factor).await;
    }
    let with_letters = AccountUpdate {
        letters: vec![letter(1, 0), letter(2, 0)],
        ..update(Change::None, Ending::NOTHING)
    };
    let _ = records.apply(&with_letters).await.expect("applied");
    let with_registrations = [1, 2, 3].map(|id| {
        let (_, mut new) = session(id);
        new.registration = (id < 3).then(|| Sealed(vec![6, id as u8]));
        new
    });
    for new in &with_registrations {
        let begun = records.begin_session(&begins(new)).await;
        assert_eq!(begun.expect("begun"), SessionBegun::Begun);
    }
    let replaced = records
        .reseal(&|item, old| {
            let (account, id) = match item {
                SealedItem::OtpKey(account, factor) => (account, factor.get()),
                SealedItem::Letter(account, letter) => (account, letter.get()),
                SealedItem::Registration(account, session) => (account, session.get()),
            };
            assert_eq!(account, alice());
            (id == 1).then(|| Sealed([old.0.as_slice(), &[9]].concat()))
        })
        .await;
    assert_eq!(replaced.expect("resealed"), 1);
    let keys: Vec<_> = records.standing(alice()).await.expect("read").factors;
    let keys: Vec<_> = keys
        .iter()
        .filter_map(|factor| match &factor.method {
            Method::OtpApp { key, .. } => Some(key.0.clone()),
            Method::ExternalMail { .. } => None,
        })
        .collect();
    assert_eq!(keys, [vec![1, 2, 3, 1, 9], vec![1, 2, 3, 2]]);
    let letters = records
        .claim_letters(at(0), at(1), 9)
        .await
        .expect("claimed");
    let mut bodies: Vec<_> = letters.into_iter().map(|letter| letter.body.0).collect();
    bodies.sort();
    assert_eq!(bodies, [vec![5, 1, 9], vec![5, 2]]);
    for (mut expected, registration) in
        with_registrations
            .into_iter()
            .zip([Some(vec![6, 1, 9]), Some(vec![6, 2]), None])
    {
        expected.registration = registration.map(Sealed);
        let session = records.session(&expected.token).await.expect("read");
        assert_eq!(session, Some(expected));
    }
}

pub async fn a_recovery_code_is_used_once_and_goes_with_the_last_factor(place: &dyn Place) {
    let records = place.open().await;
    register(&*records, otp_app(1)).await;
    let none = records.standing(alice()).await.expect("read");
    assert_eq!(none.recovery_codes, None);
    change(&*records, Change::RecoveryCodes(vec![[1; 32], [2; 32]])).await;
    change(&*records, Change::RecoveryCodes(vec![[3; 32], [4; 32]])).await;
    drop(records);
    let records = place.open().await;
    let used = async |byte| {
        let left = records.use_recovery_code(alice(), &[byte; 32], at(1)).await;
        left.expect("asked")
    };
    assert_eq!(used(1).await, None, "earlier ones hold no longer");
    let mut users = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let records = std::sync::Arc::clone(&records);
        users.spawn(async move {
            let left = records.use_recovery_code(alice(), &[3; 32], at(1)).await;
            left.expect("asked")
        });
    }
    let left: Vec<_> = users.join_all().await.into_iter().flatten().collect();
    assert_eq!(left, [1], "exactly one of them uses it");
    assert_eq!(used(4).await, Some(0));
    let standing = records.standing(alice()).await.expect("read");
    assert_eq!(standing.recovery_codes.map(|codes| codes.left), Some(0));

    change(&*records, Change::RecoveryCodes(vec![[5; 32]])).await;
    register(&*records, external_mail(2)).await;
    change(&*records, Change::RemoveFactor(FactorId::new(1))).await;
    let standing = records.standing(alice()).await.expect("read");
    assert_eq!(standing.recovery_codes.map(|codes| codes.left), Some(1));
    change(&*records, Change::RemoveFactor(FactorId::new(2))).await;
    let standing = records.standing(alice()).await.expect("read");
    assert_eq!(standing.recovery_codes, None);
    assert_eq!(used(5).await, None);
}

pub async fn a_new_password_is_wanted_until_it_is_not(place: &dyn Place) {
    let records = place.open().await;
    change(&*records, Change::PasswordWanted(true)).await;
    change(&*records, Change::Mfa(true)).await;
    drop(records);
    let records = place.open().await;
    let standing = records.standing(alice()).await.expect("read");
    assert!(standing.password_wanted && standing.mfa_on);
    change(&*records, Change::PasswordWanted(false)).await;
    let standing = records.standing(alice()).await.expect("read");
    assert!(!standing.password_wanted && standing.mfa_on);
}

pub async fn of_two_first_registrations_one_is_the_first(place: &dyn Place) {
    let processes = [place.open().await, place.open().await];
    let standing = processes[0].standing(alice()).await.expect("read");
    let first = |id| AccountUpdate {
        expects: Some(Expected::of(&standing)),
        letters: vec![letter(id, 0)],
        ..update(Change::AddFactor(otp_app(id)), Ending::NOTHING)
    };
    let (one, other) = (first(1), first(2));
    let (one, other) = tokio::join!(processes[0].apply(&one), processes[1].apply(&other));
    let outcomes = [one.expect("asked"), other.expect("asked")];
    let done = |applied: &&Applied| matches!(applied, Applied::Done(_));
    assert_eq!(outcomes.iter().filter(done).count(), 1, "{outcomes:?}");
    assert!(outcomes.contains(&Applied::OutOfDate), "{outcomes:?}");
    let now = processes[1].standing(alice()).await.expect("read");
    assert_eq!(now.factors.len(), 1);
    let letters = processes[0].claim_letters(at(9), at(9), 9).await;
    assert_eq!(letters.expect("claimed").len(), 1);

    // A code of the help desk that was given out meanwhile is another demand.
    let second = AccountUpdate {
        expects: Some(Expected::of(&now)),
        ..update(Change::AddFactor(otp_app(3)), Ending::NOTHING)
    };
    let code = Enrolment {
        hash: [4; 32],
        expires_at: at(60),
    };
    let given = update(Change::EnrolmentCode(code), Ending::NOTHING);
    let _ = processes[0].apply(&given).await.expect("applied");
    let applied = processes[0].apply(&second).await.expect("asked");
    assert_eq!(applied, Applied::OutOfDate);
}
