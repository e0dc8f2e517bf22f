//! Security rule 4: the counters of wrong guesses survive whatever happens between two guesses.

use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::ports::Records;
use sekisho_checkpoint::throttle::{Guess, PASSWORDS_FROM_SOURCE, Throttle};
use sekisho_checkpoint::web::{FirstStep, SignInError};
use sekisho_checkpoint::{Password, Proof, ProofError};
use sekisho_records::SqliteRecords;
use sekisho_testkit::checkpoint::{CAFE, CAMPUS, HOME, Kit, PASSWORD, from, site};

#[tokio::test]
async fn after_five_wrong_codes_the_password_is_asked_for_again() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let (token, owed) = kit.owed(from(HOME)).await?;
    for left in (0..5).rev() {
        let wrong = kit.checkpoint.prove(&owed, app.wrong(), "browser").await;
        assert!(
            matches!(wrong, Err(ProofError::Wrong { tries_left: Some(n), .. }) if n == left),
            "{wrong:?}"
        );
    }
    let right = kit.checkpoint.prove(&owed, app.entry(), "browser").await;
    assert!(matches!(right, Err(ProofError::PasswordAgain)), "{right:?}");
    assert!(kit.checkpoint.resume(&token, from(HOME)).await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_in_parallel_are_counted_like_guesses_in_a_row() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let (_, owed) = kit.owed(from(HOME)).await?;
    let owed = std::sync::Arc::new(owed);
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (checkpoint, owed, entry) = (
            std::sync::Arc::clone(&kit.checkpoint),
            std::sync::Arc::clone(&owed),
            app.wrong(),
        );
        tries.spawn(async move {
            matches!(
                checkpoint.prove(&owed, entry, "").await,
                Err(ProofError::Wrong { .. })
            )
        });
    }
    let judged = tries
        .join_all()
        .await
        .into_iter()
        .filter(|&wrong| wrong)
        .count();
    assert_eq!(judged, 5, "so many codes were compared, and no more");
    Ok(())
}

#[tokio::test]
async fn ten_in_an_hour_make_further_tries_wait_from_anywhere_but_campus() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    for place in [HOME, CAFE] {
        let (_, owed) = kit.owed(from(place)).await?;
        for _ in 0..5 {
            let _ = kit.checkpoint.prove(&owed, app.wrong(), "").await;
        }
    }
    let (_, owed) = kit.owed(from("192.0.2.200")).await?;
    let restarted = kit.another(site()).await?;
    let waits = restarted.prove(&owed, app.entry(), "").await;
    assert!(matches!(waits, Err(ProofError::Wait { .. })), "{waits:?}");
    let (_, session) = kit.admitted(from(CAMPUS)).await?;
    assert!(
        kit.checkpoint
            .renew(&session, app.entry(), "")
            .await
            .is_ok(),
        "a trusted network does not wait"
    );
    Ok(())
}

#[tokio::test]
async fn a_hundred_failures_disable_the_kind_which_still_counts_as_registered() -> anyhow::Result<()>
{
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    for _ in 0..20 {
        let (_, owed) = kit.owed(from(HOME)).await?;
        for _ in 0..5 {
            let wrong = kit.checkpoint.prove(&owed, app.wrong(), "").await;
            assert!(matches!(wrong, Err(ProofError::Wrong { .. })), "{wrong:?}");
            kit.clock.advance_seconds(16 * 60);
        }
    }
    let (_, owed) = kit.owed(from(HOME)).await?;
    assert_eq!(
        *owed.first_step(),
        FirstStep::AllDisabled,
        "not offered, and no registration either"
    );
    let refused = kit.checkpoint.prove(&owed, app.entry(), "").await;
    assert!(
        matches!(refused, Err(ProofError::KindDisabled)),
        "{refused:?}"
    );
    let (_, session) = kit.admitted(from(CAMPUS)).await?;
    let none = sekisho_checkpoint::Reproof::none();
    kit.checkpoint
        .enable_kind(&session, FactorKind::OtpApp, &none, "")
        .await?;
    kit.prove(&app, from(HOME)).await?;
    Ok(())
}

