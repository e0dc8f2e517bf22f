//! Flags of messages, and how they change.

use std::collections::BTreeSet;
use std::sync::Arc;

use sekisho_imap::{Flag, Keyword};

use crate::error::StoreError;

/// A message's flags: system flags as bits, keywords in a list that messages with the same keywords share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flags {
    pub(crate) bits: u8,
    pub(crate) keywords: Option<Arc<[Keyword]>>,
}

impl Flags {
    /// The most keywords a message can have.
    pub const MAX_KEYWORDS: usize = 64;

    /// Collects flags; doubles count once.
    ///
    /// # Errors
    /// [`StoreError::TooManyKeywords`].
    pub fn new<'a>(flags: impl IntoIterator<Item = &'a Flag>) -> Result<Self, StoreError> {
        let mut bits = 0;
        let mut keywords = BTreeSet::new();
        for flag in flags {
            match flag {
                Flag::Keyword(keyword) => {
                    if !keywords.contains(keyword) {
                        keywords.insert(keyword.clone());
                    }
                }
                system => bits |= bit(system),
            }
        }
        Self::from_parts(bits, keywords)
    }

    /// `\\Seen` alone.
    #[must_use]
    pub fn seen() -> Self {
        Self {
            bits: bit(&Flag::Seen),
            keywords: None,
        }
    }

    /// Whether it has the flag.
    #[must_use]
    pub fn contains(&self, flag: &Flag) -> bool {
        match flag {
            Flag::Keyword(keyword) => self.keywords().contains(keyword),
            system => self.bits & bit(system) != 0,
        }
    }

    /// The flags, the system's first.
    pub fn iter(&self) -> impl Iterator<Item = Flag> {
        Flag::SYSTEM
            .into_iter()
            .filter(|flag| self.bits & bit(flag) != 0)
            .chain(self.keywords().iter().cloned().map(Flag::Keyword))
    }

    /// The keywords alone, sorted.
    #[must_use]
    pub fn keywords(&self) -> &[Keyword] {
        self.keywords.as_deref().unwrap_or_default()
    }

    /// What these flags become when `given` are added, removed, or put in their place.
    pub(crate) fn change(&self, how: FlagChange, given: &Self) -> Result<Self, StoreError> {
        match how {
            FlagChange::Replace => Ok(given.clone()),
            FlagChange::Add => Self::from_parts(
                self.bits | given.bits,
                self.keywords()
                    .iter()
                    .chain(given.keywords())
                    .cloned()
                    .collect(),
            ),
            FlagChange::Remove => Self::from_parts(
                self.bits & !given.bits,
                self.keywords()
                    .iter()
                    .filter(|keyword| !given.keywords().contains(keyword))
                    .cloned()
                    .collect(),
            ),
        }
    }

    fn from_parts(bits: u8, keywords: BTreeSet<Keyword>) -> Result<Self, StoreError> {
        if keywords.len() > Self::MAX_KEYWORDS {
            return Err(StoreError::TooManyKeywords);
        }
        Ok(Self {
            bits,
            keywords: (!keywords.is_empty()).then(|| keywords.into_iter().collect()),
        })
    }
}

/// The bit of a system flag, as the index keeps it; none for keywords.
pub(crate) fn bit(flag: &Flag) -> u8 {
    match flag {
        Flag::Seen => 1,
        Flag::Answered => 2,
        Flag::Flagged => 4,
        Flag::Deleted => 8,
        Flag::Draft => 16,
        Flag::Keyword(_) => 0,
    }
}

/// How STORE changes flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagChange {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
    /// `FLAGS`
    Replace,
}

/// Keywords as the index keeps them: atoms, so a space parts them.
pub(crate) fn keywords_text(flags: &Flags) -> Option<String> {
    let words: Vec<&str> = flags.keywords().iter().map(Keyword::as_str).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Reads what [`keywords_text`] wrote.
pub(crate) fn keywords_from(text: &str) -> Arc<[Keyword]> {
    text.split(' ')
        .filter_map(|word| Keyword::new(word.as_bytes()))
        .collect()
}
