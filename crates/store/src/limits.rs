//! What a store allows.

use crate::message::Usage;

/// What the store allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest message, in bytes.
    pub message_size: u64,
    /// A message file that has so many bytes is not added to; a new one is begun.
    pub file_size: u64,
    /// How many bytes of zeros are written ahead in a message file, once it has a quarter as many bytes itself.
    pub ahead: u64,
    /// A message file is written anew without its expunged messages once they have so many bytes, and are half of it.
    pub waste: u64,
    /// The most folders of an account.
    pub folders: u32,
    /// The most bytes of an account's messages together, each copy counted; no limit if `None`.
    pub quota_bytes: Option<u64>,
    /// The most messages of an account, each copy counted.
    pub quota_messages: Option<u64>,
    /// How many accounts stay open though nobody uses them.
    pub idle_accounts: usize,
    /// How many messages' state is kept in memory, in all accounts together, so that folders open at once (about 80
    /// bytes each).
    pub remembered: usize,
}

impl Limits {
    /// Whether an account may come to hold so much.
    pub(crate) fn allow(&self, usage: Usage) -> bool {
        self.quota_bytes.is_none_or(|most| usage.bytes <= most)
            && self
                .quota_messages
                .is_none_or(|most| usage.messages <= most)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size: 50 << 20,
            file_size: 64 << 20,
            ahead: 1 << 20,
            waste: 1 << 20,
            folders: 2_000,
            quota_bytes: None,
            quota_messages: None,
            idle_accounts: 256,
            remembered: 1_000_000,
        }
    }
}
