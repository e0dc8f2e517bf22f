//! Guesses at passwords: what each costs whoever makes it, and the site.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;
use sekisho_checkpoint::audit::Door;
use sekisho_checkpoint::door::{Attempt, Attested, NotAdmitted};
use sekisho_checkpoint::ports::{Clock as _, Directory as _, Records as _};
use sekisho_checkpoint::throttle::{Guess, Throttle};
use sekisho_checkpoint::web::WebStanding;
use sekisho_checkpoint::{Password, Reproof};

use crate::memory::Kept;
use crate::run::finish;
use crate::world::{World, ai, place};

fn attempt(name: &str, password: &str) -> Attempt {
    Attempt {
        door: Door::Imap,
        name: name.to_owned(),
        authorization: None,
        password: Password::new(password.to_owned()),
        source: place(0),
        client: String::new(),
    }
}

fn guess(world: &World, name: &str, password: &str) -> bool {
    finish(world.nodes[0].admit(attempt(name, password))).is_ok()
}

/// Polls it often enough to come as far as it can.
fn poll<T>(future: &mut Pin<Box<impl Future<Output = T> + ?Sized>>) -> Poll<T> {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Poll::Ready(value);
        }
    }
    Poll::Pending
}

/// How many wrong passwords count for the account.
fn counted(world: &World) -> usize {
    let all = Throttle::Account(ai().id, Guess::Password);
    let since = world.clock.now() - SignedDuration::from_mins(15);
    finish(world.records.counted(&[(all, since)])).expect("read")[0].len()
}

fn looked(world: &World) -> u64 {
    world.directory.looked.load(Ordering::Relaxed)
}

#[test]
fn the_same_wrong_password_again_costs_neither_a_guess_nor_a_hash() {
    let world = World::new(1, Kept::default(), Vec::new());
    for name in ["ai", "nobody"] {
        let before = looked(&world);
        for _ in 0..100 {
            assert!(!guess(&world, name, "of last year"));
        }
        assert_eq!(looked(&world), before + 1, "{name}");
        world.clock.advance(SignedDuration::from_secs(5));
        assert!(!guess(&world, name, "of last year"));
        assert_eq!(
            looked(&world),
            before + 2,
            "{name}: it might be right by now"
        );
    }
    assert_eq!(counted(&world), 1);
}

#[test]
fn nobody_waits_for_ever_for_the_turn_at_a_password() {
    let world = World::new(1, Kept::default(), Vec::new());
    let node = &world.nodes[0];
    world.directory.hangs.store(true, Ordering::Relaxed);
    let mut first = Box::pin(node.admit(attempt("ai", "first")));
    assert!(poll(&mut first).is_pending());
    let mut second = Box::pin(node.admit(attempt("ai", "first")));
    assert!(poll(&mut second).is_pending());
    let attested = Attested {
        name: "ai".to_owned(),
        source: place(0),
        client: String::new(),
    };
    let reported = Password::new("of last year".to_owned());
    let mut third = Box::pin(node.wrong_elsewhere(&attested, &reported));
    assert!(poll(&mut third).is_pending());

    world.clock.advance(SignedDuration::from_secs(19));
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut third).is_pending());
    world.clock.advance(SignedDuration::from_secs(1));
    assert!(matches!(
        poll(&mut second),
        Poll::Ready(Err(NotAdmitted::Unavailable))
    ));
    assert_eq!(looked(&world), 1, "it was not its turn");
    assert!(matches!(poll(&mut third), Poll::Ready(Ok(()))));
    assert_eq!(counted(&world), 1, "what was wrong elsewhere counts");

    world.directory.hangs.store(false, Ordering::Relaxed);
    assert!(matches!(poll(&mut first), Poll::Ready(Ok(_))));
}

#[test]
fn a_wrong_password_is_right_from_the_moment_on_at_which_it_is_set() {
    let world = World::new(1, Kept::default(), Vec::new());
    assert!(!guess(&world, "ai", "second"), "not yet");
    let signed = finish(world.nodes[0].sign_in("ai", world.directory.password(), place(0), ""))
        .expect("signed in");
    let WebStanding::Admitted(admitted) = &signed.standing else {
        panic!("MFA is unused");
    };
    let (old, new) = (
        world.directory.password(),
        Password::new("second".to_owned()),
    );
    finish(world.nodes[0].change_password(admitted, old, &new, Reproof::none(), "")).expect("done");
    assert!(guess(&world, "ai", "second"));

    // Where others keep the passwords, nobody tells of a new one.
    assert!(!guess(&world, "ai", "third"));
    finish(
        world
            .directory
            .set_password(ai().id, &Password::new("third".to_owned())),
    )
    .expect("set");
    world.clock.advance(SignedDuration::from_secs(5));
    assert!(guess(&world, "ai", "third"));
}

#[test]
fn a_crowd_that_waits_for_guesses_in_flight_asks_the_records_one_at_a_time() {
    let world = World::new(1, Kept::default(), Vec::new());
    let asked = || world.records.guesses_asked.load(Ordering::Relaxed);
    world.directory.hangs.store(true, Ordering::Relaxed);
    let mut crowd: Vec<_> = (0..200)
        .map(|person| Box::pin(world.nodes[0].admit(attempt(&format!("nobody{person}"), "guess"))))
        .collect();
    for _ in 0..50 {
        for one in &mut crowd {
            assert!(poll(one).is_pending());
        }
        world.clock.advance(SignedDuration::from_millis(200));
    }
    assert_eq!(looked(&world), 30, "as many as may be wrong");
    assert!(asked() <= 200 + 1 + 50, "{}", asked());

    world.directory.hangs.store(false, Ordering::Relaxed);
    while !crowd.is_empty() {
        crowd.retain_mut(|one| match poll(one) {
            Poll::Ready(told) => {
                assert!(matches!(told, Err(NotAdmitted::Refused(_))));
                false
            }
            Poll::Pending => true,
        });
    }
    assert_eq!(looked(&world), 30);
    assert!(asked() <= 2 * 200 + 1 + 50, "{}", asked());
}
