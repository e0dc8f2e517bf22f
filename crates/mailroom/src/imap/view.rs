//! The selected folder as the client knows it.
//!
//! Sequence numbers are positions in this list. The client's numbers change only by what it is told (RFC 3501, sections
//! 5.2, 5.5 and 7.4.1), so the list changes only in [`View::catch_up`]: messages that others removed stay in it until
//! EXPUNGE may be sent. A client that was told everything shares its list with all others, and with the store.

use std::collections::BTreeSet;
use std::ops::Range;

use sekisho_imap::{Flag, Keyword, SequenceSet, encode};
use sekisho_store::{
    Changes, Flags, FolderId, Mailbox, MessageList, MessageState, ModSeq, Snapshot, StoreError,
    Uid, UidSet,
};

use super::reply::ResponseWriter;

pub(super) struct View {
    pub(super) folder: FolderId,
    pub(super) read_only: bool,
    /// The client has been told everything up to this modseq.
    pub(super) modseq: ModSeq,
    /// The account's modseq at that time.
    pub(super) seen: ModSeq,
    /// Ordered by sequence number (the first has 1), and so by rising UID.
    messages: MessageList,
    /// Removed from the store, but the client doesn't know yet.
    gone: BTreeSet<Uid>,
    keywords: BTreeSet<Keyword>,
    /// `$`: what the last search saved, by rising UID (RFC 5182).
    pub(super) saved: Vec<Uid>,
}

impl View {
    pub(super) fn new(folder: FolderId, read_only: bool, snapshot: Snapshot) -> Self {
        let mut view = Self {
            folder,
            read_only,
            modseq: snapshot.highest_modseq,
            seen: snapshot.highest_modseq,
            messages: snapshot.messages,
            gone: BTreeSet::new(),
            keywords: BTreeSet::new(),
            saved: Vec::new(),
        };
        for message in view.messages.iter() {
            for keyword in message.flags.keywords() {
                if !view.keywords.contains(keyword) {
                    view.keywords.insert(keyword.clone());
                }
            }
        }
        view
    }

    pub(super) fn messages(&self) -> &MessageList {
        &self.messages
    }

    /// The positions that `set` means, rising and without overlaps. Numbers that no message has are ignored.
    pub(super) fn positions(&self, set: &SequenceSet, uid: bool) -> Vec<Range<usize>> {
        if set.is_saved() {
            let places = self.saved.iter().filter_map(|uid| self.position(*uid));
            return places.map(|at| at..at + 1).collect();
        }
        let largest = if uid {
            self.largest_uid()
        } else {
            self.count()
        };
        let ranges = set.resolve(largest).into_iter().map(|range| {
            if uid {
                let behind = range.end().checked_add(1).map(Uid::new);
                let from = self.messages.below(Uid::new(*range.start()));
                from..behind.map_or(self.messages.len(), |uid| self.messages.below(uid))
            } else {
                let from = (*range.start() - 1).min(largest);
                from as usize..(*range.end()).min(largest) as usize
            }
        });
        ranges.filter(|range| !range.is_empty()).collect()
    }

    /// The UIDs at some positions, in as few ranges as possible: the store has no other messages between two neighbours
    /// in the list.
    pub(super) fn uids(&self, positions: &[Range<usize>]) -> UidSet {
        UidSet::from_ranges(positions.iter().filter_map(|range| {
            let first = self.messages.get(range.start)?;
            let last = self.messages.get(range.end.checked_sub(1)?)?;
            Some(first.uid.get()..=last.uid.get())
        }))
    }

    pub(super) fn position(&self, uid: Uid) -> Option<usize> {
        self.messages.position(uid)
    }

