//! A sign-in whose process dies at each of its waits: the session, what it keeps, what waits and the event are all
//! there, or nothing is.

use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;
use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::ports::{Clock as _, Records as _};
use sekisho_checkpoint::web::Browser;

use crate::an_account_with_an_app;
use crate::run::finish;
use crate::world::{World, place};

#[test]
fn a_sign_in_is_whole_or_was_not_wherever_its_process_dies() {
    let (kept, keys) = an_account_with_an_app();
    let sessions_before = kept.sessions.len();
    let events_before = kept.events.len();
    let mut polls = 0;
    loop {
        let world = World::new(1, kept.clone(), keys.clone());
        let browser = Browser {
            keeps_password: Some(&|_| true),
            ..Browser::from("")
        };
        let password = world.directory.password();
        let mut signs_in = Box::pin(world.nodes[0].sign_in("ai", password, place(0), browser));
        let mut context = Context::from_waker(Waker::noop());
        let has_ended = (0..polls).any(|_| {
            let polled = signs_in.as_mut().poll(&mut context);
            matches!(polled, Poll::Ready(Ok(_)))
        });
        drop(signs_in);

        let left = world.records.kept();
        let sessions = &left.sessions[sessions_before..];
        let keep_it = sessions.iter().filter(|new| new.password.is_some()).count();
        let events = left.events.iter().skip(events_before);
        let right = events.filter(|event| event.what == EventKind::PasswordRight);
        let later = world.clock.now() + SignedDuration::from_secs(1);
        let waiting = finish(world.records.waiting_sign_ins(later, 9)).expect("read");
        let all = [sessions.len(), keep_it, right.count(), waiting.len()];
        assert!(
            all == [0; 4] || all == [1; 4],
            "after {polls} polls: {all:?}"
        );
        if has_ended {
            assert_eq!(all, [1; 4]);
            return;
        }
        polls += 1;
        assert!(polls < 1000, "it never ends");
    }
}
