//! Moving a site from the file to PostgreSQL: everything, in one transaction, compared before it is committed.

use std::fmt::Write as _;
use std::path::Path;

use futures_util::{TryStreamExt as _, pin_mut};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use sekisho_checkpoint::ports::RecordsError;
use sha2::{Digest, Sha256};
use tokio_postgres::Transaction;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use crate::postgres::{PostgresSettings, connect_to_copy, text};

/// A table, and what its columns hold.
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    /// By what the rows are read, so that numbers which the database gives follow the order in which they were given.
    order: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Flag,
    Text,
    Bytes,
}

use Kind::{Bytes, Flag, Number, Text};

/// All tables whose rows are the same on both sides; those that others refer to first.
const TABLES: [Table; 12] = [
    Table {
        name: "accounts",
        columns: &[
            ("account", Number),
            ("mfa_on", Flag),
            ("password_wanted", Flag),
            ("enrolment_hash", Bytes),
            ("enrolment_expires_at", Number),
        ],
        order: "account",
    },
    Table {
        name: "kinds",
        columns: &[
            ("account", Number),
            ("kind", Text),
            ("failures", Number),
            ("disabled", Flag),
        ],
        order: "account, kind",
    },
    Table {
        name: "factors",
        columns: &[
            ("factor", Number),
            ("account", Number),
            ("kind", Text),
            ("name", Text),
            ("registered_at", Number),
            ("last_used_at", Number),
            ("sealed_key", Bytes),
            ("last_step", Number),
            ("address", Text),
        ],
        order: "factor",
    },
    Table {
        name: "recovery_codes",
        columns: &[
            ("account", Number),
            ("hash", Bytes),
            ("made_at", Number),
            ("used_at", Number),
        ],
        order: "account, hash",
    },
    Table {
        name: "grants",
        columns: &[
            ("grant_id", Number),
            ("account", Number),
            ("source", Text),
            ("address", Text),
            ("companion", Text),
            ("companion_address", Text),
            ("companion_since", Number),
            ("factor", Text),
            ("granted_at", Number),
            ("expires_at", Number),
            ("ended_at", Number),
        ],
        order: "grant_id",
    },
    Table {
        name: "claims",
        columns: &[
            ("token", Bytes),
            ("account", Number),
            ("grant_id", Number),
            ("expires_at", Number),
        ],
        order: "token",
    },
    Table {
        name: "waiting",
        columns: &[
            ("account", Number),
            ("session", Number),
            ("source", Text),
            ("address", Text),
            ("client", Text),
            ("at", Number),
        ],
        order: "waiting",
    },
    Table {
        name: "sessions",
        columns: &[
            ("session", Number),
            ("token", Bytes),
            ("account", Number),
            ("created_at", Number),
            ("last_seen_at", Number),
            ("password_proven_at", Number),
            ("factor_proven_at", Number),
            ("otp_failures", Number),
            ("registration", Bytes),
            ("stash", Bytes),
            ("password", Bytes),
            ("key", Bytes),
            ("superseded", Bytes),
            ("superseded_key", Bytes),
        ],
        order: "session",
    },
    Table {
        name: "mailed_codes",
        columns: &[
            ("session", Number),
            ("account", Number),
            ("hash", Bytes),
            ("purpose", Text),
            ("address", Text),
            ("issued_at", Number),
            ("expires_at", Number),
            ("letter", Number),
        ],
        order: "code",
    },
    Table {
        name: "outbox",
        columns: &[
            ("letter", Number),
            ("account", Number),
            ("session", Number),
            ("body", Bytes),
            ("tries", Number),
            ("due_at", Number),
            ("expires_at", Number),
        ],
        order: "letter",
    },
    Table {
        name: "counted",
        columns: &[("key", Text), ("at", Number)],
        order: "rowid",
    },
    Table {
        name: "events",
        columns: &[
            ("at", Number),
            ("account", Number),
            ("name_hash", Bytes),
            ("actor", Text),
            ("what", Text),
            ("address", Text),
            ("client", Text),
            ("reference", Text),
            ("detail", Text),
        ],
        order: "event",
    },
];

/// What was copied of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The table's name.
    pub table: &'static str,
    /// How many rows it has.
    pub rows: u64,
}

