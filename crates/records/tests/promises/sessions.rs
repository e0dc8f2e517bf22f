use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::grant::Grant;
use sekisho_checkpoint::id::{GrantId, SessionId, SessionToken};
use sekisho_checkpoint::ports::{
    AccountUpdate, Change, Cut, Ending, LeftBehind, NewSession, NewToken, OneTime, Reach,
    SessionBegun, SessionUpdate, WaitingSignIn,
};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::session::{Session, Superseded};

use super::{OneThing as _, Place, alice, apply, at, begins, bob, event, session, source};

pub async fn a_session_comes_back_whole_and_is_updated_in_part(place: &dyn Place) {
    let records = place.open().await;
    let (token, mut kept) = session(1);
    records.begin(&kept, None).await.expect("kept");
    records
        .count_failure(FactorKind::OtpApp, Some(kept.id), 9, 1)
        .await
        .expect("counted");
    let draft = SessionUpdate {
        last_seen_at: Some(at(60)),
        registration: Some(Some(Sealed(vec![1]))),
        stash: Some(Some(Sealed(vec![2]))),
        password: Some(Some(Sealed(vec![3]))),
        ..SessionUpdate::default()
    };
    let existed = records.update_session(kept.id, &draft).await;
    assert!(existed.expect("updated"));
    drop(records);

    let records = place.open().await;
    kept.last_seen_at = at(60);
    kept.otp_failures = 1;
    kept.registration = Some(Sealed(vec![1]));
    kept.stash = Some(Sealed(vec![2]));
    kept.password = Some(Sealed(vec![3]));
    let found = records.session(&token.hash()).await.expect("read");
    assert_eq!(found, Some(kept.clone()));

    let new_token = SessionToken::draw().expect("randomness");
    let proven = SessionUpdate {
        token: Some(NewToken {
            before: token.hash(),
            hash: new_token.hash(),
            key: Sealed(vec![9; 60]),
        }),
        factor_proven_at: Some(at(90)),
        registration: Some(None),
        ..SessionUpdate::default()
    };
    let existed = records.update_session(kept.id, &proven).await;
    assert!(existed.expect("updated"));
    let again = records.update_session(kept.id, &proven).await;
    assert!(!again.expect("asked"), "the token before is another by now");
    kept.superseded = Some(Superseded {
        token: token.hash(),
        key: std::mem::replace(&mut kept.key, Sealed(vec![9; 60])),
    });
    kept.token = new_token.hash();
    kept.factor_proven_at = Some(at(90));
    kept.otp_failures = 0;
    kept.registration = None;
    let old = records.session(&token.hash()).await.expect("read");
    assert_eq!(old, None, "the old token is worth nothing");
    let found = records.session(&new_token.hash()).await.expect("read");
    assert_eq!(found, Some(kept));
}

fn new_token(before: &SessionToken, new: &SessionToken) -> SessionUpdate {
    SessionUpdate {
        token: Some(NewToken {
            before: before.hash(),
            hash: new.hash(),
            key: Sealed(vec![9; 60]),
        }),
        ..SessionUpdate::default()
    }
}

pub async fn a_superseded_token_is_known_until_it_is_forgotten(place: &dyn Place) {
    let records = place.open().await;
    let (first, kept) = session(1);
    records.begin(&kept, None).await.expect("kept");
    let by = async |token: &SessionToken| {
        let found = records.session_of_superseded(&token.hash()).await;
        found.expect("read").and_then(|session| session.superseded)
    };
    assert_eq!(by(&first).await, None, "it is the present one");
    let [second, third] = [0; 2].map(|_| SessionToken::draw().expect("randomness"));
    let update = async |update: &SessionUpdate| {
        let existed = records.update_session(kept.id, update).await;
        assert!(existed.expect("updated"));
    };
    update(&new_token(&first, &second)).await;
    let superseded = |token: &SessionToken, key| Superseded {
        token: token.hash(),
        key: Sealed(vec![key; 60]),
    };
    assert_eq!(by(&first).await, Some(superseded(&first, 8)));
    assert_eq!(by(&second).await, None);

    update(&new_token(&second, &third)).await;
    assert_eq!(by(&first).await, None);
    assert_eq!(by(&second).await, Some(superseded(&second, 9)));
    let forgets = |token: &SessionToken| SessionUpdate {
        forgets: Some(token.hash()),
        ..SessionUpdate::default()
    };
    update(&forgets(&first)).await;
    assert!(by(&second).await.is_some(), "another was to be forgotten");
    update(&SessionUpdate::default()).await;
    assert!(by(&second).await.is_some());
    update(&forgets(&second)).await;
    assert_eq!(by(&second).await, None);
    let found = records.session(&third.hash()).await.expect("read");
    assert_eq!(found.expect("there").superseded, None);
}

