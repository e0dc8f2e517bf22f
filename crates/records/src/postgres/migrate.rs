//! Bringing a database up to date.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::fault::Fault;

/// What brings a database from one version to the next; its `schema_version` is how many of them it has had.
const MIGRATIONS: [&str; KNOWN as usize] = [
    include_str!("../../migrations/postgres/0001.sql"),
    include_str!("../../migrations/postgres/0002.sql"),
    include_str!("../../migrations/postgres/0003.sql"),
    include_str!("../../migrations/postgres/0004.sql"),
];

/// The newest version that this program knows.
const KNOWN: i64 = 4;

/// "Sekisho" as a number: whoever holds this lock migrates. The two-number kind is apart from that by which the writers
/// of an account wait.
const LOCK: (i32, i32) = (0x5345_4b49, 0x5348_4f00);

/// Brings the database up to date; of several nodes that start at once one does it. Returns whether it was empty
/// before.
pub(super) async fn migrate(client: &mut Client) -> Result<bool, Fault> {
    let transaction = client.transaction().await?;
    // A migration may take longer than anything else, and a node may have to wait for another's.
    transaction
        .batch_execute("SET LOCAL statement_timeout = '10min'")
        .await?;
    let (of_ours, migrating) = LOCK;
    transaction
        .execute(
            "SELECT pg_advisory_xact_lock($1, $2)",
            &[&of_ours, &migrating],
        )
        .await?;
    let known: Option<i64> = {
        let table = transaction
            .query_one("SELECT to_regclass('schema_version') IS NOT NULL", &[])
            .await?;
        if table.try_get(0)? {
            let row = transaction
                .query_one("SELECT version FROM schema_version", &[])
                .await?;
            Some(row.try_get(0)?)
        } else {
            None
        }
    };
    let version = known.unwrap_or(0);
    if version > KNOWN {
        return Err(Fault::Newer(version));
    }
    if version == KNOWN {
        return Ok(false);
    }
    if known.is_none() {
        transaction
            .batch_execute(
                "CREATE TABLE schema_version (one boolean PRIMARY KEY DEFAULT true CHECK (one), version bigint NOT NULL);
                 INSERT INTO schema_version (version) VALUES (0)",
            )
            .await
            .map_err(not_ours)?;
    }
    for (number, migration) in (1..).zip(MIGRATIONS) {
        if number > version {
            transaction
                .batch_execute(migration)
                .await
                .map_err(not_ours)?;
            transaction
                .execute("UPDATE schema_version SET version = $1", &[&number])
                .await?;
        }
    }
    transaction.commit().await?;
    Ok(known.is_none())
}

fn not_ours(error: tokio_postgres::Error) -> Fault {
    let states = [
        SqlState::INSUFFICIENT_PRIVILEGE,
        SqlState::DUPLICATE_TABLE,
        SqlState::INVALID_SCHEMA_NAME,
    ];
    if error.code().is_some_and(|code| states.contains(code)) {
        Fault::NotOurs(error)
    } else {
        error.into()
    }
}
