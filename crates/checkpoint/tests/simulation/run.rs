//! Runs futures in an order that dice decide: each poll is a throw, and some are dropped in the middle, as by a browser
//! that goes or a process that dies.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use jiff::SignedDuration;
use sekisho_checkpoint::ports::Clock as _;

use crate::world::World;

/// What somebody does.
pub type Act<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The most polls of a run; each act needs a few hundred.
const MOST_POLLS: usize = 100_000;

/// Polls a future until it is done.
pub fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..MOST_POLLS {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
    panic!("it waits for ever");
}

/// Polls the acts until all are done or dropped in the middle, in the order that the world's dice decide, while
/// `keepers` go on beside them.
pub fn interleave(world: &World, acts: Vec<Act<'_>>, keepers: &mut [Act<'_>]) {
    poll_all(world, acts, keepers, |world| world.dice.one_in(400));
}

/// The same, with no act dropped.
pub fn interleave_whole(world: &World, acts: Vec<Act<'_>>, keepers: &mut [Act<'_>]) {
    poll_all(world, acts, keepers, |_| false);
}

fn poll_all(
    world: &World,
    mut acts: Vec<Act<'_>>,
    keepers: &mut [Act<'_>],
    dies: impl Fn(&World) -> bool,
) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..MOST_POLLS {
        if acts.is_empty() {
            return;
        }
        let index = world.dice.below(acts.len() + keepers.len());
        match acts.get_mut(index) {
            Some(_) if dies(world) => {
                world.deaths.fetch_add(1, Ordering::Relaxed);
                drop(acts.swap_remove(index));
            }
            Some(act) => {
                if act.as_mut().poll(&mut context).is_ready() {
                    drop(acts.swap_remove(index));
                }
            }
            None => {
                let keeper = &mut keepers[index - acts.len()];
                assert!(
                    keeper.as_mut().poll(&mut context).is_pending(),
                    "keepers never end"
                );
            }
        }
        if world.dice.one_in(50) {
            let seconds = [1, 30][world.dice.below(2)];
            world.clock.advance(SignedDuration::from_secs(seconds));
        }
    }
    panic!("seed {}: they wait for each other for ever", world.seed);
}

/// Lets the keepers go on for a while.
pub fn let_pass(world: &World, time: SignedDuration, keepers: &mut [Act<'_>]) {
    let mut context = Context::from_waker(Waker::noop());
    let until = world.clock.now() + time;
    while world.clock.now() < until {
        world.clock.advance(SignedDuration::from_secs(15));
        for keeper in &mut *keepers {
            for _ in 0..40 {
                assert!(
                    keeper.as_mut().poll(&mut context).is_pending(),
                    "keepers never end"
                );
            }
        }
    }
}