#[tokio::test]
async fn wrong_passwords_are_counted_and_the_same_one_again_counts_once() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    for _ in 0..50 {
        assert!(
            kit.mail_client("alice", "her old password", from(HOME))
                .await
                .is_err()
        );
    }
    assert!(
        kit.mail_client("alice", PASSWORD, from(HOME)).await.is_ok(),
        "a forgotten phone locks nobody out"
    );
    for guess in 0..20 {
        assert!(
            kit.mail_client("alice", &format!("guess {guess}"), from(CAFE))
                .await
                .is_err()
        );
    }
    let stranger = kit.mail_client("alice", PASSWORD, from(CAFE)).await;
    assert!(
        stranger.is_err(),
        "the guesser is locked out, right password or not"
    );
    assert!(
        kit.mail_client("alice", PASSWORD, from(CAMPUS))
            .await
            .is_ok(),
        "a trusted network is not"
    );
    kit.clock.advance_seconds(15 * 60);
    assert!(
        kit.mail_client("alice", PASSWORD, from(CAFE)).await.is_ok(),
        "it passes"
    );
    Ok(())
}

#[tokio::test]
async fn names_of_nobody_are_throttled_like_names_of_somebody() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    for (index, name) in ["alice", "nobody"].into_iter().enumerate() {
        let place = from(&format!("192.0.2.{}", index + 1));
        for guess in 0..20 {
            let password = Password::new(format!("guess {guess}"));
            let answer = kit
                .checkpoint
                .sign_in(name, password, place, "")
                .await
                .map(drop);
            assert_eq!(answer, Err(SignInError::Refused), "{name}");
        }
        let password = Password::new("one more".to_owned());
        let answer = kit
            .checkpoint
            .sign_in(name, password, place, "")
            .await
            .map(drop);
        assert!(
            matches!(answer, Err(SignInError::Throttled(_))),
            "{name}: {answer:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_guess_of_a_code_to_come_is_told_nothing() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let (_, owed) = kit.owed(from(HOME)).await?;
    for (seconds, is_told) in [(-300, true), (300, false)] {
        let entry = Proof::App(app.shows_at(seconds));
        let answer = kit.checkpoint.prove(&owed, entry, "").await;
        assert_eq!(
            matches!(answer, Err(ProofError::ClockOff { .. })),
            is_told,
            "{seconds} s: {answer:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_trusted_network_tells_names_of_nobody_no_better() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    for name in ["alice", "nobody"] {
        let mut answers = Vec::new();
        for guess in 0..21 {
            let password = Password::new(format!("guess {guess}"));
            let answer = kit
                .checkpoint
                .sign_in(name, password, from(CAMPUS), "")
                .await;
            answers.push(answer.map(drop));
        }
        let last = answers.pop();
        assert!(
            matches!(last, Some(Err(SignInError::Throttled(_)))),
            "{name}: {last:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn passwords_guessed_in_parallel_are_counted_like_passwords_in_a_row() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let guesses: Vec<_> = (0..64)
        .map(|guess| {
            let checkpoint = std::sync::Arc::clone(&kit.checkpoint);
            tokio::spawn(async move {
                let password = Password::new(format!("guess {guess}"));
                checkpoint
                    .sign_in("alice", password, from(CAFE), "")
                    .await
                    .map(drop)
            })
        })
        .collect();
    let mut tried = 0;
    for guess in guesses {
        tried += usize::from(guess.await? == Err(SignInError::Refused));
    }
    assert_eq!(tried, 20);
    Ok(())
}

#[tokio::test]
async fn who_gives_a_right_password_waits_for_others_in_flight_and_is_not_refused()
-> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let other_node = SqliteRecords::open(&kit.folder().join("records.sqlite"))?;
    let now = kit.checkpoint.now();
    let behind_the_address = [Throttle::Source(from(CAFE).throttle_key(), Guess::Password)];
    for _ in 0..PASSWORDS_FROM_SOURCE.count {
        other_node
            .begin_guess(&behind_the_address, &[], now)
            .await?;
    }
    let checkpoint = std::sync::Arc::clone(&kit.checkpoint);
    let signing_in = tokio::spawn(async move {
        let password = Password::new(PASSWORD.to_owned());
        let signed = checkpoint.sign_in("alice", password, from(CAFE), "browser");
        signed.await.map(drop)
    });
    kit.clock.sleeps(1).await;
    for _ in 0..PASSWORDS_FROM_SOURCE.count {
        let settled = other_node.settle_guess(&behind_the_address, now, false);
        settled.await?;
    }
    kit.clock.advance_seconds(1);
    signing_in.await??;
    assert_eq!(
        kit.another(site())
            .await?
            .sign_in("bob", wrong(), from(CAFE), "browser")
            .await
            .err(),
        Some(SignInError::Refused),
        "nothing was left counted"
    );
    Ok(())
}

fn wrong() -> Password {
    Password::new("not it".to_owned())
}
