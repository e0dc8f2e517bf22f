//! How terms of the checkpoint stand in columns, and how they are read back: what does not parse is an error, never a
//! default.

use std::borrow::Cow;

use jiff::Timestamp;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::sealing::Sealed;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::fault::Fault;

pub(super) use crate::words::{address, ip, millis, source};

/// A text as a column. PostgreSQL keeps no NUL; where a stranger sent one, U+FFFD stands for it.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A column of a type that PostgreSQL has.
pub(super) fn plain<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Result<T, Fault> {
    Ok(row.try_get(column)?)
}

/// A count.
pub(super) fn number(row: &Row, column: &'static str) -> Result<u32, Fault> {
    let number: i64 = plain(row, column)?;
    u32::try_from(number).map_err(|_| Fault::Damaged(column))
}

/// A hash.
pub(super) fn hash(row: &Row, column: &'static str) -> Result<[u8; 32], Fault> {
    let bytes: &[u8] = plain(row, column)?;
    bytes.try_into().map_err(|_| Fault::Damaged(column))
}

/// The same for a column that may be empty.
pub(super) fn maybe_hash(row: &Row, column: &'static str) -> Result<Option<[u8; 32]>, Fault> {
    let bytes: Option<&[u8]> = plain(row, column)?;
    bytes
        .map(|bytes| bytes.try_into().map_err(|_| Fault::Damaged(column)))
        .transpose()
}

pub(super) fn maybe_sealed(row: &Row, column: &str) -> Result<Option<Sealed>, Fault> {
    Ok(plain::<Option<Vec<u8>>>(row, column)?.map(Sealed))
}

pub(super) fn time(row: &Row, column: &'static str) -> Result<Timestamp, Fault> {
    as_time(plain(row, column)?, column)
}

pub(super) fn maybe_time(row: &Row, column: &'static str) -> Result<Option<Timestamp>, Fault> {
    let millis: Option<i64> = plain(row, column)?;
    millis.map(|ms| as_time(ms, column)).transpose()
}

pub(super) fn as_time(millis: i64, column: &'static str) -> Result<Timestamp, Fault> {
    Timestamp::from_millisecond(millis).map_err(|_| Fault::Damaged(column))
}

/// A text column read by its type's own parser.
pub(super) fn parsed<T>(
    row: &Row,
    column: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Fault> {
    parse(plain(row, column)?).ok_or(Fault::Damaged(column))
}

/// The same for a column that may be empty.
pub(super) fn maybe_parsed<T>(
    row: &Row,
    column: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let text: Option<&str> = plain(row, column)?;
    text.map(|text| parse(text).ok_or(Fault::Damaged(column)))
        .transpose()
}

pub(super) fn kind(row: &Row, column: &'static str) -> Result<FactorKind, Fault> {
    parsed(row, column, FactorKind::parse)
}
