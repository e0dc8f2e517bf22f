//! Finds the upstream that has an account's mail, and opens connections to it.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use sekisho_checkpoint::{Account, Admitted, Password};
use sekisho_net::BoxedStream;
use sekisho_net::client::Connector;
use sekisho_smtp::Extensions;
use tokio::time::timeout;

use crate::learned::{Learned, Offers};
use crate::proof::{Passing, Proof};
use crate::relogin::Relogin;
use crate::servers::{Server, Servers};
use crate::wire::Wire;
use crate::{Fault, UpstreamError, dial, imap, pop3, sieve, submission};

/// How connections to an upstream are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit,
    /// TLS after a command; if the server refuses it, the connection is closed.
    StartTls,
    /// Not at all: for this machine, or a network in which passwords may be sent in the clear.
    None,
}

/// How an upstream learns the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It doesn't: all clients seem to have Sekisho's address.
    Nothing,
    /// By a PROXY protocol header, version 2.
    ProxyHeader,
    /// In the protocol itself: by ID in IMAP, by XCLIENT in submission, and by XCLIENT in POP3 if the server offers it
    /// in its greeting, as Dovecot does.
    InDialogue,
}

/// A mail system behind Sekisho.
#[derive(Debug)]
pub struct Upstream {
    /// Its name, for the log.
    pub name: String,
    /// Its IMAP servers.
    pub imap: Servers,
    /// Its POP3 servers.
    pub pop3: Servers,
    /// Its submission servers.
    pub submission: Servers,
    /// Its ManageSieve servers.
    pub sieve: Servers,
    /// How connections are encrypted.
    pub security: Security,
    /// Opens the connections.
    pub connector: Connector,
    /// How a person is logged in.
    pub passing: Passing,
    /// The user name at the upstream; `{login}` and `{address}` stand for those of the account.
    pub user: String,
    /// How the upstream learns the client's address.
    pub told: Told,
    /// Whether to watch connections for another login even if the upstream doesn't announce UNAUTHENTICATE.
    pub guards: bool,
    /// The host name that Sekisho sends in EHLO.
    pub host: String,
    /// The time limit for an attempt at one server, from connecting to the end of the login.
    pub patience: Duration,
    /// The capabilities that its servers were seen to offer.
    pub learned: Learned,
}

/// A request for a connection.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The account to log in, with the client's source.
    pub admitted: &'a Admitted,
    /// The password that was verified, if it is known.
    pub password: Option<&'a Password>,
    /// The present time.
    pub now: Timestamp,
}

/// A connection on which the person is logged in.
pub struct LoggedIn {
    /// The connection.
    pub stream: BoxedStream,
    /// What the server sent after its answer to the login.
    pub read: Vec<u8>,
    /// The IMAP capabilities after the login; empty for other protocols.
    pub imap_capabilities: Arc<str>,
    /// The submission extensions; empty for other protocols.
    pub extensions: Vec<String>,
    /// Watches for another login, if that is necessary.
    pub relogin: Option<Relogin>,
}

impl LoggedIn {
    /// A connection that is copied without being watched.
    fn of(wire: Wire) -> Self {
        let (stream, read) = wire.into_parts();
        Self {
            stream,
            read,
            imap_capabilities: Arc::default(),
            extensions: Vec::new(),
            relogin: None,
        }
    }
}

/// The protocol that a server speaks.
#[derive(Debug, Clone, Copy)]
enum Language {
    Imap,
    Pop3,
    Submission,
    ManageSieve,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Submission => "submission",
            Self::ManageSieve => "ManageSieve",
        }
    }
}

/// The result of probing a server.
#[derive(Debug)]
pub struct Probed<'a> {
    /// The name of the protocol.
    pub protocol: &'static str,
    /// The server.
    pub server: &'a Server,
    /// Why the server did not answer as expected, if it didn't.
    pub answer: Result<(), String>,
}

/// One attempt at one server.
pub(crate) struct Call<'a> {
    pub(crate) server: &'a Server,
    pub(crate) security: Security,
    pub(crate) connector: &'a Connector,
    pub(crate) host: &'a str,
}

