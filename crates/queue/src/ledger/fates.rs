//! What became of mailed OTPs, whose sender asks for it.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::Fate;

use crate::error::QueueError;

/// How long the fate of a letter is remembered.
const LETTERS_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What became of a letter.
pub(super) fn read(index: &Connection, letter: LetterId) -> Result<Option<Fate>, QueueError> {
    let kept = index
        .query_row(
            "SELECT fate, words FROM letter WHERE id = ?",
            [letter.get()],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        )
        .optional()?;
    Ok(kept.and_then(|(fate, words)| match fate.as_str() {
        "waiting" => Some(Fate::Waiting((!words.is_empty()).then_some(words))),
        "sent" => Some(Fate::Sent),
        "failed" => Some(Fate::Failed(words)),
        "expired" => Some(Fate::Expired),
        _ => None,
    }))
}

/// Records what became of a letter.
pub(super) fn write(
    index: &Connection,
    letter: LetterId,
    fate: &Fate,
    now: Timestamp,
) -> Result<(), QueueError> {
    let (word, words) = match fate {
        Fate::Waiting(diagnostic) => ("waiting", diagnostic.as_deref().unwrap_or_default()),
        Fate::Sent => ("sent", ""),
        Fate::Failed(words) => ("failed", words.as_str()),
        Fate::Expired => ("expired", ""),
    };
    index.execute(
        "INSERT OR REPLACE INTO letter (id, fate, words, at) VALUES (?, ?, ?, ?)",
        params![letter.get(), word, words, now.as_millisecond()],
    )?;
    Ok(())
}

/// Forgets letters whose fate was settled a day ago.
pub(super) fn purge(index: &Connection, now: Timestamp) -> Result<(), QueueError> {
    let before = now.saturating_sub(LETTERS_KEPT).unwrap_or(Timestamp::MIN);
    index.execute(
        "DELETE FROM letter WHERE at < ? AND NOT EXISTS (SELECT 1 FROM message WHERE letter = letter.id)",
        [before.as_millisecond()],
    )?;
    Ok(())
}
