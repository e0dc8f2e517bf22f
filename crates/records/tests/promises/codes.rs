use std::sync::Arc;

use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::id::{LetterId, SessionId};
use sekisho_checkpoint::ports::{CodePurpose, MailedCode};
use tokio::task::JoinSet;

use super::{OneThing as _, Place, alice, at, external_mail, register, session};

fn code(hash: u8, issued: i64) -> MailedCode {
    MailedCode {
        session: SessionId::new(1),
        account: alice(),
        hash: [hash; 32],
        purpose: CodePurpose::Prove,
        address: MailAddress::parse("Alice.Private@example.net").expect("an address"),
        issued_at: at(issued),
        expires_at: at(issued + 600),
        letter: LetterId::new(i64::from(hash)),
    }
}

pub async fn a_mailed_code_is_used_exactly_once_by_racing_callers(place: &dyn Place) {
    let records = place.open().await;
    let (_, kept) = session(1);
    records.begin(&kept, None).await.expect("kept");
    register(&*records, external_mail(1)).await;
    records
        .count_failure(FactorKind::ExternalMail, Some(kept.id), 100, 0)
        .await
        .expect("counted");
    for hash in [1, 2] {
        let mailed = code(hash, i64::from(hash));
        let _ = records.put_mailed_code(&mailed, at(1)).await.expect("kept");
    }
    let mut racing = JoinSet::new();
    for caller in 0..64_u8 {
        let records = Arc::clone(&records);
        racing.spawn(async move {
            let hash = [1 + caller % 2; 32];
            let used = records
                .use_mailed_code(SessionId::new(1), &hash, at(5))
                .await;
            used.expect("asked")
        });
    }
    let used = racing.join_all().await.into_iter().filter(|used| *used);
    assert_eq!(used.count(), 1, "one success ends all codes of the session");
    let standing = records.standing(alice()).await.expect("read");
    assert_eq!(standing.kind(FactorKind::ExternalMail).failures, 0);
    assert_eq!(standing.factors[0].last_used_at, Some(at(5)));
}

pub async fn a_mailed_code_ends_with_its_time_its_session_and_its_siblings(place: &dyn Place) {
    let records = place.open().await;
    let (_, kept) = session(1);
    let id = kept.id;
    records.begin(&kept, None).await.expect("kept");
    for hash in [2, 1, 3] {
        let mailed = code(hash, i64::from(hash));
        let _ = records.put_mailed_code(&mailed, at(3)).await.expect("kept");
    }
    let live = records.mailed_codes(id, at(601)).await.expect("read");
    let letters: Vec<_> = live.iter().map(|code| code.letter.get()).collect();
    assert_eq!(letters, [2, 3], "the oldest first, without the expired one");
    assert_eq!(live[0].address, code(2, 2).address);

    for (wrong, hash, now) in [("never sent", 9, 5), ("expired to the second", 1, 601)] {
        let used = records.use_mailed_code(id, &[hash; 32], at(now)).await;
        assert!(!used.expect("asked"), "{wrong}");
    }
    let other = SessionId::new(2);
    let used = records.use_mailed_code(other, &[2; 32], at(5)).await;
    assert!(!used.expect("asked"), "another session's");

    records.end_session(id).await.expect("ended");
    let used = records.use_mailed_code(id, &[2; 32], at(5)).await;
    assert!(!used.expect("asked"), "the session has ended");
    let late = records.put_mailed_code(&code(4, 4), at(5)).await;
    assert!(late.is_err(), "no code for a session that has ended");
}
