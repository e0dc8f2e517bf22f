//! A proof whose process dies at each of its waits: all of it is there, or nothing.

use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;
use sekisho_checkpoint::Proof;
use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::factor::Method;
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::ports::{Clock as _, Records as _};
use sekisho_checkpoint::web::{AdmittedSession, Browser, NoSession, WebStanding};
use sekisho_otp::Step;

use crate::an_account_with_an_app;
use crate::people::DRAFT;
use crate::run::{Act, finish, interleave_whole};
use crate::world::{Courage, World, ai, keep, place};

#[test]
fn a_proof_is_whole_or_was_not_wherever_its_process_dies() {
    let (kept, keys) = an_account_with_an_app();
    let mut polls = 0;
    loop {
        let world = World::new(1, kept.clone(), keys.clone());
        world.letters.is(Courage::Good);
        let events_before = kept.events.len();
        let node = &world.nodes[0];
        let (token, standing) = owed_with_a_draft(&world);
        let WebStanding::Owed(owed) = &standing else {
            panic!("MFA is in use");
        };
        let code = keys[0].code(Step::at(world.clock.now().as_second()));
        let mut proof = Box::pin(node.prove(owed, Proof::App(code), ""));
        let mut context = Context::from_waker(Waker::noop());
        let mut proven = None;
        for _ in 0..polls {
            if let Poll::Ready(done) = proof.as_mut().poll(&mut context) {
                proven = Some(done.expect("the code is right"));
                break;
            }
        }
        drop(proof);

        let left = world.records.kept();
        let has_grant = !left.live_grants(ai().id, world.clock.now()).is_empty();
        let granted = left
            .events
            .iter()
            .skip(events_before)
            .filter(|event| event.what == EventKind::Granted);
        assert_eq!(
            granted.count(),
            usize::from(has_grant),
            "after {polls} polls"
        );
        let is_new = left.sessions[0].token != token.hash();
        assert_eq!(is_new, has_grant, "after {polls} polls");
        let before = &kept.standing(ai().id).factors[0].method;
        let is_used = step(&left.standing(ai().id).factors[0].method) != step(before);
        assert_eq!(is_used, has_grant, "after {polls} polls");
        if !is_new {
            draft_opens(&world, &token);
        }
        match &proven {
            Some(new) => draft_opens(&world, new),
            None if is_new => draft_comes_back(&world, &token),
            None => {}
        }
        // Whatever it left, "that wasn't me" ends it.
        nothing_outlives_not_me(&world);
        if proven.is_some() {
            return;
        }
        polls += 1;
        assert!(polls < 1000, "it never ends");
    }
}

#[test]
fn a_proof_and_not_me_at_once_leave_no_grant() {
    let (kept, keys) = an_account_with_an_app();
    for seed in 0..500 {
        let world = World::new(seed, kept.clone(), keys.clone());
        let (_, standing) = owed_with_a_draft(&world);
        let WebStanding::Owed(owed) = &standing else {
            panic!("MFA is in use");
        };
        let session = somebody_else(&world);
        let code = keys[0].code(Step(Step::at(world.clock.now().as_second()).0 + 1));
        let proves: Act<'_> = Box::pin(async {
            // Either of the two may come first.
            let _ = world.nodes[0].prove(owed, Proof::App(code), "").await;
        });
        let ends: Act<'_> = Box::pin(async {
            let done = world.nodes[1].not_me(&session, "").await;
            done.expect("ended");
        });
        let mut keepers = Vec::from(keep(&world.nodes[0]));
        interleave_whole(&world, vec![proves, ends], &mut keepers);
        let left = world.records.kept();
        assert!(left.sessions.is_empty(), "seed {seed}");
        assert!(
            left.live_grants(ai().id, world.clock.now()).is_empty(),
            "seed {seed}"
        );
    }
}

/// A session that owes its factor, with a draft.
fn owed_with_a_draft(world: &World) -> (SessionToken, WebStanding) {
    // The app was registered with the code of the moment before.
    world.clock.advance(SignedDuration::from_mins(1));
    let node = &world.nodes[0];
    let signed =
        finish(node.sign_in("ai", world.directory.password(), place(0), "")).expect("signed in");
    let draft = signed
        .key()
        .seal(DRAFT, signed.session_id(), b"half a letter")
        .expect("sealed");
    finish(node.put_stash(signed.session_id(), Some(draft))).expect("kept");
    let standing = finish(node.resume(&signed.token, place(0))).expect("a session");
    (signed.token, standing)
}

fn draft_opens(world: &World, token: &SessionToken) {
    let standing = finish(world.nodes[1].resume(token, place(0))).expect("a session");
    let (record, key) = match &standing {
        WebStanding::Admitted(session) => (session.record(), session.key()),
        WebStanding::Owed(owed) => (owed.record(), owed.key()),
    };
    let sealed = record.stash.as_ref().expect("kept");
    let draft = key.open(DRAFT, record.id, sealed).expect("opens");
    assert_eq!(draft.as_slice(), b"half a letter");
}

/// The answer with the new token is lost: the old one opens nothing, but a sign-in that brings it gets the draft.
fn draft_comes_back(world: &World, before: &SessionToken) {
    let none = finish(world.nodes[1].resume(before, place(0))).expect_err("no session");
    assert_eq!(none, NoSession::Superseded { has_stash: true });
    let browser = Browser {
        token: Some(before),
        ..Browser::from("")
    };
    let password = world.directory.password();
    let signed = finish(world.nodes[1].sign_in("ai", password, place(0), browser));
    draft_opens(world, &signed.expect("signed in").token);
    assert_eq!(world.records.kept().sessions.len(), 1, "in its place");
}

/// The person at another place, who proved the factor there.
fn somebody_else(world: &World) -> AdmittedSession {
    let node = &world.nodes[1];
    let signed =
        finish(node.sign_in("ai", world.directory.password(), place(1), "")).expect("signed in");
    let WebStanding::Owed(owed) = &signed.standing else {
        panic!("MFA is in use");
    };
    let code = world.apps.lock().expect("keys")[0].code(Step::at(world.clock.now().as_second()));
    let token = finish(node.prove(owed, Proof::App(code), "")).expect("proven");
    match finish(node.resume(&token, place(1))).expect("a session") {
        WebStanding::Admitted(session) => session,
        WebStanding::Owed(_) => panic!("it was proven"),
    }
}

fn nothing_outlives_not_me(world: &World) {
    world.clock.advance(SignedDuration::from_secs(60));
    let session = somebody_else(world);
    finish(world.nodes[1].not_me(&session, "")).expect("ended");
    let left = finish(world.records.grants(ai().id, world.clock.now()));
    assert!(left.expect("read").is_empty());
    assert!(world.records.kept().sessions.is_empty());
}

fn step(method: &Method) -> Option<Step> {
    match method {
        Method::OtpApp { last_step, .. } => *last_step,
        Method::ExternalMail { .. } => None,
    }
}