impl Upstream {
    /// Opens an IMAP connection.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn imap(&self, wanted: Wanted<'_>) -> Result<LoggedIn, UpstreamError> {
        let proof = self.proof(&wanted)?;
        let client = self.told_address(&wanted);
        self.first(&self.imap, wanted.now, async |call| {
            let wire = self.connect(&call, client).await?;
            let told = client.filter(|_| self.told == Told::InDialogue);
            let (mut wire, offered) = imap::begin(wire, &call, told, &self.learned).await?;
            let after = imap::log_in(&mut wire, &offered, &proof, &self.learned).await?;
            self.learned.note(|offers| &mut offers.imap, &after);
            let guarded = self.guards || after.iter().any(|word| word == "UNAUTHENTICATE");
            Ok(LoggedIn {
                imap_capabilities: self.learned.kept(&after, guarded),
                relogin: guarded.then(Relogin::default),
                ..LoggedIn::of(wire)
            })
        })
        .await
    }

    /// Opens a POP3 connection.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn pop3(&self, wanted: Wanted<'_>) -> Result<LoggedIn, UpstreamError> {
        let proof = self.proof(&wanted)?;
        let client = self.told_address(&wanted);
        let known = self.learned.pop3(wanted.now);
        self.first(&self.pop3, wanted.now, async |call| {
            let wire = self.connect(&call, client).await?;
            let told = client.filter(|_| self.told == Told::InDialogue);
            let (mut wire, offered) = pop3::begin(wire, &call, told, known.clone()).await?;
            if known.is_none() {
                self.learned.note_pop3(&offered, wanted.now);
            }
            let logged_in = pop3::log_in(&mut wire, &offered, &proof).await;
            logged_in.inspect_err(|_| self.learned.doubt_pop3())?;
            Ok(LoggedIn::of(wire))
        })
        .await
    }

    /// Opens a submission connection; `name` is what the client called itself in EHLO.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn submission(
        &self,
        wanted: Wanted<'_>,
        name: &str,
    ) -> Result<LoggedIn, UpstreamError> {
        let proof = self.proof(&wanted)?;
        let client = self.told_address(&wanted);
        self.first(&self.submission, wanted.now, async |call| {
            let wire = self.connect(&call, client).await?;
            let told = client.filter(|_| self.told == Told::InDialogue);
            let told = told.map(|address| (address, name));
            let (mut wire, offered) = submission::begin(wire, &call, told).await?;
            submission::log_in(&mut wire, &offered, &proof).await?;
            self.learned
                .note(|offers| &mut offers.submission, offered.lines());
            Ok(LoggedIn {
                extensions: submission::kept(&offered),
                ..LoggedIn::of(wire)
            })
        })
        .await
    }

    /// Opens a ManageSieve connection. It is always watched, since scripts contain no lines that look like another
    /// login.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn sieve(&self, wanted: Wanted<'_>) -> Result<LoggedIn, UpstreamError> {
        let proof = self.proof(&wanted)?;
        let client = self.told_address(&wanted);
        self.first(&self.sieve, wanted.now, async |call| {
            let wire = self.connect(&call, client).await?;
            let (mut wire, offered) = sieve::begin(wire, &call).await?;
            sieve::log_in(&mut wire, &offered, &proof).await?;
            self.learned.note(|offers| &mut offers.sieve, &offered);
            Ok(LoggedIn {
                relogin: Some(Relogin::default()),
                ..LoggedIn::of(wire)
            })
        })
        .await
    }

    /// Whether the upstream accepts a password for an account, found out by a login to its IMAP servers.
    ///
    /// # Errors
    /// See [`UpstreamError`]; a wrong password is `Ok(false)`, never [`UpstreamError::Refused`].
    pub async fn takes(
        &self,
        account: &Account,
        password: &Password,
        now: Timestamp,
    ) -> Result<bool, UpstreamError> {
        let user = account.name_elsewhere(&self.user);
        let proof = user.and_then(|user| Passing::SamePassword.proof(&user, Some(password), now));
        let Some(proof) = proof else {
            return Ok(false);
        };
        self.first(&self.imap, now, async |call| {
            let wire = self.connect(&call, None).await?;
            let (mut wire, offered) = imap::begin(wire, &call, None, &self.learned).await?;
            match imap::log_in(&mut wire, &offered, &proof, &self.learned).await {
                Ok(_) => Ok(true),
                Err(Fault::Refused) => Ok(false),
                Err(fault) => Err(fault),
            }
        })
        .await
    }

    /// Asks each server for its capabilities without logging in, and stores them.
    pub async fn probe(&self, now: Timestamp) -> Vec<Probed<'_>> {
        let all = [
            (Language::Imap, &self.imap),
            (Language::Pop3, &self.pop3),
            (Language::Submission, &self.submission),
            (Language::ManageSieve, &self.sieve),
        ];
        let mut probed = Vec::new();
        for (language, servers) in all {
            for server in servers.iter() {
                let asked = self.ask(language, server, now);
                let answer = match timeout(self.patience, asked).await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(fault)) => Err(fault.to_string()),
                    Err(_) => Err("no answer in time".to_owned()),
                };
                if answer.is_err() {
                    server.was_away(now);
                }
                probed.push(Probed {
                    protocol: language.name(),
                    server,
                    answer,
                });
            }
        }
        probed
    }

    /// Stores the capabilities of one server.
    async fn ask(&self, language: Language, server: &Server, now: Timestamp) -> Result<(), Fault> {
        let call = self.call(server);
        let wire = self.connect(&call, None).await?;
        match language {
            Language::Imap => {
                let (_, offered) = imap::begin(wire, &call, None, &self.learned).await?;
                self.learned.note(|offers| &mut offers.imap, &offered);
            }
            Language::Pop3 => {
                let (_, offered) = pop3::begin(wire, &call, None, None).await?;
                self.learned.note_pop3(&offered, now);
            }
            Language::Submission => {
                let (_, offered) = submission::begin(wire, &call, None).await?;
                self.learned
                    .note(|offers| &mut offers.submission, offered.lines());
            }
            Language::ManageSieve => {
                let (_, offered) = sieve::begin(wire, &call).await?;
                self.learned.note(|offers| &mut offers.sieve, &offered);
            }
        }
        Ok(())
    }

    /// Attempts the servers in turn, those that are up first, and returns the first success.
    async fn first<'a, T, F>(
        &'a self,
        servers: &'a Servers,
        now: Timestamp,
        attempt: impl Fn(Call<'a>) -> F,
    ) -> Result<T, UpstreamError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut outcome = UpstreamError::NoneForThis;
        for server in servers.in_turn(now) {
            let (upstream, host, port) = (&self.name, server.host(), server.port());
            let fault = match timeout(self.patience, attempt(self.call(server))).await {
                Ok(Ok(given)) => {
                    if server.answered() {
                        tracing::info!(upstream, host, port, "a server of the upstream is back");
                    }
                    return Ok(given);
                }
                Ok(Err(Fault::Refused)) => {
                    let by = self.passing.words();
                    tracing::warn!(
                        upstream,
                        host,
                        port,
                        by,
                        "the upstream refused a login that was admitted"
                    );
                    return Err(UpstreamError::Refused);
                }
                Ok(Err(fault @ Fault::NoWay(_))) => {
                    tracing::error!(upstream, host, port, %fault, "nobody can be passed on to the upstream");
                    return Err(UpstreamError::Refused);
                }
                Ok(Err(Fault::Away(why))) => why,
                Err(_) => "no answer in time".to_owned(),
            };
            if server.was_away(now) {
                tracing::warn!(
                    upstream,
                    host,
                    port,
                    fault,
                    "a server of the upstream is away"
                );
            }
            outcome = UpstreamError::Away;
        }
        Err(outcome)
    }

    fn call<'a>(&'a self, server: &'a Server) -> Call<'a> {
        Call {
            server,
            security: self.security,
            connector: &self.connector,
            host: &self.host,
        }
    }

    async fn connect(&self, call: &Call<'_>, client: Option<IpAddr>) -> Result<Wire, Fault> {
        let wants_header = self.told == Told::ProxyHeader;
        dial::connect(
            call.server,
            call.security,
            call.connector,
            wants_header,
            client,
        )
        .await
    }

    fn told_address(&self, wanted: &Wanted<'_>) -> Option<IpAddr> {
        let address = wanted.admitted.source().shown_address();
        (self.told != Told::Nothing).then_some(address)
    }

    fn proof(&self, wanted: &Wanted<'_>) -> Result<Proof, UpstreamError> {
        let account = wanted.admitted.details();
        let user = account
            .name_elsewhere(&self.user)
            .ok_or(UpstreamError::Refused)?;
        self.passing
            .proof(&user, wanted.password, wanted.now)
            .ok_or(UpstreamError::Refused)
    }
}

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
pub struct Keeps {
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
    pub fn add(&mut self, upstream: Arc<Upstream>, keeps: Keeps) {
        let at = self.all.len();
        self.all.push(upstream);
        if keeps.logins.is_empty() && keeps.groups.is_empty() && keeps.domains.is_empty() {
            self.other.get_or_insert(at);
        }
        self.by_login
            .extend(keeps.logins.into_iter().map(|login| (login, at)));
        self.by_group
            .extend(keeps.groups.into_iter().map(|group| (group, at)));
        let domains = keeps.domains.into_iter();
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
            imap: imap::kept(&self.everywhere(|offers| offers.imap), true).into(),
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
