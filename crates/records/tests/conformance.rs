//! What every database that keeps the records has to pass. Another one is a [`promises::Place`] and one more line at the end.

mod promises;

use std::sync::Arc;

use async_trait::async_trait;
use sekisho_checkpoint::ports::Records;
use sekisho_records::SqliteRecords;
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

promises::held_by!(sqlite, SqliteFile::new());
