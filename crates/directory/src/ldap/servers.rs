//! Connections to the directory's servers: one for all searches, and several for binds, each used for one person at a
//! time.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry};
use sekisho_checkpoint::account::Password;
use sekisho_checkpoint::ports::DirectoryError;
use sekisho_net::client::{Connector, TlsMode};
use tokio::time::timeout;

use super::LdapSettings;

/// The highest number of idle connections kept for binds.
const IDLE: usize = 16;

/// The result codes (RFC 4511, section 4.1.9) of a bind that mean that the password is wrong.
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_DN: u32 = 34;
const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
const INVALID_CREDENTIALS: u32 = 49;
const UNWILLING_TO_PERFORM: u32 = 53;

/// The servers, with the open connections.
pub(super) struct Servers {
    urls: Vec<String>,
    connector: Connector,
    tls: TlsMode,
    search_as: Option<(String, Password)>,
    time_limit: Duration,
    /// The index of the server to try first: the last one that worked, or the next one after a timeout.
    now: AtomicUsize,
    searching: tokio::sync::Mutex<Option<Ldap>>,
    binding: Mutex<Vec<Ldap>>,
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Servers").field(&self.urls).finish()
    }
}

/// A server failed or sent an unexpected result; another server may work.
struct ServerFailure(String);

impl From<LdapError> for ServerFailure {
    fn from(error: LdapError) -> Self {
        Self(error.to_string())
    }
}

impl Servers {
    pub(super) fn new(settings: &LdapSettings) -> Result<Self, DirectoryError> {
        let scheme = match settings.tls {
            TlsMode::Implicit => "ldaps",
            TlsMode::StartTls | TlsMode::None => "ldap",
        };
        let urls = settings.servers.iter().map(|(host, port)| {
            if host.contains(':') {
                format!("{scheme}://[{host}]:{port}")
            } else {
                format!("{scheme}://{host}:{port}")
            }
        });
        let connector = Connector::new(&settings.roots, settings.time_limit)
            .map_err(|error| DirectoryError(error.to_string()))?;
        Ok(Self {
            urls: urls.collect(),
            connector,
            tls: settings.tls,
            search_as: settings.search_as.clone(),
            time_limit: settings.time_limit,
            now: AtomicUsize::new(0),
            searching: tokio::sync::Mutex::new(None),
            binding: Mutex::new(Vec::new()),
        })
    }

    /// The entries that match a filter below a base DN.
    pub(super) async fn search(
        &self,
        base: &str,
        filter: &str,
        attributes: &[String],
    ) -> Result<Vec<SearchEntry>, DirectoryError> {
        self.in_time(|| async {
            let mut ldap = self.searcher().await?;
            match find(&mut ldap, base, filter, attributes).await {
                Ok(found) => Ok(found),
                // The server may have closed the connection while it was idle: try again over a new one.
                Err(_) => {
                    *self.searching.lock().await = None;
                    let mut ldap = self.searcher().await?;
                    find(&mut ldap, base, filter, attributes).await
                }
            }
        })
        .await
    }

    /// Whether a bind with this DN and password succeeds. The password must not be empty.
    pub(super) async fn bind(&self, dn: &str, password: &Password) -> Result<bool, DirectoryError> {
        self.in_time(|| async {
            let idle = self.idle().pop();
            if let Some(ldap) = idle
                && let Ok(is_right) = self.bind_on(ldap, dn, password).await
            {
                return Ok(is_right);
            }
            let ldap = self.connect().await?;
            self.bind_on(ldap, dn, password).await
        })
        .await
    }

    async fn bind_on(
        &self,
        mut ldap: Ldap,
        dn: &str,
        password: &Password,
    ) -> Result<bool, ServerFailure> {
        let result = ldap.simple_bind(dn, password.expose()).await?;
        let is_right = match result.rc {
            0 => true,
            NO_SUCH_OBJECT
            | INVALID_DN
            | INAPPROPRIATE_AUTHENTICATION
            | INVALID_CREDENTIALS
            | UNWILLING_TO_PERFORM => false,
            code => return Err(ServerFailure(format!("a bind ended with code {code}"))),
        };
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(ldap);
        }
        Ok(is_right)
    }

    /// The connection for searches, bound as configured.
    async fn searcher(&self) -> Result<Ldap, ServerFailure> {
        let mut searching = self.searching.lock().await;
        if let Some(ldap) = &*searching {
            return Ok(ldap.clone());
        }
        let mut ldap = self.connect().await?;
        if let Some((dn, password)) = &self.search_as {
            let bound = ldap.simple_bind(dn, password.expose()).await?;
            if bound.rc != 0 {
                let words = format!("it does not take the user who searches (code {})", bound.rc);
                return Err(ServerFailure(words));
            }
        }
        *searching = Some(ldap.clone());
        Ok(ldap)
    }

    /// Connects to the first server that is up, starting with the last one that worked.
    async fn connect(&self) -> Result<Ldap, ServerFailure> {
        let first = self.now.load(Ordering::Relaxed);
        let mut failure = ServerFailure("no server is configured".to_owned());
        // Each server gets a share of the time, so that a server that hangs doesn't use up all of it.
        let share = self.time_limit / u32::try_from(self.urls.len() + 1).unwrap_or(u32::MAX);
        for offset in 0..self.urls.len() {
            let which = (first + offset) % self.urls.len();
            match timeout(share, self.connect_to(&self.urls[which])).await {
                Ok(Ok(ldap)) => {
                    self.now.store(which, Ordering::Relaxed);
                    return Ok(ldap);
                }
                Ok(Err(error)) => failure = error.into(),
                Err(_) => failure = ServerFailure("it takes too long to connect".to_owned()),
            }
        }
        Err(failure)
    }

    async fn connect_to(&self, url: &str) -> Result<Ldap, LdapError> {
        let settings = LdapConnSettings::new()
            .set_starttls(self.tls == TlsMode::StartTls)
            .set_config(self.connector.tls_config());
        let (connection, ldap) = LdapConnAsync::with_settings(settings, url).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to the directory ended");
            }
        });
        Ok(ldap)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Ldap>> {
        self.binding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` within the time limit. After a failure all connections are dropped, so that the next query opens new
    /// ones.
    async fn in_time<T, F>(&self, work: impl Fn() -> F) -> Result<T, DirectoryError>
    where
        F: Future<Output = Result<T, ServerFailure>>,
    {
        let words = match timeout(self.time_limit, work()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(ServerFailure(words))) => words,
            Err(_) => {
                // The next query starts with another server.
                self.now.fetch_add(1, Ordering::Relaxed);
                "it takes too long".to_owned()
            }
        };
        self.idle().clear();
        *self.searching.lock().await = None;
        Err(DirectoryError(words))
    }
}

async fn find(
    ldap: &mut Ldap,
    base: &str,
    filter: &str,
    attributes: &[String],
) -> Result<Vec<SearchEntry>, ServerFailure> {
    let result = ldap
        .search(base, Scope::Subtree, filter, attributes)
        .await?;
    let (entries, result) = (result.0, result.1);
    match result.rc {
        0 => {
            let entries = entries.into_iter().filter(|entry| !entry.is_ref());
            Ok(entries.map(SearchEntry::construct).collect())
        }
        NO_SUCH_OBJECT => Ok(Vec::new()),
        code => Err(ServerFailure(format!("a search ended with code {code}"))),
    }
}
