//! Adding messages. Requests that wait at the same account share one sync of the message file and one commit of the
//! index. That commit is not synced: [`crate::recovery`] makes up for what a crash takes of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::Transaction;
use sekisho_message::Parsed;
use tokio::sync::oneshot;

use crate::account::Core;
use crate::blocking::blocking;
use crate::counters::{self, next_modseq};
use crate::error::StoreError;
use crate::files::Files;
use crate::insert::{Entry, content_id, insert};
use crate::limits::Limits;
use crate::message::{Appended, Folder, NewMessage, SpecialUse, Usage};
use crate::name::FolderName;
use crate::pending::{Answer, Destination, Request, Watched};
use crate::record::Record;
use crate::summary::Summary;
use crate::uid::{FolderId, Uid, UidValidity};
use crate::{folders, messages, sent};

type Result<T> = std::result::Result<T, StoreError>;

/// Adds one message; returns when it is on the disk.
pub(crate) async fn append_one(
    core: Arc<Core>,
    destination: Destination,
    message: NewMessage,
) -> Result<Appended> {
    let answer = append(core, destination, vec![message], None).await?;
    let left_out = || StoreError::Broken("a message was left out".to_owned());
    answer.appended.first().copied().ok_or_else(left_out)
}

/// Adds messages, all or none; returns when they are on the disk.
pub(crate) async fn append(
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
        if core.pending.enter(request) {
            serve_all(&core);
        }
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

/// Serves the requests that wait. A caller whose own request was among them doesn't serve those that came meanwhile:
/// another thread does.
fn serve_all(core: &Arc<Core>) {
    if core.pending.serve_batch(|batch| serve(core, batch)) {
        let core = Arc::clone(core);
        tokio::task::spawn_blocking(
            move || {
                while core.pending.serve_batch(|batch| serve(&core, batch)) {}
            },
        );
    }
}

fn serve(core: &Core, batch: Vec<Request>) {
    // A client's message may take the place of the copy that the server kept. Then the commit of the index is synced
    // too, because a message goes, and recovery could not learn from the message files which one went.
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
        // The caller may have gone away; the message is there all the same.
        let _ = request.answer.send(answer);
    }
}

/// Writes a batch. A request whose folder is gone, or that the quota has no room for, fails alone. When the disk
/// refuses a write, the whole batch fails.
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
        // When the watched folder is gone there is nothing to tell of it; the session that has it open finds that out
        // by itself.
        let news = request
            .watched
            .and_then(|(folder, since)| messages::changes(index, folder, since).ok());
        Ok(Answer { appended, news })
    });
    Ok(answers.collect())
}

/// A batch on its way into the index: what has been given out so far, before anything is written.
struct Round<'i, 't, 'r> {
    index: &'i Transaction<'t>,
    limits: Limits,
    /// In seconds.
    now: i64,
    modseq: i64,
    /// Whether these messages may take the place of copies that the server kept.
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
            let uid = Uid::new(counters::next_uid(index, folder, self.modseq)?);
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

/// Where the request's messages go; `None` for a copy of sent mail that has no folder to go to, or is there already.
fn destination(
    index: &Transaction<'_>,
    destination: &Destination,
) -> Result<Option<(FolderId, UidValidity)>> {
    let inbox_unless = |found: Option<Folder>| match found {
        Some(folder) => Ok(folder),
        None => folders::get(index, &FolderName::inbox()),
    };
    let folder = match destination {
        Destination::Folder(id) => {
            return Ok(Some((*id, counters::head(index, *id)?.uid_validity)));
        }
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
