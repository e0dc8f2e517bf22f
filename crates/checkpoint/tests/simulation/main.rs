//! Ten thousand lives of an account, in memory: browsers that prove factors and register them, "that wasn't me", new
//! passwords, resets, ended and expired grants, at two nodes at once, some of them dropped in the middle. Dice decide
//! what is done and in which order; at the end all is held against a model.
//!
//! Beside them stands what is said of letters and guesses in particular, and what a process leaves that dies at each of
//! its waits.
//!
//! A failure names its seed. `SEKISHO_SEED=123` plays that one alone; `SEKISHO_SEEDS=100` plays so many.

mod beginnings;
mod deaths;
mod guesses;
mod letters;
mod memory;
mod model;
mod people;
mod run;
mod world;

use jiff::SignedDuration;
use sekisho_checkpoint::ports::{Clock as _, Records as _};
use sekisho_checkpoint::web::{Person, WebStanding};
use sekisho_checkpoint::{RegistrationState, Reproof};
use sekisho_otp::{AppCode, OtpKey, Step};

use memory::Kept;
use people::{Left, act};
use run::{Act, finish, interleave, let_pass};
use world::{World, keep, place};

#[test]
fn whatever_happens_at_once_every_account_is_as_its_events_say() {
    let number = |name: &str| {
        let text = std::env::var(name).ok();
        text.map(|text| text.parse::<u64>().expect("a number"))
    };
    let (kept, keys) = an_account_with_an_app();
    let (first, count) = match number("SEKISHO_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("SEKISHO_SEEDS").unwrap_or(10_000)),
    };
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    std::thread::scope(|scope| {
        for thread in 0..threads.min(count) {
            let (kept, keys) = (&kept, &keys);
            scope.spawn(move || {
                for seed in (first + thread..first + count).step_by(threads as usize) {
                    live(seed, kept.clone(), keys.clone());
                }
            });
        }
    });
}

/// One life.
fn live(seed: u64, kept: Kept, keys: Vec<OtpKey>) {
    let told_before = kept.events.len();
    let world = World::new(seed, kept, keys);
    // The app was registered with the code of the moment before.
    world.clock.advance(SignedDuration::from_mins(1));
    let left = Left::default();
    let acts: Vec<Act<'_>> = (0..2 + world.dice.below(4))
        .map(|_| act(&world, &left))
        .collect();
    let mut keepers = world.keepers();
    interleave(&world, acts, &mut keepers);
    // However often the courier did not come, every letter has been sent by then.
    let_pass(&world, SignedDuration::from_secs(30), &mut keepers);
    for _ in 0..100 {
        if world.records.kept().outbox.is_empty() {
            break;
        }
        let_pass(&world, SignedDuration::from_mins(10), &mut keepers);
    }
    model::check(&world, &left, told_before);
}

/// What the records hold of an account that uses MFA by an app; and the app's key.
fn an_account_with_an_app() -> (Kept, Vec<OtpKey>) {
    let world = World::new(0, Kept::default(), Vec::new());
    let node = &world.nodes[0];
    let signed =
        finish(node.sign_in("ai", world.directory.password(), place(0), "")).expect("signed in");
    let admitted = |token| match finish(node.resume(token, place(0))).expect("a session") {
        WebStanding::Admitted(session) => session,
        WebStanding::Owed(_) => panic!("MFA is unused"),
    };
    let (session, app) = (admitted(&signed.token), AppCode::generate());
    let begun =
        finish(node.take_app_code(Person::from(&session), app.clone(), &Reproof::none(), ""))
            .expect("begun");
    let RegistrationState::Codes { user, .. } = begun else {
        panic!("both codes are there");
    };
    let key = OtpKey::agree(&app, &user);
    let code = key.code(Step::at(world.clock.now().as_second()));
    let session = admitted(&signed.token);
    let registered =
        finish(node.finish_app(Person::from(&session), code, "", "")).expect("registered");
    let session = admitted(&registered.token);
    finish(node.set_mfa(&session, true, &Reproof::none(), "")).expect("turned on");
    finish(node.end_grants(&session, None, "")).expect("ended");
    finish(world.records.end_session(session.session_id())).expect("signed out");
    // The life begins with an empty outbox: what was told before is not part of it.
    let mut keepers = Vec::from(keep(node));
    while !world.records.kept().outbox.is_empty() {
        let_pass(&world, SignedDuration::from_mins(10), &mut keepers);
    }
    drop(keepers);
    (world.records.kept(), vec![key])
}
