use jiff::SignedDuration;
use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::ports::{AccountUpdate, Change, Ending};
use sekisho_checkpoint::throttle::{Guess, GuessStart, Limit, Throttle};

use super::{OneThing as _, Place, alice, at, bob, event, source, update};

pub async fn the_clock_never_falls_below_its_mark(place: &dyn Place) {
    let records = place.open().await;
    assert_eq!(records.raise_clock(at(10)).await.expect("raised"), at(10));
    assert_eq!(records.raise_clock(at(5)).await.expect("raised"), at(10));
    records
        .count_failure(FactorKind::OtpApp, None, 9, 20)
        .await
        .expect("counted");
    drop(records);
    let records = place.open().await;
    assert_eq!(
        records.raise_clock(at(0)).await.expect("raised"),
        at(20),
        "whatever writes with a time raises the mark"
    );
    let signed_in = event(EventKind::SignedIn, 30);
    records.note(&signed_in).await.expect("noted");
    assert_eq!(records.raise_clock(at(0)).await.expect("raised"), at(30));
    let off = AccountUpdate {
        at: at(40),
        ..update(Change::Mfa(false), Ending::NOTHING)
    };
    let _ = records.apply(&off).await.expect("applied");
    assert_eq!(records.raise_clock(at(0)).await.expect("raised"), at(40));
}

pub async fn failures_are_counted_within_their_window_and_survive_reopening(place: &dyn Place) {
    let of_alice = Throttle::Account(alice(), Guess::Password);
    let of_bob = Throttle::Account(bob(), Guess::Password);
    let from = Throttle::Source(source("2001:db8::1"), Guess::Password);
    let records = place.open().await;
    for second in [1, 2, 3] {
        let keys = [of_alice.clone(), from.clone()];
        records.count(&keys, at(second)).await.expect("counted");
    }
    for _ in 0..250 {
        let keys = std::slice::from_ref(&of_bob);
        records.count(keys, at(9)).await.expect("counted");
    }
    drop(records);

    let asked = [
        (of_alice.clone(), at(1)),
        (of_bob, at(0)),
        (from, at(0)),
        (Throttle::Account(alice(), Guess::MailedCode), at(0)),
    ];
    let counted = place.open().await.counted(&asked).await.expect("read");
    assert_eq!(counted[0], [at(2), at(3)], "after an instant, not at it");
    assert_eq!(counted[1].len(), 200, "no more than anybody needs");
    assert_eq!(counted[2], [at(1), at(2), at(3)]);
    assert!(counted[3].is_empty());
}

pub async fn guesses_in_parallel_are_counted_up_to_the_limit_by_however_many_processes(
    place: &dyn Place,
) {
    let of_alice = Throttle::Account(alice(), Guess::Password);
    let from = Throttle::Source(source("2001:db8::1"), Guess::Password);
    let twenty = Limit {
        count: 20,
        window: SignedDuration::from_mins(15),
    };
    let limits = [(of_alice.clone(), twenty)];
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let records = place.open().await;
        for _ in 0..32 {
            let (records, limits) = (std::sync::Arc::clone(&records), limits.clone());
            let keys = [of_alice.clone(), from.clone()];
            guesses.spawn(async move {
                let start = records.begin_guess(&keys, &limits, at(1)).await;
                start.expect("asked")
            });
        }
    }
    let answers = guesses.join_all().await;
    let of_kind = |wanted| answers.iter().filter(|start| **start == wanted).count();
    assert_eq!(of_kind(GuessStart::Begun), 20);
    assert_eq!(
        of_kind(GuessStart::Busy),
        44,
        "none is refused by what may be right"
    );
    let asked = [(of_alice.clone(), at(0)), (from.clone(), at(0))];
    let records = place.open().await;
    let counted = records.counted(&asked).await.expect("read");
    assert_eq!(counted, [vec![], vec![]], "none is known to be wrong");
    let keys = [of_alice, from];
    for _ in 0..20 {
        let written = records.settle_guess(&keys, at(1), true).await;
        written.expect("settled");
    }
    let start = records.begin_guess(&keys, &limits, at(2)).await;
    let until = at(1) + twenty.window;
    assert_eq!(start.expect("asked"), GuessStart::LimitReached { until });
    let counted = place.open().await.counted(&asked).await.expect("read");
    assert_eq!(counted, [vec![at(1); 20], vec![at(1); 20]]);
}

pub async fn a_guess_counts_when_it_was_wrong_and_stands_in_the_way_until_that_is_known(
    place: &dyn Place,
) {
    let of_alice = Throttle::Account(alice(), Guess::Password);
    let from = Throttle::Source(source("2001:db8::1"), Guess::Password);
    let records = place.open().await;
    let keys = [of_alice.clone(), from.clone()];
    let three = Limit {
        count: 3,
        window: SignedDuration::from_mins(15),
    };
    let limits = [(of_alice.clone(), three)];
    for _ in 0..3 {
        let start = records.begin_guess(&keys, &limits, at(1)).await;
        assert_eq!(start.expect("asked"), GuessStart::Begun);
    }
    let start = records.begin_guess(&keys, &limits, at(1)).await;
    assert_eq!(start.expect("asked"), GuessStart::Busy);
    let (right, wrong) = tokio::join!(
        records.settle_guess(&keys, at(1), false),
        records.settle_guess(&keys, at(1), true),
    );
    right.and(wrong).expect("settled");
    let start = records.begin_guess(&keys, &limits, at(2)).await;
    assert_eq!(start.expect("asked"), GuessStart::Begun, "one was right");
    let start = records.begin_guess(&keys, &limits, at(2)).await;
    assert_eq!(start.expect("asked"), GuessStart::Busy);
    // The processes of the two that are in flight have died.
    let start = records.begin_guess(&keys, &limits, at(63)).await;
    assert_eq!(start.expect("asked"), GuessStart::Begun);
    drop(records);
    let asked = [(of_alice, at(0)), (from, at(0))];
    let counted = place.open().await.counted(&asked).await.expect("read");
    assert_eq!(counted, [vec![at(1)], vec![at(1)]]);
}
