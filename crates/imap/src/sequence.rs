//! Sets of sequence numbers or UIDs (RFC 3501, section 9: `sequence-set`).

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

/// One end of a range in a [`SequenceSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeqNumber {
    /// A number.
    Number(NonZeroU32),
    /// `*`: the largest number in use.
    Largest,
}

/// A set such as `1,5:7,12:*`, or `$`, the saved result of a search (RFC 5182, section 2.1). The command that contains
/// it says whether the numbers are sequence numbers or UIDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceSet(Vec<(SeqNumber, SeqNumber)>);

impl SequenceSet {
    /// The set of all messages: `1:*`.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![(
            SeqNumber::Number(NonZeroU32::MIN),
            SeqNumber::Largest,
        )])
    }

    /// `$`: the saved result of a search. Only the session's server knows its numbers, so the value contains none.
    #[must_use]
    pub fn saved() -> Self {
        Self(Vec::new())
    }

    /// Whether it is `$`.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.0.is_empty()
    }

    /// One number.
    #[must_use]
    pub fn one(number: NonZeroU32) -> Self {
        let number = SeqNumber::Number(number);
        Self(vec![(number, number)])
    }

    /// Makes a set of ascending numbers, with runs as ranges; `None` if there are no numbers. Zeros are left out.
    #[must_use]
    pub fn from_sorted(numbers: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut runs: Vec<(NonZeroU32, NonZeroU32)> = Vec::new();
        for number in numbers.into_iter().filter_map(NonZeroU32::new) {
            match runs.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
                _ => runs.push((number, number)),
            }
        }
        let ends = |(from, to)| (SeqNumber::Number(from), SeqNumber::Number(to));
        let set: Vec<_> = runs.into_iter().map(ends).collect();
        (!set.is_empty()).then_some(Self(set))
    }

    /// Reads a set; `None` if `bytes` are not a valid set.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        bytes
            .split(|&b| b == b',')
            .map(|part| match part.iter().position(|&b| b == b':') {
                None => number(part).map(|one| (one, one)),
                Some(colon) => Some((number(&part[..colon])?, number(&part[colon + 1..])?)),
            })
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    /// The ranges as they are written; either end may be the greater.
    #[must_use]
    pub fn ranges(&self) -> &[(SeqNumber, SeqNumber)] {
        &self.0
    }

    /// The ranges as numbers, ascending and without overlap, with `largest` for `*`. As RFC 3501, section 9 says, `9:*`
    /// includes the largest number even if that is below 9. Numbers above `largest` are kept: for UIDs they are allowed
    /// and match nothing. If `largest` is 0 (no messages), `*` matches nothing.
    #[must_use]
    pub fn resolve(&self, largest: u32) -> Vec<RangeInclusive<u32>> {
        let value = |number| match number {
            SeqNumber::Number(number) => number.get(),
            SeqNumber::Largest => largest,
        };
        let mut ends: Vec<(u32, u32)> = self
            .0
            .iter()
            .map(|&(a, b)| (value(a), value(b)))
            .map(|(a, b)| (a.min(b).max(1), a.max(b)))
            .filter(|(from, to)| from <= to)
            .collect();
        ends.sort_unstable();
        let mut merged: Vec<RangeInclusive<u32>> = Vec::with_capacity(ends.len());
        for (from, to) in ends {
            match merged.last_mut() {
                Some(last) if from <= last.end().saturating_add(1) => {
                    *last = *last.start()..=to.max(*last.end());
                }
                _ => merged.push(from..=to),
            }
        }
        merged
    }

    /// Whether a number is in the set, with `largest` for `*`.
    #[must_use]
    pub fn contains(&self, number: u32, largest: u32) -> bool {
        self.resolve(largest)
            .iter()
            .any(|range| range.contains(&number))
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_saved() {
            return f.write_str("$");
        }
        for (index, (from, to)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{from}")?;
            if from != to {
                write!(f, ":{to}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Largest => f.write_str("*"),
        }
    }
}

fn number(bytes: &[u8]) -> Option<SeqNumber> {
    if bytes == b"*" {
        return Some(SeqNumber::Largest);
    }
    if !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value: u32 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    NonZeroU32::new(value).map(SeqNumber::Number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_resolve_against_the_largest_number() {
        let set = SequenceSet::parse(b"7:5,*:4,1,2").unwrap();
        assert_eq!(set.to_string(), "7:5,*:4,1,2");
        assert_eq!(set.resolve(9), [1..=2, 4..=9]);
        assert_eq!(
            SequenceSet::parse(b"559:*").unwrap().resolve(42),
            [42..=559]
        );
        assert_eq!(SequenceSet::parse(b"*").unwrap().resolve(0), []);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for bytes in [
            &b""[..],
            b"0",
            b"1,",
            b"1:",
            b"+1",
            b"1:2:3",
            b"4294967296",
            b"a",
            b"$",
        ] {
            assert_eq!(SequenceSet::parse(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn a_set_built_from_numbers_holds_exactly_these(
            numbers in prop::collection::btree_set(1u32..200, 1..60),
        ) {
            let set = SequenceSet::from_sorted(numbers.iter().copied()).unwrap();
            let again = SequenceSet::parse(set.to_string().as_bytes()).unwrap();
            prop_assert_eq!(&again, &set);
            let found: Vec<u32> = again.resolve(200).into_iter().flatten().collect();
            prop_assert_eq!(found, numbers.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_panic(bytes in "[0-9:,*]{0,20}", largest: u32) {
            if let Some(set) = SequenceSet::parse(bytes.as_bytes()) {
                let ranges = set.resolve(largest);
                prop_assert!(ranges.windows(2).all(|pair| pair[0].end() < pair[1].start()));
                prop_assert_eq!(SequenceSet::parse(set.to_string().as_bytes()), Some(set));
            }
        }
    }
}
