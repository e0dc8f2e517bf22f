use std::sync::Arc;

use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::factor::{FactorKind, Method};
use sekisho_checkpoint::grant::Grant;
use sekisho_checkpoint::id::{FactorId, GrantId, SessionToken};
use sekisho_checkpoint::ports::{
    AccountUpdate, Applied, Change, Ending, InSession, NewToken, OneTime, OtpFailure, Records,
    SessionUpdate, WaitingSignIn,
};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::session::Session;
use sekisho_checkpoint::throttle::{Guess, Throttle};
use sekisho_otp::Step;
use tokio::task::JoinSet;

use super::{
    OneThing as _, Place, alice, apply, at, event, letter, otp_app, register, session, source,
};

const HOME: &str = "203.0.113.7";

/// What a proof does: a step, the grant, the event, the new token and a letter.
pub fn proof(of: &Session, new: &SessionToken, step: u64) -> AccountUpdate {
    AccountUpdate {
        session: Some(InSession::changed(
            of.id,
            SessionUpdate {
                token: Some(NewToken {
                    before: of.token,
                    hash: new.hash(),
                    key: Sealed(vec![9; 60]),
                }),
                last_seen_at: Some(at(5)),
                factor_proven_at: Some(at(5)),
                ..SessionUpdate::default()
            },
        )),
        uses: Some(OneTime::Step {
            factor: FactorId::new(1),
            step: Step(step),
        }),
        grant: Some(Grant {
            id: GrantId::new(step as i64),
            account: alice(),
            source: source(HOME),
            address: HOME.parse().expect("an address"),
            companion: None,
            factor: FactorKind::OtpApp,
            granted_at: at(5),
            expires_at: at(100),
        }),
        counted: vec![Throttle::Account(alice(), Guess::Password)],
        events: vec![event(EventKind::Granted, 5)],
        letters: vec![letter(step as i64, 5)],
        ..AccountUpdate::new(alice(), at(5))
    }
}

/// All that a proof may leave behind, in words.
pub async fn left(records: &dyn Records, tokens: &[&SessionToken]) -> String {
    let standing = records.standing(alice()).await.expect("read");
    let steps: Vec<_> = standing
        .factors
        .iter()
        .map(|factor| match factor.method {
            Method::OtpApp { last_step, .. } => last_step.map(|step| step.0),
            Method::ExternalMail { .. } => None,
        })
        .collect();
    let mut alive = Vec::new();
    for token in tokens {
        let session = records.session(&token.hash()).await.expect("read");
        alive.push(
            session.map(|session| (session.key, session.factor_proven_at, session.otp_failures)),
        );
    }
    let counted = [(Throttle::Account(alice(), Guess::Password), at(0))];
    format!(
        "{steps:?} {} grants {} events {:?} {} counted {} waiting",
        records.grants(alice(), at(6)).await.expect("read").len(),
        records
            .events(alice(), &[], at(4), 9)
            .await
            .expect("read")
            .len(),
        alive,
        records.counted(&counted).await.expect("read")[0].len(),
        records
            .waiting_sign_ins(at(50), 9)
            .await
            .expect("read")
            .len(),
    )
}

async fn letters(records: &dyn Records) -> usize {
    records
        .claim_letters(at(50), at(50), 9)
        .await
        .expect("claimed")
        .len()
}

/// Alice's session with an app, and her sign-in that waits.
pub async fn begun(records: &dyn Records) -> (SessionToken, Session) {
    register(records, otp_app(1)).await;
    let (token, kept) = session(1);
    let waiting = WaitingSignIn {
        account: alice(),
        session: kept.id,
        source: source(HOME),
        address: HOME.parse().expect("an address"),
        client: "Firefox".to_owned(),
        at: at(0),
    };
    records.begin(&kept, Some(waiting)).await.expect("kept");
    (token, kept)
}

