//! Where a message's bytes are.

/// Where a message's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageLocation {
    pub(crate) file: i64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl MessageLocation {
    /// The place as a number: later ones are greater.
    pub(crate) fn key(self) -> i64 {
        let offset = i64::try_from(self.offset).unwrap_or(i64::MAX);
        (self.file << 32).saturating_add(offset)
    }
}
