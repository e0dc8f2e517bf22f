//! Registrations that are under way in two sessions at once bring no more factors of a kind than an account may have.

use jiff::SignedDuration;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::factor::{Factor, FactorKind, Method};
use sekisho_checkpoint::id::{FactorId, LetterId, SessionToken};
use sekisho_checkpoint::ports::{AccountUpdate, Change, Clock as _, Records as _};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::web::{AdmittedSession, Person, WebStanding};
use sekisho_checkpoint::{
    Proof, ProofError, RegisterError, Registered, RegistrationState, Reproof,
};
use sekisho_otp::{AppCode, OtpCode, OtpKey, Step};

use crate::an_account_with_an_app;
use crate::run::finish;
use crate::world::{Courage, World, ai, place};

#[test]
fn an_app_begun_before_the_tenth_was_registered_is_one_too_many() {
    let world = world_with_nine_apps();
    let both = [0; 2].map(|_| {
        let token = sign_in(&world);
        let key = begin_an_app(&world, &token);
        (token, key)
    });

    let [tenth, one_more] =
        both.map(|(token, key)| finish_app(&world, &resumed(&world, &token), &key));
    tenth.expect("registered");
    assert!(
        matches!(one_more, Err(RegisterError::TooMany(10))),
        "{one_more:?}"
    );
    assert_eq!(count(&world, FactorKind::OtpApp), 10);
}

#[test]
fn of_two_apps_that_are_finished_at_once_as_the_tenth_one_is() {
    let world = world_with_nine_apps();
    let both = [0; 2].map(|_| {
        let token = sign_in(&world);
        let key = begin_an_app(&world, &token);
        (resumed(&world, &token), key)
    });

    let [tenth, other] = both.map(|(session, key)| finish_app(&world, &session, &key));
    tenth.expect("registered");
    assert!(is_out_of_date(&other), "{other:?}");
    assert_eq!(count(&world, FactorKind::OtpApp), 10);
}

#[test]
fn of_two_addresses_that_are_finished_at_once_one_is_registered() {
    let world = world();
    let both = ["one@private.example", "other@private.example"].map(|address| {
        let token = sign_in(&world);
        let code = begin_an_address(&world, &token, address);
        (resumed(&world, &token), code)
    });

    let [one, other] = both.map(|(session, code)| {
        finish(world.nodes[0].finish_address(Person::from(&session), code, ""))
    });
    one.expect("registered");
    assert!(is_out_of_date(&other), "{other:?}");
    assert_eq!(count(&world, FactorKind::ExternalMail), 1);
}

fn world_with_nine_apps() -> World {
    let world = world();
    for id in 2..10 {
        add_an_app(&world, FactorId::new(id));
    }
    world
}

/// An account with an app, and letters that arrive.
fn world() -> World {
    let (kept, keys) = an_account_with_an_app();
    let world = World::new(1, kept, keys);
    world.letters.is(Courage::Good);
    world
}

fn is_out_of_date(result: &Result<Registered, RegisterError>) -> bool {
    matches!(result, Err(RegisterError::Proof(ProofError::OutOfDate)))
}

fn count(world: &World, kind: FactorKind) -> usize {
    world.records.kept().standing(ai().id).of_kind(kind).count()
}

fn add_an_app(world: &World, id: FactorId) {
    let app = Factor {
        id,
        name: String::new(),
        registered_at: world.clock.now(),
        last_used_at: None,
        method: Method::OtpApp {
            key: Sealed(Vec::new()),
            last_step: None,
        },
    };
    let update = AccountUpdate {
        change: Change::AddFactor(app),
        ..AccountUpdate::new(ai().id, world.clock.now())
    };
    let _ = finish(world.records.apply(&update)).expect("added");
}

/// A session of its own.
fn sign_in(world: &World) -> SessionToken {
    let node = &world.nodes[0];
    let password = world.directory.password();
    let signed = finish(node.sign_in("ai", password, place(0), "")).expect("signed in");
    match &signed.standing {
        WebStanding::Owed(owed) => finish(node.prove(owed, next_code(world), "")).expect("proven"),
        WebStanding::Admitted(_) => signed.token,
    }
}

fn resumed(world: &World, token: &SessionToken) -> AdmittedSession {
    match finish(world.nodes[0].resume(token, place(0))).expect("a session") {
        WebStanding::Admitted(session) => session,
        WebStanding::Owed(_) => panic!("a factor was proven"),
    }
}

/// What the account's app shows next.
fn next_code(world: &World) -> Proof {
    world.clock.advance(SignedDuration::from_secs(30));
    let apps = world.apps.lock().expect("no panic");
    Proof::App(apps[0].code(Step::at(world.clock.now().as_second())))
}

fn reproof(world: &World) -> Reproof {
    Reproof {
        password: Some(world.directory.password()),
        proof: Some(next_code(world)),
        enrolment_code: None,
    }
}

fn begin_an_app(world: &World, token: &SessionToken) -> OtpKey {
    let (session, app, reproof) = (resumed(world, token), AppCode::generate(), reproof(world));
    let person = Person::from(&session);
    let begun = finish(world.nodes[0].take_app_code(person, app.clone(), &reproof, ""));
    match begun.expect("begun") {
        RegistrationState::Codes { user, .. } => OtpKey::agree(&app, &user),
        other => panic!("both codes are there: {other:?}"),
    }
}

fn finish_app(
    world: &World,
    session: &AdmittedSession,
    key: &OtpKey,
) -> Result<Registered, RegisterError> {
    let code = key.code(Step::at(world.clock.now().as_second()));
    finish(world.nodes[0].finish_app(Person::from(session), code, "", ""))
}

fn begin_an_address(world: &World, token: &SessionToken, address: &str) -> OtpCode {
    let (session, reproof) = (resumed(world, token), reproof(world));
    let person = Person::from(&session);
    let address = MailAddress::parse(address).expect("an address");
    let begun = finish(world.nodes[0].take_address(person, address, &reproof, ""));
    match begun.expect("begun") {
        RegistrationState::Address { letter, .. } => code_in(world, letter),
        other => panic!("a code was mailed: {other:?}"),
    }
}

fn code_in(world: &World, letter: LetterId) -> OtpCode {
    match world.mailed_code(letter).expect("it came").proof {
        Proof::Mail(code) => code,
        _ => panic!("a letter carries a mailed code"),
    }
}
