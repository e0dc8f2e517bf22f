//! Limits what connections that have not logged in may cost: a number of places for them, in total and for each source,
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

/// The places for connections that have not logged in.
///
/// When all are taken, the source that holds most of them loses its oldest, so that whoever floods a server is the
/// first to lose connections.
#[derive(Debug, Clone)]
pub struct Places(Arc<Room>);

#[derive(Debug)]
struct Room {
    total: usize,
    per_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    count: usize,
    /// Each source's places, the oldest first.
    by_source: HashMap<SourceKey, Vec<(u64, CancellationToken)>>,
}

impl Places {
    /// Allows `total` places, of which each source may take `per_source`.
    #[must_use]
    pub fn new(total: usize, per_source: usize) -> Self {
        Self(Arc::new(Room {
            total,
            per_source,
            taken: Mutex::default(),
        }))
    }

    /// Takes a place; `None` if the source holds as many as it may.
    #[must_use]
    pub fn take(&self, source: Source) -> Option<Place> {
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
        let lost = CancellationToken::new();
        let own = taken.by_source.entry(key).or_default();
        own.push((number, lost.clone()));
        Some(Place {
            room: Arc::clone(&self.0),
            key,
            number,
            lost,
        })
    }
}

impl Default for Places {
    /// 20,000 in total and 1,000 for each source, since a whole campus may be behind one.
    fn default() -> Self {
        Self::new(20_000, 1_000)
    }
}

impl Taken {
    fn of(&self, key: SourceKey) -> usize {
        self.by_source.get(&key).map_or(0, Vec::len)
    }

    /// Takes away the oldest place of the source that holds most.
    fn give_way(&mut self) {
        let most = self.by_source.iter().max_by_key(|(_, own)| own.len());
        let Some((key, number)) = most.and_then(|(key, own)| Some((*key, own.first()?.0))) else {
            return;
        };
        if let Some(lost) = self.remove(key, number) {
            lost.cancel();
        }
    }

    fn remove(&mut self, key: SourceKey, number: u64) -> Option<CancellationToken> {
        let own = self.by_source.get_mut(&key)?;
        let at = own.iter().position(|(n, _)| *n == number)?;
        let (_, lost) = own.remove(at);
        if own.is_empty() {
            self.by_source.remove(&key);
        }
        self.count -= 1;
        Some(lost)
    }
}

/// One connection's place. Dropping it gives it back: at the login, or when the connection ends before.
#[derive(Debug)]
pub struct Place {
    room: Arc<Room>,
    key: SourceKey,
    number: u64,
    lost: CancellationToken,
}

impl Place {
    /// Completes when the place was taken away; the connection must end. Cancel-safe.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self
            .room
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

    fn is_lost(place: &Place) -> bool {
        place.lost.is_cancelled()
    }

    #[test]
    fn one_source_gets_so_many_and_has_them_again_when_given_back() {
        let places = Places::new(10, 2);
        let first = places.take(source(1));
        let second = places.take(source(1));
        assert!(first.is_some() && second.is_some());
        assert!(places.take(source(1)).is_none());
        assert!(places.take(source(2)).is_some(), "others are not concerned");
        drop(first);
        assert!(places.take(source(1)).is_some());
    }

    #[test]
    fn who_floods_the_door_makes_way_for_the_newcomer() {
        let places = Places::new(4, 10);
        let flood: Vec<_> = (0..3).filter_map(|_| places.take(source(1))).collect();
        let other = places.take(source(2)).expect("a place");
        let newcomer = places.take(source(3)).expect("a place");
        let lost: Vec<_> = flood.iter().map(is_lost).collect();
        assert_eq!(lost, [true, false, false]);
        assert!(!is_lost(&other) && !is_lost(&newcomer));
        drop(flood);
        let taken = places.0.taken.lock().expect("nobody panicked");
        assert_eq!(taken.count, 2, "a lost place is not given back twice");
    }
}
