//! What has to be true when all is done. The model knows nothing of how things are done: it reads the events in the
//! order in which they were written.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::audit::{Event, EventKind};
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::ports::{Clock as _, Letter};
use sekisho_checkpoint::web::{Browser, NoSession, WebStanding};

use crate::invariants;
use crate::people::{DRAFT, Left};
use crate::run::finish;
use crate::world::{World, ai, place};

/// What the events say there is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Model {
    mfa_on: bool,
    factors: usize,
    password_wanted: bool,
    grants: BTreeMap<IpAddr, Timestamp>,
}

impl Model {
    fn of(events: &[Event]) -> Self {
        let mut model = Self::default();
        for event in events {
            let here = event.address;
            match event.what {
                EventKind::Granted => model.grants.extend(here.map(|address| (address, event.at))),
                EventKind::GrantEnded => model.grants.clear(),
                EventKind::MfaOn => model.mfa_on = true,
                EventKind::MfaOff => model.mfa_on = false,
                EventKind::AppRegistered | EventKind::AddressRegistered => model.factors += 1,
                EventKind::FactorRemoved => {
                    (model.factors, model.grants) = (model.factors - 1, only(model.grants, here))
                }
                EventKind::PasswordChangeBegun => model.grants = only(model.grants, here),
                EventKind::PasswordChanged => {
                    // Whoever was put out meanwhile has not met the wish for a new password.
                    model.password_wanted &= !event.detail.is_empty();
                    model.grants = only(model.grants, here);
                }
                EventKind::NotMe => (model.password_wanted, model.grants) = (true, BTreeMap::new()),
                EventKind::FactorsReset => (model.factors, model.grants) = (0, BTreeMap::new()),
                _ => {}
            }
        }
        model
    }
}

fn only(
    mut grants: BTreeMap<IpAddr, Timestamp>,
    here: Option<IpAddr>,
) -> BTreeMap<IpAddr, Timestamp> {
    grants.retain(|address, _| Some(*address) == here);
    grants
}

/// What a browser's session may do; where the answer that brought its token is lost, after signing in anew with the one
/// before.
fn standing_of(world: &World, token: &SessionToken, at: usize) -> Option<WebStanding> {
    let node = &world.nodes[0];
    match finish(node.resume(token, place(at))) {
        Ok(standing) => Some(standing),
        Err(NoSession::Superseded { has_stash }) => {
            assert!(has_stash, "seed {}: the draft is lost", world.seed);
            let browser = Browser {
                token: Some(token),
                ..Browser::from("")
            };
            let password = world.directory.password();
            let signed = finish(node.sign_in("ai", password, place(at), browser));
            Some(signed.expect("signed in").standing)
        }
        Err(_) => None,
    }
}

/// Whether a person is told of it by mail.
fn is_told(what: EventKind) -> bool {
    use EventKind::{
        AppRegistered, FactorRemoved, FactorsReset, MfaOff, MfaOn, NotMe, PasswordChanged,
    };
    matches!(
        what,
        AppRegistered | FactorRemoved | FactorsReset | MfaOff | MfaOn | NotMe | PasswordChanged
    )
}

/// Holds what is there against the model. All letters were given the time to be sent.
pub fn check(world: &World, left: &Left, told_before: usize) {
    let seed = world.seed;
    let kept = world.records.kept();
    let now = world.clock.now();
    invariants::hold(world, left);

    let mut model = Model::of(&kept.events);
    model
        .grants
        .retain(|_, at| now < *at + SignedDuration::from_hours(14));
    let standing = kept.standing(ai().id);
    let grants = kept.live_grants(ai().id, now);
    let found = Model {
        mfa_on: standing.mfa_on,
        factors: standing.factors.len(),
        password_wanted: standing.password_wanted,
        grants: grants
            .iter()
            .map(|grant| (grant.address, grant.granted_at))
            .collect(),
    };
    assert_eq!(
        found, model,
        "seed {seed}: what is kept, and what the events say"
    );

    // Each letter has its event, and each event its letter, at least once.
    assert!(
        kept.outbox.is_empty(),
        "seed {seed}: letters are still there: {:?}",
        kept.outbox
    );
    let mut told: BTreeMap<(&str, i64), usize> = BTreeMap::new();
    for letter in world.letters.sent() {
        if let Letter::Notice(notice) = letter
            && is_told(notice.what)
        {
            *told
                .entry((notice.what.as_str(), notice.at.as_millisecond()))
                .or_default() += 1;
        }
    }
    let mut events: BTreeMap<(&str, i64), usize> = BTreeMap::new();
    for event in kept
        .events
        .iter()
        .skip(told_before)
        .filter(|event| is_told(event.what))
    {
        *events
            .entry((event.what.as_str(), event.at.as_millisecond()))
            .or_default() += 1;
    }
    for (event, times) in &events {
        assert!(
            told.get(event) >= Some(times),
            "seed {seed}: of {event:?} nobody was told"
        );
    }
    for letter in told.keys() {
        assert!(
            events.contains_key(letter),
            "seed {seed}: {letter:?} was told and never was"
        );
    }

    // Whoever holds the token of a session finds the draft that was kept in it, and began it after everything was last
    // ended.
    let ended = |event: &Event| matches!(event.what, EventKind::NotMe | EventKind::FactorsReset);
    let last_end = kept.events.iter().rposition(ended);
    for browser in &*left.browsers.borrow() {
        let (Some(token), true) = (&browser.token, browser.has_draft) else {
            continue;
        };
        let Some(standing) = standing_of(world, token, browser.place) else {
            continue;
        };
        let (record, key) = match &standing {
            WebStanding::Admitted(session) => (session.record(), session.key()),
            WebStanding::Owed(owed) => (owed.record(), owed.key()),
        };
        assert!(
            // One that was begun for this check is not in it.
            kept.began
                .get(&record.id)
                .is_none_or(|began| Some(began) > last_end.as_ref()),
            "seed {seed}: a session outlived the end of everything"
        );
        let draft = record
            .stash
            .as_ref()
            .and_then(|sealed| key.open(DRAFT, record.id, sealed));
        let draft = draft.as_deref().map(Vec::as_slice);
        assert_eq!(
            draft,
            Some(&b"half a letter"[..]),
            "seed {seed}: the draft is lost"
        );
    }

    // A connection that goes on has what it lives by.
    for admitted in &*left.connections.borrow() {
        if admitted.lease().is_over() {
            continue;
        }
        let key = admitted.source().throttle_key();
        let has_grant = grants.iter().any(|grant| grant.covers(key, now));
        assert!(
            has_grant || !standing.mfa_on,
            "seed {seed}: a connection outlived what it lived by"
        );
    }
}
