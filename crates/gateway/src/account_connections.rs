//! Limits how many connections an account may have after the login, so that a mail program that opens them without end
//! can't exhaust this server or an upstream.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_checkpoint::{AccountId, Admitted};
use sekisho_source::SourceKey;

/// Counts the connections of all accounts. All doors share it.
#[derive(Debug, Clone)]
pub struct AccountConnections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    of_account: usize,
    from_one_source: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    by_account: HashMap<AccountId, usize>,
    by_source: HashMap<(AccountId, SourceKey), usize>,
}

impl AccountConnections {
    /// How many connections an account has, unless its site says otherwise: more than the programs of one person open,
    /// including those on phones.
    pub const OF_ACCOUNT: usize = 200;

    /// How many of them may come from one source, unless the site says otherwise.
    pub const FROM_ONE_SOURCE: usize = 100;

    /// Allows `of_account` connections for each account, of which `from_one_source` may come from one source.
    #[must_use]
    pub fn new(of_account: usize, from_one_source: usize) -> Self {
        Self(Arc::new(Shared {
            of_account,
            from_one_source,
            taken: Mutex::default(),
        }))
    }

    /// A permit for one more connection of an admitted account; `None` if it has as many as it may have.
    pub(crate) fn acquire(&self, admitted: &Admitted) -> Option<ConnectionPermit> {
        let account = admitted.account_id();
        let key = (account, admitted.source().throttle_key());
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = taken.by_account.get(&account).copied().unwrap_or(0);
        let of_source = taken.by_source.get(&key).copied().unwrap_or(0);
        if of_account >= self.0.of_account || of_source >= self.0.from_one_source {
            return None;
        }
        taken.by_account.insert(account, of_account + 1);
        taken.by_source.insert(key, of_source + 1);
        Some(ConnectionPermit {
            shared: Arc::clone(&self.0),
            key,
        })
    }
}

impl Default for AccountConnections {
    fn default() -> Self {
        Self::new(Self::OF_ACCOUNT, Self::FROM_ONE_SOURCE)
    }
}

/// Counts one connection until it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    shared: Arc<Shared>,
    key: (AccountId, SourceKey),
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut taken = self
            .shared
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        one_less(&mut taken.by_account, &self.key.0);
        one_less(&mut taken.by_source, &self.key);
    }
}

/// Subtracts one, and removes entries that become 0.
fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
