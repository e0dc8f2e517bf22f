//! Ten thousand lives of an account, in memory: browsers that prove factors and register them, "that wasn't me", new
//! passwords, resets, ended and expired grants, at two nodes at once, some of them dropped in the middle. Dice decide
//! what is done and in which order; at the end all is held against a model.
//!
//! Ids and codes are drawn by the system; nothing is ordered by them here, so that a seed plays the same life again.
//!
//! Beside them stands what is said of letters and guesses in particular, and what a process leaves that dies at each of
//! its waits.
//!
//! A failure names its seed. `SEKISHO_SEED=123` plays that one alone; `SEKISHO_SEEDS=100` plays so many.

mod beginnings;
mod deaths;
mod guesses;
mod invariants;
mod keys;
mod letters;
mod memory;
mod model;
mod most_of_a_kind;
mod overtaken;
mod people;
mod run;
mod taken_back;
mod world;

use jiff::SignedDuration;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::audit::{Actor, Event, EventKind};
use sekisho_checkpoint::factor::{Factor, Method};
use sekisho_checkpoint::id::FactorId;
use sekisho_checkpoint::ports::{AccountUpdate, Change, Clock as _, Records as _};
use sekisho_checkpoint::web::{AdmittedSession, Person, WebStanding};
use sekisho_checkpoint::{Proof, RegistrationState, Reproof};
use sekisho_otp::{AppCode, OtpKey, Step};

use memory::Kept;
use people::{Left, act};
use run::{Act, finish, interleave, let_pass};
use world::{Start, World, ai, keep, place};

#[test]
fn whatever_happens_at_once_every_account_is_as_its_events_say() {
    let number = |name: &str| {
        let text = std::env::var(name).ok();
        text.map(|text| text.parse::<u64>().expect("a number"))
    };
    let starts = starts();
    let (first, count) = match number("SEKISHO_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("SEKISHO_SEEDS").unwrap_or(10_000)),
    };
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    std::thread::scope(|scope| {
        for thread in 0..threads.min(count) {
            let starts = &starts;
            scope.spawn(move || {
                for seed in (first + thread..first + count).step_by(threads as usize) {
                    live(seed, starts);
                }
            });
        }
    });
}

#[test]
fn a_seed_plays_the_same_life_again() {
    let starts = starts();
    for seed in 0..100 {
        assert_eq!(live(seed, &starts), live(seed, &starts), "seed {seed}");
    }
}

/// One life. Returns what happened in it, and what the dice would have thrown next.
fn live(seed: u64, starts: &[Start; 2]) -> (Vec<String>, usize) {
    let start = &starts[usize::from(!seed.is_multiple_of(8))];
    let told_before = start.kept.events.len();
    let mut world = World::new(seed, start.kept.clone(), start.apps.clone());
    world.paper.clone_from(&start.paper);
    let world = world;
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
    let events = world.records.kept().events.into_iter();
    let happened = events.map(|event| format!("{:?} {} {:?}", event.what, event.at, event.address));
    (happened.collect(), world.dice.below(usize::MAX))
}

/// With what lives begin: with no factor at all, and with one of each kind.
fn starts() -> [Start; 2] {
    [Start::default(), an_account_with_everything()]
}

/// An account that uses MFA by an app, an address elsewhere and recovery codes.
fn an_account_with_everything() -> Start {
    let (kept, apps) = an_account_with_an_app();
    let world = World::new(0, kept, apps.clone());
    let address = Factor {
        id: FactorId::new(1),
        name: String::new(),
        registered_at: world.clock.now(),
        last_used_at: None,
        method: Method::ExternalMail {
            address: MailAddress::parse("ai@elsewhere.example").expect("an address"),
        },
    };
    let event = Event {
        at: world.clock.now(),
        account: Some(ai().id),
        name_hash: None,
        actor: Actor::HelpDesk,
        what: EventKind::AddressRegistered,
        address: None,
        client: String::new(),
        reference: None,
        detail: String::new(),
    };
    let update = AccountUpdate {
        change: Change::AddFactor(address),
        events: vec![event],
        ..AccountUpdate::new(ai().id, world.clock.now())
    };
    let _ = finish(world.records.apply(&update)).expect("registered");
    // The app was registered with the code of the moment before.
    world.clock.advance(SignedDuration::from_mins(1));
    let node = &world.nodes[0];
    let signed =
        finish(node.sign_in("ai", world.directory.password(), place(0), "")).expect("signed in");
    let WebStanding::Owed(owed) = &signed.standing else {
        panic!("MFA is in use");
    };
    let code = apps[0].code(Step::at(world.clock.now().as_second()));
    let token = finish(node.prove(owed, Proof::App(code), "")).expect("proven");
    let admitted = || match finish(node.resume(&token, place(0))).expect("a session") {
        WebStanding::Admitted(session) => session,
        WebStanding::Owed(_) => panic!("it was proven"),
    };
    let session = admitted();
    finish(node.make_recovery_codes(&session, &Reproof::none(), "")).expect("made");
    let (paper, _) = node.new_recovery_codes(&admitted()).expect("shown");
    leave(&world, &session);
    Start {
        kept: world.records.kept(),
        apps,
        paper,
    }
}

/// Ends grants and session, and empties the outbox: a life begins without them, and what was told before is not part of
/// it.
fn leave(world: &World, session: &AdmittedSession) {
    let node = &world.nodes[0];
    finish(node.end_grants(session, None, "")).expect("ended");
    finish(world.records.end_session(session.session_id())).expect("signed out");
    let mut keepers = Vec::from(keep(node));
    while !world.records.kept().outbox.is_empty() {
        let_pass(world, SignedDuration::from_mins(10), &mut keepers);
    }
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
    leave(&world, &session);
    (world.records.kept(), vec![key])
}
