//! Connections to the mail, kept a few minutes between the requests of a session, so that a page costs no new login.
//!
//! A kept connection is no admission: each request is judged first, and only an [`AdmittedVisit`] can ask for one. It
//! belongs to the session *and* the address; it was opened for an `Admitted` of its own, and the mail server closes it
//! when that one's lease ends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request;
use jiff::{SignedDuration, Timestamp};
use sekisho_checkpoint::id::SessionId;
use sekisho_checkpoint::ports::Clock;
use sekisho_mailclient::Imap;

use super::failure::MailServerFailure;
use crate::config::MailServerError;
use crate::error::WebError;
use crate::upstream_password;
use crate::visit::AdmittedVisit;

/// How long a connection is kept unused.
const KEPT: SignedDuration = SignedDuration::from_mins(3);
/// How many are kept for a session: a page and its frame ask at the same time.
const MOST_OF_ONE: usize = 3;
/// How many are kept in all.
const MOST: usize = 1000;

/// A session at an address; whether the address is only what an unknown proxy claims tells two such apart.
type Key = (SessionId, IpAddr, bool);

/// The connections that are kept.
#[derive(Default)]
pub(crate) struct Pool {
    kept: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    connections: HashMap<Key, Vec<Kept>>,
    /// Whether a task waits to clear away what was not used.
    is_watched: bool,
}

struct Kept {
    imap: Imap,
    since: Timestamp,
}

impl Pool {
    fn take(&self, key: &Key) -> Option<Imap> {
        let mut shelf = self.lock();
        let of_session = shelf.connections.get_mut(key)?;
        let kept = of_session.pop();
        if of_session.is_empty() {
            shelf.connections.remove(key);
        }
        kept.map(|kept| kept.imap)
    }

    fn put(self: &Arc<Self>, key: Key, imap: Imap, clock: &Arc<dyn Clock>) {
        let mut shelf = self.lock();
        if shelf.connections.len() >= MOST && !shelf.connections.contains_key(&key) {
            return;
        }
        let of_session = shelf.connections.entry(key).or_default();
        if of_session.len() < MOST_OF_ONE {
            of_session.push(Kept {
                imap,
                since: clock.now(),
            });
        }
        if !shelf.is_watched {
            shelf.is_watched = true;
            tokio::spawn(watch(Arc::clone(self), Arc::clone(clock)));
        }
    }

    /// Drops what was kept since before an instant; says whether anything is left.
    fn clear_before(&self, instant: Timestamp) -> bool {
        let mut shelf = self.lock();
        shelf.connections.retain(|_, of_session| {
            of_session.retain(|kept| kept.since > instant);
            !of_session.is_empty()
        });
        shelf.is_watched = !shelf.connections.is_empty();
        shelf.is_watched
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clears away what nobody uses, and ends when nothing is left.
async fn watch(pool: Arc<Pool>, clock: Arc<dyn Clock>) {
    loop {
        let now = clock.now();
        let until = now.checked_add(KEPT).unwrap_or(now);
        clock.sleep_until(until).await;
        if !pool.clear_before(now) {
            return;
        }
    }
}

/// A session that may open mail, with its connection to it.
pub(super) struct Mailbox {
    /// Whose request it is.
    pub admitted: AdmittedVisit,
    connection: Connection,
}

struct Connection {
    /// `None` only while it is being put back.
    imap: Option<Imap>,
    key: Key,
    pool: Arc<Pool>,
    clock: Arc<dyn Clock>,
}

impl Drop for Connection {
    /// What was cut short half way answers [`sekisho_mailclient::Error::Gone`] from then on, so it may be put back like
    /// all others.
    fn drop(&mut self) {
        if let Some(imap) = self.imap.take() {
            self.pool.put(self.key, imap, &self.clock);
        }
    }
}

impl Mailbox {
    /// Opens the mail of a session, by a kept connection if one is alive.
    pub(super) async fn open(admitted: AdmittedVisit, pool: Arc<Pool>) -> Result<Self, WebError> {
        let source = admitted.visit.source;
        let key = (
            admitted.session.session_id(),
            source.shown_address(),
            source.is_obscured(),
        );
        let mut alive = None;
        while let Some(mut imap) = pool.take(&key) {
            if imap.poll().await.is_ok() {
                alive = Some(imap);
                break;
            }
        }
        let imap = match alive {
            Some(imap) => imap,
            None => {
                let Ok(password) = upstream_password::of(&admitted) else {
                    return Err(upstream_password::sign_in_anew(&admitted).await);
                };
                let is_passed_on = password.is_some();
                let admission = admitted.again().await?.into_admitted();
                let stream = match admitted.visit.context.mail.imap(admission, password).await {
                    // It was changed meanwhile.
                    Err(MailServerError::Refused(_)) if is_passed_on => {
                        return Err(upstream_password::sign_in_anew(&admitted).await);
                    }
                    stream => stream?,
                };
                Imap::authenticated(stream)
                    .await
                    .map_err(|error| WebError::from(MailServerFailure(error)))?
            }
        };
        let clock = Arc::clone(admitted.visit.context.checkpoint.clock());
        Ok(Self {
            admitted,
            connection: Connection {
                imap: Some(imap),
                key,
                pool,
                clock,
            },
        })
    }

    /// The connection.
    pub(super) fn imap(&mut self) -> Result<&mut Imap, WebError> {
        self.connection.imap.as_mut().ok_or(WebError::Unavailable)
    }

    /// The site's time at this request.
    pub(super) fn now(&self) -> Timestamp {
        self.admitted.visit.context.checkpoint.now()
    }
}

/// The pool of a request.
pub(super) fn of(head: &request::Parts) -> Result<Arc<Pool>, WebError> {
    head.extensions
        .get::<Arc<Pool>>()
        .cloned()
        .ok_or(WebError::Unavailable)
}

impl<S: Sync> FromRequestParts<S> for Mailbox {
    type Rejection = WebError;

    async fn from_request_parts(head: &mut request::Parts, state: &S) -> Result<Self, WebError> {
        let admitted = AdmittedVisit::from_request_parts(head, state).await?;
        Self::open(admitted, of(head)?).await
    }
}
