//! Which upstream keeps whose mail, and what all of them offer.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sekisho_checkpoint::Account;
use sekisho_smtp::Extensions;

use crate::error::UpstreamError;
use crate::learned::Offers;
use crate::upstream::Upstream;
use crate::{capabilities, pop3, sieve, submission};

/// All upstreams of a site.
#[derive(Debug, Default)]
pub struct Upstreams {
    all: Vec<Arc<Upstream>>,
    by_login: HashMap<String, usize>,
    by_group: HashMap<String, usize>,
    by_domain: HashMap<String, usize>,
    other: Option<usize>,
    announced: RwLock<Arc<Announced>>,
}

/// What all upstreams have in common, announced to clients before the login.
#[derive(Debug, Default)]
struct Announced {
    /// The number of changes in [`Learned`] that this includes; `None` before the first use.
    as_of: Option<u64>,
    imap: Arc<str>,
    pop3: Arc<[String]>,
    submission: Arc<[String]>,
    sieve: Arc<[String]>,
}

/// Which accounts have their mail at an upstream.
#[derive(Debug, Clone, Default)]
pub struct AccountSelection {
    /// Accounts with these login names.
    pub logins: Vec<String>,
    /// Accounts in these groups.
    pub groups: Vec<String>,
    /// Accounts whose main address is in one of these domains.
    pub domains: Vec<String>,
}

impl Upstreams {
    /// Adds an upstream. An upstream without any names, groups or domains has the mail of all accounts that no other
    /// upstream names; if there are several such upstreams, the first has it.
    pub fn add(&mut self, upstream: Arc<Upstream>, accounts: AccountSelection) {
        let at = self.all.len();
        self.all.push(upstream);
        if accounts.logins.is_empty() && accounts.groups.is_empty() && accounts.domains.is_empty() {
            self.other.get_or_insert(at);
        }
        self.by_login
            .extend(accounts.logins.into_iter().map(|login| (login, at)));
        self.by_group
            .extend(accounts.groups.into_iter().map(|group| (group, at)));
        let domains = accounts.domains.into_iter();
        self.by_domain
            .extend(domains.map(|domain| (domain.to_ascii_lowercase(), at)));
    }

    /// The upstream that has an account's mail: by login name, otherwise by the first of its groups that an upstream
    /// names, otherwise by domain.
    ///
    /// # Errors
    /// [`UpstreamError::NoneForThis`] if there is none.
    pub fn of(&self, account: &Account) -> Result<&Arc<Upstream>, UpstreamError> {
        let by_group = || {
            let mut groups = account.groups.iter();
            groups.find_map(|group| self.by_group.get(&group.0))
        };
        let by_domain = || {
            let address = account.main_address()?.to_string();
            let (_, domain) = address.rsplit_once('@')?;
            self.by_domain.get(&domain.to_ascii_lowercase())
        };
        self.by_login
            .get(&account.login)
            .or_else(by_group)
            .or_else(by_domain)
            .copied()
            .or(self.other)
            .and_then(|at| self.all.get(at))
            .ok_or(UpstreamError::NoneForThis)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.all.iter()
    }

    /// The IMAP capabilities that all upstreams offer.
    #[must_use]
    pub fn imap_capabilities(&self) -> Arc<str> {
        Arc::clone(&self.announced().imap)
    }

    /// The POP3 capabilities that all upstreams offer, as lines of the response to CAPA.
    #[must_use]
    pub fn pop3_capabilities(&self) -> Arc<[String]> {
        Arc::clone(&self.announced().pop3)
    }

    /// The submission extensions that all upstreams offer, as lines of the response to EHLO.
    #[must_use]
    pub fn submission_extensions(&self) -> Arc<[String]> {
        Arc::clone(&self.announced().submission)
    }

    /// The ManageSieve capabilities that all upstreams offer, as lines of the response to CAPABILITY.
    #[must_use]
    pub fn sieve_capabilities(&self) -> Arc<[String]> {
        Arc::clone(&self.announced().sieve)
    }

    /// The common capabilities. They are computed again only after a change, since every connection announces them.
    fn announced(&self) -> Arc<Announced> {
        // The count is read before the capabilities, so that a change in between is noticed the next time.
        let changes = self.iter().map(|upstream| upstream.learned.changes()).sum();
        let last = Arc::clone(
            &self
                .announced
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if last.as_of == Some(changes) {
            return last;
        }
        let submission = Extensions::from_lines(self.everywhere(|offers| offers.submission));
        let now = Arc::new(Announced {
            as_of: Some(changes),
            imap: capabilities::kept(&self.everywhere(|offers| offers.imap), true).into(),
            pop3: pop3::kept(&self.everywhere(|offers| offers.pop3)).into(),
            submission: submission::kept(&submission).into(),
            sieve: sieve::kept(&self.everywhere(|offers| offers.sieve)).into(),
        });
        let mut announced = self
            .announced
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *announced = Arc::clone(&now);
        now
    }

    fn everywhere(&self, of: impl Fn(Offers) -> Option<Arc<[String]>>) -> Vec<String> {
        let known = |upstream: &Arc<Upstream>| of(upstream.learned.get()).unwrap_or_default();
        let mut all = self.all.iter().map(known);
        let mut common = all.next().map(|lines| lines.to_vec()).unwrap_or_default();
        for lines in all {
            common.retain(|line| lines.contains(line));
        }
        common
    }
}
