//! Turns: one at a time for each of any number of things, such as accounts, and nobody waits for another's.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use crate::ports::OutboxLetter;

/// Above how many entries those are looked for that nobody holds or waits for.
const FEW: usize = 64;

/// An account's turn, with the letters that were written in it. They are handed over when it has ended: a courier that
/// takes its time must not keep anybody else waiting.
#[must_use = "it ends when it is dropped"]
#[derive(Debug)]
pub(super) struct AccountTurn {
    turn: Turn,
    letters: Vec<OutboxLetter>,
}

impl AccountTurn {
    pub(super) fn new(turn: Turn) -> Self {
        Self {
            turn,
            letters: Vec::new(),
        }
    }

    /// Remembers letters that were written.
    pub(super) fn wrote(&mut self, letters: &[OutboxLetter]) {
        self.letters.extend_from_slice(letters);
    }

    /// Ends the turn, and gives the letters that are to be handed over.
    pub(super) fn end(self) -> Vec<OutboxLetter> {
        drop(self.turn);
        self.letters
    }
}

/// Hands out turns.
#[derive(Debug)]
pub(super) struct Turns<K>(Mutex<Live<K>>);

/// A turn; the next one comes when it is dropped.
#[must_use = "it ends when it is dropped"]
#[derive(Debug)]
pub(super) struct Turn(
    #[expect(dead_code, reason = "held for its drop alone")] OwnedMutexGuard<()>,
);

#[derive(Debug)]
struct Live<K> {
    turns: HashMap<K, Weak<tokio::sync::Mutex<()>>>,
    /// At how many entries the idle ones are taken out.
    sweep_at: usize,
}

impl<K: Eq + Hash> Turns<K> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Live {
            turns: HashMap::new(),
            sweep_at: FEW,
        }))
    }

    /// Waits for a turn: first come, first served. Cancel-safe.
    pub(super) async fn take(&self, whose: K) -> Turn {
        let lock = self.lock_of(whose);
        Turn(lock.lock_owned().await)
    }

    fn lock_of(&self, whose: K) -> Arc<tokio::sync::Mutex<()>> {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Live { turns, sweep_at } = &mut *live;
        if let Some(lock) = turns.get(&whose).and_then(Weak::upgrade) {
            return lock;
        }
        if turns.len() >= *sweep_at {
            turns.retain(|_, lock| lock.strong_count() > 0);
            *sweep_at = FEW.max(2 * turns.len());
        }
        let lock = Arc::default();
        turns.insert(whose, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn taken(turns: &Turns<u64>, whose: u64) -> Turn {
        match once(std::pin::pin!(turns.take(whose))) {
            Poll::Ready(turn) => turn,
            Poll::Pending => panic!("{whose} waits"),
        }
    }

    #[test]
    fn who_comes_second_waits_and_nobody_else() {
        let turns = Turns::new();
        let first = taken(&turns, 7);
        let mut second = Box::pin(turns.take(7));
        assert!(once(second.as_mut()).is_pending());
        // With so few locks for all, two of these had one.
        let others: Vec<_> = (8..1000).map(|other| taken(&turns, other)).collect();
        assert!(once(second.as_mut()).is_pending(), "still the same turn");
        drop(first);
        assert!(once(second.as_mut()).is_ready());
        drop(others);
    }

    #[test]
    fn idle_entries_are_freed() {
        let turns = Turns::new();
        let held = taken(&turns, 0);
        for other in 1..10_000 {
            drop(taken(&turns, other));
        }
        let live = turns.0.lock().expect("nobody panicked").turns.len();
        assert!(live <= FEW, "{live}");
        let mut again = Box::pin(turns.take(0));
        assert!(once(again.as_mut()).is_pending(), "what is held stays");
        drop(held);
    }
}
