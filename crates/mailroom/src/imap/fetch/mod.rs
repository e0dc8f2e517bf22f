//! FETCH.
//!
//! Flags, sizes and dates come from the view, envelopes and structures from the index, a few hundred messages at a
//! time. The message itself is opened only if some of its bytes are asked for, and a whole one is sent while it is
//! read.
//!
//! In reading order: the command is here, `plan` is what has to be read for it, `source` a message's bytes, `answer`
//! what is sent for a message.

mod answer;
mod plan;
mod source;

use std::collections::{HashSet, VecDeque};

use sekisho_imap::Flag;
use sekisho_imap::command::Fetch;
use sekisho_store::{FlagChange, Flags, Mailbox, MessageRow, StoreError, Uid, UidSet};

use super::reply::{CommandError, Done, ResponseWriter};
use super::session::{Answer, Session};
use super::view::View;
pub(super) use answer::email_id;
use answer::{FetchAnswer, tell_from_view};
use plan::{AHEAD, Plan};
pub(super) use source::read_header;
use source::{Decoded, Source};

/// How many rows of the index are held at once.
const ROWS: usize = 200;

impl Session {
    /// `FETCH` and `UID FETCH` (RFC 3501, section 6.4.5)
    pub(super) async fn fetch(&mut self, fetch: &Fetch, out: &mut ResponseWriter<'_>) -> Answer {
        if fetch.vanished {
            self.tell_vanished(fetch, out).await?;
        }
        let plan = Plan::new(fetch, self.condstore)?;
        let mailbox = self.mailbox.clone();
        let zone = self.imap.zone.clone();
        let view = self.selected()?;
        let mut positions: Vec<usize> = view
            .positions(&fetch.set, fetch.uid)
            .into_iter()
            .flatten()
            .collect();
        if let Some(since) = fetch.changed_since {
            positions.retain(|&at| view.messages()[at].modseq.get() > since);
        }
        if let Some(part) = fetch.partial {
            positions = positions[part.indices(positions.len())].to_vec();
        }
        if plan.state_is_enough() {
            for at in positions {
                tell_from_view(out, &plan, at, &view.messages()[at], &zone);
                out.make_room().await?;
            }
            return Ok(Done::plain("fetched"));
        }
        for some in positions.chunks(ROWS) {
            let uids: UidSet = some.iter().map(|&at| view.messages()[at].uid).collect();
            let seen = mark_seen(&plan, &mailbox, view, &uids, out).await?;
            let rows = mailbox.rows(view.folder, uids).await?;
            let mut beginnings = VecDeque::new();
            for (index, row) in rows.iter().enumerate() {
                let uid = row.state.uid;
                if plan.opens && beginnings.is_empty() {
                    let some = &rows[index..index + together(&plan, &rows[index..])];
                    beginnings.extend(mailbox.beginnings(some, plan.beginning()).await?);
                }
                let beginning = beginnings.pop_front().unwrap_or_default();
                let Some(at) = view.position(uid) else {
                    continue;
                };
                let source = Source::open(&plan, &mailbox, row, beginning).await?;
                if source
                    .decoded
                    .iter()
                    .any(|part| matches!(part, Decoded::Unknown))
                {
                    return Err(CommandError::No(
                        "UNKNOWN-CTE",
                        "a part's transfer encoding is unknown; BODY[] has it as it is",
                    ));
                }
                let answer = FetchAnswer {
                    at,
                    row,
                    source,
                    zone: &zone,
                    seen: seen.contains(&uid),
                };
                answer.write(&plan, out).await?;
                out.make_room().await?;
            }
        }
        Ok(Done::plain("fetched"))
    }
}

/// How many of these messages are read in one go: as many as make a few megabytes.
fn together(plan: &Plan, rows: &[MessageRow]) -> usize {
    let mut sum = 0;
    let fits = rows.iter().take_while(|row| {
        sum += row.state.size.min(plan.beginning());
        sum <= AHEAD
    });
    fits.count().max(1)
}

/// Sets `\Seen` where reading does (RFC 3501, section 6.4.5); returns the messages that got it.
async fn mark_seen(
    plan: &Plan,
    mailbox: &Mailbox,
    view: &mut View,
    uids: &UidSet,
    out: &mut ResponseWriter<'_>,
) -> Result<HashSet<Uid>, StoreError> {
    if !plan.marks_seen || view.read_only {
        return Ok(HashSet::new());
    }
    let seen = Flags::new([&Flag::Seen])?;
    let stored = mailbox
        .store_flags(view.folder, uids.clone(), FlagChange::Add, seen, None)
        .await?;
    for state in &stored.changed {
        view.note(state, out);
    }
    Ok(stored.changed.into_iter().map(|state| state.uid).collect())
}
