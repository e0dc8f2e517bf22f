//! The site's keys change while a registration is under way.

use sekisho_checkpoint::sealing::KeyId;
use sekisho_checkpoint::web::{AdmittedSession, Person, WebStanding};
use sekisho_checkpoint::{Checkpoint, RegistrationState, Reproof};

use crate::memory::Kept;
use crate::run::finish;
use crate::world::{World, place};

#[test]
fn a_registration_under_way_goes_on_when_its_key_has_gone() {
    let world = World::new(1, Kept::default(), Vec::new());
    let node = &world.nodes[0];
    let password = world.directory.password();
    let signed = finish(node.sign_in("ai", password, place(0), "")).expect("signed in");
    let session = |node: &Checkpoint| -> AdmittedSession {
        match finish(node.resume(&signed.token, place(0))).expect("a session") {
            WebStanding::Admitted(session) => session,
            WebStanding::Owed(_) => panic!("MFA is unused"),
        }
    };
    let before = session(node);
    let begun = finish(node.offer_user_code(Person::from(&before), &Reproof::none(), ""));
    let Ok(RegistrationState::UserCode { user: shown, .. }) = begun else {
        panic!("a user code is shown: {begun:?}");
    };

    // Without that key nothing is left of it, which keeps no service from starting.
    let without = world.node_with(&[2]);
    finish(without.reseal()).expect("no factor and no letter needs the first");
    let state = finish(without.registration(Person::from(&session(&without))));
    assert!(matches!(state, Ok(None)), "{state:?}");

    finish(world.node_with(&[1, 2]).reseal()).expect("sealed anew");
    let sealed = world.records.kept().sessions[0].registration.clone();
    assert_eq!(sealed.and_then(|sealed| sealed.key_id()), Some(KeyId(2)));
    let later = world.node_with(&[2]);
    let state = finish(later.registration(Person::from(&session(&later))));
    let Ok(Some(RegistrationState::UserCode { user, .. })) = state else {
        panic!("it goes on: {state:?}");
    };
    assert_eq!(user.grouped(), shown.grouped());
}
