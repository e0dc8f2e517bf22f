//! STORE.

use std::collections::HashMap;

use sekisho_imap::SequenceSet;
use sekisho_imap::command::{Store, StoreAction};
use sekisho_store::{FlagChange, Flags, ModSeq, Uid};

use super::reply::{Done, ResponseWriter};
use super::session::{Answer, Session};
use super::view::{Manner, tell_state};

impl Session {
    /// `STORE` and `UID STORE` (RFC 3501, section 6.4.6; RFC 7162, section 3.1.3)
    pub(super) async fn store(&mut self, store: &Store, out: &mut ResponseWriter<'_>) -> Answer {
        let mailbox = self.mailbox.clone();
        let manner = Manner {
            expunge: false,
            uid: store.uid || self.condstore,
            modseq: self.condstore,
            vanished: self.qresync,
        };
        let view = self.writable()?;
        let positions = view.positions(&store.set, store.uid);
        let flags = Flags::new(&store.flags)?;
        let change = match store.action {
            StoreAction::Replace => FlagChange::Replace,
            StoreAction::Add => FlagChange::Add,
            StoreAction::Remove => FlagChange::Remove,
        };
        let uids = view.uids(&positions);
        if uids.is_empty() {
            return Ok(Done::plain("no such messages"));
        }
        let unchanged_since = store.unchanged_since.map(ModSeq::new);
        let stored = mailbox
            .store_flags(view.folder, uids, change, flags, unchanged_since)
            .await?;

        let changed: HashMap<Uid, _> = stored
            .changed
            .iter()
            .map(|state| (state.uid, state))
            .collect();
        for at in positions.into_iter().flatten() {
            let uid = view.messages()[at].uid;
            match changed.get(&uid) {
                Some(state) => {
                    view.note(state, out);
                    if !store.silent {
                        tell_state(out, at, state, manner);
                    } else if manner.modseq {
                        out.untagged(format_args!(
                            "{} FETCH (UID {uid} MODSEQ ({}))",
                            at + 1,
                            state.modseq
                        ));
                    }
                }
                None if !store.silent && !stored.modified.contains(&uid) => {
                    tell_state(out, at, &view.messages()[at], manner);
                }
                None => {}
            }
            out.make_room().await?;
        }
        let modified = SequenceSet::from_sorted(stored.modified.iter().filter_map(|&uid| {
            if store.uid {
                return Some(uid.get());
            }
            view.position(uid).and_then(|at| u32::try_from(at + 1).ok())
        }));
        Ok(match modified {
            Some(set) => Done::with(format!("MODIFIED {set}"), "others had changed meanwhile"),
            None => Done::plain("stored"),
        })
    }
}
