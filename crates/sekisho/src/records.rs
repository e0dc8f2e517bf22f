//! Where the checkpoint's records are kept, as configured: in a file of their own, or in PostgreSQL; and the keys and the clock that go with them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sekisho_checkpoint::ports::{Clock, Records};
use sekisho_checkpoint::sealing::KeyRing;
use sekisho_net::client::Roots;
use sekisho_records::{PostgresRecords, PostgresSettings, SqliteRecords};

use crate::clock::WallClock;
use crate::config::check::server_address;
use crate::config::{Config, RecordsSection};
use crate::keys;
use crate::secrets;
use crate::system::folders;

/// The port of PostgreSQL, unless another is written.
const PORT: u16 = 5432;

/// The records of a site, opened.
pub(crate) struct Kept {
    pub(crate) records: Arc<dyn Records>,
    pub(crate) keys: KeyRing,
    /// The time that all nodes share.
    pub(crate) clock: Arc<dyn Clock>,
}

/// Opens the records; makes the file of the keys where nothing was sealed yet.
///
/// # Errors
/// They can't be opened, or the keys are not those that belong to them.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Kept> {
    if let Some(settings) = settings(&config.records)? {
        let records = open_postgres(settings).await?;
        let may_create = !records.holds_sealed_keys().await?;
        let keys = keys::load(&config.site.keys, may_create)?;
        let agreed = records.agree_on_keys(&keys.fingerprints()?).await;
        agreed.with_context(|| format!("comparing {}", config.site.keys.display()))?;
        let clock = Arc::new(records.clock().await?);
        return Ok(Kept {
            records: Arc::new(records),
            keys,
            clock,
        });
    }
    let file = folders(&config.site.data).records;
    let keys = keys::load(&config.site.keys, !file.exists())?;
    Ok(Kept {
        records: Arc::new(SqliteRecords::open(&file)?),
        keys,
        clock: Arc::new(WallClock),
    })
}

/// Opens the records that nodes share.
pub(crate) async fn open_postgres(settings: PostgresSettings) -> anyhow::Result<PostgresRecords> {
    let at = format!("opening the database {:?}", settings.database);
    PostgresRecords::open(settings).await.context(at)
}

/// Where PostgreSQL is, if the records are kept there.
pub(crate) fn settings(section: &RecordsSection) -> anyhow::Result<Option<PostgresSettings>> {
    if section.postgres.is_empty() {
        return Ok(None);
    }
    let password = section.password_file.as_deref().map(secrets::read);
    let roots = section.ca_file.clone().map_or(Roots::System, Roots::File);
    Ok(Some(PostgresSettings {
        servers: section.postgres.iter().filter_map(|s| server(s)).collect(),
        database: section.database.clone(),
        user: section.user.clone(),
        password: password.transpose()?,
        roots: (section.tls && !by_unix_socket(section)).then_some(roots),
        connections: section.connections,
        time_limit: Duration::try_from(section.time_limit)?,
    }))
}

/// A server as it is written: the folder of a Unix socket, or a host with a port.
pub(crate) fn server(text: &str) -> Option<(String, u16)> {
    if PathBuf::from(text).is_absolute() {
        return Some((text.to_owned(), PORT));
    }
    server_address(text, PORT)
}

/// Whether all servers are reached on this machine, where nobody listens.
pub(crate) fn by_unix_socket(section: &RecordsSection) -> bool {
    section.postgres.iter().all(|text| text.starts_with('/'))
}