    /// How many messages the client knows of. A store has fewer than 2^32, since UIDs are 32 bits.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.messages.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn largest_uid(&self) -> u32 {
        self.messages.last().map_or(0, |message| message.uid.get())
    }

    /// `* FLAGS`, with every keyword in use.
    pub(super) fn tell_flags(&self, out: &mut ResponseWriter<'_>) {
        out.words(format_args!("* FLAGS ("));
        self.list_flags(out);
        out.words(format_args!(")\r\n"));
    }

    /// The flags in use, without parentheses.
    pub(super) fn list_flags(&self, out: &mut ResponseWriter<'_>) {
        let keywords = self.keywords.iter().map(Keyword::as_str);
        let mut space = "";
        for word in Flag::SYSTEM.iter().map(Flag::as_str).chain(keywords) {
            out.words(format_args!("{space}{word}"));
            space = " ";
        }
    }

    /// Takes over a message's new state; true if it was news. Also announces keywords that the folder didn't have.
    pub(super) fn note(
        &mut self,
        state: &MessageState,
        out: &mut ResponseWriter<'_>,
    ) -> Option<usize> {
        let at = self.position(state.uid)?;
        if self.messages[at].modseq >= state.modseq {
            return None;
        }
        self.messages.set(at, state.clone());
        self.learn_keywords(&state.flags, out);
        Some(at)
    }

    fn learn_keywords(&mut self, flags: &Flags, out: &mut ResponseWriter<'_>) {
        let before = self.keywords.len();
        for keyword in flags.keywords() {
            if !self.keywords.contains(keyword) {
                self.keywords.insert(keyword.clone());
            }
        }
        if self.keywords.len() > before {
            self.tell_flags(out);
        }
    }

    /// Reports what happened in the folder since the last time: new flags, new messages, and, if `expunge` allows it,
    /// messages that are gone.
    pub(super) async fn catch_up(
        &mut self,
        mailbox: &Mailbox,
        out: &mut ResponseWriter<'_>,
        manner: Manner,
    ) -> Result<(), StoreError> {
        let changes = mailbox.changes(self.folder, self.modseq).await?;
        self.apply(&changes, out, manner);
        Ok(())
    }

    /// Reports some changes, those since `modseq`.
    pub(super) fn apply(
        &mut self,
        changes: &Changes,
        out: &mut ResponseWriter<'_>,
        manner: Manner,
    ) {
        self.modseq = changes.highest_modseq;
        self.seen = changes.account_modseq;
        let newest = self.largest_uid();
        let (known, new): (Vec<_>, Vec<_>) = changes
            .changed
            .iter()
            .partition(|message| message.uid.get() <= newest);
        self.gone.extend(&changes.expunged);
        // A client that is told everything has the same list as the store.
        let whole = changes
            .list
            .as_ref()
            .filter(|_| manner.expunge || self.gone.is_empty());
        for message in known {
            let Some(at) = self.position(message.uid) else {
                continue;
            };
            if self.messages[at].modseq < message.modseq {
                self.learn_keywords(&message.flags, out);
                tell_state(out, at, message, manner);
                if whole.is_none() {
                    self.messages.set(at, message.clone());
                }
            }
        }
        if manner.expunge {
            self.tell_gone(out, manner.vanished);
        }
        for message in &new {
            self.learn_keywords(&message.flags, out);
        }
        match whole {
            Some(list) => self.messages = list.clone(),
            None => {
                for message in &new {
                    self.messages.push((*message).clone());
                }
            }
        }
        if !new.is_empty() {
            out.untagged(format_args!("{} EXISTS", self.count()));
        }
    }

    /// `* n EXPUNGE` for each message that is gone, from the highest number down, so that removing one doesn't change
    /// the numbers of the rest; or one `* VANISHED` for all (RFC 7162, section 3.2.10).
    pub(super) fn tell_gone(&mut self, out: &mut ResponseWriter<'_>, vanished: bool) {
        let mut gone = std::mem::take(&mut self.gone);
        if vanished {
            gone.retain(|uid| self.position(*uid).is_some());
            if let Some(set) = SequenceSet::from_sorted(gone.iter().map(|uid| uid.get())) {
                out.untagged(format_args!("VANISHED {set}"));
            }
            self.messages.remove(&gone);
            return;
        }
        for uid in gone.iter().rev() {
            if let Some(at) = self.position(*uid) {
                out.untagged(format_args!("{} EXPUNGE", at + 1));
            }
        }
        self.messages.remove(&gone);
    }
}

/// How changes are reported.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Whether EXPUNGE may be sent (RFC 3501, section 7.4.1).
    pub(super) expunge: bool,
    /// Whether flags come with the UID.
    pub(super) uid: bool,
    /// Whether flags come with the mod-sequence (RFC 7162, section 3.2).
    pub(super) modseq: bool,
    /// Whether removed messages are reported by UID (RFC 7162, section 3.2.10).
    pub(super) vanished: bool,
}

/// `* n FETCH (FLAGS (...))`
pub(super) fn tell_state(
    out: &mut ResponseWriter<'_>,
    at: usize,
    message: &MessageState,
    manner: Manner,
) {
    out.words(format_args!("* {} FETCH (", at + 1));
    if manner.uid {
        out.words(format_args!("UID {} ", message.uid));
    }
    out.words(format_args!("FLAGS "));
    encode_flags(out, &message.flags);
    if manner.modseq {
        out.words(format_args!(" MODSEQ ({})", message.modseq));
    }
    out.words(format_args!(")\r\n"));
}

/// A message's flags in parentheses.
pub(super) fn encode_flags(out: &mut ResponseWriter<'_>, flags: &Flags) {
    let flags: Vec<Flag> = flags.iter().collect();
    encode::flags(out.bytes(), &flags);
}
