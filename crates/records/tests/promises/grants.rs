use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::grant::{Companion, Grant};
use sekisho_checkpoint::id::{GrantId, SessionToken};
use sekisho_checkpoint::ports::{
    AccountUpdate, Applied, Change, CompanionClaim, Ending, Reach, Records,
};

use super::{OneThing as _, Place, alice, apply, at, bob, otp_app, source};

const HOME: &str = "203.0.113.7";
const HOME_SIX: &str = "2001:db8:1:2::7";
const CAFE: &str = "198.51.100.9";

fn grant(id: i64, address: &str, granted: i64) -> Grant {
    Grant {
        id: GrantId::new(id),
        account: alice(),
        source: source(address),
        address: address.parse().expect("an address"),
        companion: None,
        factor: FactorKind::OtpApp,
        granted_at: at(granted),
        expires_at: at(granted + 100),
    }
}

fn six() -> Companion {
    Companion {
        source: source(HOME_SIX),
        address: HOME_SIX.parse().expect("an address"),
        joined_at: at(0),
    }
}

/// Puts a grant, and tells under which id it is kept.
async fn put(records: &dyn Records, grant: &Grant) -> GrantId {
    let _ = records
        .put_grant(grant, grant.granted_at)
        .await
        .expect("kept");
    let live = records
        .grants(alice(), grant.granted_at)
        .await
        .expect("read");
    let kept = live.iter().find(|kept| kept.source == grant.source);
    kept.expect("kept").id
}

/// Whether a companion joined.
async fn join(records: &dyn Records, grant: GrantId, second: i64) -> bool {
    let joins = AccountUpdate {
        change: Change::JoinGrant(grant, six()),
        ..AccountUpdate::new(alice(), at(second))
    };
    matches!(
        records.apply(&joins).await.expect("asked"),
        Applied::Done(_)
    )
}

async fn live(records: &dyn Records, second: i64) -> Vec<i64> {
    let grants = records.grants(alice(), at(second)).await.expect("read");
    grants.iter().map(|grant| grant.id.get()).collect()
}

pub async fn a_grant_is_live_until_its_end_and_not_at_it(place: &dyn Place) {
    let records = place.open().await;
    let mut first = grant(1, HOME, 0);
    first.companion = Some(six());
    put(&*records, &first).await;
    put(&*records, &grant(2, HOME_SIX, 50)).await;
    drop(records);
    let records = place.open().await;
    let grants = records.grants(alice(), at(99)).await.expect("read");
    assert_eq!(grants, [grant(2, HOME_SIX, 50), first], "the newest first");
    assert_eq!(live(&*records, 100).await, [2]);
    assert!(live(&*records, 150).await.is_empty());
    assert!(records.grants(bob(), at(1)).await.expect("read").is_empty());
}

pub async fn standing_and_grants_come_together_as_they_come_alone(place: &dyn Place) {
    let records = place.open().await;
    for factor in [otp_app(2), otp_app(1)] {
        apply(&*records, Change::AddFactor(factor), Ending::NOTHING).await;
    }
    apply(&*records, Change::Mfa(true), Ending::NOTHING).await;
    put(&*records, &grant(1, HOME, 0)).await;
    put(&*records, &grant(2, CAFE, 50)).await;
    for (second, live) in [(99, 2), (100, 1), (150, 0)] {
        let together = records.standing_and_grants(alice(), at(second)).await;
        let (standing, grants) = together.expect("read");
        let factors: Vec<_> = standing.factors.iter().map(|f| f.id.get()).collect();
        assert!(standing.mfa_on && factors == [1, 2], "{standing:?}");
        assert_eq!(grants.len(), live);
        let alone = records.standing(alice()).await.expect("read");
        assert_eq!(format!("{standing:?}"), format!("{alone:?}"));
        let alone = records.grants(alice(), at(second)).await.expect("read");
        assert_eq!(grants, alone);
    }
    let of_nobody = records.standing_and_grants(bob(), at(1)).await;
    let (standing, grants) = of_nobody.expect("read");
    assert!(!standing.mfa_on && standing.factors.is_empty() && grants.is_empty());
}

