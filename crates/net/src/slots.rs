//! Limits what connections that have not logged in may cost: a number of slots for them, in total and for each source,
//! and limits for each connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_source::{Source, SourceKey};
use tokio_util::sync::CancellationToken;

/// The limits for one connection before its login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes it may send in total.
    pub bytes: usize,
    /// How long it may send nothing, or leave unread what it is sent.
    pub idle: Duration,
    /// How long it may take in total to log in.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            idle: Duration::from_secs(60),
            total: Duration::from_secs(120),
        }
    }
}

/// The slots for connections that have not logged in.
///
/// When all are taken, the source that holds most of them loses its oldest, so that whoever floods a server is the
/// first to lose connections.
#[derive(Debug, Clone)]
pub struct ConnectionSlots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total: usize,
    per_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    count: usize,
    /// Each source's slots, the oldest first.
    by_source: HashMap<SourceKey, Vec<(u64, CancellationToken)>>,
}

impl ConnectionSlots {
    /// Allows `total` slots, of which each source may take `per_source`.
    #[must_use]
    pub fn new(total: usize, per_source: usize) -> Self {
        Self(Arc::new(Shared {
            total,
            per_source,
            taken: Mutex::default(),
        }))
    }

    /// Takes a slot; `None` if the source holds as many as it may.
    #[must_use]
    pub fn acquire(&self, source: Source) -> Option<ConnectionSlot> {
        let key = source.throttle_key();
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.of(key) >= self.0.per_source {
            return None;
        }
        if taken.count >= self.0.total {
            taken.give_way();
        }
        let number = taken.next;
        taken.next += 1;
        taken.count += 1;
        let evicted = CancellationToken::new();
        let own = taken.by_source.entry(key).or_default();
        own.push((number, evicted.clone()));
        Some(ConnectionSlot {
            shared: Arc::clone(&self.0),
            key,
            number,
            evicted,
        })
    }
}

impl Default for ConnectionSlots {
    /// 20,000 in total and 1,000 for each source, since a whole campus may be behind one.
    fn default() -> Self {
        Self::new(20_000, 1_000)
    }
}

impl Taken {
    fn of(&self, key: SourceKey) -> usize {
        self.by_source.get(&key).map_or(0, Vec::len)
    }

    /// Takes away the oldest slot of the source that holds most.
    fn give_way(&mut self) {
        let most = self.by_source.iter().max_by_key(|(_, own)| own.len());
        let Some((key, number)) = most.and_then(|(key, own)| Some((*key, own.first()?.0))) else {
            return;
        };
        if let Some(evicted) = self.remove(key, number) {
            evicted.cancel();
        }
    }

    fn remove(&mut self, key: SourceKey, number: u64) -> Option<CancellationToken> {
        let own = self.by_source.get_mut(&key)?;
        let at = own.iter().position(|(n, _)| *n == number)?;
        let (_, evicted) = own.remove(at);
        if own.is_empty() {
            self.by_source.remove(&key);
        }
        self.count -= 1;
        Some(evicted)
    }
}

/// One connection's slot. Dropping it gives it back: at the login, or when the connection ends before.
#[derive(Debug)]
pub struct ConnectionSlot {
    shared: Arc<Shared>,
    key: SourceKey,
    number: u64,
    evicted: CancellationToken,
}

impl ConnectionSlot {
    /// Completes when the slot was taken away; the connection must end. Cancel-safe.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self
            .shared
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.remove(self.key, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sekisho_source::KeyLength;

    fn source(last: u8) -> Source {
        Source::assured([203, 0, 113, last].into(), KeyLength::default())
    }

    fn is_evicted(slot: &ConnectionSlot) -> bool {
        slot.evicted.is_cancelled()
    }

    #[test]
    fn one_source_gets_so_many_and_has_them_again_when_given_back() {
        let slots = ConnectionSlots::new(10, 2);
        let first = slots.acquire(source(1));
        let second = slots.acquire(source(1));
        assert!(first.is_some() && second.is_some());
        assert!(slots.acquire(source(1)).is_none());
        assert!(
            slots.acquire(source(2)).is_some(),
            "others are not concerned"
        );
        drop(first);
        assert!(slots.acquire(source(1)).is_some());
    }

    #[test]
    fn who_floods_the_door_makes_way_for_the_newcomer() {
        let slots = ConnectionSlots::new(4, 10);
        let flood: Vec<_> = (0..3).filter_map(|_| slots.acquire(source(1))).collect();
        let other = slots.acquire(source(2)).expect("a slot");
        let newcomer = slots.acquire(source(3)).expect("a slot");
        let evicted: Vec<_> = flood.iter().map(is_evicted).collect();
        assert_eq!(evicted, [true, false, false]);
        assert!(!is_evicted(&other) && !is_evicted(&newcomer));
        drop(flood);
        let taken = slots.0.taken.lock().expect("nobody panicked");
        assert_eq!(taken.count, 2, "an evicted slot is not given back twice");
    }
}
