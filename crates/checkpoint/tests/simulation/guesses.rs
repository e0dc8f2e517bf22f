//! Guesses at passwords: what each costs whoever makes it, and the site.

use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use sekisho_checkpoint::audit::Door;
use sekisho_checkpoint::door::Attempt;
use sekisho_checkpoint::ports::{Clock as _, Directory as _, Records as _};
use sekisho_checkpoint::throttle::{Guess, Throttle};
use sekisho_checkpoint::web::WebStanding;
use sekisho_checkpoint::{Password, Reproof};

use crate::memory::Kept;
use crate::run::finish;
use crate::world::{World, ai, place};

fn guess(world: &World, name: &str, password: &str) -> bool {
    let attempt = Attempt {
        door: Door::Imap,
        name: name.to_owned(),
        authorization: None,
        password: Password::new(password.to_owned()),
        source: place(0),
        client: String::new(),
    };
    finish(world.nodes[0].admit(attempt)).is_ok()
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
    let all = Throttle::Account(ai().id, Guess::Password);
    let since = world.clock.now() - SignedDuration::from_mins(15);
    let counted = finish(world.records.counted(&[(all, since)])).expect("read");
    assert_eq!(counted[0].len(), 1);
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