/// Copies the records of a file that no service uses into a database that holds none, and tells `progress` after each
/// table. What was cut off has done nothing, and can be begun again.
///
/// Revocations are not copied, for no connection lives that they could cut; their numbers go on behind the last one
/// given.
///
/// # Errors
/// The file is in use or is not of this version; the database can't be reached or holds records already; what was
/// written is not what was read.
pub async fn copy(
    file: &Path,
    settings: PostgresSettings,
    mut progress: impl FnMut(Copied),
) -> Result<(), RecordsError> {
    let source = Source::open(file)?;
    let mut target = connect_to_copy(settings).await?;
    let transaction = target.client.transaction().await.map_err(said)?;
    must_be_empty(&transaction).await?;
    for table in &TABLES {
        let rows = copy_table(&source, &transaction, table).await?;
        progress(Copied {
            table: table.name,
            rows,
        });
    }
    copy_numbers(&source, &transaction).await?;
    transaction.commit().await.map_err(said)
}

/// The file, held so that nobody else can write to it.
struct Source(Connection);

impl Source {
    fn open(file: &Path) -> Result<Self, RecordsError> {
        // Brings an older file up to date first.
        drop(crate::SqliteRecords::open(file)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags).map_err(said)?;
        // In this mode nobody else may so much as have the file open.
        let held = connection
            .pragma_update(None, "locking_mode", "EXCLUSIVE")
            .and_then(|()| connection.execute_batch("BEGIN IMMEDIATE"));
        if held.is_err() {
            let words = format!("{} is in use: stop the service first", file.display());
            return Err(RecordsError(words));
        }
        Ok(Self(connection))
    }
}

async fn must_be_empty(transaction: &Transaction<'_>) -> Result<(), RecordsError> {
    for table in &TABLES {
        let sql = format!("SELECT EXISTS (SELECT FROM {})", table.name);
        let row = transaction.query_one(&sql, &[]).await.map_err(said)?;
        if row.try_get(0).map_err(said)? {
            let words = format!(
                "the database holds records already (in {}): copy into an empty one",
                table.name
            );
            return Err(RecordsError(words));
        }
    }
    Ok(())
}

/// Copies a table and compares; returns how many rows it has.
async fn copy_table(
    source: &Source,
    transaction: &Transaction<'_>,
    table: &Table,
) -> Result<u64, RecordsError> {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let types: Vec<Type> = table
        .columns
        .iter()
        .map(|(_, kind)| kind.in_postgres())
        .collect();
    let into = format!("COPY {} ({names}) FROM STDIN BINARY", table.name);
    let sink = transaction.copy_in(&into).await.map_err(said)?;
    let writer = BinaryCopyInWriter::new(sink, &types);
    pin_mut!(writer);
    let mut read = Digested::default();
    let from = format!(
        "SELECT {names} FROM {} ORDER BY {}",
        table.name, table.order
    );
    // A row is taken out of SQLite before anything is waited for: its statement can't be carried over an await.
    let mut after = 0_u64;
    loop {
        let some = source.rows(&from, table, after)?;
        if some.is_empty() {
            break;
        }
        for row in &some {
            read.add(row);
            let values: Vec<&(dyn ToSql + Sync)> = row.iter().map(Cell::as_sql).collect();
            writer.as_mut().write(&values).await.map_err(said)?;
        }
        after += some.len() as u64;
    }
    writer.finish().await.map_err(said)?;

    let back = format!("SELECT {names} FROM {}", table.name);
    let nothing: [&(dyn ToSql + Sync); 0] = [];
    let rows = transaction.query_raw(&back, nothing).await.map_err(said)?;
    pin_mut!(rows);
    let mut written = Digested::default();
    while let Some(row) = rows.try_next().await.map_err(said)? {
        let cells = table.columns.iter().enumerate();
        let cells = cells.map(|(at, (_, kind))| Cell::of_postgres(&row, at, *kind));
        written.add(&cells.collect::<Result<Vec<_>, _>>()?);
    }
    if read != written {
        let words = format!(
            "{} did not arrive as it was read; nothing was copied",
            table.name
        );
        return Err(RecordsError(words));
    }
    Ok(read.rows)
}

/// The clock's mark, and the number of the last revocation.
async fn copy_numbers(source: &Source, transaction: &Transaction<'_>) -> Result<(), RecordsError> {
    let number = |sql: &str| -> Result<i64, RecordsError> {
        source.0.query_row(sql, [], |row| row.get(0)).map_err(said)
    };
    let mark = number("SELECT ifnull(max(mark), 0) FROM clock")?;
    let last =
        number("SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'revocations'")?;
    transaction
        .execute(
            "INSERT INTO clock (slot, mark) VALUES (0, $1)
             ON CONFLICT (slot) DO UPDATE SET mark = greatest(clock.mark, excluded.mark)",
            &[&mark],
        )
        .await
        .map_err(said)?;
    transaction
        .execute(
            "UPDATE last_revocation SET number = greatest(number, $1)",
            &[&last],
        )
        .await
        .map_err(said)?;
    Ok(())
}

