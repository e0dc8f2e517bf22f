//! Adding messages. Those that wait at an account together share one sync of the message file and one commit of the index, which is not synced:
//! see [`super::recovery`].

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Transaction, params};
use sekisho_message::Parsed;
use tokio::sync::oneshot;

use super::account::Core;
use super::error::StoreError;
use super::files::{Files, Place};
use super::folders;
use super::mailbox::NewMessage;
use super::message::{Appended, Changes, Folder, SpecialUse, Usage};
use super::messages::{self, keywords_text};
use super::name::FolderName;
use super::record::Record;
use super::schema::next_modseq;
use super::summary::Summary;
use super::uid::{ContentId, FolderId, ModSeq, Uid, UidValidity};
use super::{Limits, blocking, sent};

type Result<T> = std::result::Result<T, StoreError>;

/// Into which folder.
#[derive(Debug, Clone)]
pub(super) enum Destination {
    /// This one or none.
    Folder(FolderId),
    /// The one of that name or none.
    Existing(FolderName),
    /// The one of that name, else the INBOX.
    Named(FolderName),
    /// The one of that use, else the INBOX.
    Special(SpecialUse),
    /// The one for sent mail, where there is one and a client hasn't put the message there itself: the server keeps a copy.
    Sent,
}

/// The messages that wait at an account.
#[derive(Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    requests: Vec<Request>,
    /// Whether somebody is writing, and will take what waits when done.
    working: bool,
}

struct Request {
    destination: Destination,
    /// All of them or none.
    messages: Vec<(NewMessage, Summary)>,
    watched: Option<Watched>,
    answer: oneshot::Sender<Result<Answer>>,
}

/// A folder that whoever adds has open, and since when changes there are news to it.
pub(super) type Watched = (FolderId, ModSeq);

/// What was added, and what is new in the watched folder behind it, which costs nothing more while the index is at hand.
pub(super) struct Answer {
    pub(super) appended: Vec<Appended>,
    pub(super) news: Option<Changes>,
}

impl Request {
    fn usage(&self) -> Usage {
        Usage {
            bytes: self
                .messages
                .iter()
                .map(|(message, _)| message.bytes.len() as u64)
                .sum(),
            messages: self.messages.len() as u64,
        }
    }

    fn message_ids(&self) -> impl Iterator<Item = &str> {
        let ids = self.messages.iter();
        ids.filter_map(|(_, summary)| summary.identifiers.id.as_deref())
    }

    /// Whether the server adds it for the sender.
    fn is_copy(&self) -> bool {
        matches!(self.destination, Destination::Sent)
    }

    /// Whether a client adds it, who may have sent it before.
    fn may_replace(&self) -> bool {
        matches!(self.destination, Destination::Existing(_))
    }
}

/// Adds one message; returns when it is on the disk.
pub(super) async fn append_one(
    core: Arc<Core>,
    destination: Destination,
    message: NewMessage,
) -> Result<Appended> {
    let answer = append(core, destination, vec![message], None).await?;
    let left_out = || StoreError::Broken("a message was left out".to_owned());
    answer.appended.first().copied().ok_or_else(left_out)
}

/// Adds messages, all or none; returns when they are on the disk.
pub(super) async fn append(
    core: Arc<Core>,
    destination: Destination,
    messages: Vec<NewMessage>,
    watched: Option<Watched>,
) -> Result<Answer> {
    let limit = core.limits.message_size;
    for message in &messages {
        let size = message.bytes.len() as u64;
        if size > limit {
            return Err(StoreError::TooLarge { size, limit });
        }
    }
    let (answer, answered) = oneshot::channel();
    let account = Arc::clone(&core);
    blocking(move || {
        let described = messages.into_iter().map(|message| {
            let summary = Summary::of(&Parsed::new(&message.bytes));
            (message, summary)
        });
        let request = Request {
            destination,
            messages: described.collect(),
            watched,
            answer,
        };
        core.queue.enter(request, &core);
        Ok(())
    })
    .await?;
    let answer = answered
        .await
        .unwrap_or_else(|_| Err(StoreError::Broken("a delivery was cut short".to_owned())));
    if answer.is_ok() {
        account.take_in_texts_soon();
    }
    answer
}

