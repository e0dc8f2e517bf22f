//! Security rule 8, over real sockets: every refusal has the same words and the same delay, whatever its cause.

use std::time::Duration;

use jiff::SignedDuration;
use sekisho_testkit::stage::{HANAKO, KEN, Stage};
use sekisho_testkit::wire::{Way, Wire};

/// The answer without its reference. Checks that it has exactly one, of fixed length.
fn without_reference(answer: &str) -> String {
    let Some((before, rest)) = answer.split_once("(Ref ") else {
        return format!("no reference in {answer}");
    };
    let Some((reference, after)) = rest.split_once(')') else {
        return format!("no end of the reference in {answer}");
    };
    format!("{before}(Ref {}){after}", "x".repeat(reference.len()))
}

#[tokio::test]
async fn whatever_the_cause_the_answer_is_the_same_but_for_its_reference() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    stage.uses_mfa(HANAKO).await?;
    let ken = stage.account(KEN).await?;
    stage
        .demo
        .system
        .accounts
        .set_disabled(ken.id, true)
        .await?;
    let right = stage.password(HANAKO);
    let causes = [
        ("right password, no grant", HANAKO, right),
        ("wrong password", HANAKO, "a wrong password"),
        ("unknown account", "nobody", right),
        ("no name at all", "", right),
        ("a name that is none", "a b*c", right),
        ("disabled, right password", KEN, stage.password(KEN)),
        ("disabled, wrong password", KEN, "a wrong password"),
    ];
    for way in Way::ALL {
        let mut said = Vec::new();
        for (cause, name, password) in causes {
            let (answer, _) = stage.mail_client(stage.home(), way, name, password).await?;
            assert!(
                answer.is_ascii() && answer.starts_with(way.refusal()),
                "{way:?}, {cause}: {answer}"
            );
            said.push((cause, without_reference(&answer)));
        }
        for guess in 0..30 {
            let (answer, _) = stage
                .mail_client(stage.home(), way, HANAKO, &format!("guess {guess}"))
                .await?;
            said.push(("throttled", without_reference(&answer)));
        }
        let (_, first) = &said[0];
        for (cause, answer) in &said {
            assert_eq!(answer, first, "{way:?}, {cause}");
        }
    }
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn no_refusal_leaves_before_its_time_whatever_the_cause() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    stage.uses_mfa(HANAKO).await?;
    stage.delay_refusals(SignedDuration::from_secs(2)).await;
    for (name, password) in [
        (HANAKO, stage.password(HANAKO)),
        (HANAKO, "wrong"),
        ("nobody", "wrong"),
    ] {
        let mut wire = Wire::greeted(&stage.home().imap).await?;
        let mut answer = std::pin::pin!(Way::ImapPlainAtOnce.try_on(&mut wire, name, password));
        // The clock stands still, so no answer may come, however long the test waits.
        let early = tokio::time::timeout(Duration::from_millis(300), &mut answer).await;
        assert!(early.is_err(), "{name}: {early:?}");
        stage.clock.advance_seconds(2);
        assert!(answer.await?.starts_with("t NO"));
    }
    stage.demo.stop().await;
    Ok(())
}
