//! `[records]`: where the checkpoint's records are kept, in a file of their own or in PostgreSQL; and the keys and the
//! clock that go with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use sekisho_checkpoint::ports::{Clock, Records as RecordsPort};
use sekisho_checkpoint::sealing::KeyRing;
use sekisho_net::client::Roots;
use sekisho_records::{PostgresRecords, PostgresSettings, SqliteRecords};

use crate::clock::WallClock;
use crate::config::problem::Findings;
use crate::config::read::List;
use crate::config::section::section;
use crate::config::values::{Count, PostgresServer, Seconds};
use crate::keys;
use crate::secrets;

/// The port of PostgreSQL, unless another is written.
const PORT: u16 = 5432;

section! {
    /// Where grants, factors, sessions and audit records are kept: in a file below `data`, unless PostgreSQL is named
    /// here, which several nodes share.
    pub(in crate::config) struct RecordsSection("[records]") {
        /// The servers of PostgreSQL, such as `db.example.ac.jp`, `192.0.2.5:5433` or the folder of a Unix socket,
        /// `/run/postgresql`. The first that takes writes is used.
        postgres: List<PostgresServer> = Vec::new(),
        /// The name of the database. It has to exist and to belong to the user; the tables are made on first start.
        database: String = "sekisho".to_owned(),
        /// The user's name.
        user: String = "sekisho".to_owned(),
        /// A file with the user's password, if the server asks for one.
        password_file: Option<PathBuf> = None,
        /// Whether it is spoken to in TLS; over a Unix socket it never is.
        tls: bool = true,
        /// A PEM file with the authorities to trust instead of the system's.
        ca_file: Option<PathBuf> = None,
        /// The most connections of a node.
        connections: Count<2, 200> = Count::new(16),
        /// How long the database may take for a piece of work. Who waits longer is told that it does not work just now.
        time_limit: Seconds<1, 30> = Seconds::new(SignedDuration::from_secs(5)),
    }
}

/// Where the checkpoint's records are.
#[derive(Debug, Clone)]
pub(crate) enum Records {
    /// In a file below the data folder.
    File,
    /// In PostgreSQL.
    Postgres(Postgres),
}

/// A database that several nodes share.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    servers: Vec<(String, u16)>,
    database: String,
    user: String,
    password_file: Option<PathBuf>,
    /// Whose certificate counts; `None` speaks in the clear.
    roots: Option<Roots>,
    connections: usize,
    time_limit: Duration,
}

/// The records of a site, opened.
pub(crate) struct OpenRecords {
    pub(crate) records: Arc<dyn RecordsPort>,
    pub(crate) keys: KeyRing,
    /// The time that all nodes share.
    pub(crate) clock: Arc<dyn Clock>,
}

impl RecordsSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Records {
        let Self {
            header: _,
            postgres,
            database,
            user,
            password_file,
            tls,
            ca_file,
            connections,
            time_limit,
        } = self;
        if postgres.is_empty() {
            return Records::File;
        }
        let is_socket = |server: &PostgresServer| matches!(server, PostgresServer::Socket(_));
        let by_socket = postgres.iter().all(|server| is_socket(server));
        if **tls && !by_socket && postgres.iter().any(|server| is_socket(server)) {
            let text =
                "a Unix socket and servers over the network can't be mixed while `tls` is true";
            findings.problem(postgres.line(), text);
        }
        if !**tls && !by_socket {
            let text = "what the checkpoint keeps goes to PostgreSQL in the clear";
            findings.warning(tls.line(), text);
        }
        let with_port = |server: &PostgresServer| match server {
            PostgresServer::Socket(folder) => (folder.display().to_string(), PORT),
            PostgresServer::Network(server) => server.with_port(PORT),
        };
        let roots = ca_file.get().map_or(Roots::System, Roots::File);
        Records::Postgres(Postgres {
            servers: postgres.iter().map(|server| with_port(server)).collect(),
            database: database.get(),
            user: user.get(),
            password_file: password_file.get(),
            roots: (**tls && !by_socket).then_some(roots),
            connections: connections.get().get(),
            time_limit: time_limit.unsigned(),
        })
    }
}

impl Records {
    /// Opens the records, in `file` unless they are in PostgreSQL; makes the file of the keys where nothing was sealed
    /// yet.
    ///
    /// # Errors
    /// They can't be opened, or the keys are not those that belong to them.
    pub(crate) async fn open(&self, file: &Path, keys: &Path) -> anyhow::Result<OpenRecords> {
        match self {
            Self::Postgres(postgres) => postgres.open(keys).await,
            Self::File => Ok(OpenRecords {
                keys: keys::load(keys, !file.exists())?,
                records: Arc::new(SqliteRecords::open(file)?),
                clock: Arc::new(WallClock),
            }),
        }
    }
}

impl Postgres {
    async fn open(&self, keys: &Path) -> anyhow::Result<OpenRecords> {
        let records = PostgresRecords::open(self.settings()?).await;
        let records =
            records.with_context(|| format!("opening the database {:?}", self.database))?;
        let may_create = !records.holds_sealed_keys().await?;
        let ring = keys::load(keys, may_create)?;
        let agreed = records.agree_on_keys(&ring.fingerprints()?).await;
        agreed.with_context(|| format!("comparing {}", keys.display()))?;
        let clock = Arc::new(records.clock().await?);
        Ok(OpenRecords {
            records: Arc::new(records),
            keys: ring,
            clock,
        })
    }

    /// Where it is and how it is spoken to, with the password.
    ///
    /// # Errors
    /// The file with the password can't be read.
    pub(crate) fn settings(&self) -> anyhow::Result<PostgresSettings> {
        let password = self.password_file.as_deref().map(secrets::read);
        Ok(PostgresSettings {
            servers: self.servers.clone(),
            database: self.database.clone(),
            user: self.user.clone(),
            password: password.transpose().context("[records] `password_file`")?,
            roots: self.roots.clone(),
            connections: self.connections,
            time_limit: self.time_limit,
        })
    }
}
