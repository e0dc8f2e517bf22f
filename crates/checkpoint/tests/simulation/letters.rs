//! Letters: none is lost, whatever the courier does and wherever a process dies.

use std::task::{Context, Waker};

use jiff::SignedDuration;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::factor::{Factor, FactorKind, Method};
use sekisho_checkpoint::id::FactorId;
use sekisho_checkpoint::ports::{
    AccountUpdate, Change, Clock as _, CourierError, Letter, Records as _, SessionUpdate,
};
use sekisho_checkpoint::sealing::KeyId;
use sekisho_checkpoint::web::{AdmittedSession, Person, WebStanding};
use sekisho_checkpoint::{Password, Proof, ProofError, Reproof, ResealError};
use sekisho_otp::OtpCode;

use crate::memory::Kept;
use crate::run::{Act, finish, let_pass};
use crate::world::{Courage, World, ai, keep, place};

fn elsewhere() -> MailAddress {
    MailAddress::parse("ai@elsewhere.example").expect("an address")
}

/// A world in which the account has an external address, and MFA is unused.
fn world() -> World {
    let world = World::new(1, Kept::default(), Vec::new());
    let address = Factor {
        id: FactorId::new(1),
        name: String::new(),
        registered_at: world.clock.now(),
        last_used_at: None,
        method: Method::ExternalMail {
            address: elsewhere(),
        },
    };
    let update = AccountUpdate {
        change: Change::AddFactor(address),
        ..AccountUpdate::new(ai().id, world.clock.now())
    };
    let _ = finish(world.records.apply(&update)).expect("registered");
    world
}

/// Signs in, as somebody who proved a factor a moment ago.
fn admitted(world: &World) -> AdmittedSession {
    let signed = finish(world.nodes[0].sign_in("ai", world.directory.password(), place(0), ""))
        .expect("signed in");
    let proven = SessionUpdate {
        factor_proven_at: Some(world.clock.now()),
        ..SessionUpdate::default()
    };
    finish(world.records.update_session(signed.session_id(), &proven)).expect("written");
    match finish(world.nodes[0].resume(&signed.token, place(0))).expect("a session") {
        WebStanding::Admitted(session) => session,
        WebStanding::Owed(_) => panic!("MFA is unused"),
    }
}

fn told(world: &World) -> Vec<EventKind> {
    let letters = world.letters.sent().into_iter();
    letters
        .filter_map(|letter| match letter {
            Letter::Notice(notice) => Some(notice.what),
            Letter::Otp(_) => None,
        })
        .collect()
}

#[test]
fn a_code_that_can_not_be_handed_over_does_not_wait_to_be_typed() {
    let world = world();
    let session = admitted(&world);
    for (courage, is_it) in [(Courage::WithoutRelay, true), (Courage::Away, false)] {
        world.letters.is(courage);
        let refused =
            finish(world.nodes[0].challenge(Person::from(&session), FactorKind::ExternalMail));
        match refused {
            Err(ProofError::Mail(CourierError::NoRelay)) => assert!(is_it),
            Err(ProofError::Mail(CourierError::Temporarily(_))) => assert!(!is_it),
            other => panic!("{other:?}"),
        }
        let waits = finish(
            world.nodes[0].waiting_challenge(Person::from(&session), FactorKind::ExternalMail),
        );
        assert_eq!(waits.expect("read"), None);
        assert!(world.records.kept().outbox.is_empty());
    }
    world.letters.is(Courage::Good);
    finish(world.nodes[0].challenge(Person::from(&session), FactorKind::ExternalMail))
        .expect("mailed");
    let waits =
        finish(world.nodes[0].waiting_challenge(Person::from(&session), FactorKind::ExternalMail));
    assert!(waits.expect("read").is_some());
}

#[test]
fn an_address_whose_code_can_not_be_handed_over_is_not_being_registered() {
    let world = World::new(1, Kept::default(), Vec::new());
    let session = admitted(&world);
    world.letters.is(Courage::Away);
    let refused = finish(world.nodes[0].take_address(
        Person::from(&session),
        elsewhere(),
        &Reproof::none(),
        "",
    ));
    assert!(refused.is_err());
    assert_eq!(world.records.kept().sessions[0].registration, None);
}

#[test]
fn a_letter_that_the_courier_does_not_take_is_sent_later_and_given_up_in_the_end() {
    let world = world();
    let mut keepers = world.keepers();
    world.letters.is(Courage::Away);
    finish(world.nodes[0].desk_set_mfa(&ai(), true, "asked")).expect("done");
    let_pass(&world, SignedDuration::from_hours(70), &mut keepers);
    assert!(told(&world).is_empty());
    let tries = world.records.kept().outbox[0].tries;
    assert!((20..200).contains(&tries), "ever more seldom: {tries}");
    world.letters.is(Courage::Good);
    let_pass(&world, SignedDuration::from_mins(61), &mut keepers);
    assert_eq!(told(&world), [EventKind::MfaOn]);
    assert!(world.records.kept().outbox.is_empty());

    world.letters.is(Courage::Away);
    finish(world.nodes[0].desk_set_mfa(&ai(), false, "asked")).expect("done");
    let_pass(&world, SignedDuration::from_hours(74), &mut keepers);
    assert!(world.records.kept().outbox.is_empty(), "given up");
    world.letters.is(Courage::Good);
    let_pass(&world, SignedDuration::from_hours(2), &mut keepers);
    assert_eq!(told(&world), [EventKind::MfaOn]);
}