pub async fn a_proof_is_written_whole(place: &dyn Place) {
    let records = place.open().await;
    let (old, kept) = begun(&*records).await;
    let new = SessionToken::draw().expect("randomness");
    let applied = records.apply(&proof(&kept, &new, 7)).await.expect("asked");
    assert!(matches!(applied, Applied::Done(_)));
    drop(records);
    let records = place.open().await;
    let key = Sealed(vec![9; 60]);
    assert_eq!(
        left(&*records, &[&old, &new]).await,
        format!(
            "[Some(7)] 1 grants 1 events {:?} 1 counted 0 waiting",
            [None, Some((key, Some(at(5)), 0))]
        )
    );
    assert_eq!(letters(&*records).await, 1);
}

pub async fn a_proof_in_a_session_that_has_ended_leaves_nothing_behind(place: &dyn Place) {
    let records = place.open().await;
    let (old, kept) = begun(&*records).await;
    apply(&*records, Change::None, Ending::EVERYTHING).await;
    let new = SessionToken::draw().expect("randomness");
    let before = left(&*records, &[&old, &new]).await;
    let applied = records.apply(&proof(&kept, &new, 7)).await.expect("asked");
    assert_eq!(applied, Applied::SessionEnded);
    assert_eq!(left(&*records, &[&old, &new]).await, before);
    assert_eq!(letters(&*records).await, 0);
}

pub async fn what_was_used_already_leaves_nothing_behind(place: &dyn Place) {
    let records = place.open().await;
    let (old, kept) = begun(&*records).await;
    let new = SessionToken::draw().expect("randomness");
    let mut used = proof(&kept, &new, 7);
    used.session = None;
    used.grant = None;
    let _ = records.apply(&used).await.expect("asked");
    letters(&*records).await;
    let before = left(&*records, &[&old, &new]).await;
    for one_time in [
        OneTime::Step {
            factor: FactorId::new(1),
            step: Step(7),
        },
        OneTime::MailedCode {
            session: kept.id,
            hash: [1; 32],
        },
        OneTime::RecoveryCode {
            hash: [1; 32],
            left: 0,
        },
        OneTime::WaitingSignIn {
            source: source(HOME),
            at: at(1),
        },
    ] {
        let mut again = proof(&kept, &new, 8);
        again.uses = Some(one_time.clone());
        let applied = records.apply(&again).await.expect("asked");
        assert_eq!(applied, Applied::NotAccepted, "{one_time:?}");
        assert_eq!(left(&*records, &[&old, &new]).await, before, "{one_time:?}");
    }
}

pub async fn what_is_not_there_to_be_changed_uses_nothing_up(place: &dyn Place) {
    let records = place.open().await;
    let (old, kept) = begun(&*records).await;
    let new = SessionToken::draw().expect("randomness");
    let before = left(&*records, &[&old, &new]).await;
    for change in [
        Change::RemoveFactor(FactorId::new(9)),
        Change::RenameFactor(FactorId::new(9), "another".to_owned()),
    ] {
        let mut update = proof(&kept, &new, 7);
        update.change = change.clone();
        assert!(records.apply(&update).await.is_err(), "{change:?}");
        assert_eq!(left(&*records, &[&old, &new]).await, before, "{change:?}");
        update.uses = None;
        let applied = records.apply(&update).await.expect("asked");
        assert_eq!(applied, Applied::NotAccepted, "{change:?}");
        assert_eq!(left(&*records, &[&old, &new]).await, before, "{change:?}");
    }
}

pub async fn a_proof_that_fails_leaves_nothing_behind(place: &dyn Place) {
    let records = place.open().await;
    let (old, kept) = begun(&*records).await;
    let new = SessionToken::draw().expect("randomness");
    let before = left(&*records, &[&old, &new]).await;
    let mut twice = proof(&kept, &new, 7);
    // The last thing that is written fails.
    twice.letters.push(letter(7, 5));
    assert!(records.apply(&twice).await.is_err());
    assert_eq!(left(&*records, &[&old, &new]).await, before);
    assert_eq!(letters(&*records).await, 0);
}

