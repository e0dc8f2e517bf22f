//! What messages say, kept so that searches needn't open them.
//!
//! A database of its own beside the index, `texts.db`, holds each message's folded text and a signature of it: a Bloom filter over the text's
//! three-letter runs, and over its two-letter runs in scripts without spaces, so that 会議 is found as fast as a long word. A search passes over
//! the signatures, and reads the texts of the few messages that may hold what is looked for; so it finds exactly what a reading of all would.
//!
//! All of it can be made again from the mail. So nothing waits for it: it is brought up to date a little after a delivery, and by each search
//! before it looks; it isn't synced at each commit; and where it is damaged or of another form it is thrown away. Entries go by the place of a
//! message's bytes, which never holds others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::SignedDuration;
use memchr::memmem::Finder;
use rusqlite::{Connection, params};
use sekisho_disk::Disk;

use super::account::Core;
use super::error::StoreError;
use super::files::Place;
use super::uid::{FolderId, Uid, UidSet};
use super::{blocking, messages};
use crate::fold::fold;
use crate::mime::{Parsed, SectionText, Summary};

type Result<T> = std::result::Result<T, StoreError>;

const NAME: &str = "texts.db";
/// Which form of the database this is.
const VERSION: i64 = 1;
/// How much text of a message is searched, in bytes as it was sent.
const SEARCHED: usize = 4 * 1024 * 1024;
/// How many messages are taken in by one commit.
const BATCH: usize = 100;
/// How long no message must have come before texts are taken in, and how long they wait at most.
const QUIET: SignedDuration = SignedDuration::from_secs(2);
const PATIENCE: u32 = 15;
/// Bits of a signature for each run, and how many of them a run sets: of a hundred messages without it, three look as if they had it.
const BITS: usize = 8;
const PROBES: u32 = 3;
/// The longest signature, in bytes.
const LONGEST: usize = 256 * 1024;

/// What a search looks for in messages' text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Needle {
    text: String,
    header: bool,
}

impl Needle {
    /// A text that the body holds, in the form that the sender wrote.
    #[must_use]
    pub fn body(text: &str) -> Self {
        Self {
            text: fold(text),
            header: false,
        }
    }

    /// A text that the header or the body holds.
    #[must_use]
    pub fn anywhere(text: &str) -> Self {
        Self {
            text: fold(text),
            header: true,
        }
    }
}

/// An account's texts.
pub(super) struct Texts {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    database: Mutex<Option<Connection>>,
    /// Whether somebody waits for quiet to take texts in.
    awaited: AtomicBool,
    /// How many deliveries there were.
    deliveries: AtomicU64,
}

impl Texts {
    pub(super) fn new(disk: Arc<dyn Disk>, folder: &Path) -> Self {
        Self {
            disk,
            path: folder.join(NAME),
            database: Mutex::new(None),
            awaited: AtomicBool::new(false),
            deliveries: AtomicU64::new(0),
        }
    }

