use std::sync::Arc;

use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::{
    AccountUpdate, Change, CodePurpose, Ending, InSession, MailedCode, OutboxLetter, Records,
};
use tokio::task::JoinSet;

use super::{OneThing as _, Place, alice, at, letter, session, update};

async fn put(records: &dyn Records, letters: Vec<OutboxLetter>) {
    let update = AccountUpdate {
        letters,
        ..update(Change::None, Ending::NOTHING)
    };
    let _ = records.apply(&update).await.expect("applied");
}

async fn claimed(records: &dyn Records, now: i64, until: i64) -> Vec<(i64, u32)> {
    let letters = records
        .claim_letters(at(now), at(until), 9)
        .await
        .expect("claimed");
    letters
        .iter()
        .map(|letter| (letter.id.get(), letter.tries))
        .collect()
}

pub async fn a_letter_is_claimed_by_one_at_a_time_until_it_is_removed(place: &dyn Place) {
    let records = place.open().await;
    put(&*records, vec![letter(2, 9), letter(1, 10), letter(3, 11)]).await;
    assert!(
        claimed(&*records, 8, 60).await.is_empty(),
        "whoever wrote it has its time"
    );
    let mut racing = JoinSet::new();
    for _ in 0..16 {
        let records = Arc::clone(&records);
        racing.spawn(async move { claimed(&*records, 10, 70).await });
    }
    let mut taken: Vec<_> = racing.join_all().await.into_iter().flatten().collect();
    taken.sort_unstable();
    assert_eq!(taken, [(1, 1), (2, 1)], "each by one");
    drop(records);

    let records = place.open().await;
    assert_eq!(claimed(&*records, 69, 100).await, [(3, 1)]);
    records
        .remove_letter(LetterId::new(2))
        .await
        .expect("removed");
    let again = records
        .claim_letters(at(70), at(130), 9)
        .await
        .expect("claimed");
    let mut expected = letter(1, 10);
    expected.tries = 2;
    expected.due_at = at(130);
    assert_eq!(again, [expected], "whoever claimed it may have died");
    records
        .remove_letter(LetterId::new(1))
        .await
        .expect("removed");
    records
        .remove_letter(LetterId::new(3))
        .await
        .expect("removed");
    assert!(claimed(&*records, 5000, 6000).await.is_empty());
}

pub async fn codes_are_claimed_before_news_and_what_is_due_first_before_the_rest(
    place: &dyn Place,
) {
    let records = place.open().await;
    let (_, kept) = session(1);
    records.begin(&kept, None).await.expect("kept");
    let code = |number, due| OutboxLetter {
        session: Some(kept.id),
        ..letter(number, due)
    };
    let letters = vec![
        letter(1, 7),
        letter(2, 3),
        code(3, 8),
        letter(4, 5),
        code(5, 6),
    ];
    put(&*records, letters).await;
    let claim = async |now, until, limit| {
        let claimed = records.claim_letters(at(now), at(until), limit).await;
        let claimed = claimed.expect("claimed");
        claimed
            .iter()
            .map(|letter| letter.id.get())
            .collect::<Vec<_>>()
    };
    assert_eq!(claim(10, 1000, 3).await, [5, 3, 2]);
    assert_eq!(
        records.raise_clock(at(0)).await.expect("raised"),
        at(10),
        "a claim raises the mark"
    );
    assert_eq!(claim(11, 1000, 9).await, [4, 1]);
    assert!(claim(900, 1000, 9).await.is_empty());
}

pub async fn a_letter_is_put_off_by_whoever_claimed_it_last(place: &dyn Place) {
    let records = place.open().await;
    put(&*records, vec![letter(1, 0)]).await;
    assert_eq!(claimed(&*records, 1, 10).await, [(1, 1)]);
    assert_eq!(claimed(&*records, 10, 20).await, [(1, 2)]);
    let put_off = async |tries, until| {
        let done = records
            .put_off_letter(LetterId::new(1), tries, at(until))
            .await;
        done.expect("put off");
    };
    put_off(1, 1000).await;
    assert_eq!(
        claimed(&*records, 20, 30).await,
        [(1, 3)],
        "it was another's by then"
    );
    put_off(3, 1000).await;
    assert!(claimed(&*records, 999, 2000).await.is_empty());
    assert_eq!(claimed(&*records, 1000, 2000).await, [(1, 4)]);
}

pub async fn a_letter_for_a_session_goes_with_it_and_news_does_not(place: &dyn Place) {
    let records = place.open().await;
    for number in [1, 2] {
        let (_, kept) = session(number);
        records.begin(&kept, None).await.expect("kept");
        let mut of_it = letter(number, 0);
        of_it.session = Some(kept.id);
        put(&*records, vec![of_it, letter(number + 10, 0)]).await;
    }
    let (_, first) = session(1);
    records.end_session(first.id).await.expect("ended");
    let mut left = claimed(&*records, 1, 2).await;
    left.sort_unstable();
    assert_eq!(left, [(2, 1), (11, 1), (12, 1)]);
    let ended = update(Change::None, Ending::EVERYTHING);
    let _ = records.apply(&ended).await.expect("applied");
    let mut left = claimed(&*records, 3, 4).await;
    left.sort_unstable();
    assert_eq!(left, [(11, 2), (12, 2)]);
    let two_days = at(2 * 24 * 3600);
    records
        .purge(two_days, two_days, two_days)
        .await
        .expect("purged");
    assert_eq!(
        claimed(&*records, 5, 6).await.len(),
        2,
        "news is given up loudly, not purged"
    );
}

pub async fn a_withdrawn_letter_takes_its_code_along(place: &dyn Place) {
    let records = place.open().await;
    let (_, kept) = session(1);
    records.begin(&kept, None).await.expect("kept");
    for number in [1, 2] {
        let mut of_it = letter(number, 0);
        of_it.session = Some(kept.id);
        let code = MailedCode {
            session: kept.id,
            account: alice(),
            hash: [number as u8; 32],
            purpose: CodePurpose::Prove,
            address: MailAddress::parse("Alice.Private@example.net").expect("an address"),
            issued_at: at(number),
            expires_at: at(600),
            letter: of_it.id,
        };
        let issued = AccountUpdate {
            session: Some(InSession::unchanged(kept.id)),
            letters: vec![of_it],
            ..update(Change::MailedCode(code), Ending::NOTHING)
        };
        let _ = records.apply(&issued).await.expect("applied");
    }
    let withdrawn = AccountUpdate {
        withdraws: Some(LetterId::new(1)),
        ..update(Change::None, Ending::NOTHING)
    };
    let _ = records.apply(&withdrawn).await.expect("applied");
    let live = records.mailed_codes(kept.id, at(5)).await.expect("read");
    let live: Vec<_> = live.iter().map(|code| code.letter.get()).collect();
    assert_eq!(live, [2]);
    assert_eq!(claimed(&*records, 1, 2).await, [(2, 1)]);
}