impl Queue {
    /// Leaves a request, and serves what waits unless somebody does already. Whoever served its own leaves to another thread what came meanwhile.
    fn enter(&self, request: Request, core: &Arc<Core>) {
        {
            let mut waiting = self.lock();
            waiting.requests.push(request);
            if waiting.working {
                return;
            }
            waiting.working = true;
        }
        if self.serve_batch(core) {
            let core = Arc::clone(core);
            tokio::task::spawn_blocking(move || while core.queue.serve_batch(&core) {});
        }
    }

    /// Serves all that waits; whether more has come meanwhile. If not, nobody works any more.
    fn serve_batch(&self, core: &Core) -> bool {
        let _done = Done(self);
        let batch = std::mem::take(&mut self.lock().requests);
        serve(core, batch);
        let mut waiting = self.lock();
        waiting.working = !waiting.requests.is_empty();
        waiting.working
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the shift of whoever writes, though it panicked: those who waited get an error, the next one writes again.
struct Done<'q>(&'q Queue);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut waiting = self.0.lock();
            waiting.working = false;
            waiting.requests.clear();
        }
    }
}

fn serve(core: &Core, batch: Vec<Request>) {
    // Where the server keeps copies of sent mail, and a client's may take their place, the index's part is synced too: a message goes, and which one
    // may go stands nowhere else.
    let replaces =
        core.keeps_copies.load(Ordering::Acquire) && batch.iter().any(Request::may_replace);
    let concerns_copies = replaces || batch.iter().any(Request::is_copy);
    let work = |index: &Transaction<'_>, files: &mut Files| {
        let answers = write(index, files, &batch, core, replaces)?;
        if concerns_copies {
            let keeps_copies = sent::any(index)?;
            core.keeps_copies.store(keeps_copies, Ordering::Release);
        }
        Ok(answers)
    };
    let outcome = if concerns_copies {
        core.change_files(work)
    } else {
        core.append(work)
    };
    let answers = match outcome {
        Ok(answers) => answers,
        Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
    };
    for (request, answer) in batch.into_iter().zip(answers) {
        // Nobody may be waiting any more; the message is there all the same.
        let _ = request.answer.send(answer);
    }
}

/// Writes a batch. A request whose folder is gone, or that the quota has no room for, fails alone; what the disk refuses fails the batch.
fn write(
    index: &Transaction<'_>,
    files: &mut Files,
    batch: &[Request],
    core: &Core,
    replaces: bool,
) -> Result<Vec<Result<Answer>>> {
    let modseq = next_modseq(index)?;
    let mut round = Round {
        index,
        limits: core.limits,
        now: core.now(),
        modseq,
        replaces,
        usage: messages::usage(index)?,
        records: Vec::with_capacity(batch.len()),
    };
    let mut answers = Vec::with_capacity(batch.len());
    for request in batch {
        match round.take(request) {
            Err(error) if error.is_temporary() => return Err(error),
            answer => answers.push(answer),
        }
    }
    let records = round.records;
    if !records.is_empty() {
        let bytes: Vec<_> = records
            .iter()
            .map(|(record, message, _)| (record, message.bytes.as_slice()))
            .collect();
        let places = files.append(index, &bytes)?;
        for (number, ((record, _, summary), place)) in (0..).zip(records.iter().zip(places)) {
            let entry = Entry {
                content: content_id(modseq, number),
                record,
                place,
                summary,
            };
            insert(index, &entry)?;
        }
    }
    let answers = batch.iter().zip(answers).map(|(request, appended)| {
        let appended = appended?;
        // A folder that is gone has no news; its session sees that by itself.
        let news = request
            .watched
            .and_then(|(folder, since)| messages::changes(index, folder, since).ok());
        Ok(Answer { appended, news })
    });
    Ok(answers.collect())
}

/// What a batch makes of its requests before anything is written.
struct Round<'i, 't, 'r> {
    index: &'i Transaction<'t>,
    limits: Limits,
    /// In seconds.
    now: i64,
    modseq: i64,
    /// Whether messages may take the place of the server's copies.
    replaces: bool,
    usage: Usage,
    records: Vec<(Record, &'r NewMessage, &'r Summary)>,
}

