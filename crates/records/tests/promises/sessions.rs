use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::ports::{Change, Ending, NewToken, OneTime, Reach, SessionUpdate};
use sekisho_checkpoint::sealing::Sealed;

use sekisho_checkpoint::grant::Grant;
use sekisho_checkpoint::id::{GrantId, SessionId};
use sekisho_checkpoint::ports::WaitingSignIn;

use super::{OneThing as _, Place, alice, apply, at, session, source};

pub async fn a_session_comes_back_whole_and_is_updated_in_part(place: &dyn Place) {
    let records = place.open().await;
    let (token, mut kept) = session(1);
    records.put_session(&kept).await.expect("kept");
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
    kept.token = new_token.hash();
    kept.key = Some(Sealed(vec![9; 60]));
    kept.factor_proven_at = Some(at(90));
    kept.otp_failures = 0;
    kept.registration = None;
    let old = records.session(&token.hash()).await.expect("read");
    assert_eq!(old, None, "the old token is worth nothing");
    let found = records.session(&new_token.hash()).await.expect("read");
    assert_eq!(found, Some(kept));
}

pub async fn ended_sessions_stay_ended(place: &dyn Place) {
    let records = place.open().await;
    let kept: Vec<_> = [1, 2, 3, 4].map(session).into();
    for (_, one) in &kept {
        records.put_session(one).await.expect("kept");
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

pub async fn a_sign_in_waits_until_its_factor_comes_or_it_is_taken(place: &dyn Place) {
    let records = place.open().await;
    let waits = |id, address: &str, second| WaitingSignIn {
        account: alice(),
        session: SessionId::new(id),
        source: source(address),
        address: address.parse().expect("an address"),
        client: "Firefox".to_owned(),
        at: at(second),
    };
    let (home, cafe) = (waits(1, "203.0.113.7", 0), waits(2, "198.51.100.9", 1));
    let (_, moved) = session(3);
    records.put_session(&moved).await.expect("kept");
    let later = waits(4, "198.51.100.9", 40);
    for waiting in [
        &home,
        &cafe,
        &waits(3, "192.0.2.1", 2),
        &later,
        &waits(5, "192.0.2.2", 50),
    ] {
        records.put_waiting(waiting).await.expect("kept");
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
        .update_session(moved.id, &proven)
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

/// Signing in looks for endings once its session is there, and ends it itself if there was one. So of an ending and a
/// session that begin together, one sees the other.
pub async fn no_session_slips_past_an_ending_that_is_being_written(place: &dyn Place) {
    let records = [place.open().await, place.open().await];
    for round in 1..=200 {
        let (before, _) = records[0].revocations(None).await.expect("read");
        let (token, new) = session(round);
        let begins = async {
            records[0].put_session(&new).await.expect("kept");
            let (_, since) = records[0].revocations(Some(before)).await.expect("read");
            !since.is_empty()
        };
        let ends = apply(&*records[1], Change::None, Ending::EVERYTHING);
        let (saw_the_ending, _) = tokio::join!(begins, ends);
        let goes_on = records[0].session(&token.hash()).await.expect("read");
        assert!(
            saw_the_ending || goes_on.is_none(),
            "round {round}: the session outlives the ending, and nobody knows"
        );
        records[0].end_session(new.id).await.expect("ended");
    }
}
