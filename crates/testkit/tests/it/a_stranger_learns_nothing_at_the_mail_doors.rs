//! Security rules 8 and 9: every refusal gives the same answer, and the cache of verified passwords does not show that
//! a password is right.

use sekisho_checkpoint::{NotAdmitted, Refusal};
use sekisho_testkit::checkpoint::{CAFE, HOME, Kit, PASSWORD, from};

async fn refusal(kit: &Kit, name: &str, password: &str) -> anyhow::Result<Refusal> {
    match kit.mail_client(name, password, from(HOME)).await {
        Err(NotAdmitted::Refused(refusal)) => Ok(refusal),
        other => anyhow::bail!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn every_cause_gets_the_same_words_at_the_same_time() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    kit.alice_uses_mfa().await?;
    kit.accounts.set_disabled(kit.bob, true).await?;
    for guess in 0..20 {
        let _ = kit
            .mail_client("carol", &format!("guess {guess}"), from(HOME))
            .await;
    }
    let asked = kit.checkpoint.now();
    let mut sentences = Vec::new();
    for (name, password) in [
        ("alice", PASSWORD),
        ("alice", "wrong"),
        ("bob", PASSWORD),
        ("nobody", PASSWORD),
        ("carol", "throttled"),
        ("alice*root", PASSWORD),
        ("nul\0", PASSWORD),
    ] {
        let refusal = refusal(&kit, name, password).await?;
        assert_eq!(
            refusal.answer_at.duration_since(asked),
            jiff::SignedDuration::from_secs(2),
            "{name}"
        );
        assert_eq!(refusal.reference.as_str().len(), 8);
        assert!(refusal.sentence.bytes().all(|b| (0x20..0x7f).contains(&b)));
        sentences.push(
            refusal
                .sentence
                .replace(refusal.reference.as_str(), "REFERENCE"),
        );
    }
    sentences.dedup();
    assert_eq!(sentences.len(), 1, "{sentences:?}");
    assert!(sentences[0].contains("https://mail.kit.example/mfa"));
    Ok(())
}

#[tokio::test]
async fn a_reference_is_kept_for_a_name_of_nobody_without_the_name() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    refusal(&kit, "my-secret-typed-as-name", "x").await?;
    let everything = kit.bytes_of_the_records()?;
    assert!(!contains(&everything, b"my-secret-typed-as-name"));
    Ok(())
}

#[tokio::test]
async fn every_attempt_costs_one_verification_whoever_it_is_for() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    kit.alice_uses_mfa().await?;
    for (name, password) in [("alice", PASSWORD), ("alice", "wrong"), ("nobody", "wrong")] {
        let before = kit.accounts.hashes_computed();
        refusal(&kit, name, password).await?;
        assert_eq!(kit.accounts.hashes_computed() - before, 1, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_right_password_is_remembered_only_where_it_was_admitted() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    kit.prove(&app, from(HOME)).await?;
    assert!(kit.mail_client("alice", PASSWORD, from(HOME)).await.is_ok());
    let before = kit.accounts.hashes_computed();
    assert!(kit.mail_client("alice", PASSWORD, from(HOME)).await.is_ok());
    assert_eq!(kit.accounts.hashes_computed(), before, "remembered at home");
    assert!(
        kit.mail_client("alice", PASSWORD, from(CAFE))
            .await
            .is_err()
    );
    assert_eq!(
        kit.accounts.hashes_computed(),
        before + 1,
        "not in the café"
    );
    assert!(
        kit.mail_client("alice", PASSWORD, from(CAFE))
            .await
            .is_err()
    );
    assert_eq!(
        kit.accounts.hashes_computed(),
        before + 2,
        "a refusal is never remembered"
    );
    kit.clock.advance_seconds(300);
    assert!(kit.mail_client("alice", PASSWORD, from(HOME)).await.is_ok());
    assert_eq!(
        kit.accounts.hashes_computed(),
        before + 3,
        "and minutes later nowhere"
    );
    Ok(())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
