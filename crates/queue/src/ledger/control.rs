//! What people see of the queue, and what they do with it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::Ledger;
use super::columns::{optional_path, path, time};
use crate::entry::{PendingRecipient, QueueAction, QueueEntry, QueueId, Selection};
use crate::error::QueueError;

impl Ledger {
    /// All that waits, the oldest first.
    pub(crate) fn list(&self) -> Result<Vec<QueueEntry>, QueueError> {
        let index = self.index();
        let mut messages = index.prepare(
            "SELECT id, sender, letter, size, queued_at, ends_at FROM message ORDER BY queued_at, id",
        )?;
        let mut waiting = index.prepare(
            "SELECT path, tries, next_at, trouble, held FROM recipient WHERE message = ? ORDER BY id",
        )?;
        let rows = messages.query_map([], |row| {
            Ok(QueueEntry {
                id: QueueId::new(row.get(0)?),
                sender: optional_path(row, 1)?,
                otp: row.get::<_, Option<i64>>(2)?.is_some(),
                size: row.get::<_, i64>(3)?.unsigned_abs(),
                queued_at: time(row, 4)?,
                ends_at: time(row, 5)?,
                waiting: Vec::new(),
            })
        })?;
        let mut listed: Vec<QueueEntry> = rows.collect::<Result<_, _>>()?;
        for message in &mut listed {
            let rows = waiting.query_map([message.id.get()], |row| {
                Ok(PendingRecipient {
                    to: path(row, 0)?,
                    tries: row.get(1)?,
                    next_at: time(row, 2)?,
                    diagnostic: row.get(3)?,
                    held: row.get(4)?,
                })
            })?;
            message.waiting = rows.collect::<Result<_, _>>()?;
        }
        Ok(listed)
    }

    /// Carries out an action; returns how many recipients it concerned.
    pub(crate) fn apply(
        &self,
        selection: &Selection,
        action: QueueAction,
        now: Timestamp,
    ) -> Result<usize, QueueError> {
        let (count, gone) = self.change(|change| {
            let rows = chosen(change, selection)?;
            let sql = match action {
                QueueAction::Retry => "UPDATE recipient SET next_at = min(next_at, ?2), held = 0 WHERE id = ?1",
                QueueAction::Release => "UPDATE recipient SET next_at = min(next_at, ?2), held = 0 WHERE id = ?1 AND held",
                QueueAction::Hold => "UPDATE recipient SET held = 1 WHERE id = ?1 AND ?2 AND NOT held",
                QueueAction::Bounce => "UPDATE recipient SET bounced = 1, held = 0, next_at = min(next_at, ?2) WHERE id = ?1",
                QueueAction::Drop => "DELETE FROM recipient WHERE id = ?1 AND ?2",
            };
            let mut carry_out = change.prepare(sql)?;
            let mut count = 0;
            for (row, _) in &rows {
                count += carry_out.execute(params![row, now.as_millisecond()])?;
            }
            let mut gone = Vec::new();
            if action == QueueAction::Drop {
                for (_, id) in rows {
                    change.execute(
                        "UPDATE letter SET fate = 'failed', words = 'taken out of the queue by hand'
                         WHERE id = (SELECT letter FROM message WHERE id = ?)",
                        [id.get()],
                    )?;
                    let sql = "DELETE FROM message WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM recipient WHERE message = ?1)";
                    if change.execute(sql, [id.get()])? > 0 {
                        gone.push(id);
                    }
                }
            }
            Ok((count, gone))
        })?;
        for id in gone {
            self.forget_file(id);
        }
        Ok(count)
    }

    /// The beginning of a message, up to `most` bytes; `None` if it is not there.
    pub(crate) fn beginning(&self, id: QueueId, most: u64) -> Result<Option<Vec<u8>>, QueueError> {
        let size: Option<i64> = self
            .index()
            .query_row("SELECT size FROM message WHERE id = ?", [id.get()], |row| {
                row.get(0)
            })
            .optional()?;
        size.map(|size| self.read(id, size.unsigned_abs().min(most)))
            .transpose()
    }
}

/// The recipients that the selection means, with their messages.
fn chosen(
    change: &Transaction<'_>,
    selection: &Selection,
) -> Result<Vec<(i64, QueueId)>, QueueError> {
    let mut all = change.prepare("SELECT id, message, path FROM recipient ORDER BY id")?;
    let mut rows = all.query([])?;
    let mut chosen = Vec::new();
    while let Some(row) = rows.next()? {
        let id = QueueId::new(row.get(1)?);
        let meant = match selection {
            Selection::All => true,
            Selection::Message(wanted) => id == *wanted,
            Selection::Domain(domain) => path(row, 2)?.domain().eq_ignore_ascii_case(domain),
        };
        if meant {
            chosen.push((row.get(0)?, id));
        }
    }
    Ok(chosen)
}
