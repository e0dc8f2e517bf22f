//! What every database that keeps the records has to pass. Another one is a [`promises::Place`] and one more line at
//! the end.

#[expect(dead_code, reason = "the simulation looks at more of it")]
#[path = "../../checkpoint/tests/simulation/memory/mod.rs"]
mod memory;
mod moving;
mod outages;
#[path = "../../testkit/src/postgres.rs"]
mod postgres;
mod power_cuts;
mod promises;

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use postgres::Postgres;
use sekisho_checkpoint::ports::Records;
use sekisho_records::{PostgresRecords, PostgresSettings, SqliteRecords};
use tempfile::TempDir;

struct SqliteFile(TempDir);

impl SqliteFile {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }
}

#[async_trait]
impl promises::Place for SqliteFile {
    async fn open(&self) -> Arc<dyn Records> {
        Arc::new(SqliteRecords::open(&self.0.path().join("records.sqlite")).expect("opens"))
    }
}

/// One server for all tests of this process; each has a database of its own.
static SERVER: LazyLock<Postgres> = LazyLock::new(|| Postgres::start().expect("starts"));

struct PostgresDatabase(PostgresSettings);

impl PostgresDatabase {
    fn new() -> Self {
        Self(SERVER.database().expect("made"))
    }
}

#[async_trait]
impl promises::Place for PostgresDatabase {
    async fn open(&self) -> Arc<dyn Records> {
        Arc::new(PostgresRecords::open(self.0.clone()).await.expect("opens"))
    }
}

/// What the checkpoint's simulation runs on: it has to keep the same promises.
struct Memory(Arc<memory::MemoryRecords>);

#[async_trait]
impl promises::Place for Memory {
    async fn open(&self) -> Arc<dyn Records> {
        Arc::clone(&self.0) as Arc<dyn Records>
    }
}

promises::held_by!(in_memory, Memory(Arc::default()));
promises::held_by!(sqlite, SqliteFile::new());
promises::held_by!(postgresql, PostgresDatabase::new());
