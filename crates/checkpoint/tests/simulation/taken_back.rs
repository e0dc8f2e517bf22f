//! A code that can't be mailed is taken back, with the registration for which it was; one begun meanwhile stays.

use std::task::{Context, Waker};

use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::ports::{Clock as _, Records as _};
use sekisho_checkpoint::web::{AdmittedSession, Person, WebStanding};
use sekisho_checkpoint::{RegistrationState, Reproof};

use crate::memory::Kept;
use crate::run::finish;
use crate::world::{Courage, World, ai, place};

#[test]
fn what_was_begun_while_a_code_could_not_be_mailed_stays() {
    let mut overtaken = 0;
    for polls in 0..1000 {
        let world = World::new(1, Kept::default(), Vec::new());
        world.letters.is(Courage::Away);
        let (token, session) = signed_in(&world);
        let node = &world.nodes[0];
        let reproof = Reproof::none();
        let address = MailAddress::parse("ai@private.example").expect("an address");
        let person = Person::from(&session);
        let mut mails = Box::pin(node.take_address(person, address, &reproof, ""));
        let mut context = Context::from_waker(Waker::noop());
        if (0..polls).any(|_| mails.as_mut().poll(&mut context).is_ready()) {
            assert!(overtaken > 0, "it was never under way");
            return;
        }
        let is_under_way = world.records.kept().sessions[0].registration.is_some();
        finish(world.nodes[1].offer_user_code(person, &reproof, "")).expect("offered");
        finish(mails).expect_err("the courier is away");

        let left = world.records.kept();
        let codes = finish(
            world
                .records
                .mailed_codes(session.session_id(), world.clock.now()),
        );
        assert!(codes.expect("read").is_empty(), "after {polls} polls");
        assert!(left.outbox.iter().all(|letter| letter.account != ai().id));
        if is_under_way {
            overtaken += 1;
            let standing = finish(node.resume(&token, place(0))).expect("a session");
            let WebStanding::Admitted(session) = &standing else {
                panic!("MFA is unused");
            };
            let state = finish(node.registration(Person::from(session))).expect("read");
            assert!(
                matches!(state, Some(RegistrationState::UserCode { .. })),
                "after {polls} polls: {state:?}"
            );
        }
    }
    panic!("it never ends");
}

fn signed_in(world: &World) -> (SessionToken, AdmittedSession) {
    let node = &world.nodes[0];
    let password = world.directory.password();
    let signed = finish(node.sign_in("ai", password, place(0), "")).expect("signed in");
    let standing = finish(node.resume(&signed.token, place(0))).expect("a session");
    match standing {
        WebStanding::Admitted(session) => (signed.token, session),
        WebStanding::Owed(_) => panic!("MFA is unused"),
    }
}