pub async fn a_session_takes_the_place_of_one_that_was_left_behind(place: &dyn Place) {
    let records = place.open().await;
    let (first, left) = session(1);
    records.begin(&left, None).await.expect("kept");
    let second = SessionToken::draw().expect("randomness");
    let update = new_token(&first, &second);
    let existed = records.update_session(left.id, &update).await;
    assert!(existed.expect("updated"));

    let (token, new) = session(2);
    let takes = |token: &SessionToken| NewSession {
        takes_place_of: Some(LeftBehind {
            session: left.id,
            token: token.hash(),
        }),
        ..begins(&new)
    };
    let is_there = async |token: &SessionToken| {
        let found = records.session(&token.hash()).await;
        found.expect("read").is_some()
    };
    let of_bob = NewSession {
        session: Session {
            account: bob(),
            ..new.clone()
        },
        ..takes(&first)
    };
    for refused in [takes(&second), of_bob] {
        let begun = records.begin_session(&refused).await.expect("asked");
        assert_eq!(begun, SessionBegun::WentOn);
        assert!(is_there(&second).await && !is_there(&token).await);
    }
    let begun = records.begin_session(&takes(&first)).await.expect("asked");
    assert_eq!(begun, SessionBegun::Begun);
    assert!(!is_there(&second).await && is_there(&token).await);

    let (_, third) = session(3);
    let again = NewSession {
        session: third,
        ..takes(&first)
    };
    let begun = records.begin_session(&again).await.expect("asked");
    assert_eq!(begun, SessionBegun::WentOn, "it has ended");
}

pub async fn ended_sessions_stay_ended(place: &dyn Place) {
    let records = place.open().await;
    let kept: Vec<_> = [1, 2, 3, 4].map(session).into();
    for (_, one) in &kept {
        records.begin(one, None).await.expect("kept");
    }
    records.end_session(kept[3].1.id).await.expect("ended");
    let ends = |sessions| Ending {
        sessions,
        ..Ending::NOTHING
    };
    let only = Reach::Only(kept[2].1.id);
    apply(&*records, Change::None, ends(only)).await;
    let others = Reach::AllBut(kept[0].1.id);
    apply(&*records, Change::None, ends(others)).await;
    drop(records);

    let records = place.open().await;
    let seen = SessionUpdate {
        last_seen_at: Some(at(1)),
        ..SessionUpdate::default()
    };
    for (number, (token, one)) in kept.iter().enumerate() {
        let existed = records.update_session(one.id, &seen).await;
        assert_eq!(existed.expect("asked"), number == 0);
        let found = records.session(&token.hash()).await.expect("read");
        assert_eq!(found.is_some(), number == 0);
    }
    let counts = records
        .count_failure(FactorKind::OtpApp, Some(kept[1].1.id), 9, 1)
        .await
        .expect("counted");
    assert_eq!((counts.session, counts.kind), (0, 1));
}

fn waits(id: i64, address: &str, second: i64) -> WaitingSignIn {
    WaitingSignIn {
        account: alice(),
        session: SessionId::new(id),
        source: source(address),
        address: address.parse().expect("an address"),
        client: "Firefox".to_owned(),
        at: at(second),
    }
}