#[test]
fn news_that_has_no_way_out_is_given_up_at_once() {
    let world = world();
    world.letters.is(Courage::WithoutRelay);
    finish(world.nodes[0].desk_set_mfa(&ai(), true, "asked")).expect("done");
    assert!(
        world.records.kept().outbox.is_empty(),
        "by whoever wrote it"
    );

    // What waited when the relay was taken away goes the same way.
    world.letters.is(Courage::Away);
    finish(world.nodes[0].desk_set_mfa(&ai(), false, "asked")).expect("done");
    assert_eq!(world.records.kept().outbox.len(), 1);
    world.letters.is(Courage::WithoutRelay);
    let_pass(&world, SignedDuration::from_mins(2), &mut world.keepers());
    assert!(world.records.kept().outbox.is_empty());
}

#[test]
fn no_key_can_go_that_a_letter_still_needs() {
    let world = world();
    world.letters.is(Courage::Away);
    finish(world.nodes[0].desk_set_mfa(&ai(), true, "asked")).expect("done");
    let key_of_the_letter = || world.records.kept().outbox[0].body.key_id();
    assert_eq!(key_of_the_letter(), Some(KeyId(1)));
    let too_early = finish(world.node_with(&[2]).reseal());
    assert!(
        matches!(&too_early, Err(ResealError::MissingKeys(keys)) if *keys == [KeyId(1)].into()),
        "{too_early:?}"
    );

    finish(world.node_with(&[1, 2]).reseal()).expect("sealed anew");
    assert_eq!(key_of_the_letter(), Some(KeyId(2)));
    let later = world.node_with(&[2]);
    finish(later.reseal()).expect("nothing needs the first");
    world.letters.is(Courage::Good);
    let_pass(
        &world,
        SignedDuration::from_mins(2),
        &mut Vec::from(keep(&later)),
    );
    assert_eq!(told(&world), [EventKind::MfaOn]);
}

#[test]
fn whoever_waits_for_the_courier_keeps_nobody_else_waiting() {
    let world = world();
    let session = admitted(&world);
    let proof = || Proof::Mail(OtpCode::parse("123456").expect("a code"));
    world.letters.is(Courage::Lost);
    let mut mailing =
        Box::pin(world.nodes[0].challenge(Person::from(&session), FactorKind::ExternalMail));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        assert!(mailing.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(
        world.records.kept().outbox.len(),
        1,
        "it is with the courier"
    );
    let wrong = finish(world.nodes[0].renew(&session, proof(), ""));
    assert!(matches!(wrong, Err(ProofError::Wrong { .. })), "{wrong:?}");
}

/// What is done after so many polls is dropped there, as by a process that dies; the other node finds what it left.
fn dies_at_each_wait(
    what: impl for<'a> Fn(&'a World, &'a AdmittedSession) -> Act<'a>,
    check: impl Fn(&World),
) {
    let mut polls = 0;
    loop {
        let world = world();
        world.letters.is(Courage::Good);
        let session = admitted(&world);
        let mut context = Context::from_waker(Waker::noop());
        let mut act = what(&world, &session);
        let is_done = (0..polls).any(|_| act.as_mut().poll(&mut context).is_ready());
        drop(act);
        let_pass(&world, SignedDuration::from_mins(12), &mut world.keepers());
        check(&world);
        assert!(world.records.kept().outbox.is_empty());
        if is_done {
            return;
        }
        polls += 1;
        assert!(polls < 1000, "it never ends");
    }
}

#[test]
fn a_change_is_told_of_wherever_its_process_dies() {
    let change = |world: &World, what| {
        let events = world.records.kept().events;
        let done = events.iter().filter(|event| event.what == what).count();
        let told = told(world).iter().filter(|told| **told == what).count();
        assert!(
            told >= done && (done > 0 || told == 0),
            "{what:?} {done} {told}"
        );
    };
    dies_at_each_wait(
        |world, session| {
            Box::pin(async move {
                world.nodes[0]
                    .set_mfa(session, true, &Reproof::none(), "")
                    .await
                    .expect("done");
            })
        },
        |world| change(world, EventKind::MfaOn),
    );
    dies_at_each_wait(
        |world, session| {
            Box::pin(async move {
                world.nodes[0].not_me(session, "").await.expect("done");
            })
        },
        |world| change(world, EventKind::NotMe),
    );
}

#[test]
fn a_new_password_is_told_of_wherever_its_process_dies() {
    dies_at_each_wait(
        |world, session| {
            Box::pin(async move {
                let (old, new) = (
                    world.directory.password(),
                    Password::new("second".to_owned()),
                );
                let changed =
                    world.nodes[0].change_password(session, old, &new, Reproof::none(), "");
                changed.await.expect("done");
            })
        },
        |world| {
            let is_changed = world.directory.password().expose() == "second";
            let told = told(world);
            let knows = told.contains(&EventKind::PasswordChanged)
                || told.contains(&EventKind::PasswordChangeBegun);
            assert!(
                knows || !is_changed,
                "the password is another, and nobody was told"
            );
            let said_changed = told.contains(&EventKind::PasswordChanged);
            assert!(
                is_changed || !said_changed,
                "it was said that it is another"
            );
        },
    );
}
