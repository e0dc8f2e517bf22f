//! Adding messages. Those that wait at an account together share one sync of the message file and one commit of the index, which is not synced:
//! see [`super::recovery`].

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Transaction, params};
use tokio::sync::oneshot;

use super::account::Core;
use super::error::StoreError;
use super::files::{Files, Place};
use super::folders;
use super::mailbox::NewMessage;
use super::message::{Appended, Folder, SpecialUse};
use super::messages::keywords_text;
use super::name::FolderName;
use super::record::Record;
use super::schema::next_modseq;
use super::uid::{FolderId, Uid};
use crate::mime::{Parsed, Summary};

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
    message: NewMessage,
    summary: Summary,
    answer: oneshot::Sender<Result<Appended>>,
}

/// Adds a message; returns when it is on the disk.
pub(super) async fn append(
    core: Arc<Core>,
    destination: Destination,
    message: NewMessage,
) -> Result<Appended> {
    let size = message.bytes.len() as u64;
    let limit = core.limits.message_size;
    if size > limit {
        return Err(StoreError::TooLarge { size, limit });
    }
    let (answer, answered) = oneshot::channel();
    let account = Arc::clone(&core);
    let work = move || {
        let summary = Summary::of(&Parsed::new(&message.bytes));
        core.queue.enter(
            Request {
                destination,
                message,
                summary,
                answer,
            },
            &core,
        );
    };
    // The task isn't awaited for itself: whoever writes answers all that waited.
    drop(tokio::task::spawn_blocking(work));
    let appended = answered
        .await
        .unwrap_or_else(|_| Err(StoreError::Broken("a delivery was cut short".to_owned())));
    if appended.is_ok() {
        account.take_in_texts_soon();
    }
    appended
}

impl Queue {
    /// Leaves a request, and serves what waits unless somebody does already.
    fn enter(&self, request: Request, core: &Core) {
        {
            let mut waiting = self.lock();
            waiting.requests.push(request);
            if waiting.working {
                return;
            }
            waiting.working = true;
        }
        let _done = Done(self);
        loop {
            let batch = {
                let mut waiting = self.lock();
                if waiting.requests.is_empty() {
                    waiting.working = false;
                    return;
                }
                std::mem::take(&mut waiting.requests)
            };
            serve(core, batch);
        }
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
    let outcome = core.append(|index, files| write(index, files, &batch));
    let answers = match outcome {
        Ok(answers) => answers,
        Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
    };
    for (request, answer) in batch.into_iter().zip(answers) {
        // Nobody may be waiting any more; the message is there all the same.
        let _ = request.answer.send(answer);
    }
}

/// Writes a batch. A message whose folder is gone fails alone; what the disk refuses fails the batch.
fn write(
    index: &Transaction<'_>,
    files: &mut Files,
    batch: &[Request],
) -> Result<Vec<Result<Appended>>> {
    let mut folders = Vec::with_capacity(batch.len());
    for request in batch {
        match destination(index, &request.destination) {
            Err(error) if error.is_temporary() => return Err(error),
            found => folders.push(found),
        }
    }
    let modseq = next_modseq(index)?;
    let mut records = Vec::with_capacity(batch.len());
    for (request, folder) in batch.iter().zip(&folders) {
        if let Ok((folder, appended)) = folder {
            let message = &request.message;
            let record = Record {
                folder: *folder,
                uid: appended.uid,
                modseq,
                internal_date: message.internal_date.as_second(),
                flags: message.flags.clone(),
                left: 0,
            };
            records.push((record, message.bytes.as_slice()));
        }
    }
    if records.is_empty() {
        let gone = |folder: Result<_>| folder.and(Err(StoreError::NoSuchFolder));
        return Ok(folders.into_iter().map(gone).collect());
    }
    let places = files.append(index, &records)?;
    let mut written = records.iter().zip(places);
    let mut answers = Vec::with_capacity(batch.len());
    for (request, folder) in batch.iter().zip(folders) {
        let appended = match (folder, &mut written) {
            (Err(error), _) => Err(error),
            (Ok((_, appended)), written) => match written.next() {
                Some(((record, _), place)) => {
                    let entry = Entry {
                        record,
                        place,
                        summary: &request.summary,
                    };
                    insert(index, &entry)?;
                    Ok(appended)
                }
                None => Err(StoreError::Broken("a message was left out".to_owned())),
            },
        };
        answers.push(appended);
    }
    Ok(answers)
}

fn destination(index: &Transaction<'_>, destination: &Destination) -> Result<(FolderId, Appended)> {
    let inbox_unless = |found: Option<Folder>| match found {
        Some(folder) => Ok(folder.id),
        None => folders::get(index, &FolderName::inbox()).map(|inbox| inbox.id),
    };
    let id = match destination {
        Destination::Folder(id) => *id,
        Destination::Existing(name) => folders::get(index, name)?.id,
        Destination::Named(name) => inbox_unless(folders::find(index, name)?)?,
        Destination::Special(special) => inbox_unless(folders::find_special(index, *special)?)?,
    };
    let uid_validity = folders::head(index, id)?.uid_validity;
    let uid = Uid::new(folders::next_uid(index, id)?);
    Ok((id, Appended { uid_validity, uid }))
}

/// What the index learns of a message.
pub(super) struct Entry<'a> {
    pub(super) record: &'a Record,
    pub(super) place: Place,
    pub(super) summary: &'a Summary,
}

/// Puts a message into the index; its folder's next UID is the caller's.
pub(super) fn insert(index: &Transaction<'_>, entry: &Entry<'_>) -> Result<()> {
    let Entry {
        record,
        place,
        summary,
    } = entry;
    let content: i64 = index
        .prepare_cached(
            "INSERT INTO content (file, offset, size, envelope, body, structure, preview, has_attachment, sent, sent_day, subject, base_subject, \
                                  from_text, to_text, cc_text, bcc_text, sort_from, sort_to, sort_cc) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) RETURNING id",
        )?
        .query_row(
            params![
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
            ],
            |row| row.get(0),
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
            content,
        ])?;
    folders::touch(index, record.folder, record.modseq)
}
