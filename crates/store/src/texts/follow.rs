//! How the texts follow the mail: they are added after deliveries, moved by compactions, and dropped when many of their
//! messages are gone.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use jiff::SignedDuration;
use rusqlite::Connection;

use super::text::Text;
use super::{Result, SWEEP_EVERY, Texts};
use crate::account::Core;
use crate::blocking::blocking;
use crate::error::StoreError;
use crate::location::MessageLocation;
use crate::{counters, messages};

/// How many messages one commit takes in, and how many bytes of text (plus one message) at most.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 8 << 20;
/// Texts are taken in when no message came for so long, and after the second of these at the latest.
const QUIET: SignedDuration = SignedDuration::from_secs(2);
const PATIENCE: u32 = 15;
impl Core {
    /// Takes in the texts of new messages once no more have come for a while.
    pub(crate) fn take_in_texts_soon(self: &Arc<Self>) {
        self.texts.deliveries.fetch_add(1, Ordering::Relaxed);
        if self.texts.awaited.swap(true, Ordering::AcqRel) {
            return;
        }
        let (core, clock) = (Arc::downgrade(self), self.clock());
        tokio::spawn(async move {
            let mut before = None;
            for _ in 0..PATIENCE {
                let until = clock.now().saturating_add(QUIET);
                clock
                    .sleep_until(until.unwrap_or(jiff::Timestamp::MAX))
                    .await;
                let Some(core) = Weak::upgrade(&core) else {
                    return;
                };
                let now = core.texts.deliveries.load(Ordering::Relaxed);
                if before.replace(now) == Some(now) {
                    break;
                }
            }
            if let Some(core) = Weak::upgrade(&core) {
                core.texts.awaited.store(false, Ordering::Release);
                if let Err(error) = blocking(move || core.take_in_texts()).await {
                    tracing::warn!(%error, "texts could not be taken in; the next search tries again");
                }
            }
        });
    }

    /// Takes in all texts that are missing behind the last one.
    pub(crate) fn take_in_texts(&self) -> Result<()> {
        let newest: i64 = self.texts.with(|database| {
            let sql = "SELECT coalesce(max(place), -1) FROM signature";
            database.query_row(sql, [], |row| row.get(0))
        })?;
        let (modseq, missing) =
            self.read(|index| Ok((modseq(index)?, messages::places_after(index, newest)?)))?;
        if missing.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new(&self.texts, modseq);
        for place in missing {
            match self.message_bytes(place) {
                Ok(bytes) => batch.add(place, Text::of(&bytes))?,
                // If the message is still there, a search reports the error.
                Err(error) => tracing::warn!(%error, "a message could not be read"),
            }
        }
        batch.finish()?;
        self.drop_texts_of_the_gone()
    }

    /// Takes in the texts of messages that were moved from a file to these places, and drops those of the file.
    pub(crate) fn move_texts(&self, file: i64, places: &[MessageLocation]) -> Result<()> {
        let modseq = self.read(|index| modseq(index))?;
        let mut batch = Batch::new(&self.texts, modseq);
        for &place in places {
            batch.add(place, Text::of(&self.message_bytes(place)?))?;
        }
        batch.finish()?;
        self.texts.with(|database| {
            let transaction = database.transaction()?;
            let of_file = [file << 32, ((file + 1) << 32) - 1];
            for table in ["signature", "text"] {
                let sql = format!("DELETE FROM {table} WHERE place BETWEEN ?1 AND ?2");
                transaction.execute(&sql, of_file)?;
            }
            transaction.commit()
        })
    }

    pub(super) fn message_bytes(&self, place: MessageLocation) -> Result<Vec<u8>> {
        let size = usize::try_from(place.size).map_err(|_| StoreError::NoSuchMessage)?;
        let file = self.message_file(place)?;
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, place.offset)?;
        Ok(bytes)
    }

    /// Drops the texts of messages that are gone, once they are as many as the others.
    pub(super) fn drop_texts_of_the_gone(&self) -> Result<()> {
        if self.texts.unswept.load(Ordering::Relaxed) < SWEEP_EVERY {
            return Ok(());
        }
        self.texts.unswept.store(0, Ordering::Relaxed);
        let live: i64 = self.read(|index| {
            Ok(index.query_row("SELECT count(*) FROM content", [], |row| row.get(0))?)
        })?;
        let kept: i64 = self.texts.with(|database| {
            database.query_row("SELECT count(*) FROM signature", [], |row| row.get(0))
        })?;
        if kept <= 2 * live + 1_000 {
            return Ok(());
        }
        let living = self.read(|index| messages::places_after(index, -1))?;
        let living: HashSet<i64> = living.into_iter().map(MessageLocation::key).collect();
        self.texts.with(|database| {
            let transaction = database.transaction()?;
            let all: Vec<i64> = transaction
                .prepare("SELECT place FROM signature")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for place in all.iter().filter(|place| !living.contains(place)) {
                transaction
                    .prepare_cached("DELETE FROM signature WHERE place = ?1")?
                    .execute([place])?;
                transaction
                    .prepare_cached("DELETE FROM text WHERE place = ?1")?
                    .execute([place])?;
            }
            transaction.commit()
        })
    }
}

pub(super) fn modseq(index: &Connection) -> Result<i64> {
    Ok(i64::try_from(counters::modseq(index)?.get()).unwrap_or(i64::MAX))
}

/// Texts that go into the database together.
pub(super) struct Batch<'t> {
    texts: &'t Texts,
    modseq: i64,
    taken: Vec<(MessageLocation, Text)>,
    bytes: usize,
}

impl<'t> Batch<'t> {
    pub(super) fn new(texts: &'t Texts, modseq: i64) -> Self {
        Self {
            texts,
            modseq,
            taken: Vec::new(),
            bytes: 0,
        }
    }

    pub(super) fn add(&mut self, place: MessageLocation, text: Text) -> Result<()> {
        self.bytes += text.len();
        self.taken.push((place, text));
        if self.taken.len() < BATCH && self.bytes < BATCH_BYTES {
            return Ok(());
        }
        self.finish()
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        self.bytes = 0;
        let taken = std::mem::take(&mut self.taken);
        if taken.is_empty() {
            return Ok(());
        }
        self.texts.keep(&taken, self.modseq)
    }
}