impl<'r> Round<'_, '_, 'r> {
    /// Gives a request's messages their UIDs, and adds their records to those to be written.
    fn take(&mut self, request: &'r Request) -> Result<Vec<Appended>> {
        let index = self.index;
        let Some((folder, uid_validity)) = destination(index, &request.destination)? else {
            return Ok(Vec::new());
        };
        let is_copy = request.is_copy();
        if is_copy {
            for id in request.message_ids() {
                if sent::is_there(index, folder, id)? {
                    return Ok(Vec::new());
                }
            }
        }
        let copies = if self.replaces && request.may_replace() {
            sent::copies(index, folder, request.message_ids(), self.now)?
        } else {
            sent::Copies::default()
        };
        let more = request.usage();
        let after = Usage {
            bytes: self.usage.bytes + more.bytes - copies.usage.bytes,
            messages: self.usage.messages + more.messages - copies.usage.messages,
        };
        if !self.limits.allow(after) {
            return Err(StoreError::OverQuota);
        }
        sent::remove(index, folder, &copies.uids)?;
        self.usage = after;
        let mut appended = Vec::with_capacity(request.messages.len());
        let mut left = u32::try_from(request.messages.len()).unwrap_or(u32::MAX);
        for (message, summary) in &request.messages {
            let uid = Uid::new(folders::next_uid(index, folder, self.modseq)?);
            left -= 1;
            let record = Record {
                folder,
                uid,
                modseq: self.modseq,
                internal_date: message.internal_date.as_second(),
                flags: message.flags.clone(),
                left,
            };
            self.records.push((record, message, summary));
            appended.push(Appended { uid_validity, uid });
            if let (true, Some(id)) = (is_copy, &summary.identifiers.id) {
                sent::note(index, folder, uid, id, self.now)?;
            }
        }
        Ok(appended)
    }
}

/// `None` where a copy has no place.
fn destination(
    index: &Transaction<'_>,
    destination: &Destination,
) -> Result<Option<(FolderId, UidValidity)>> {
    let inbox_unless = |found: Option<Folder>| match found {
        Some(folder) => Ok(folder),
        None => folders::get(index, &FolderName::inbox()),
    };
    let folder = match destination {
        Destination::Folder(id) => return Ok(Some((*id, folders::head(index, *id)?.uid_validity))),
        Destination::Existing(name) => folders::get(index, name)?,
        Destination::Named(name) => inbox_unless(folders::find(index, name)?)?,
        Destination::Special(special) => inbox_unless(folders::find_special(index, *special)?)?,
        Destination::Sent => match folders::find_special(index, SpecialUse::Sent)? {
            Some(folder) => folder,
            None => return Ok(None),
        },
    };
    Ok(Some((folder.id, folder.uid_validity)))
}

/// The identity of a modseq's content of some number: one that was never given away before. (A counter in the index would be one page more to write.)
pub(super) fn content_id(modseq: i64, number: i64) -> ContentId {
    ContentId::new((modseq << 20) | number)
}

/// What the index learns of a message.
pub(super) struct Entry<'a> {
    pub(super) content: ContentId,
    pub(super) record: &'a Record,
    pub(super) place: Place,
    pub(super) summary: &'a Summary,
}

/// Puts a message into the index; its folder's next UID and modseq are the caller's.
pub(super) fn insert(index: &Transaction<'_>, entry: &Entry<'_>) -> Result<()> {
    let Entry {
        content,
        record,
        place,
        summary,
    } = entry;
    index
        .prepare_cached(
            "INSERT INTO content (id, file, offset, size, envelope, body, structure, preview, has_attachment, sent, sent_day, subject, base_subject, \
                                  from_text, to_text, cc_text, bcc_text, sort_from, sort_to, sort_cc, message_id, refers_to, thread) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
        )?
        .execute(
            params![
                content.get(),
                place.file,
                place.offset,
                place.size,
                summary.envelope,
                summary.body,
                summary.structure,
                summary.preview,
                summary.has_attachment,
                summary.sent,
                summary.sent_day,
                summary.subject,
                summary.base_subject,
                summary.from,
                summary.to,
                summary.cc,
                summary.bcc,
                summary.sort_from,
                summary.sort_to,
                summary.sort_cc,
                summary.identifiers.id,
                summary.identifiers.references.join(" "),
                summary.identifiers.thread(),
            ],
        )?;
    index
        .prepare_cached(
            "INSERT INTO message (folder, uid, modseq, flags, keywords, size, internal_date, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            record.folder.get(),
            record.uid.get(),
            record.modseq,
            record.flags.bits,
            keywords_text(&record.flags),
            place.size,
            record.internal_date,
            content.get(),
        ])?;
    Ok(())
}
