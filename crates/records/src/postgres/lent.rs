//! A connection that is lent to one piece of work.

use deadpool_postgres::Object;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::fault::Fault;

/// Parameters of a statement.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection on loan. Unless the work says that it is done, the connection is closed: what it was about to do, or
/// what it will still be told, nobody can know.
pub(super) struct Lent(Option<Object>);

impl From<Object> for Lent {
    fn from(object: Object) -> Self {
        Self(Some(object))
    }
}

impl Lent {
    /// Executes a statement; returns how many rows it concerned.
    pub(super) async fn execute(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<u64, Fault> {
        let statement = self.prepare(sql).await?;
        Ok(self.client()?.execute(&statement, parameters).await?)
    }

    /// The rows of a statement.
    pub(super) async fn query(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Fault> {
        let statement = self.prepare(sql).await?;
        Ok(self.client()?.query(&statement, parameters).await?)
    }

    /// The row of a statement that has one at most.
    pub(super) async fn query_opt(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Option<Row>, Fault> {
        let statement = self.prepare(sql).await?;
        Ok(self.client()?.query_opt(&statement, parameters).await?)
    }

    /// The row of a statement that has one.
    pub(super) async fn query_one(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Row, Fault> {
        let statement = self.prepare(sql).await?;
        Ok(self.client()?.query_one(&statement, parameters).await?)
    }

    /// Begins to read: all that is read is of one moment. May be sent together with what is asked.
    pub(super) async fn begin_to_read(&self) -> Result<(), Fault> {
        self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .await
    }

    /// Statements without parameters.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Fault> {
        Ok(self.client()?.batch_execute(sql).await?)
    }

    /// Commits what was begun, and gives the connection back.
    pub(super) async fn commit<T>(self, value: T) -> Result<T, Fault> {
        self.batch("COMMIT").await?;
        self.done(value)
    }

    /// Gives the connection back.
    pub(super) fn done<T>(mut self, value: T) -> Result<T, Fault> {
        drop(self.0.take());
        Ok(value)
    }

    /// The client, for what the methods here don't do.
    pub(super) fn client(&self) -> Result<&tokio_postgres::Client, Fault> {
        self.0
            .as_ref()
            .map(|object| &***object)
            .ok_or(Fault::Stopped)
    }

    async fn prepare(&self, sql: &str) -> Result<Statement, Fault> {
        let object = self.0.as_ref().ok_or(Fault::Stopped)?;
        Ok(object.prepare_cached(sql).await?)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
