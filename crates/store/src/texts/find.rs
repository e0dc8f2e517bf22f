//! A search of texts.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::follow::{Batch, modseq};
use super::text::{Needle, Sought, Text};
use super::{Result, sum};
use crate::account::Core;
use crate::error::StoreError;
use crate::location::MessageLocation;
use crate::messages;
use crate::uid::{FolderId, Uid, UidSet};

/// How many messages are looked at before other sessions have their turn with the database.
const PIECE: usize = 500;

/// A message's bytes, and its UIDs in the folder: copies share the bytes.
struct Asked {
    place: MessageLocation,
    uids: Vec<Uid>,
}

/// What the database says of a piece of what was asked, as positions in that piece.
struct Judged {
    /// For each needle, the messages that hold it.
    holders: Vec<Vec<usize>>,
    /// The messages that have no sound entry.
    unknown: Vec<usize>,
}

impl Core {
    /// The messages among `uids` that hold each needle.
    pub(crate) fn find_texts(
        &self,
        folder: FolderId,
        uids: &UidSet,
        needles: &[Needle],
    ) -> Result<Vec<Vec<Uid>>> {
        if let Err(error) = self.take_in_texts() {
            tracing::warn!(%error, "texts could not be taken in; a search reads the mail instead");
        }
        let (modseq, places) =
            self.read(|index| Ok((modseq(index)?, messages::places(index, folder, uids)?)))?;
        let mut asked: BTreeMap<i64, Asked> = BTreeMap::new();
        for (uid, place) in places {
            let uids = Vec::new();
            let entry = asked.entry(place.key()).or_insert(Asked { place, uids });
            entry.uids.push(uid);
        }
        let asked: Vec<Asked> = asked.into_values().collect();
        let sought: Vec<Sought<'_>> = needles.iter().map(Sought::new).collect();
        let mut found = vec![Vec::new(); needles.len()];
        let mut batch = Batch::new(&self.texts, modseq);
        for piece in asked.chunks(PIECE) {
            let judged = self.texts.with(|database| judge(database, &sought, piece));
            let judged = judged.unwrap_or_else(|error| {
                tracing::warn!(%error, "texts could not be read; a search reads the mail instead");
                Judged {
                    holders: Vec::new(),
                    unknown: (0..piece.len()).collect(),
                }
            });
            for (found, holders) in found.iter_mut().zip(judged.holders) {
                found.extend(holders.into_iter().flat_map(|at| &piece[at].uids));
            }
            for at in judged.unknown {
                let Asked { place, uids } = &piece[at];
                let Some(bytes) = self.bytes_if_there(folder, uids, *place)? else {
                    continue;
                };
                let text = Text::of(&bytes);
                for (found, sought) in found.iter_mut().zip(&sought) {
                    if text.holds(sought) {
                        found.extend(uids);
                    }
                }
                if let Err(error) = batch.add(*place, text) {
                    tracing::warn!(%error, "texts could not be kept");
                }
            }
        }
        if let Err(error) = batch.finish() {
            tracing::warn!(%error, "texts could not be kept");
        }
        for uids in &mut found {
            uids.sort_unstable();
        }
        Ok(found)
    }

    /// A message's bytes, unless it went away meanwhile.
    fn bytes_if_there(
        &self,
        folder: FolderId,
        uids: &[Uid],
        place: MessageLocation,
    ) -> Result<Option<Vec<u8>>> {
        let error = match self.message_bytes(place) {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(error) => error,
        };
        for &uid in uids {
            match self.read(|index| messages::place(index, folder, uid)) {
                Err(StoreError::NoSuchMessage) => {}
                Ok(now) if now != place => return self.message_bytes(now).map(Some),
                _ => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Looks for needles in messages, which are sorted by place: first in the signatures of all, then in the texts of those
/// that may hold one.
fn judge(
    database: &mut Connection,
    sought: &[Sought<'_>],
    piece: &[Asked],
) -> rusqlite::Result<Judged> {
    let mut judged = Judged {
        holders: vec![Vec::new(); sought.len()],
        unknown: Vec::new(),
    };
    let [first, ..] = piece else {
        return Ok(judged);
    };
    let last = piece.last().unwrap_or(first);
    let transaction = database.transaction()?;
    let sql =
        "SELECT place, size, sum, bits FROM signature WHERE place BETWEEN ?1 AND ?2 ORDER BY place";
    let mut signatures = transaction.prepare_cached(sql)?;
    let mut rows = signatures.query([first.place.key(), last.place.key()])?;
    let sql = "SELECT head_sum, fields, header, body_sum, is_wide, body FROM text WHERE place = ?1";
    let mut texts = transaction.prepare_cached(sql)?;
    let mut at = 0;
    let mut maybe = Vec::with_capacity(sought.len());
    while let Some(row) = rows.next()? {
        let key: i64 = row.get(0)?;
        while piece.get(at).is_some_and(|asked| asked.place.key() < key) {
            judged.unknown.push(at);
            at += 1;
        }
        let Some(asked) = piece.get(at).filter(|asked| asked.place.key() == key) else {
            continue;
        };
        let bits = row.get_ref(3)?.as_bytes()?;
        let size: u64 = row.get(1)?;
        let signed = sum(key, &[&size.to_le_bytes(), bits]);
        maybe.clear();
        maybe.extend((0..sought.len()).filter(|&number| sought[number].may_be_in(bits)));
        let is_sound = size == asked.place.size && signed == row.get::<_, u32>(2)?;
        if !is_sound
            || (!maybe.is_empty() && !look(&mut texts, key, sought, &maybe, at, &mut judged)?)
        {
            judged.unknown.push(at);
        }
        at += 1;
    }
    judged.unknown.extend(at..piece.len());
    Ok(judged)
}

/// Looks for some needles in a message's text. False if there is no sound text; then nothing was noted.
fn look(
    texts: &mut rusqlite::Statement<'_>,
    key: i64,
    sought: &[Sought<'_>],
    maybe: &[usize],
    at: usize,
    judged: &mut Judged,
) -> rusqlite::Result<bool> {
    let mut rows = texts.query([key])?;
    let Some(row) = rows.next()? else {
        return Ok(false);
    };
    let (fields, header) = (row.get_ref(1)?.as_bytes()?, row.get_ref(2)?.as_bytes()?);
    if sum(key, &[fields, header]) != row.get::<_, u32>(0)? {
        return Ok(false);
    }
    let mut verdicts: Vec<Option<bool>> = maybe
        .iter()
        .map(|&number| sought[number].judge_head(fields, header))
        .collect();
    if verdicts.contains(&None) {
        let is_wide: bool = row.get(4)?;
        let body = row.get_ref(5)?.as_bytes()?;
        if sum(key, &[&[u8::from(is_wide)], body]) != row.get::<_, u32>(3)? {
            return Ok(false);
        }
        for (verdict, &number) in verdicts.iter_mut().zip(maybe) {
            verdict.get_or_insert_with(|| sought[number].is_in_body(body, is_wide));
        }
    }
    for (verdict, &number) in verdicts.iter().zip(maybe) {
        if *verdict == Some(true) {
            judged.holders[number].push(at);
        }
    }
    Ok(true)
}
