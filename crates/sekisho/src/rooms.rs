//! Opens the rooms of a site, for the running service and for the command line alike.
//!
//! [`Parts`] are what the rooms stand on; a configured site's come from its plan, the demo and tests put something else
//! in the place of some. [`Rooms`] are opened from them, in one place.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use sekisho_checkpoint::ports::{Clock, Directory, Records};
use sekisho_checkpoint::sealing::KeyRing;
use sekisho_checkpoint::{self as checkpoint, Checkpoint};
use sekisho_directory::{ArgonCost, OwnAccounts};
use sekisho_disk::{Disk, RealDisk};
use sekisho_otp::Step;
use sekisho_queue::system_mail::{Mailboxes, SystemMail};
use sekisho_queue::{Queue, Transport};
use sekisho_store::{Limits, Operator, Store};
use sekisho_upstream::{LoginAtUpstream, Upstreams};

use crate::config::{self, OpenRecords, Passwords, Plan};
use crate::folders::{Folders, prepare};

/// What the rooms of a site stand on.
pub(crate) struct Parts {
    /// What the site configured.
    pub(crate) plan: Plan,
    /// The data folder; it exists.
    pub(crate) data: PathBuf,
    /// The checkpoint's records.
    pub(crate) records: Arc<dyn Records>,
    /// The keys that seal factors.
    pub(crate) keys: KeyRing,
    /// The clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// The directory of the site; without one, accounts are kept here.
    pub(crate) directory: Option<Arc<dyn Directory>>,
    /// The disk under the mail store and the queue.
    pub(crate) disk: Arc<dyn Disk>,
    /// Where mail leaves the site; without it, mail to other domains is refused.
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// Where the accounts' mailboxes are.
    pub(crate) mailboxes: Mailboxes,
    /// The site's own mail system, where people are led to it.
    pub(crate) upstreams: Option<Upstreams>,
    /// What a password hash costs.
    pub(crate) cost: ArgonCost,
    /// The host name that servers greet with.
    pub(crate) host: String,
}

impl Parts {
    /// What the service of a configured site stands on.
    ///
    /// # Errors
    /// A file can't be read, or something can't be opened; the error says what.
    pub(crate) async fn of_service(plan: Plan) -> anyhow::Result<Self> {
        let upstreams = config::upstream::open(&plan.upstreams, &plan.site)?;
        Self::of(plan, upstreams).await
    }

    /// What the command line stands on, beside the service or without it. It leads nobody to an upstream.
    ///
    /// # Errors
    /// As [`Self::of_service`].
    pub(crate) async fn of_command_line(plan: &Plan) -> anyhow::Result<Self> {
        Self::of(plan.clone(), None).await
    }

    async fn of(plan: Plan, upstreams: Option<Upstreams>) -> anyhow::Result<Self> {
        let site = &plan.site;
        prepare(&site.data)?;
        let file = Folders::of(&site.data).records;
        let OpenRecords {
            records,
            keys,
            clock,
        } = plan.records.open(&file, &site.keys).await?;
        let host = site.host().to_owned();
        let directory = plan.ldap.as_ref();
        Ok(Self {
            data: site.data.clone(),
            records,
            keys,
            directory: directory.map(|ldap| ldap.open(site)).transpose()?,
            disk: Arc::new(RealDisk),
            transport: plan.outgoing_route.open(&host, &clock)?,
            clock,
            mailboxes: if plan.upstreams.is_empty() {
                Mailboxes::Here
            } else {
                Mailboxes::Elsewhere
            },
            upstreams,
            cost: ArgonCost::default(),
            host,
            plan,
        })
    }
}

/// What this process does with the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueUse {
    /// Runs it: no other process does.
    Run,
    /// Puts mail into it, beside the process that runs it.
    PutOnly,
}

/// The rooms of a site, opened.
pub(crate) struct Rooms {
    pub(crate) plan: Plan,
    pub(crate) checkpoint: Arc<Checkpoint>,
    /// Where accounts are.
    pub(crate) directory: Arc<dyn Directory>,
    /// Accounts that are kept here, if the site has no directory of its own.
    pub(crate) own_accounts: Arc<OwnAccounts>,
    pub(crate) records: Arc<dyn Records>,
    pub(crate) store: Store,
    /// Opens any mailbox.
    pub(crate) operator: Operator,
    /// What the mail store allows.
    pub(crate) limits: Limits,
    pub(crate) queue: Queue,
    pub(crate) upstreams: Option<Arc<Upstreams>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) host: String,
}

