use sekisho_checkpoint::audit::{Actor, Door, Event, EventKind};
use sekisho_checkpoint::id::{FactorId, Reference};
use sekisho_checkpoint::ports::{AccountUpdate, Change, Cut, Ending, Reach, RevocationNumber};
use sekisho_checkpoint::throttle::{Guess, Throttle};
use sekisho_otp::Step;

use super::{
    OneThing as _, Place, alice, apply, at, change, event, letter, otp_app, register, session,
    update,
};

pub async fn events_come_back_newest_first_and_by_reference(place: &dyn Place) {
    let records = place.open().await;
    let reference = Reference::draw().expect("randomness");
    let refused = Event {
        account: None,
        name_hash: Some([3; 32]),
        actor: Actor::Door(Door::Imap),
        what: EventKind::RefusedUnknown,
        reference: Some(reference.clone()),
        detail: "日本語".to_owned(),
        ..event(EventKind::SignedIn, 2)
    };
    let desk = Event {
        actor: Actor::HelpDesk,
        address: None,
        ..event(EventKind::FactorsReset, 3)
    };
    let signed_in = event(EventKind::SignedIn, 1);
    for one in [&signed_in, &refused, &desk] {
        records.note(one).await.expect("noted");
    }
    drop(records);

    let records = place.open().await;
    let of_alice = records.events(alice(), &[], at(0), 10).await.expect("read");
    assert_eq!(of_alice, [desk.clone(), signed_in.clone()]);
    let of_a_kind = records
        .events(alice(), &[of_alice[0].what], at(0), 10)
        .await;
    assert_eq!(of_a_kind.expect("read").first(), of_alice.first());
    let of_another = records
        .events(alice(), &[EventKind::NotMe], at(0), 10)
        .await;
    assert!(of_another.expect("read").is_empty());
    let later = records.events(alice(), &[], at(1), 10).await.expect("read");
    assert_eq!(later, std::slice::from_ref(&desk));
    let found = records.event_of(&reference).await.expect("read");
    assert_eq!(found, Some(refused.clone()));
    let nothing = Reference::draw().expect("randomness");
    assert_eq!(records.event_of(&nothing).await.expect("read"), None);
    let all = records.all_events(at(0), None, 2).await.expect("read");
    assert_eq!(all, [desk, refused]);
    let of_kind = records
        .all_events(at(0), Some(EventKind::SignedIn), 9)
        .await;
    assert_eq!(of_kind.expect("read"), [signed_in]);
}

pub async fn revocations_are_numbered_in_order_and_never_twice(place: &dyn Place) {
    let records = place.open().await;
    let (start, none) = records.revocations(None).await.expect("read");
    assert!(none.is_empty());
    let silent = Ending {
        sessions: Reach::All,
        ..Ending::NOTHING
    };
    let unchanged = apply(&*records, Change::None, silent).await;
    assert_eq!(
        unchanged, start,
        "sessions are asked for anew at each request"
    );
    let judged = Ending {
        connections: Cut::Judged,
        ..Ending::NOTHING
    };
    let first = apply(&*records, Change::Mfa(true), judged).await;
    let second = apply(&*records, Change::None, Ending::EVERYTHING).await;
    let grants_alone = Ending {
        grants: Reach::All,
        ..Ending::NOTHING
    };
    let third = apply(&*records, Change::None, grants_alone).await;
    drop(records);

    let records = place.open().await;
    let (latest, all) = records.revocations(Some(start)).await.expect("read");
    let seen: Vec<_> = all.iter().map(|r| (r.number, r.account, r.cut)).collect();
    assert_eq!(
        seen,
        [
            (first, alice(), Cut::Judged),
            (second, alice(), Cut::All),
            (third, alice(), Cut::Judged)
        ]
    );
    assert!(start < first && first < second && second < third && third == latest);
    let (_, rest) = records.revocations(Some(second)).await.expect("read");
    assert_eq!(rest.len(), 1);

    let two_days = 2 * 24 * 3600;
    records
        .purge(at(0), at(0), at(two_days))
        .await
        .expect("purged");
    let (latest, gone) = records.revocations(Some(start)).await.expect("read");
    assert_eq!((latest, gone.len()), (third, 0));
    let fourth = apply(&*records, Change::None, judged).await;
    assert_eq!(fourth, RevocationNumber(third.0 + 1));
}

pub async fn purging_removes_what_is_past_and_nothing_else(place: &dyn Place) {
    let records = place.open().await;
    let key = Throttle::Account(alice(), Guess::Password);
    let day = 24 * 3600;
    for second in [0, day] {
        let keys = std::slice::from_ref(&key);
        records.count(keys, at(second)).await.expect("counted");
        let signed_in = event(EventKind::SignedIn, second);
        records.note(&signed_in).await.expect("noted");
    }
    let (old_token, old) = session(1);
    let (new_token, mut new) = session(2);
    new.created_at = at(day);
    for kept in [&old, &new] {
        records.begin(kept, None).await.expect("kept");
    }
    records
        .purge(at(day), at(day), at(day + 1))
        .await
        .expect("purged");

    let counted = records.counted(&[(key, at(-1))]).await.expect("read");
    assert_eq!(counted, [vec![at(day)]]);
    let events = records
        .events(alice(), &[], at(-1), 10)
        .await
        .expect("read");
    assert_eq!(events, [event(EventKind::SignedIn, day)]);
    let gone = records.session(&old_token.hash()).await.expect("read");
    assert_eq!(gone, None);
    let there = records.session(&new_token.hash()).await.expect("read");
    assert_eq!(there, Some(new));
}

pub async fn what_was_restored_is_over(place: &dyn Place) {
    let records = place.open().await;
    register(&*records, otp_app(1)).await;
    change(&*records, Change::RecoveryCodes(vec![[1; 32]])).await;
    super::grants::a_grant_and_its_claim(&*records).await;
    let (_, session) = session(1);
    records.begin(&session, None).await.expect("kept");
    let mut for_the_session = letter(2, 0);
    for_the_session.session = Some(session.id);
    let letters = AccountUpdate {
        letters: vec![letter(1, 0), for_the_session],
        ..update(Change::None, Ending::NOTHING)
    };
    let _ = records.apply(&letters).await.expect("applied");
    let (before, _) = records.revocations(None).await.expect("read");
    records.restored(Step(100), at(1)).await.expect("restored");

    assert!(
        records
            .session(&session.token)
            .await
            .expect("read")
            .is_none()
    );
    assert!(
        records
            .grants(alice(), at(2))
            .await
            .expect("read")
            .is_empty()
    );
    let code = records.use_recovery_code(alice(), &[1; 32], at(2)).await;
    assert_eq!(code.expect("asked"), None);
    for (step, expected) in [(100, false), (101, true)] {
        let accepted = records.accept_step(alice(), FactorId::new(1), Step(step), at(2));
        assert_eq!(accepted.await.expect("asked"), expected, "step {step}");
    }
    let (after, _) = records.revocations(None).await.expect("read");
    assert!(after.0 > before.0 + 1_000_000, "{after:?}");
    let next = apply(&*records, Change::None, Ending::EVERYTHING).await;
    assert!(next > after);
    let letters = records
        .claim_letters(at(2), at(3), 9)
        .await
        .expect("claimed");
    let letters: Vec<_> = letters.iter().map(|letter| letter.id.get()).collect();
    assert_eq!(
        letters,
        [1],
        "news is told twice rather than never; a code is worth nothing"
    );
}