pub async fn a_sign_in_waits_until_its_factor_comes_or_it_is_taken(place: &dyn Place) {
    let records = place.open().await;
    let (home, cafe) = (waits(1, "203.0.113.7", 0), waits(2, "198.51.100.9", 1));
    let later = waits(4, "198.51.100.9", 40);
    let moved = waits(3, "192.0.2.1", 2);
    let last = waits(5, "192.0.2.2", 50);
    for waiting in [&home, &cafe, &moved, &later, &last] {
        let (_, begun) = session(waiting.session.get());
        let waiting = Some(waiting.clone());
        records.begin(&begun, waiting).await.expect("kept");
    }
    let grant = Grant {
        id: GrantId::new(1),
        account: alice(),
        source: home.source,
        address: home.address,
        companion: None,
        factor: FactorKind::OtpApp,
        granted_at: at(2),
        expires_at: at(100),
    };
    let _ = records.put_grant(&grant, at(2)).await.expect("kept");
    let proven = SessionUpdate {
        factor_proven_at: Some(at(3)),
        ..SessionUpdate::default()
    };
    records
        .update_session(moved.session, &proven)
        .await
        .expect("written");
    drop(records);
    let records = place.open().await;
    let overdue = records.waiting_sign_ins(at(50), 10).await.expect("read");
    let first_time_last_session = WaitingSignIn {
        session: later.session,
        ..cafe
    };
    assert_eq!(
        overdue,
        std::slice::from_ref(&first_time_last_session),
        "the factor came at home, and in the session that moved; the last one may still come"
    );
    let mut tellers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let records = std::sync::Arc::clone(&records);
        let WaitingSignIn { source, at, .. } = first_time_last_session;
        let taken = OneTime::WaitingSignIn { source, at };
        tellers.spawn(async move { records.uses(alice(), taken, at).await.expect("asked") });
    }
    let told = tellers.join_all().await;
    assert_eq!(
        told.iter().filter(|told| **told).count(),
        1,
        "each is told of once"
    );
    let again = records.waiting_sign_ins(at(50), 10).await.expect("read");
    assert!(again.is_empty());
}

/// Of an ending and a session that begin together, one sees the other.
pub async fn no_session_slips_past_an_ending_that_is_being_written(place: &dyn Place) {
    let records = [place.open().await, place.open().await];
    for round in 1..=200 {
        let (before, _) = records[0].revocations(None).await.expect("read");
        let (token, new) = session(round);
        let new = NewSession {
            unless_revoked_since: before,
            ..begins(&new)
        };
        let begins = records[0].begin_session(&new);
        let ends = apply(&*records[1], Change::None, Ending::EVERYTHING);
        let (begun, _) = tokio::join!(begins, ends);
        let begun = begun.expect("asked");
        let goes_on = records[0].session(&token.hash()).await.expect("read");
        assert!(
            goes_on.is_none(),
            "round {round}: {begun:?}, and the session outlives the ending"
        );
    }
}

pub async fn a_sign_in_is_written_whole_or_not_at_all(place: &dyn Place) {
    let records = place.open().await;
    let (before, _) = records.revocations(None).await.expect("read");
    let (token, mut kept) = session(1);
    kept.password = Some(Sealed(vec![3]));
    let signs_in = |kept: &Session, at_second| NewSession {
        waiting: Some(waits(kept.id.get(), "203.0.113.7", at_second)),
        unless_revoked_since: before,
        event: event(EventKind::PasswordRight, at_second),
        ..begins(kept)
    };
    let begun = records.begin_session(&signs_in(&kept, 1)).await;
    assert_eq!(begun.expect("asked"), SessionBegun::Begun);
    drop(records);

    let records = place.open().await;
    let left = async || {
        let events = records.events(alice(), &[], at(-1), 9).await;
        (
            records.session(&token.hash()).await.expect("read"),
            records.waiting_sign_ins(at(50), 9).await.expect("read"),
            events.expect("read").len(),
        )
    };
    let whole = (Some(kept.clone()), vec![waits(1, "203.0.113.7", 1)], 1);
    assert_eq!(left().await, whole);

    // A session of that id is there already: neither the event nor the waiting sign-in is written.
    let (_, mut same) = session(1);
    same.account = alice();
    let mut again = signs_in(&same, 2);
    again.waiting = Some(waits(2, "198.51.100.9", 2));
    assert!(records.begin_session(&again).await.is_err());
    assert_eq!(left().await, whole);

    // Somebody else's revocation is none of this account's.
    let of_bob = AccountUpdate {
        ending: Ending::EVERYTHING,
        ..AccountUpdate::new(bob(), at(3))
    };
    let _ = records.apply(&of_bob).await.expect("applied");
    let (_, second) = session(2);
    let begun = records.begin_session(&signs_in(&second, 3)).await;
    assert_eq!(begun.expect("asked"), SessionBegun::Begun);
    let two = left().await;

    let ended = Ending {
        connections: Cut::All,
        ..Ending::NOTHING
    };
    apply(&*records, Change::None, ended).await;
    let (_, third) = session(3);
    let refused = records.begin_session(&signs_in(&third, 4)).await;
    assert_eq!(refused.expect("asked"), SessionBegun::Revoked);
    let three = left().await;
    assert_eq!((three.0, three.1), (two.0, two.1));
    let events = records
        .events(alice(), &[EventKind::PasswordRight], at(-1), 9)
        .await;
    assert_eq!(events.expect("read").len(), 2);
    assert_eq!(records.session(&third.token).await.expect("read"), None);
}