pub async fn of_proofs_that_replace_one_token_one_does(place: &dyn Place) {
    let processes = [place.open().await, place.open().await];
    let (_, kept) = begun(&*processes[0]).await;
    let mut racing = JoinSet::new();
    for caller in 0..16 {
        let records = Arc::clone(&processes[caller % 2]);
        let new = SessionToken::draw().expect("randomness");
        let mut update = proof(&kept, &new, caller as u64 + 1);
        // Each uses something of its own.
        update.uses = None;
        racing.spawn(async move { (records.apply(&update).await.expect("asked"), new) });
    }
    let done: Vec<_> = racing.join_all().await;
    let done: Vec<_> = done
        .iter()
        .filter(|(applied, _)| matches!(applied, Applied::Done(_)))
        .collect();
    assert_eq!(done.len(), 1);
    let there = processes[1].session(&done[0].1.hash()).await.expect("read");
    assert!(there.is_some(), "the token of the one that did it");
    let events = processes[0]
        .events(alice(), &[EventKind::Granted], at(0), 99)
        .await;
    assert_eq!(events.expect("read").len(), 1);
}

/// A hundred rounds; a thousand with `SEKISHO_LONG=1`.
pub async fn nothing_that_not_me_ended_is_made_by_a_proof_at_the_same_time(place: &dyn Place) {
    let long = std::env::var_os("SEKISHO_LONG").is_some_and(|value| value == "1");
    let processes = [place.open().await, place.open().await];
    register(&*processes[0], otp_app(1)).await;
    for round in 1..=if long { 1000 } else { 100 } {
        let (_, kept) = session(round);
        processes[0].begin(&kept, None).await.expect("kept");
        let new = SessionToken::draw().expect("randomness");
        let (proves, ends) = (Arc::clone(&processes[0]), Arc::clone(&processes[1]));
        let update = proof(&kept, &new, round as u64);
        let proven = tokio::spawn(async move { proves.apply(&update).await.expect("asked") });
        let ended = tokio::spawn(async move {
            apply(&*ends, Change::PasswordWanted(true), Ending::EVERYTHING).await;
        });
        let _ = proven.await.expect("asked");
        ended.await.expect("ended");
        let grants = processes[0].grants(alice(), at(6)).await.expect("read");
        assert!(grants.is_empty(), "round {round}");
        let alive = processes[0].session(&new.hash()).await.expect("read");
        assert_eq!(alive, None, "round {round}");
    }
}

pub async fn a_wrong_otp_is_counted_whole(place: &dyn Place) {
    let records = place.open().await;
    let (_, kept) = session(1);
    records.begin(&kept, None).await.expect("kept");
    let key = Throttle::Account(alice(), Guess::Otp(FactorKind::OtpApp));
    let failure = |id, disable_at| OtpFailure {
        account: alice(),
        kind: FactorKind::OtpApp,
        session: Some(kept.id),
        disable_at,
        counted: vec![key.clone()],
        event: event(EventKind::OtpWrong, id),
        disabling: event(EventKind::KindDisabled, id),
        disabling_letters: vec![letter(id, 0)],
    };
    for id in [1, 2] {
        let counts = records
            .count_otp_failure(&failure(id, 2))
            .await
            .expect("counted");
        assert_eq!(
            (counts.kind, counts.session, counts.disabled_now),
            (id as u32, id as u32, id == 2)
        );
    }
    let counted = records
        .counted(&[(key.clone(), at(0))])
        .await
        .expect("read");
    assert_eq!(counted, [vec![at(1), at(2)]]);
    let of = async |what| {
        let events = records.events(alice(), &[what], at(0), 9).await;
        events.expect("read").len()
    };
    assert_eq!(
        (
            of(EventKind::OtpWrong).await,
            of(EventKind::KindDisabled).await
        ),
        (2, 1)
    );
    let said = records
        .claim_letters(at(1), at(1), 9)
        .await
        .expect("claimed");
    assert_eq!(said.len(), 1);

    // The letter is there already, so the last of these writes fails.
    let mut fails = failure(2, 3);
    fails.disable_at = 0;
    let _ = apply(
        &*records,
        Change::EnableKind(FactorKind::OtpApp),
        Ending::NOTHING,
    )
    .await;
    assert!(records.count_otp_failure(&fails).await.is_err());
    let standing = records.standing(alice()).await.expect("read");
    assert_eq!(
        standing.kind(FactorKind::OtpApp).failures,
        0,
        "nothing of it was counted"
    );
    let counted = records
        .counted(&[(key.clone(), at(0))])
        .await
        .expect("read");
    assert_eq!(counted[0].len(), 2);
}
