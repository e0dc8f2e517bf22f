//! What is true after every life, each said in a few lines, and looked at without knowing how things are done.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::id::SessionId;

use crate::memory::Kept;
use crate::people::Left;
use crate::world::World;

/// Holds all of them against what a life has left.
pub fn hold(world: &World, left: &Left) {
    let kept = &world.records.kept();
    let seed = world.seed;
    no_session_gives_orders_after_its_end(seed, kept);
    sessions_end_with_what_ends_them(seed, kept);
    what_counts_once_is_accepted_once(seed, left);
    no_letter_is_sent_but_by_whoever_is_to(world, kept);
    nobody_is_still_guessing(world, kept);
}

/// An event is named after the session in which it was brought about.
fn is_of(client: &str, session: SessionId) -> bool {
    client == session.to_string()
}

fn no_session_gives_orders_after_its_end(seed: u64, kept: &Kept) {
    use EventKind::{AppRegistered, FactorRemoved, Granted, MfaOff, MfaOn, PasswordChangeBegun};
    for (session, end) in &kept.ended {
        for event in kept.events.iter().skip(*end) {
            let is_order = matches!(
                event.what,
                AppRegistered | FactorRemoved | Granted | MfaOff | MfaOn | PasswordChangeBegun
            );
            assert!(
                !is_order || !is_of(&event.client, *session),
                "seed {seed}: a session that had ended did {:?}",
                event.what
            );
        }
    }
}

fn sessions_end_with_what_ends_them(seed: u64, kept: &Kept) {
    use EventKind::{
        FactorRemoved, FactorsReset, MfaOn, NotMe, PasswordChangeBegun, PasswordChanged,
    };
    for session in &kept.sessions {
        for event in kept.events.iter().skip(kept.began[&session.id]) {
            let ends_it = match event.what {
                FactorsReset | NotMe => true,
                FactorRemoved | MfaOn | PasswordChangeBegun | PasswordChanged => {
                    !is_of(&event.client, session.id)
                }
                _ => false,
            };
            assert!(!ends_it, "seed {seed}: a session outlived {:?}", event.what);
        }
    }
}

fn what_counts_once_is_accepted_once(seed: u64, left: &Left) {
    let mut seen = BTreeSet::new();
    for of in &*left.accepted.borrow() {
        assert!(
            seen.insert(of.clone()),
            "seed {seed}: {of} was accepted twice"
        );
    }
}

fn no_letter_is_sent_but_by_whoever_is_to(world: &World, kept: &Kept) {
    let sent = world.letters.sent().len();
    let told = kept.sendings - world.sendings_before;
    assert!(
        sent <= told,
        "seed {}: {sent} letters of {told}",
        world.seed
    );
}

/// What a process was at when it died stands in the way of others for a minute; nothing else does.
fn nobody_is_still_guessing(world: &World, kept: &Kept) {
    let is_whole = world.deaths.load(Ordering::Relaxed) == 0;
    assert!(
        !is_whole || kept.guesses_in_flight() == 0,
        "seed {}: a guess was never settled",
        world.seed
    );
}
