//! Joins the rule with its ports: gathers the facts, asks [`decide`](crate::rule::decide), carries out what follows.
//!
//! In reading order: `admit` (doors that are not the webmail), `sign_in` (the webmail's sessions), `prove` (factors at sign-in and before changes), `register`
//! (factors to come), `change` (everything a person or the help desk changes), `upkeep` (ends of leases, revocations of other nodes, purging).

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use crate::lease::Register;
use crate::network::Networks;
use crate::policy::Policy;
use crate::ports::{Clock, Courier, Directory, Records};
use crate::sealing::KeyRing;

/// What a site configured: read again while running, replaced as a whole.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// Its networks.
    pub networks: Networks,
    /// Its rules.
    pub policy: Policy,
}

/// What a checkpoint is made of.
pub struct Parts {
    /// The records.
    pub records: Arc<dyn Records>,
    /// The directory.
    pub directory: Arc<dyn Directory>,
    /// The courier.
    pub courier: Arc<dyn Courier>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The keys.
    pub keys: KeyRing,
    /// What the site configured.
    pub site: Site,
}

/// The checkpoint. Cheap to share behind an [`Arc`].
pub struct Checkpoint {
    records: Arc<dyn Records>,
    directory: Arc<dyn Directory>,
    courier: Arc<dyn Courier>,
    clock: Arc<dyn Clock>,
    keys: KeyRing,
    site: RwLock<Arc<Site>>,
    leases: Register,
    /// The latest instant seen, in milliseconds: time never goes below it.
    high_water: AtomicI64,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint").finish_non_exhaustive()
    }
}

impl Checkpoint {
    /// The checkpoint's time: the wall clock, never below what it once was, in this process or as the records remember.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let wall = self.clock.now().as_millisecond();
        let mark = self.high_water.fetch_max(wall, Ordering::Relaxed).max(wall);
        Timestamp::from_millisecond(mark).unwrap_or(Timestamp::MAX)
    }

    /// The clock, for doors that wait.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What the site configured, as of now.
    #[must_use]
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site.read().unwrap_or_else(PoisonError::into_inner))
    }
}
