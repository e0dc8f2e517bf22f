//! Signatures: which runs of letters a text has, as a Bloom filter.

use std::hash::{BuildHasher, RandomState};

/// Bits of a signature for each run, and how many of them a run sets. With these numbers, three of a hundred messages
/// without a run look as if they had it.
const BITS: usize = 8;
const PROBES: u32 = 3;
/// The longest signature, in bytes.
const LONGEST: usize = 256 * 1024;
/// The code point from which on the scripts of East Asia lie.
const WITHOUT_SPACES: u64 = 0x2e80;

/// The hashes of the runs of some texts, each once. A run is three characters, or two of a script that is written
/// without spaces.
pub(super) fn runs(texts: &[&str]) -> Vec<u64> {
    let mut runs = Runs::new();
    for text in texts {
        let mut last = [None; 2];
        for character in text.chars() {
            let now = u64::from(u32::from(character));
            if let Some(before) = last[1] {
                if before >= WITHOUT_SPACES && now >= WITHOUT_SPACES {
                    runs.insert(hash(0, before, now));
                }
                if let Some(first) = last[0] {
                    runs.insert(hash(first, before, now));
                }
            }
            last = [last[1], Some(now)];
        }
    }
    runs.found
}

/// A set of hashes, of which a text has thousands, most of them many times: open addressing, at most half full. Where
/// they lie depends on a secret, because strangers choose the texts.
struct Runs {
    found: Vec<u64>,
    /// Positions in `found` plus one; 0 for a free slot. The length is a power of two.
    table: Vec<u32>,
    secret: [u64; 2],
}

impl Runs {
    fn new() -> Self {
        let secret = RandomState::new();
        Self {
            found: Vec::new(),
            table: vec![0; 256],
            secret: [secret.hash_one(0), secret.hash_one(1) | 1],
        }
    }

    fn insert(&mut self, run: u64) {
        let mut at = self.place(run);
        while let Some(known) = self.table[at].checked_sub(1) {
            if self.found[known as usize] == run {
                return;
            }
            at = (at + 1) & (self.table.len() - 1);
        }
        self.found.push(run);
        self.table[at] = u32::try_from(self.found.len()).unwrap_or(u32::MAX);
        if self.found.len() * 2 > self.table.len() {
            self.grow();
        }
    }

    fn grow(&mut self) {
        self.table = vec![0; self.table.len() * 4];
        for (number, &run) in (1..).zip(&self.found) {
            let mut at = self.place(run);
            while self.table[at] != 0 {
                at = (at + 1) & (self.table.len() - 1);
            }
            self.table[at] = number;
        }
    }

    fn place(&self, run: u64) -> usize {
        let product = u128::from(run ^ self.secret[0]) * u128::from(self.secret[1]);
        let mixed = (product >> 64) ^ product;
        usize::try_from(mixed & (self.table.len() as u128 - 1)).unwrap_or(0)
    }
}

/// Mixes three characters, of 21 bits each (the finalizer of MurmurHash3).
fn hash(a: u64, b: u64, c: u64) -> u64 {
    let mut mixed = (a << 42) ^ (b << 21) ^ c;
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

/// The bits that a run sets in a signature of `count` bits.
fn probes(run: u64, count: u64) -> impl Iterator<Item = usize> {
    (0..PROBES).map(move |probe| {
        let bit = run.rotate_left(probe * 21) % count;
        usize::try_from(bit).unwrap_or(0)
    })
}

/// The signature of a text that has these runs, each named once.
pub(super) fn signature(runs: &[u64]) -> Vec<u8> {
    let length = (runs.len() * BITS).div_ceil(8).clamp(8, LONGEST);
    let mut bits = vec![0_u8; length];
    for &run in runs {
        for bit in probes(run, length as u64 * 8) {
            bits[bit / 8] |= 1 << (bit % 8);
        }
    }
    bits
}

/// Whether a message with this signature may have all of the runs.
pub(super) fn may_hold(bits: &[u8], runs: &[u64]) -> bool {
    let count = bits.len() as u64 * 8;
    count > 0
        && runs
            .iter()
            .all(|&run| probes(run, count).all(|bit| bits[bit / 8] & (1 << (bit % 8)) != 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use sekisho_message::casefold::casefold;

    proptest! {
        #[test]
        fn runs_are_named_once(texts in proptest::collection::vec("[a-e 会議室]{0,400}", 0..4)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let mut found = runs(&texts);
            let mut expected: Vec<u64> = texts.iter().flat_map(|text| runs(&[text])).collect();
            for runs in [&mut found, &mut expected] {
                runs.sort_unstable();
            }
            expected.dedup();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn a_signature_never_denies_what_the_text_holds(
            text in "[a-c 会議室のア。é]{0,80}",
            from in 0_usize..80,
            length in 1_usize..12,
        ) {
            let text = casefold(&text);
            let part: String = text.chars().skip(from).take(length).collect();
            let bits = signature(&runs(&[&text]));
            prop_assert!(may_hold(&bits, &runs(&[&part])));
        }
    }

    #[test]
    fn most_texts_without_a_word_are_passed_over() {
        let bits = |n: u64| {
            let words = (0..300).map(|w| format!("{:x} ", (n * 1_000 + w) * 7_919));
            signature(&runs(&[&words.collect::<String>()]))
        };
        let wanted = [runs(&["会議"]), runs(&["wanted"])];
        for runs in wanted {
            let taken_for = (0..500).filter(|&n| may_hold(&bits(n), &runs)).count();
            assert!(taken_for < 50, "{taken_for} of 500");
        }
    }
}
