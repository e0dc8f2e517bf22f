//! Leases: what an admitted mail connection lives by, and how it learns that this has ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::Timestamp;
use sekisho_source::Source;
use tokio::sync::watch;

use crate::account::AccountId;
use crate::credential::Credential;
use crate::ports::Cut;
use crate::rule::Reason;

/// Why an admission ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseEnd {
    /// The grant reached its end.
    Expired,
    /// Something was changed or ended: a grant, the password, a factor, the account, the networks.
    Revoked,
    /// The records can't be asked, so nothing says that it still holds.
    Unavailable,
}

/// State of a lease as its holder and its keeper share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Holds, by this reason.
    Holds(Reason),
    /// Over.
    Ended(LeaseEnd),
}

/// Held by a mail connection; resolves when the admission ends. Dropping it, and its clones, gives the place in the
/// register back.
#[derive(Debug, Clone)]
pub struct Lease {
    entry: Arc<Entry>,
    state: watch::Receiver<State>,
}

impl Lease {
    /// Resolves when the admission has ended, and says why. Cancel-safe; may be awaited again.
    pub async fn ended(&self) -> LeaseEnd {
        let mut state = self.state.clone();
        loop {
            if let State::Ended(why) = *state.borrow_and_update() {
                return why;
            }
            if state.changed().await.is_err() {
                return LeaseEnd::Revoked;
            }
        }
    }

    /// The account it was opened for.
    #[must_use]
    pub fn account_id(&self) -> AccountId {
        self.entry.account
    }

    /// Whether it has ended by now.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(*self.state.borrow(), State::Ended(_))
    }
}

#[derive(Debug)]
struct Entry {
    account: AccountId,
    source: Source,
    credential: Credential,
    state: watch::Sender<State>,
}

/// A lease as the register sees it.
#[derive(Debug, Clone)]
pub(crate) struct Held(Arc<Entry>);

impl Held {
    pub(crate) fn account_id(&self) -> AccountId {
        self.0.account
    }

    pub(crate) fn source(&self) -> Source {
        self.0.source
    }

    /// By which credential it was opened, as that counts now.
    pub(crate) fn credential(&self) -> Credential {
        self.0.credential.later()
    }

    /// Goes on under another reason, such as a renewed grant.
    pub(crate) fn continue_by(&self, reason: Reason) {
        self.0.state.send_if_modified(|state| match state {
            State::Holds(old) if *old != reason => {
                *old = reason;
                true
            }
            _ => false,
        });
    }

    pub(crate) fn end(&self, why: LeaseEnd) {
        self.0.state.send_if_modified(|state| {
            let was_live = matches!(state, State::Holds(_));
            if was_live {
                *state = State::Ended(why);
            }
            was_live
        });
    }

    /// When its grant ends, if it lives by one.
    pub(crate) fn expiry(&self) -> Option<Timestamp> {
        match *self.0.state.borrow() {
            State::Holds(Reason::Grant(_, expires_at)) => Some(expires_at),
            _ => None,
        }
    }
}

/// All leases of this process, by account.
#[derive(Debug)]
pub(crate) struct Register {
    leases: Mutex<HashMap<AccountId, Vec<Weak<Entry>>>>,
    /// The earliest end that the keeper knows of, in milliseconds.
    next_expiry: AtomicI64,
    /// Tells the keeper of an earlier one.
    pub(crate) news: tokio::sync::Notify,
}

impl Default for Register {
    fn default() -> Self {
        Self {
            leases: Mutex::default(),
            next_expiry: AtomicI64::new(i64::MAX),
            news: tokio::sync::Notify::new(),
        }
    }
}

impl Register {
    pub(crate) fn open(
        &self,
        account: AccountId,
        source: Source,
        credential: Credential,
        reason: Reason,
    ) -> Lease {
        let (sender, state) = watch::channel(State::Holds(reason));
        let entry = Arc::new(Entry {
            account,
            source,
            credential,
            state: sender,
        });
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = leases.entry(account).or_default();
        // Keeps the list as long as what is alive, at no more than amortised constant cost.
        if of_account.len() == of_account.capacity() {
            of_account.retain(|e| e.strong_count() > 0);
        }
        of_account.push(Arc::downgrade(&entry));
        drop(leases);
        if let Reason::Grant(_, expires_at) = reason {
            self.expect(expires_at);
        }
        Lease { entry, state }
    }

    /// The live leases of an account.
    pub(crate) fn of(&self, account: AccountId) -> Vec<Held> {
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases
            .get(&account)
            .into_iter()
            .flatten()
            .filter_map(Weak::upgrade)
            .map(Held)
            .collect()
    }

    /// All live leases; forgets the dead.
    pub(crate) fn all(&self) -> Vec<Held> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.retain(|_, of_account| {
            of_account.retain(|e| e.strong_count() > 0);
            !of_account.is_empty()
        });
        leases
            .values()
            .flatten()
            .filter_map(Weak::upgrade)
            .map(Held)
            .collect()
    }

    /// Ends the account's leases at once if all are to be cut; what must be judged is returned.
    pub(crate) fn cut(&self, account: AccountId, cut: Cut) -> Vec<Held> {
        match cut {
            Cut::None => Vec::new(),
            Cut::Judged => self.of(account),
            Cut::All => {
                for held in self.of(account) {
                    held.end(LeaseEnd::Revoked);
                }
                Vec::new()
            }
        }
    }

    /// The earliest end among the leases that live by a grant, or an earlier instant at which nothing is due; the far
    /// future if none ends.
    pub(crate) fn next_expiry(&self) -> Timestamp {
        Timestamp::from_millisecond(self.next_expiry.load(Ordering::SeqCst))
            .unwrap_or(Timestamp::MAX)
    }

    /// The leases whose grant's end has been reached. Looks through them only when one may be.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<Held> {
        if now < self.next_expiry() {
            return Vec::new();
        }
        self.next_expiry.store(i64::MAX, Ordering::SeqCst);
        let mut due = Vec::new();
        for held in self.all() {
            match held.expiry() {
                Some(at) if at <= now => due.push(held),
                Some(at) => self.expect(at),
                None => {}
            }
        }
        due
    }

    /// Makes sure that the keeper wakes at an instant.
    pub(crate) fn expect(&self, expires_at: Timestamp) {
        let at = expires_at.as_millisecond();
        if at < self.next_expiry.fetch_min(at, Ordering::SeqCst) {
            self.news.notify_one();
        }
    }
}