impl Rooms {
    /// Opens the rooms of a configured site for the command line.
    ///
    /// # Errors
    /// Something can't be opened; the error says what.
    pub(crate) async fn for_command_line(plan: &Plan) -> anyhow::Result<Self> {
        let parts = Parts::of_command_line(plan).await?;
        Self::open(parts, QueueUse::PutOnly).await
    }

    /// Opens all rooms.
    ///
    /// # Errors
    /// Something can't be opened; the error says what.
    pub(crate) async fn open(parts: Parts, queue_use: QueueUse) -> anyhow::Result<Self> {
        let folders = Folders::of(&parts.data);
        let (plan, clock) = (parts.plan, parts.clock);
        let zone = plan.site.zone.clone();
        let settings = plan.accounts.settings(&plan.site, parts.cost);
        let accounts = OwnAccounts::open(&folders.accounts, settings, Arc::clone(&clock));
        let accounts = Arc::new(accounts.context("opening the accounts")?);
        let upstreams = parts.upstreams.map(Arc::new);
        let directory = parts
            .directory
            .unwrap_or_else(|| own_directory(&plan, &accounts, upstreams.as_ref(), &clock));
        let limits = plan.mail.limits(&plan.lmtp);
        let (disk, store_clock) = (Arc::clone(&parts.disk), Arc::clone(&clock));
        let (store, operator) = Store::open_root(&folders.mail, disk, store_clock, limits)
            .context("opening the mail store")?;
        let open_queue = match queue_use {
            QueueUse::Run => Queue::open,
            QueueUse::PutOnly => Queue::beside,
        };
        let signing = plan.signing.as_ref();
        let queue = open_queue(
            &folders.queue,
            sekisho_queue::Parts {
                delivery: operator.delivery(),
                directory: Arc::clone(&directory),
                clock: Arc::clone(&clock),
                disk: parts.disk,
                transport: parts.transport,
                otp_transport: None,
                dkim: signing
                    .map(|signing| signing.open(&plan.site))
                    .transpose()?,
                junk: plan.lmtp.junk.clone(),
                host: parts.host.clone(),
                zone: zone.clone(),
            },
        )
        .context("opening the queue")?;
        let letters = SystemMail::new(queue.clone(), parts.mailboxes, Arc::clone(&clock), zone);
        let checkpoint = Checkpoint::start(checkpoint::Parts {
            records: Arc::clone(&parts.records),
            directory: Arc::clone(&directory),
            courier: Arc::new(letters),
            clock: Arc::clone(&clock),
            keys: parts.keys,
            site: plan.rules.clone(),
        })
        .await?;
        Ok(Self {
            plan,
            checkpoint,
            directory,
            own_accounts: accounts,
            records: parts.records,
            store,
            operator,
            limits,
            queue,
            upstreams,
            clock,
            host: parts.host,
        })
    }

    /// Own accounts, for what is done with them alone.
    ///
    /// # Errors
    /// The site keeps its accounts in a directory of its own.
    pub(crate) fn accounts(&self) -> anyhow::Result<&Arc<OwnAccounts>> {
        anyhow::ensure!(
            self.plan.ldap.is_none(),
            "the accounts are in the directory of [ldap]: add, change and remove them there"
        );
        Ok(&self.own_accounts)
    }

    /// Ends everything that was live in records that were restored from an old copy.
    ///
    /// # Errors
    /// They are out of reach.
    pub(crate) async fn end_what_was_live(&self) -> anyhow::Result<()> {
        let now = self.clock.now();
        // A code is taken a step before its time, too.
        let steps_before = Step(Step::at(now.as_second()).0 + 1);
        Ok(self.records.restored(steps_before, now).await?)
    }
}

/// Own accounts as a directory; their passwords are those of the upstream, where the site says so and people are led
/// there.
fn own_directory(
    plan: &Plan,
    accounts: &Arc<OwnAccounts>,
    upstreams: Option<&Arc<Upstreams>>,
    clock: &Arc<dyn Clock>,
) -> Arc<dyn Directory> {
    match (&plan.accounts.passwords, upstreams) {
        (Passwords::Upstream { page }, Some(upstreams)) => Arc::new(LoginAtUpstream {
            accounts: Arc::<OwnAccounts>::clone(accounts),
            upstreams: Arc::clone(upstreams),
            clock: Arc::clone(clock),
            password_url: page.as_str().to_owned(),
        }),
        (Passwords::Here | Passwords::Upstream { .. }, _) => Arc::<OwnAccounts>::clone(accounts),
    }
}