impl Source {
    /// Some rows behind the first `after`.
    fn rows(&self, sql: &str, table: &Table, after: u64) -> Result<Vec<Vec<Cell>>, RecordsError> {
        let sql = format!("{sql} LIMIT 10000 OFFSET ?1");
        let mut statement = self.0.prepare_cached(&sql).map_err(said)?;
        let after = i64::try_from(after).map_err(said)?;
        let mut rows = statement.query([after]).map_err(said)?;
        let mut some = Vec::new();
        while let Some(row) = rows.next().map_err(said)? {
            let mut cells = Vec::with_capacity(table.columns.len());
            for (at, (name, kind)) in table.columns.iter().enumerate() {
                let value = row.get_ref(at).map_err(said)?;
                let cell = Cell::of_sqlite(value, *kind);
                let odd = || RecordsError(format!("{}.{name} holds something odd", table.name));
                cells.push(cell.ok_or_else(odd)?);
            }
            some.push(cells);
        }
        Ok(some)
    }
}

/// A value, as both databases have it.
enum Cell {
    Number(Option<i64>),
    Flag(Option<bool>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl Cell {
    fn of_sqlite(value: ValueRef<'_>, kind: Kind) -> Option<Self> {
        Some(match (kind, value) {
            (Number, ValueRef::Integer(number)) => Self::Number(Some(number)),
            (Flag, ValueRef::Integer(number @ (0 | 1))) => Self::Flag(Some(number == 1)),
            (Text, ValueRef::Text(bytes)) => {
                Self::Text(Some(text(std::str::from_utf8(bytes).ok()?).into_owned()))
            }
            (Bytes, ValueRef::Blob(bytes)) => Self::Bytes(Some(bytes.to_vec())),
            (Number, ValueRef::Null) => Self::Number(None),
            (Flag, ValueRef::Null) => Self::Flag(None),
            (Text, ValueRef::Null) => Self::Text(None),
            (Bytes, ValueRef::Null) => Self::Bytes(None),
            _ => return None,
        })
    }

    fn of_postgres(row: &tokio_postgres::Row, at: usize, kind: Kind) -> Result<Self, RecordsError> {
        Ok(match kind {
            Number => Self::Number(row.try_get(at).map_err(said)?),
            Flag => Self::Flag(row.try_get(at).map_err(said)?),
            Text => Self::Text(row.try_get(at).map_err(said)?),
            Bytes => Self::Bytes(row.try_get(at).map_err(said)?),
        })
    }

    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Number(value) => value,
            Self::Flag(value) => value,
            Self::Text(value) => value,
            Self::Bytes(value) => value,
        }
    }

    fn digest(&self, into: &mut Sha256) {
        let number;
        let bytes: Option<&[u8]> = match self {
            Self::Number(value) => {
                number = value.unwrap_or_default().to_be_bytes();
                value.map(|_| number.as_slice())
            }
            Self::Flag(value) => value.map(|flag| if flag { &[1][..] } else { &[0][..] }),
            Self::Text(value) => value.as_ref().map(String::as_bytes),
            Self::Bytes(value) => value.as_deref(),
        };
        match bytes {
            Some(bytes) => {
                into.update([1]);
                into.update((bytes.len() as u64).to_be_bytes());
                into.update(bytes);
            }
            None => into.update([0]),
        }
    }
}

impl Kind {
    fn in_postgres(self) -> Type {
        match self {
            Number => Type::INT8,
            Flag => Type::BOOL,
            Text => Type::TEXT,
            Bytes => Type::BYTEA,
        }
    }
}

/// How many rows there were and the sum of their hashes: the same for the same rows in any order.
#[derive(Default, PartialEq, Eq)]
struct Digested {
    rows: u64,
    sum: u128,
}

impl Digested {
    fn add(&mut self, row: &[Cell]) {
        let mut hash = Sha256::new();
        for cell in row {
            cell.digest(&mut hash);
        }
        let hash = hash.finalize();
        let half = hash.first_chunk().copied().unwrap_or_default();
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(half));
        self.rows += 1;
    }
}

/// An error in words, with what it came of.
fn said(error: impl std::error::Error) -> RecordsError {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string does not fail.
        let _ = write!(words, ": {error}");
        cause = error.source();
    }
    RecordsError(words)
}
