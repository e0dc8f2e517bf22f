//! Messages that wait at an account to be added together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::message::{Appended, Changes, NewMessage, SpecialUse, Usage};
use crate::name::FolderName;
use crate::summary::Summary;
use crate::uid::{FolderId, ModSeq};

type Result<T> = std::result::Result<T, StoreError>;

/// The folder that a message is to be added to.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// The folder with this id; fails if it is gone.
    Folder(FolderId),
    /// The folder of that name; fails if there is none.
    Existing(FolderName),
    /// The one of that name, else the INBOX.
    Named(FolderName),
    /// The one of that use, else the INBOX.
    Special(SpecialUse),
    /// The folder for sent mail, where the server keeps a copy. Nothing is added if there is no such folder, or if a
    /// client put the message there itself.
    Sent,
}

/// The requests that wait at an account.
#[derive(Default)]
pub(crate) struct Pending(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    requests: Vec<Request>,
    /// Whether somebody is writing, and will take what waits when done.
    working: bool,
}

/// Messages that somebody asks to have added.
pub(crate) struct Request {
    pub(crate) destination: Destination,
    /// All of them or none.
    pub(crate) messages: Vec<(NewMessage, Summary)>,
    pub(crate) watched: Option<Watched>,
    pub(crate) answer: oneshot::Sender<Result<Answer>>,
}

/// A folder that the caller has open, and the modseq up to which it knows the folder's changes.
pub(crate) type Watched = (FolderId, ModSeq);

/// What was added, and what is new in the watched folder: finding that out costs nothing while the index is at hand.
pub(crate) struct Answer {
    pub(crate) appended: Vec<Appended>,
    pub(crate) news: Option<Changes>,
}

impl Request {
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            bytes: self
                .messages
                .iter()
                .map(|(message, _)| message.bytes.len() as u64)
                .sum(),
            messages: self.messages.len() as u64,
        }
    }

    pub(crate) fn message_ids(&self) -> impl Iterator<Item = &str> {
        let ids = self.messages.iter();
        ids.filter_map(|(_, summary)| summary.identifiers.id.as_deref())
    }

    /// Whether this is the server's copy of sent mail.
    pub(crate) fn is_copy(&self) -> bool {
        matches!(self.destination, Destination::Sent)
    }

    /// Whether a client adds it, and may have sent it through this server before.
    pub(crate) fn may_replace(&self) -> bool {
        matches!(self.destination, Destination::Existing(_))
    }
}

impl Pending {
    /// Queues a request; true if nobody is serving, so that the caller has to.
    pub(crate) fn enter(&self, request: Request) -> bool {
        let mut waiting = self.lock();
        waiting.requests.push(request);
        !std::mem::replace(&mut waiting.working, true)
    }

    /// Serves all requests that wait; true if more have come meanwhile. If none have, serving is over.
    pub(crate) fn serve_batch(&self, serve: impl FnOnce(Vec<Request>)) -> bool {
        let _done = Done(self);
        let batch = std::mem::take(&mut self.lock().requests);
        serve(batch);
        let mut waiting = self.lock();
        waiting.working = !waiting.requests.is_empty();
        waiting.working
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the serving even if it panicked: those who waited get an error, and the next request is served again.
struct Done<'p>(&'p Pending);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut waiting = self.0.lock();
            waiting.working = false;
            waiting.requests.clear();
        }
    }
}
