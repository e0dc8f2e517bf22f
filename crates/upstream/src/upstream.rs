//! A mail system behind Sekisho, and getting a connection to it.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sekisho_checkpoint::{Account, Admitted, Password};
use sekisho_net::BoxedStream;
use sekisho_net::client::{Connector, TlsMode};
use tokio::time::timeout;

use crate::call::Call;
use crate::error::{Fault, UpstreamError};
use crate::learned::Learned;
use crate::proof::{LoginMethod, Proof};
use crate::relogin::Relogin;
use crate::servers::{Server, Servers};
use crate::wire::Wire;
use crate::{dial, imap, pop3, sieve, submission};

/// How an upstream learns the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressForwarding {
    /// It doesn't: all clients seem to have Sekisho's address.
    None,
    /// By a PROXY protocol header, version 2.
    ProxyHeader,
    /// In the protocol itself: by ID in IMAP, by XCLIENT in submission, and by XCLIENT in POP3 if the server offers it
    /// in its greeting, as Dovecot does.
    InProtocol,
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
    pub tls: TlsMode,
    /// Opens the connections.
    pub connector: Connector,
    /// How a person is logged in.
    pub login_method: LoginMethod,
    /// The user name at the upstream; `{login}` and `{address}` stand for those of the account.
    pub user: String,
    /// How the upstream learns the client's address.
    pub address_forwarding: AddressForwarding,
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
enum Protocol {
    Imap,
    Pop3,
    Submission,
    ManageSieve,
}

impl Protocol {
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
            let client =
                client.filter(|_| self.address_forwarding == AddressForwarding::InProtocol);
            let (mut wire, offered) = imap::begin(wire, &call, client, &self.learned).await?;
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
            let client =
                client.filter(|_| self.address_forwarding == AddressForwarding::InProtocol);
            let (mut wire, offered) = pop3::begin(wire, &call, client, known.clone()).await?;
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
            let client =
                client.filter(|_| self.address_forwarding == AddressForwarding::InProtocol);
            let client = client.map(|address| (address, name));
            let (mut wire, offered) = submission::begin(wire, &call, client).await?;
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
        let proof =
            user.and_then(|user| LoginMethod::SamePassword.proof(&user, Some(password), now));
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
            (Protocol::Imap, &self.imap),
            (Protocol::Pop3, &self.pop3),
            (Protocol::Submission, &self.submission),
            (Protocol::ManageSieve, &self.sieve),
        ];
        let mut probed = Vec::new();
        for (protocol, servers) in all {
            for server in servers.iter() {
                let asked = self.ask(protocol, server, now);
                let answer = match timeout(self.patience, asked).await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(fault)) => Err(fault.to_string()),
                    Err(_) => Err("no answer in time".to_owned()),
                };
                if answer.is_err() {
                    server.was_away(now);
                }
                probed.push(Probed {
                    protocol: protocol.name(),
                    server,
                    answer,
                });
            }
        }
        probed
    }

    /// Stores the capabilities of one server.
    async fn ask(&self, protocol: Protocol, server: &Server, now: Timestamp) -> Result<(), Fault> {
        let call = self.call(server);
        let wire = self.connect(&call, None).await?;
        match protocol {
            Protocol::Imap => {
                let (_, offered) = imap::begin(wire, &call, None, &self.learned).await?;
                self.learned.note(|offers| &mut offers.imap, &offered);
            }
            Protocol::Pop3 => {
                let (_, offered) = pop3::begin(wire, &call, None, None).await?;
                self.learned.note_pop3(&offered, now);
            }
            Protocol::Submission => {
                let (_, offered) = submission::begin(wire, &call, None).await?;
                self.learned
                    .note(|offers| &mut offers.submission, offered.lines());
            }
            Protocol::ManageSieve => {
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
                    let by = self.login_method.words();
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
            tls: self.tls,
            connector: &self.connector,
            host: &self.host,
        }
    }

    async fn connect(&self, call: &Call<'_>, client: Option<IpAddr>) -> Result<Wire, Fault> {
        let wants_header = self.address_forwarding == AddressForwarding::ProxyHeader;
        dial::connect(call.server, call.tls, call.connector, wants_header, client).await
    }

    fn told_address(&self, wanted: &Wanted<'_>) -> Option<IpAddr> {
        let address = wanted.admitted.source().shown_address();
        (self.address_forwarding != AddressForwarding::None).then_some(address)
    }

    fn proof(&self, wanted: &Wanted<'_>) -> Result<Proof, UpstreamError> {
        let account = wanted.admitted.account();
        let user = account
            .name_elsewhere(&self.user)
            .ok_or(UpstreamError::Refused)?;
        self.login_method
            .proof(&user, wanted.password, wanted.now)
            .ok_or(UpstreamError::Refused)
    }
}
