//! What a client that reconnects is told (QRESYNC, RFC 7162).

use sekisho_imap::SequenceSet;
use sekisho_imap::command::{Fetch, Resynchronization};
use sekisho_store::{ModSeq, UidValidity};

use super::reply::{CommandError, ResponseWriter};
use super::session::Session;
use super::view::{Manner, tell_state};

impl Session {
    /// What happened to the folder just selected since the client saw it last (section 3.2.5): which of the messages it
    /// knows are gone, and the flags of those that changed or are new. Nothing, if its UIDVALIDITY is another one. The
    /// store remembers every message that was ever removed, so it doesn't need the client's list of known sequence
    /// numbers.
    pub(super) async fn resynchronize(
        &mut self,
        known: &Resynchronization,
        uid_validity: UidValidity,
        out: &mut ResponseWriter<'_>,
    ) -> Result<(), CommandError> {
        if uid_validity.get() != known.uid_validity {
            return Ok(());
        }
        let mailbox = self.mailbox.clone();
        let view = self.selected()?;
        let changes = mailbox
            .changes(view.folder, ModSeq::new(known.modseq))
            .await?;
        let within = |uid: u32| {
            let named = known.known.as_ref();
            named.is_none_or(|set| set.contains(uid, u32::MAX))
        };
        let gone = changes.expunged.iter().map(|uid| uid.get());
        tell_earlier(
            out,
            SequenceSet::from_sorted(gone.filter(|&uid| within(uid))),
        );
        let manner = Manner {
            expunge: false,
            uid: true,
            modseq: true,
            vanished: true,
        };
        for state in changes
            .changed
            .iter()
            .filter(|state| within(state.uid.get()))
        {
            if let Some(at) = view.position(state.uid) {
                tell_state(out, at, state, manner);
                out.make_room().await?;
            }
        }
        Ok(())
    }

    /// `UID FETCH ... (CHANGEDSINCE n VANISHED)` (section 3.2.6): which of the requested UIDs were removed since.
    pub(super) async fn tell_vanished(
        &mut self,
        fetch: &Fetch,
        out: &mut ResponseWriter<'_>,
    ) -> Result<(), CommandError> {
        let Some(since) = fetch.changed_since.filter(|_| self.qresync) else {
            return Err(CommandError::Bad("VANISHED needs QRESYNC and CHANGEDSINCE"));
        };
        let mailbox = self.mailbox.clone();
        let view = self.selected()?;
        let changes = mailbox.changes(view.folder, ModSeq::new(since)).await?;
        let largest = changes.uid_next.get().saturating_sub(1);
        let asked = fetch.set.resolve(largest);
        let gone = changes.expunged.iter().map(|uid| uid.get());
        let gone = gone.filter(|uid| asked.iter().any(|range| range.contains(uid)));
        tell_earlier(out, SequenceSet::from_sorted(gone));
        Ok(())
    }
}

fn tell_earlier(out: &mut ResponseWriter<'_>, gone: Option<SequenceSet>) {
    if let Some(gone) = gone {
        out.untagged(format_args!("VANISHED (EARLIER) {gone}"));
    }
}
