//! Where a message's bytes are.

/// Where a message's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: i64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Place {
    /// The place as a number: later ones are greater.
    pub(super) fn key(self) -> i64 {
        let offset = i64::try_from(self.offset).unwrap_or(i64::MAX);
        (self.file << 32).saturating_add(offset)
    }
}
