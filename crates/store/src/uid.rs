//! Numbers that the store gives out, and sets of them.

use std::fmt;
use std::ops::RangeInclusive;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($inner);

        impl $name {
            /// Takes the plain number, as it came over the wire.
            #[must_use]
            pub fn new(number: $inner) -> Self {
                Self(number)
            }

            /// The plain number.
            #[must_use]
            pub fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// A message's number within its folder: given in rising order, never twice (RFC 3501, section 2.3.1.1). Zero is
    /// not a valid UID.
    Uid,
    u32
);
number!(
    /// Changes when a folder's UIDs begin anew (RFC 3501, section 2.3.1.1). No two folders of an account ever have the
    /// same.
    UidValidity,
    u32
);
number!(
    /// When something changed, counted over the whole account (RFC 7162): never given twice, never falling, always
    /// below 2^63.
    ModSeq,
    u64
);
number!(
    /// A folder's identity within its account. It stays when the folder is renamed, and is never given again.
    FolderId,
    i64
);
number!(
    /// The identity of a message's bytes within its account: copies share it (RFC 8474, EMAILID).
    ContentId,
    i64
);

/// A set of UIDs: sorted ranges that don't touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UidSet(Vec<RangeInclusive<u32>>);

impl UidSet {
    /// Every UID there can be.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![1..=u32::MAX])
    }

    /// Joins ranges in any order, overlapping or not; empty ones are left out.
    #[must_use]
    pub fn from_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Self {
        let mut ranges: Vec<_> = ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut joined: Vec<RangeInclusive<u32>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => joined.push(range),
            }
        }
        Self(joined)
    }

    /// The ranges in rising order.
    #[must_use]
    pub fn ranges(&self) -> &[RangeInclusive<u32>] {
        &self.0
    }

    /// Whether `uid` is in the set.
    #[must_use]
    pub fn contains(&self, uid: Uid) -> bool {
        let after = self.0.partition_point(|range| *range.start() <= uid.get());
        after > 0 && *self.0[after - 1].end() >= uid.get()
    }

    /// Whether no UID is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Uid> for UidSet {
    fn from(uid: Uid) -> Self {
        Self(vec![uid.get()..=uid.get()])
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        Self::from_ranges(uids.into_iter().map(|uid| uid.get()..=uid.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_joins_what_touches_and_finds_what_it_holds() {
        let set = UidSet::from_ranges([7..=9, 1..=2, 3..=3, 8..=12, u32::MAX..=u32::MAX]);
        assert_eq!(set.ranges(), [1..=3, 7..=12, u32::MAX..=u32::MAX]);
        for (uid, held) in [(0, false), (1, true), (4, false), (12, true), (13, false)] {
            assert_eq!(set.contains(Uid::new(uid)), held, "{uid}");
        }
        assert!(set.contains(Uid::new(u32::MAX)));
    }
}
