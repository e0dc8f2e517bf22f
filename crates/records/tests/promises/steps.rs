use std::sync::Arc;

use sekisho_checkpoint::factor::Method;
use sekisho_checkpoint::id::FactorId;
use sekisho_otp::Step;
use tokio::task::JoinSet;

use super::{OneThing as _, Place, alice, at, bob, external_mail, otp_app, register};

/// A hundred rounds; a thousand with `SEKISHO_LONG=1`.
pub async fn one_of_sixty_four_racing_callers_has_the_step_accepted(place: &dyn Place) {
    let long = std::env::var_os("SEKISHO_LONG").is_some_and(|value| value == "1");
    let rounds: u64 = if long { 1000 } else { 100 };
    let processes = [place.open().await, place.open().await];
    register(&*processes[0], otp_app(1)).await;
    for round in 1..=rounds {
        let mut racing = JoinSet::new();
        for caller in 0..64 {
            let records = Arc::clone(&processes[caller % 2]);
            racing.spawn(async move {
                let factor = FactorId::new(1);
                let accepted = records
                    .accept_step(alice(), factor, Step(round), at(0))
                    .await;
                accepted.expect("asked")
            });
        }
        let accepted = racing.join_all().await.into_iter().filter(|yes| *yes);
        assert_eq!(accepted.count(), 1, "round {round}");
    }
}

pub async fn a_step_and_those_before_it_are_never_accepted_again(place: &dyn Place) {
    let records = place.open().await;
    register(&*records, otp_app(1)).await;
    register(&*records, otp_app(2)).await;
    register(&*records, external_mail(3)).await;
    let steps = [(10, true), (10, false), (9, false), (11, true)];
    for (step, expected) in steps {
        let factor = FactorId::new(1);
        let accepted = records
            .accept_step(alice(), factor, Step(step), at(1))
            .await;
        assert_eq!(accepted.expect("asked"), expected, "step {step}");
    }
    drop(records);

    let records = place.open().await;
    for (whose, account, factor, step, expected) in [
        ("used", alice(), 1, 11, false),
        ("the other app's own count", alice(), 2, 10, true),
        ("another account's", bob(), 1, 12, false),
        ("no app", alice(), 3, 12, false),
        ("no factor", alice(), 4, 12, false),
    ] {
        let factor = FactorId::new(factor);
        let accepted = records
            .accept_step(account, factor, Step(step), at(2))
            .await;
        assert_eq!(accepted.expect("asked"), expected, "{whose}");
    }
    let factors = records.standing(alice()).await.expect("read").factors;
    assert!(
        matches!(factors[0].method, Method::OtpApp { last_step, .. } if last_step == Some(Step(11)))
    );
    assert_eq!(factors[0].last_used_at, Some(at(1)));
}
