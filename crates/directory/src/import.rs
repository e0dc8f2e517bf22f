//! Imports accounts from a CSV file: all of its lines or none, with a report on each line that can't be imported.
//!
//! The first line names the columns: `login`, and in any order any of `name`, `addresses` and `groups` (several values
//! are separated by `;`), `password_hash` (see [`crate::hash`]; may be empty) and `ends` (see
//! [`crate::admin::parse_end`]). There is no column for passwords in the clear.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord, Trim};
use jiff::Timestamp;
use rusqlite::Connection;
use sekisho_checkpoint::account::{AccountId, Group};

use crate::accounts::OwnAccounts;
use crate::admin::{self, NewAccount};
use crate::hash::StoredHash;
use crate::store::{self, Fresh};
use crate::{AccountsError, Settings};

const COLUMNS: [&str; 6] = [
    "login",
    "name",
    "addresses",
    "groups",
    "password_hash",
    "ends",
];
const LOGIN: usize = 0;
const NAME: usize = 1;
const ADDRESSES: usize = 2;
const GROUPS: usize = 3;
const PASSWORD_HASH: usize = 4;
const ENDS: usize = 5;

/// The result of an import.
#[derive(Debug)]
pub struct Report {
    /// Whether the accounts were created: every line was valid, and it was not a trial.
    pub written: bool,
    /// The lines, in order.
    pub lines: Vec<Line>,
}

/// A line of the file that describes an account.
#[derive(Debug)]
pub struct Line {
    /// Its number in the file, counted from 1.
    pub number: u64,
    /// The login name as written in the file.
    pub login: String,
    /// The id of the new account, or what is wrong with the line. If nothing was written, the id remains free.
    pub outcome: Result<AccountId, AccountsError>,
}

impl Report {
    /// The lines that can't be imported.
    pub fn problems(&self) -> impl Iterator<Item = (u64, &AccountsError)> {
        self.lines
            .iter()
            .filter_map(|line| Some((line.number, line.outcome.as_ref().err()?)))
    }
}

impl OwnAccounts {
    /// Creates the accounts of a CSV file if every line is valid. A `trial` creates none but reports the same.
    ///
    /// # Errors
    /// The file or its first line can't be read, or the accounts' file can't be written. Invalid lines are in the
    /// report instead.
    pub async fn import_csv(&self, file: impl Read, trial: bool) -> Result<Report, AccountsError> {
        let now = self.clock.now();
        let candidates = read(file, &self.settings, now)?;
        self.store
            .write(move |db| {
                let lines = store::provisionally(
                    db,
                    || {
                        candidates
                            .into_iter()
                            .map(|candidate| candidate.insert(db))
                            .collect::<Result<Vec<_>, _>>()
                    },
                    |lines| !trial && lines.as_ref().is_ok_and(|lines| all_good(lines)),
                )??;
                Ok(Report {
                    written: !trial && all_good(&lines),
                    lines,
                })
            })
            .await
    }
}

fn all_good(lines: &[Line]) -> bool {
    lines.iter().all(|line| line.outcome.is_ok())
}

/// A line that has been read but not yet stored.
struct Candidate {
    number: u64,
    login: String,
    fresh: Result<Fresh, AccountsError>,
}

impl Candidate {
    /// Creates the account. An error that concerns only this line becomes its outcome.
    fn insert(self, db: &Connection) -> Result<Line, AccountsError> {
        let outcome = match self.fresh {
            Ok(fresh) => store::provisionally(db, || store::insert(db, &fresh), Result::is_ok)?,
            Err(error) => Err(error),
        };
        Ok(Line {
            number: self.number,
            login: self.login,
            outcome,
        })
    }
}

fn read(
    file: impl Read,
    settings: &Settings,
    now: Timestamp,
) -> Result<Vec<Candidate>, AccountsError> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(file);
    let columns = Columns::read(reader.headers()?)?;
    let mut candidates = Vec::new();
    for record in reader.records() {
        candidates.push(match record {
            Ok(record) => Candidate {
                number: record.position().map_or(0, csv::Position::line),
                login: columns.text(&record, LOGIN).to_owned(),
                fresh: columns.fresh(&record, settings, now),
            },
            Err(error) if error.is_io_error() => return Err(error.into()),
            Err(error) => Candidate {
                number: error.position().map_or(0, csv::Position::line),
                login: String::new(),
                fresh: Err(error.into()),
            },
        });
    }
    Ok(candidates)
}

/// The position of each of [`COLUMNS`] in this file, if it has that column.
struct Columns([Option<usize>; COLUMNS.len()]);

impl Columns {
    fn read(header: &StringRecord) -> Result<Self, AccountsError> {
        let mut places = [None; COLUMNS.len()];
        for (place, found) in header.iter().enumerate() {
            // Spreadsheet programs start a file with a byte order mark.
            let name = found.trim_start_matches('\u{feff}').to_lowercase();
            let column = COLUMNS.iter().position(|known| *known == name);
            let slot = column
                .and_then(|column| places.get_mut(column))
                .ok_or_else(|| AccountsError::Columns(format!("there is no column {found:?}")))?;
            if slot.replace(place).is_some() {
                return Err(AccountsError::Columns(format!(
                    "the column {name:?} is there twice"
                )));
            }
        }
        if places[LOGIN].is_none() {
            return Err(AccountsError::Columns(
                "the column \"login\" is missing".to_owned(),
            ));
        }
        Ok(Self(places))
    }

    fn text<'r>(&self, record: &'r StringRecord, column: usize) -> &'r str {
        self.0[column]
            .and_then(|place| record.get(place))
            .unwrap_or_default()
    }

    fn several<'r>(
        &self,
        record: &'r StringRecord,
        column: usize,
    ) -> impl Iterator<Item = &'r str> {
        self.text(record, column)
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
    }

    fn fresh(
        &self,
        record: &StringRecord,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Fresh, AccountsError> {
        let (hash, ends) = (self.text(record, PASSWORD_HASH), self.text(record, ENDS));
        let new = NewAccount {
            login: self.text(record, LOGIN).to_owned(),
            display_name: self.text(record, NAME).to_owned(),
            addresses: self
                .several(record, ADDRESSES)
                .map(admin::parse_address)
                .collect::<Result<_, _>>()?,
            groups: self
                .several(record, GROUPS)
                .map(|name| Group(name.to_owned()))
                .collect(),
            password: None,
            ends_at: (!ends.is_empty())
                .then(|| admin::parse_end(ends, &settings.zone))
                .transpose()?,
        };
        let mut fresh = admin::checked(&new, &settings.own_domains, now)?;
        if !hash.is_empty() {
            StoredHash::parse(hash)?;
            fresh.password = Some(hash.to_owned());
        }
        Ok(fresh)
    }
}