pub async fn a_later_grant_of_the_same_source_takes_the_place_and_keeps_the_id(place: &dyn Place) {
    let records = place.open().await;
    put(&*records, &grant(1, HOME, 0)).await;
    let mut renewed = grant(2, HOME, 60);
    renewed.factor = FactorKind::ExternalMail;
    assert_eq!(put(&*records, &renewed).await, GrantId::new(1));
    renewed.id = GrantId::new(1);
    let grants = records.grants(alice(), at(120)).await.expect("read");
    assert_eq!(grants, std::slice::from_ref(&renewed));
    renewed.companion = Some(six());
    assert_eq!(put(&*records, &renewed).await, GrantId::new(1));
    // Renewed once more, it keeps its companion.
    let later = Grant {
        companion: None,
        ..grant(3, HOME, 90)
    };
    assert_eq!(put(&*records, &later).await, GrantId::new(1));
    let grants = records.grants(alice(), at(120)).await.expect("read");
    let kept = Grant {
        id: GrantId::new(1),
        companion: Some(six()),
        ..later
    };
    assert_eq!(grants, [kept]);
}

pub async fn endings_reach_the_sources_they_name_companions_included(place: &dyn Place) {
    let records = place.open().await;
    for (reach, left) in [
        (Reach::None, vec![2, 1]),
        (Reach::Only(source(CAFE)), vec![1]),
        (Reach::Only(source(HOME_SIX)), vec![2]),
        (Reach::AllBut(source(HOME)), vec![1]),
        (Reach::AllBut(source(HOME_SIX)), vec![1]),
        (Reach::All, vec![]),
    ] {
        let mut at_home = grant(1, HOME, 0);
        at_home.companion = Some(six());
        let mut ids = vec![put(&*records, &at_home).await];
        ids.push(put(&*records, &grant(2, CAFE, 1)).await);
        let ending = Ending {
            grants: reach,
            ..Ending::NOTHING
        };
        apply(&*records, Change::None, ending).await;
        assert_eq!(live(&*records, 5).await, left, "{reach:?}");
        apply(&*records, Change::None, Ending::EVERYTHING).await;
        records
            .purge(at(0), at(0), at(200))
            .await
            .expect("purged, so that the ids are free");
    }
}

pub async fn an_ended_grant_can_not_be_put_back(place: &dyn Place) {
    let records = place.open().await;
    let first = grant(1, HOME, 0);
    put(&*records, &first).await;
    apply(&*records, Change::None, Ending::EVERYTHING).await;
    let with_companion = Grant {
        companion: Some(six()),
        ..first
    };
    assert!(records.put_grant(&with_companion, at(3)).await.is_err());
    assert!(live(&*records, 3).await.is_empty());
    drop(records);
    let records = place.open().await;
    assert!(live(&*records, 3).await.is_empty());
    assert_eq!(put(&*records, &grant(2, HOME, 4)).await, GrantId::new(2));
    assert_eq!(
        live(&*records, 5).await,
        [2],
        "a new success is a new grant"
    );
}

pub async fn a_companion_joins_by_a_claim_that_is_taken_once(place: &dyn Place) {
    let records = place.open().await;
    let id = put(&*records, &grant(1, HOME, 0)).await;
    let token = SessionToken::draw().expect("randomness").hash();
    let claim = CompanionClaim {
        token,
        account: alice(),
        grant: id,
        expires_at: at(60),
    };
    records.put_claim(&claim, at(0)).await.expect("kept");
    drop(records);
    let records = place.open().await;
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let records = std::sync::Arc::clone(&records);
        takers.spawn(async move { records.take_claim(&token, at(59)).await.expect("asked") });
    }
    let taken: Vec<_> = takers.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken, std::slice::from_ref(&claim), "exactly one takes it");

    records.put_claim(&claim, at(0)).await.expect("kept");
    let late = records.take_claim(&token, at(60)).await.expect("asked");
    assert_eq!(late, None, "its time is over");

    assert!(join(&*records, id, 99).await);
    let grants = records.grants(alice(), at(99)).await.expect("read");
    assert_eq!(grants[0].companion, Some(six()));
    assert!(!join(&*records, id, 100).await, "the grant has expired");
    apply(&*records, Change::None, Ending::EVERYTHING).await;
    assert!(!join(&*records, id, 50).await, "the grant has ended");
}

/// Leaves a grant behind with a companion, and the right to join it.
pub async fn a_grant_and_its_claim(records: &dyn Records) {
    let mut joined = grant(1, HOME, 0);
    joined.companion = Some(six());
    let id = put(records, &joined).await;
    let claim = CompanionClaim {
        token: SessionToken::draw().expect("randomness").hash(),
        account: alice(),
        grant: id,
        expires_at: at(60),
    };
    records.put_claim(&claim, at(0)).await.expect("kept");
}
