//! A folder's messages at one moment, in memory.

use std::collections::BTreeSet;
use std::ops::{Index, Range};
use std::sync::Arc;

use jiff::Timestamp;

use crate::flags::Flags;
use crate::uid::{ModSeq, Uid};

/// The most messages in a chunk, which is what one change copies while others look at the same list.
const CHUNK: usize = 256;

/// What sessions hold of each message: enough for FLAGS, for sequence numbers, and for most searches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageState {
    /// Its UID.
    pub uid: Uid,
    /// When it last changed.
    pub modseq: ModSeq,
    /// Its flags.
    pub flags: Flags,
    /// RFC822.SIZE, in bytes.
    pub size: u64,
    /// INTERNALDATE, to the second.
    pub internal_date: Timestamp,
}

/// Messages by rising UID. Copies of a list share what they have in common, so that copying a big list costs little,
/// and so does changing one message in it.
#[derive(Debug, Clone, Default)]
pub struct MessageList {
    /// None of them empty.
    chunks: Vec<Arc<Vec<MessageState>>>,
    /// The position of each chunk's first message.
    starts: Vec<usize>,
    length: usize,
}

impl MessageList {
    /// How many messages.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The message at a position.
    #[inline]
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&MessageState> {
        if at >= self.length {
            return None;
        }
        let chunk = self.starts.partition_point(|&start| start <= at) - 1;
        self.chunks[chunk].get(at - self.starts[chunk])
    }

    /// The last message.
    #[inline]
    #[must_use]
    pub fn last(&self) -> Option<&MessageState> {
        self.chunks.last()?.last()
    }

    /// All messages.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &MessageState> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The messages at some positions; positions past the end are left out.
    #[inline]
    pub fn range(&self, positions: Range<usize>) -> impl Iterator<Item = &MessageState> {
        positions.map_while(|at| self.get(at))
    }

    /// How many messages have a UID below this one.
    #[inline]
    #[must_use]
    pub fn below(&self, uid: Uid) -> usize {
        let after = self.chunks.partition_point(|chunk| chunk[0].uid < uid);
        let Some(chunk) = after.checked_sub(1) else {
            return 0;
        };
        self.starts[chunk] + self.chunks[chunk].partition_point(|message| message.uid < uid)
    }

    /// The position of a message.
    #[inline]
    #[must_use]
    pub fn position(&self, uid: Uid) -> Option<usize> {
        let at = self.below(uid);
        (self.get(at)?.uid == uid).then_some(at)
    }

    /// Puts a message's new state in the place of the old one.
    pub fn set(&mut self, at: usize, state: MessageState) {
        if at < self.length {
            let chunk = self.starts.partition_point(|&start| start <= at) - 1;
            Arc::make_mut(&mut self.chunks[chunk])[at - self.starts[chunk]] = state;
        }
    }

    /// Adds a message whose UID is above all others.
    pub fn push(&mut self, state: MessageState) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => Arc::make_mut(last).push(state),
            _ => {
                self.starts.push(self.length);
                self.chunks.push(Arc::new(vec![state]));
            }
        }
        self.length += 1;
    }

    /// Removes messages; UIDs that are not in the list are ignored.
    pub fn remove(&mut self, gone: &BTreeSet<Uid>) {
        let mut touched = false;
        for chunk in &mut self.chunks {
            let (first, last) = (chunk[0].uid, chunk[chunk.len() - 1].uid);
            if gone.range(first..=last).any(|uid| {
                chunk
                    .binary_search_by_key(uid, |message| message.uid)
                    .is_ok()
            }) {
                Arc::make_mut(chunk).retain(|message| !gone.contains(&message.uid));
                touched = true;
            }
        }
        if touched {
            self.join_small();
        }
    }

    /// Turns the list into what it is after a change: some messages, by rising UID, came or changed, others went.
    pub fn apply(&mut self, changed: &[MessageState], expunged: &[Uid]) {
        let newest = self.last().map(|message| message.uid);
        for state in changed {
            if newest.is_none_or(|newest| state.uid > newest) {
                self.push(state.clone());
            } else if let Some(at) = self.position(state.uid) {
                self.set(at, state.clone());
            }
        }
        self.remove(&expunged.iter().copied().collect());
    }

    /// Drops empty chunks, joins small neighbours, and counts the positions anew.
    fn join_small(&mut self) {
        let mut joined: Vec<Arc<Vec<MessageState>>> = Vec::with_capacity(self.chunks.len());
        for chunk in std::mem::take(&mut self.chunks) {
            match joined.last_mut() {
                _ if chunk.is_empty() => {}
                Some(last) if last.len() + chunk.len() <= CHUNK / 2 => {
                    Arc::make_mut(last).extend(chunk.iter().cloned());
                }
                _ => joined.push(chunk),
            }
        }
        self.chunks = joined;
        self.length = 0;
        self.starts.clear();
        for chunk in &self.chunks {
            self.starts.push(self.length);
            self.length += chunk.len();
        }
    }
}

