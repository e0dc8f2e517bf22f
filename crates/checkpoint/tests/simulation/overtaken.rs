//! A sign-in during which something of the account is revoked: what it is told is true, and a refusal is written down.

use std::task::{Context, Poll, Waker};

use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::web::{SignInError, SignedIn, WebStanding};
use sekisho_checkpoint::{Password, Reproof};

use crate::memory::Kept;
use crate::run::finish;
use crate::world::{World, ai, place};

type Told = Result<SignedIn, SignInError>;

/// Signs in with that password, while `meanwhile` happens at the other node after so many polls. `None` if the sign-in
/// ended before.
fn overtaken(
    world: &World,
    password: &str,
    polls: usize,
    meanwhile: impl FnOnce(),
) -> Option<Told> {
    let password = Password::new(password.to_owned());
    let mut signs_in = Box::pin(world.nodes[0].sign_in("ai", password, place(0), ""));
    let mut context = Context::from_waker(Waker::noop());
    if (0..polls).any(|_| signs_in.as_mut().poll(&mut context).is_ready()) {
        return None;
    }
    meanwhile();
    Some(finish(signs_in))
}

fn wrong_passwords_written_down(world: &World) -> usize {
    let events = world.records.kept().events;
    let refused = |what| what == EventKind::RefusedPassword;
    events.iter().filter(|event| refused(event.what)).count()
}

#[test]
fn a_right_password_is_never_called_wrong_since_something_was_revoked() {
    for polls in 0..1000 {
        let world = World::new(1, Kept::default(), Vec::new());
        let revoked = || {
            finish(world.nodes[1].desk_end_everything(&ai(), EventKind::GrantEnded, "test"))
                .expect("ended");
        };
        let Some(told) = overtaken(&world, "first", polls, revoked) else {
            assert!(polls > 10, "it was never under way");
            return;
        };
        told.unwrap_or_else(|error| panic!("after {polls} polls: {error}"));
        assert_eq!(wrong_passwords_written_down(&world), 0);
    }
    panic!("it never ends");
}

#[test]
fn a_password_that_is_changed_meanwhile_is_right_or_its_refusal_is_written_down() {
    change_meanwhile(false);
}

#[test]
fn a_password_that_is_changed_meanwhile_is_not_remembered_as_right() {
    change_meanwhile(true);
}

fn change_meanwhile(is_remembered: bool) {
    let mut refused = 0;
    for polls in 0..1000 {
        let world = World::new(1, Kept::default(), Vec::new());
        if is_remembered {
            let password = world.directory.password();
            finish(world.nodes[0].sign_in("ai", password, place(0), "")).expect("signed in");
        }
        let changed = || {
            let node = &world.nodes[1];
            let (old, new) = (world.directory.password(), Password::new("second".into()));
            let signed = finish(node.sign_in("ai", old, place(1), "")).expect("signed in");
            let WebStanding::Admitted(session) = &signed.standing else {
                panic!("MFA is unused");
            };
            let old = world.directory.password();
            finish(node.change_password(session, old, &new, Reproof::none(), "")).expect("done");
        };
        match overtaken(&world, "first", polls, changed) {
            None => {
                assert!(refused > 1, "it was never under way");
                return;
            }
            Some(Ok(_)) => assert_eq!(wrong_passwords_written_down(&world), 0),
            Some(Err(error)) => {
                assert_eq!(error, SignInError::Refused, "after {polls} polls");
                assert_eq!(
                    wrong_passwords_written_down(&world),
                    1,
                    "after {polls} polls"
                );
                refused += 1;
            }
        }
    }
    panic!("it never ends");
}

#[test]
fn a_sign_in_that_is_overtaken_all_the_time_is_put_off() {
    let world = World::new(1, Kept::default(), Vec::new());
    let password = world.directory.password();
    let mut signs_in = Box::pin(world.nodes[0].sign_in("ai", password, place(0), ""));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        if let Poll::Ready(told) = signs_in.as_mut().poll(&mut context) {
            assert!(matches!(told, Err(SignInError::Unavailable)), "{told:?}");
            return;
        }
        finish(world.nodes[1].desk_end_everything(&ai(), EventKind::GrantEnded, "test"))
            .expect("ended");
    }
    panic!("it never ends");
}
