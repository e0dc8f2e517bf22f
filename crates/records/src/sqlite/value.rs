//! How terms of the checkpoint stand in columns, and how they are read back: what does not parse is an error, never a
//! default.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::FromSql;
use sekisho_checkpoint::factor::FactorKind;

use super::fault::Fault;

pub(super) use crate::words::{address, ip, millis, source};

/// A column that may be anything that SQLite has.
pub(super) fn plain<T: FromSql>(row: &Row<'_>, column: &str) -> Result<T, Fault> {
    Ok(row.get(column)?)
}

pub(super) fn time(row: &Row<'_>, column: &'static str) -> Result<Timestamp, Fault> {
    as_time(row.get(column)?, column)
}

pub(super) fn maybe_time(row: &Row<'_>, column: &'static str) -> Result<Option<Timestamp>, Fault> {
    let millis: Option<i64> = row.get(column)?;
    millis.map(|ms| as_time(ms, column)).transpose()
}

pub(super) fn as_time(millis: i64, column: &'static str) -> Result<Timestamp, Fault> {
    Timestamp::from_millisecond(millis).map_err(|_| Fault::Damaged(column))
}

/// A text column read by its type's own parser.
pub(super) fn parsed<T>(
    row: &Row<'_>,
    column: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Fault> {
    let text = row.get_ref(column)?.as_str();
    text.ok().and_then(parse).ok_or(Fault::Damaged(column))
}

/// The same for a column that may be empty.
pub(super) fn maybe_parsed<T>(
    row: &Row<'_>,
    column: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let text = row.get_ref(column)?.as_str_or_null();
    text.map_err(|_| Fault::Damaged(column))?
        .map(|text| parse(text).ok_or(Fault::Damaged(column)))
        .transpose()
}

pub(super) fn kind(row: &Row<'_>, column: &'static str) -> Result<FactorKind, Fault> {
    parsed(row, column, FactorKind::parse)
}
