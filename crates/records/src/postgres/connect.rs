//! Where the database is, and connections to it outside the pool.

use std::fmt;
use std::time::Duration;

use sekisho_checkpoint::Password;
use sekisho_checkpoint::ports::RecordsError;
use sekisho_net::client::{Connector, Roots};
use tokio::task::AbortHandle;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config};

use super::fault::Fault;
use super::migrate;
use super::tls::MakeTls;

/// Where the database is, and how it is spoken to.
#[derive(Clone)]
pub struct PostgresSettings {
    /// The servers, each a host name, an address or the folder of a Unix socket, with its port: the first that takes
    /// writes is used.
    pub servers: Vec<(String, u16)>,
    /// The database's name.
    pub database: String,
    /// The user's name.
    pub user: String,
    /// The user's password, if the server asks for one.
    pub password: Option<Password>,
    /// Whose certificate counts; `None` speaks in the clear.
    pub roots: Option<Roots>,
    /// How many connections at most.
    pub connections: usize,
    /// How long a piece of work may take, with its wait for a connection.
    pub time_limit: Duration,
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("servers", &self.servers)
            .field("database", &self.database)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

pub(super) fn config(settings: PostgresSettings) -> Config {
    let mut config = Config::new();
    for (host, port) in &settings.servers {
        config.host(host).port(*port);
    }
    config
        .dbname(&settings.database)
        .user(&settings.user)
        .application_name("sekisho")
        .connect_timeout(settings.time_limit)
        // A server that has gone silently, with its machine, is noticed though nothing is being sent.
        .keepalives_idle(Duration::from_secs(10))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3)
        .tcp_user_timeout(settings.time_limit)
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .ssl_mode(match settings.roots {
            Some(_) => SslMode::Require,
            None => SslMode::Disable,
        });
    if let Some(password) = settings.password {
        config.password(password.expose());
    }
    config
}

pub(super) async fn migrated(config: &Config, tls: &MakeTls) -> Result<bool, Fault> {
    let mut single = Single::connect(config, tls).await?;
    migrate::migrate(&mut single.client).await
}

/// A connection outside the pool, for work that takes as long as it takes.
pub(crate) struct Single {
    pub(crate) client: Client,
    speaking: AbortHandle,
}

impl Single {
    async fn connect(config: &Config, tls: &MakeTls) -> Result<Self, Fault> {
        let (client, connection) = config.connect(tls.clone()).await?;
        let speaking = tokio::spawn(connection).abort_handle();
        Ok(Self { client, speaking })
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        self.speaking.abort();
    }
}

/// Brings a database up to date and connects to it, to fill it.
pub(crate) async fn connect_to_copy(settings: PostgresSettings) -> Result<Single, RecordsError> {
    let tls = MakeTls(connector(&settings)?);
    let config = config(settings);
    migrated(&config, &tls).await?;
    Ok(Single::connect(&config, &tls).await?)
}

pub(super) fn connector(settings: &PostgresSettings) -> Result<Connector, RecordsError> {
    let roots = settings.roots.clone().unwrap_or(Roots::Anybody);
    Connector::new(&roots, settings.time_limit).map_err(|error| RecordsError(error.to_string()))
}