    /// Works on the database. One that is damaged is thrown away and the work done once more.
    fn with<T>(&self, mut work: impl FnMut(&mut Connection) -> Result<T>) -> Result<T> {
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        for second in [false, true] {
            let opened = match &mut *database {
                Some(opened) => opened,
                none => match self.open() {
                    Ok(opened) => none.insert(opened),
                    Err(error) if second => return Err(error.into()),
                    Err(error) => {
                        tracing::warn!(%error, "a database of texts is made anew");
                        self.discard()?;
                        continue;
                    }
                },
            };
            match work(opened) {
                Err(StoreError::Broken(reason)) if !second => {
                    tracing::warn!(reason, "a database of texts is made anew");
                    *database = None;
                    self.discard()?;
                }
                done => return done,
            }
        }
        Err(StoreError::Broken("the texts can't be kept".to_owned()))
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let mut database = self.disk.open_database(&self.path)?;
        database.pragma_update(None, "synchronous", "NORMAL")?;
        let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            VERSION => {}
            0 => {
                let transaction = database.transaction()?;
                transaction.execute_batch(
                    "CREATE TABLE signature (place INTEGER PRIMARY KEY, size INTEGER NOT NULL, bits BLOB NOT NULL) STRICT;
                     CREATE TABLE text (place INTEGER PRIMARY KEY, header TEXT NOT NULL, body TEXT NOT NULL) STRICT;",
                )?;
                transaction.pragma_update(None, "user_version", VERSION)?;
                transaction.commit()?;
            }
            _ => {
                let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
                return Err(rusqlite::Error::SqliteFailure(error, None));
            }
        }
        Ok(database)
    }

    fn discard(&self) -> Result<()> {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(end);
            match self.disk.remove(Path::new(&path)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Core {
    /// Takes in the texts of new messages when no more have come for a while.
    pub(super) fn take_in_texts_soon(self: &Arc<Self>) {
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

    /// Takes in all texts that are missing.
    pub(super) fn take_in_texts(&self) -> Result<()> {
        let newest = self.texts.with(|database| {
            let sql = "SELECT max(place) FROM signature";
            Ok(database.query_row(sql, [], |row| row.get::<_, Option<i64>>(0))?)
        })?;
        let missing = self.read(|index| messages::places_after(index, newest.unwrap_or(-1)))?;
        if missing.is_empty() {
            return Ok(());
        }
        for some in missing.chunks(BATCH) {
            let mut taken = Vec::with_capacity(some.len());
            for &place in some {
                let mut bytes = vec![0; usize::try_from(place.size).unwrap_or(0)];
                self.message_file(place)?
                    .read_exact_at(&mut bytes, place.offset)?;
                taken.push((place, Text::of(&bytes)));
            }
            self.texts.with(|database| keep(database, &taken))?;
        }
        self.drop_texts_of_the_gone()
    }

    /// Drops texts of messages that are gone, once they are as many as the others.
    fn drop_texts_of_the_gone(&self) -> Result<()> {
        let live: i64 = self.read(|index| {
            Ok(index.query_row("SELECT count(*) FROM content", [], |row| row.get(0))?)
        })?;
        let kept: i64 = self.texts.with(|database| {
            Ok(database.query_row("SELECT count(*) FROM signature", [], |row| row.get(0))?)
        })?;
        if kept <= 2 * live + 1_000 {
            return Ok(());
        }
        let living = self.read(|index| messages::places_after(index, -1))?;
        let living: std::collections::HashSet<i64> =
            living.iter().copied().map(Place::key).collect();
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
            transaction.commit()?;
            Ok(())
        })
    }

    /// The messages among `uids` that hold each needle.
    pub(super) fn find_texts(
        &self,
        folder: FolderId,
        uids: &UidSet,
        needles: &[Needle],
    ) -> Result<Vec<Vec<Uid>>> {
        self.take_in_texts()?;
        let asked: HashMap<i64, Vec<Uid>> = self.read(|index| {
            let mut asked: HashMap<i64, Vec<Uid>> = HashMap::new();
            for (uid, place) in messages::places(index, folder, uids)? {
                asked.entry(place.key()).or_default().push(uid);
            }
            Ok(asked)
        })?;
        self.texts.with(|database| {
            let mut found = Vec::with_capacity(needles.len());
            for needle in needles {
                let mut uids = Vec::new();
                for place in holders(database, needle, &asked)? {
                    uids.extend(asked[&place].iter().copied());
                }
                uids.sort_unstable();
                found.push(uids);
            }
            Ok(found)
        })
    }
}

/// What is kept of a message.
struct Text {
    header: String,
    body: String,
    bits: Vec<u8>,
}

impl Text {
    fn of(message: &[u8]) -> Self {
        let parsed = Parsed::new(message);
        let summary = Summary::of(&parsed);
        let own = parsed.section(&[], SectionText::Header).unwrap_or_default();
        let mut header = fold(&String::from_utf8_lossy(&own));
        for words in [
            &summary.subject,
            &summary.from,
            &summary.to,
            &summary.cc,
            &summary.bcc,
        ] {
            header.push('\n');
            header.push_str(&fold(words));
        }
        let body = fold(&parsed.searchable_text(SEARCHED));
        let mut runs = runs(&header);
        runs.extend(self::runs(&body));
        Self {
            bits: signature(runs),
            header,
            body,
        }
    }
}

fn keep(database: &mut Connection, taken: &[(Place, Text)]) -> Result<()> {
    let transaction = database.transaction()?;
    {
        let mut signature =
            transaction.prepare_cached("INSERT OR REPLACE INTO signature VALUES (?1, ?2, ?3)")?;
        let mut text =
            transaction.prepare_cached("INSERT OR REPLACE INTO text VALUES (?1, ?2, ?3)")?;
        for (place, kept) in taken {
            signature.execute(params![place.key(), place.size, kept.bits])?;
            text.execute(params![place.key(), kept.header, kept.body])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// The places among `asked` whose message holds the needle.
fn holders(
    database: &mut Connection,
    needle: &Needle,
    asked: &HashMap<i64, Vec<Uid>>,
) -> Result<Vec<i64>> {
    let transaction = database.transaction()?;
    let runs = runs(&needle.text);
    let mut candidates: Vec<i64> = Vec::new();
    if runs.is_empty() {
        candidates.extend(asked.keys());
    } else {
        let mut query = transaction.prepare_cached("SELECT place, bits FROM signature")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let place = row.get(0)?;
            let bits = row.get_ref(1)?.as_blob().unwrap_or_default();
            if asked.contains_key(&place) && may_hold(bits, &runs) {
                candidates.push(place);
            }
        }
    }
    candidates.sort_unstable();
    let finder = Finder::new(&needle.text);
    let mut query = transaction.prepare_cached("SELECT body, header FROM text WHERE place = ?1")?;
    let mut found = Vec::new();
    for place in candidates {
        let mut rows = query.query([place])?;
        let Some(row) = rows.next()? else {
            continue;
        };
        let holds = |column| -> rusqlite::Result<bool> {
            let text = row.get_ref(column)?.as_bytes().unwrap_or_default();
            Ok(finder.find(text).is_some())
        };
        if holds(0)? || (needle.header && holds(1)?) {
            found.push(place);
        }
    }
    Ok(found)
}

/// The hashes of a text's runs, each once: three characters anywhere, two where they are of a script that is written without spaces.
fn runs(text: &str) -> Vec<u64> {
    let mut runs = Vec::new();
    let mut last = [None; 2];
    for character in text.chars() {
        let now = u64::from(u32::from(character));
        if let Some(before) = last[1] {
            if before >= WITHOUT_SPACES && now >= WITHOUT_SPACES {
                runs.push(hash(0, before, now));
            }
            if let Some(first) = last[0] {
                runs.push(hash(first, before, now));
            }
        }
        last = [last[1], Some(now)];
    }
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// Where the scripts of East Asia begin.
const WITHOUT_SPACES: u64 = 0x2e80;

/// Mixes three characters, of 21 bits each (the finalizer of MurmurHash3).
fn hash(a: u64, b: u64, c: u64) -> u64 {
    let mut mixed = (a << 42) ^ (b << 21) ^ c;
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

/// The bits that a run sets among `count`.
fn probes(run: u64, count: u64) -> impl Iterator<Item = usize> {
    (0..PROBES).map(move |probe| {
        let bit = run.rotate_left(probe * 21) % count;
        usize::try_from(bit).unwrap_or(0)
    })
}

fn signature(mut runs: Vec<u64>) -> Vec<u8> {
    runs.sort_unstable();
    runs.dedup();
    let length = (runs.len() * BITS).div_ceil(8).clamp(8, LONGEST);
    let mut bits = vec![0_u8; length];
    for run in runs {
        for bit in probes(run, length as u64 * 8) {
            bits[bit / 8] |= 1 << (bit % 8);
        }
    }
    bits
}

/// Whether a message with this signature may have all of the runs.
fn may_hold(bits: &[u8], runs: &[u64]) -> bool {
    let count = bits.len() as u64 * 8;
    count > 0
        && runs
            .iter()
            .all(|&run| probes(run, count).all(|bit| bits[bit / 8] & (1 << (bit % 8)) != 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_signature_never_denies_what_the_text_holds(
            text in "[a-c 会議室のア。é]{0,80}",
            from in 0_usize..80,
            length in 1_usize..12,
        ) {
            let text = fold(&text);
            let part: String = text.chars().skip(from).take(length).collect();
            let bits = signature(runs(&text));
            prop_assert!(may_hold(&bits, &runs(&part)));
        }
    }

    #[test]
    fn most_texts_without_a_word_are_passed_over() {
        let bits = |n: u64| {
            let words = (0..300).map(|w| format!("{:x} ", (n * 1_000 + w) * 7_919));
            signature(runs(&words.collect::<String>()))
        };
        let wanted = [runs("会議"), runs("wanted")];
        for runs in wanted {
            let taken_for = (0..500).filter(|&n| may_hold(&bits(n), &runs)).count();
            assert!(taken_for < 50, "{taken_for} of 500");
        }
    }
}
