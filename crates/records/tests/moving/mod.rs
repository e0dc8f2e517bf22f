//! A site moves from the file to PostgreSQL.

use std::path::PathBuf;

use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::id::{FactorId, SessionId, TokenHash};
use sekisho_checkpoint::ports::{AccountUpdate, Change, Ending, Records};
use sekisho_checkpoint::throttle::{Guess, Throttle};
use sekisho_otp::Step;
use sekisho_records::{PostgresRecords, SqliteRecords, copy};
use tempfile::TempDir;

use super::SERVER;
use super::promises::{
    OneThing as _, alice, apply, at, change, event, external_mail, grants, letter, otp_app,
    register, session, update,
};

/// A file with something in every table.
async fn site() -> (TempDir, PathBuf, TokenHash) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("records.sqlite");
    let records = SqliteRecords::open(&file).expect("opens");
    change(&records, Change::Mfa(true)).await;
    register(&records, otp_app(1)).await;
    register(&records, external_mail(2)).await;
    change(&records, Change::RecoveryCodes(vec![[1; 32], [2; 32]])).await;
    assert!(
        records
            .accept_step(alice(), FactorId::new(1), Step(9), at(1))
            .await
            .expect("asked")
    );
    records
        .count_failure(FactorKind::OtpApp, None, 9, 2)
        .await
        .expect("counted");
    grants::a_grant_and_its_claim(&records).await;
    let (_, session) = session(1);
    records.begin(&session, None).await.expect("kept");
    let mut for_the_session = letter(2, 0);
    for_the_session.session = Some(session.id);
    let letters = AccountUpdate {
        letters: vec![letter(1, 0), for_the_session],
        ..update(Change::None, Ending::NOTHING)
    };
    let _ = records.apply(&letters).await.expect("applied");
    let key = [Throttle::Account(alice(), Guess::Password)];
    for _ in 0..3 {
        records.count(&key, at(3)).await.expect("counted");
    }
    let mut odd = event(EventKind::SignedIn, 4);
    odd.client = "Mail\0Client".to_owned();
    records.note(&odd).await.expect("noted");
    apply(&records, Change::None, Ending::NOTHING).await;
    (folder, file, session.token)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_afterwards() {
    let (_folder, file, token) = site().await;
    let settings = SERVER.database().expect("made");
    let mut rows = 0;
    copy(&file, settings.clone(), |copied| rows += copied.rows)
        .await
        .expect("copied");
    assert!(rows > 10);
    let before = SqliteRecords::open(&file).expect("opens");
    let after = PostgresRecords::open(settings.clone())
        .await
        .expect("opens");
    let both: [&dyn Records; 2] = [&before, &after];
    let mut seen = Vec::new();
    for records in both {
        let key = [(Throttle::Account(alice(), Guess::Password), at(0))];
        let mut events = records
            .events(alice(), &[], at(-1), 99)
            .await
            .expect("read");
        for event in &mut events {
            event.client = event.client.replace('\0', "\u{fffd}");
        }
        seen.push(
            format!(
                "{:?} {:?} {:?} {:?} {:?} {:?}",
                records.standing(alice()).await,
                records.grants(alice(), at(5)).await,
                records
                    .session(&token)
                    .await
                    .map(|session| session.map(|session| session.id)),
                records.counted(&key).await,
                records.raise_clock(at(0)).await,
                records.revocations(None).await.map(|(number, _)| number),
            ) + &format!("{events:?}"),
        );
    }
    assert_eq!(seen[0], seen[1]);
    assert!(after.session(&token).await.expect("read").is_some());
    assert!(
        !after
            .accept_step(alice(), FactorId::new(1), Step(9), at(9))
            .await
            .expect("asked"),
        "a used step stays used"
    );
    let letters = after
        .claim_letters(at(9), at(10), 9)
        .await
        .expect("claimed");
    assert_eq!(letters.len(), 2);
    after.end_session(SessionId::new(1)).await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_use_and_a_database_that_is_not_empty_are_left_alone() {
    let (_folder, file, _) = site().await;
    let settings = SERVER.database().expect("made");
    let in_use = SqliteRecords::open(&file).expect("opens");
    let refused = copy(&file, settings.clone(), |_| ())
        .await
        .expect_err("refused");
    assert!(
        refused.to_string().contains("stop the service first"),
        "{refused}"
    );
    drop(in_use);
    copy(&file, settings.clone(), |_| ()).await.expect("copied");
    let refused = copy(&file, settings, |_| ()).await.expect_err("refused");
    assert!(
        refused.to_string().contains("holds records already"),
        "{refused}"
    );
}
