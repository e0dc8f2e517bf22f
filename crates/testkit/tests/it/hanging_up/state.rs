//! All that is kept of a person, in a form in which two people to whom the same happened are the same: what is drawn at
//! random is only said to be there, times count from the beginning of the case, and names and addresses of the person's
//! own have a word in their place.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use rusqlite::types::ValueRef;
use sekisho_checkpoint::AccountId;
use sekisho_records::PostgresSettings;
use serde_json::Value;

/// Tables in which nothing is of one person.
const OF_NOBODY: [&str; 4] = ["clock", "last_revocation", "schema_version", "sealing_keys"];

/// Columns that say which of several rows this is, by a number that is counted up or drawn.
const NUMBERS: [&str; 8] = [
    "event", "waiting", "code", "number", "letter", "session", "factor", "grant_id",
];

/// Rows of tables, as text.
pub type State = BTreeMap<String, Vec<String>>;

/// Whose state is asked for, since when.
#[derive(Debug, Clone)]
pub struct Whose {
    /// The account.
    pub account: AccountId,
    /// The beginning of the case.
    pub since: Timestamp,
    /// Texts of the person's own, each with the word to put in its place.
    pub words: Vec<(String, &'static str)>,
}

impl Whose {
    fn row(&self, columns: impl Iterator<Item = (String, Value)>) -> String {
        let fields = columns.filter(|(name, _)| !NUMBERS.contains(&name.as_str()));
        let fields = fields.map(|(name, value)| format!("{name}={}", self.shape(&name, &value)));
        fields.collect::<Vec<_>>().join(" ")
    }

    fn shape(&self, column: &str, value: &Value) -> String {
        match value {
            Value::String(bytes) if bytes.starts_with("\\x") => "bytes".to_owned(),
            Value::String(_) if column == "reference" => "drawn".to_owned(),
            Value::String(text) => {
                let account = format!("account {} ", self.account);
                let text = text.replace(&account, "account OWN ");
                // A name that leads to no account is kept by its hash.
                let text = match text.strip_prefix("name ") {
                    Some(rest) => {
                        format!("name hash {}", rest.split_once(' ').unwrap_or_default().1)
                    }
                    None => text,
                };
                let words = self.words.iter();
                words.fold(text, |text, (own, word)| text.replace(own, word))
            }
            Value::Number(number) => {
                let number = number.as_i64().unwrap_or_default();
                let milliseconds = number.wrapping_sub(self.since.as_millisecond());
                match number {
                    _ if column == "account" => "OWN".to_owned(),
                    -1000..=1000 => number.to_string(),
                    _ if milliseconds.abs() < 200 * 24 * 3_600_000 => format!("+{milliseconds} ms"),
                    _ => "drawn".to_owned(),
                }
            }
            other => other.to_string(),
        }
    }

    /// Which rows of a table are the person's; `None` where the table is nobody's.
    fn condition(&self, table: &str, columns: &[String]) -> anyhow::Result<Option<String>> {
        if OF_NOBODY.contains(&table) {
            return Ok(None);
        }
        if table == "counted" {
            let own = self.words.iter().map(|(own, _)| own.clone());
            let own = own.chain([format!("account {} ", self.account)]);
            let own: Vec<_> = own.map(|own| format!("key LIKE '%{own}%'")).collect();
            return Ok(Some(own.join(" OR ")));
        }
        let has_account = columns.iter().any(|column| column == "account");
        ensure!(
            has_account,
            "the table {table} is new: say whose its rows are"
        );
        let unknown = match columns.iter().any(|column| column == "address") {
            true => {
                let own = self.words.iter();
                let own: Vec<_> = own
                    .map(|(own, _)| format!(" OR (account IS NULL AND address LIKE '%{own}%')"))
                    .collect();
                own.concat()
            }
            false => String::new(),
        };
        Ok(Some(format!("account = {}{unknown}", self.account)))
    }
}

/// What two states differ in.
pub fn difference(one: &State, other: &State) -> String {
    let tables = one
        .iter()
        .filter(|(table, rows)| other.get(*table) != Some(*rows));
    let differ = tables.map(|(table, rows)| format!("{table}: {rows:#?} {:#?}", other.get(table)));
    differ.collect::<Vec<_>>().join("\n")
}

/// From records in a SQLite file.
pub fn in_sqlite(file: &Path, whose: &Whose) -> anyhow::Result<State> {
    let db = rusqlite::Connection::open(file)?;
    let tables: Vec<String> = db
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut state = State::new();
    for table in tables {
        let columns: Vec<String> = db
            .prepare("SELECT name FROM pragma_table_info(?1)")?
            .query_map([&table], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let Some(condition) = whose.condition(&table, &columns)? else {
            continue;
        };
        let mut rows = db
            .prepare(&format!("SELECT * FROM {table} WHERE {condition}"))?
            .query_map([], |row| {
                let mut values = Vec::new();
                for (place, name) in columns.iter().enumerate() {
                    values.push((name.clone(), value(row.get_ref(place)?)));
                }
                Ok(whose.row(values.into_iter()))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        rows.sort();
        state.insert(table, rows);
    }
    Ok(state)
}

/// The values of SQLite as PostgreSQL writes them in JSON.
fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(_) => "\\x".into(),
    }
}

/// From records in PostgreSQL.
pub async fn in_postgresql(settings: &PostgresSettings, whose: &Whose) -> anyhow::Result<State> {
    let (host, port) = settings.servers.first().context("a server")?;
    let mut config = tokio_postgres::Config::new();
    config
        .host(host)
        .port(*port)
        .user(&settings.user)
        .dbname(&settings.database);
    let (db, connection) = config.connect(tokio_postgres::NoTls).await?;
    let speaking = tokio::spawn(connection);
    let mut state = State::new();
    let columns = db
        .query(
            "SELECT table_name::text, array_agg(column_name::text) FROM information_schema.columns
             WHERE table_schema = 'public' GROUP BY table_name",
            &[],
        )
        .await?;
    for table in columns {
        let (table, columns): (String, Vec<String>) = (table.get(0), table.get(1));
        let Some(condition) = whose.condition(&table, &columns)? else {
            continue;
        };
        let sql = format!("SELECT row_to_json(own)::text FROM {table} AS own WHERE {condition}");
        let mut rows = Vec::new();
        for row in db.query(&sql, &[]).await? {
            let row: serde_json::Map<String, Value> = serde_json::from_str(row.get(0))?;
            rows.push(whose.row(row.into_iter()));
        }
        rows.sort();
        state.insert(table, rows);
    }
    drop(db);
    speaking.await??;
    Ok(state)
}