impl Index<usize> for MessageList {
    type Output = MessageState;

    #[inline]
    fn index(&self, at: usize) -> &MessageState {
        let chunk = self.starts.partition_point(|&start| start <= at) - 1;
        &self.chunks[chunk][at - self.starts[chunk]]
    }
}

/// Lists are equal when their messages are, however they are cut into chunks.
impl PartialEq for MessageList {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.iter().eq(other.iter())
    }
}

impl Eq for MessageList {}

impl FromIterator<MessageState> for MessageList {
    /// Takes messages by rising UID.
    fn from_iter<I: IntoIterator<Item = MessageState>>(messages: I) -> Self {
        let mut list = Self::default();
        for message in messages {
            list.push(message);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state(uid: u32, modseq: u64) -> MessageState {
        MessageState {
            uid: Uid::new(uid),
            modseq: ModSeq::new(modseq),
            flags: Flags::default(),
            size: 1,
            internal_date: Timestamp::UNIX_EPOCH,
        }
    }

    proptest! {
        #[test]
        fn a_list_is_what_a_plain_vector_would_be(
            first in 0_u32..900,
            steps in prop::collection::vec((prop::collection::btree_set(1_u32..1_200, 0..300), 0_u32..200), 0..6),
        ) {
            let mut plain: Vec<MessageState> = (1..=first).map(|uid| state(uid, 1)).collect();
            let mut list: MessageList = plain.iter().cloned().collect();
            let mut next = first + 1;
            for (step, (gone, new)) in steps.into_iter().enumerate() {
                let before = (list.clone(), plain.clone());
                let gone: BTreeSet<Uid> = gone.into_iter().map(Uid::new).collect();
                let modseq = step as u64 + 2;
                let mut changed = Vec::new();
                for old in plain.iter_mut().step_by(7) {
                    old.modseq = ModSeq::new(modseq);
                    changed.push(old.clone());
                }
                for uid in next..next + new {
                    plain.push(state(uid, modseq));
                    changed.push(state(uid, modseq));
                }
                next += new;
                plain.retain(|message| !gone.contains(&message.uid));
                let expunged: Vec<Uid> = gone.into_iter().collect();
                list.apply(&changed, &expunged);
                prop_assert!(list.iter().eq(plain.iter()));
                prop_assert_eq!(list.len(), plain.len());
                prop_assert!(before.0.iter().eq(before.1.iter()), "a copy changed");
                for uid in (0..next + 2).map(Uid::new) {
                    let at = plain.binary_search_by_key(&uid, |message| message.uid);
                    prop_assert_eq!(list.position(uid), at.ok());
                    prop_assert_eq!(list.below(uid), plain.partition_point(|message| message.uid < uid));
                }
                for (at, message) in plain.iter().enumerate() {
                    prop_assert_eq!(&list[at], message);
                    prop_assert_eq!(list.get(at), Some(message));
                }
                prop_assert_eq!(list.get(plain.len()), None);
                prop_assert_eq!(list.last(), plain.last());
            }
        }
    }
}
