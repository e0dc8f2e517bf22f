//! How values are kept in the columns of the index.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{Type, ValueRef};
use sekisho_smtp::{Path, Ret};

pub(super) fn ret_word(ret: Ret) -> &'static str {
    match ret {
        Ret::Full => "full",
        Ret::Headers => "headers",
    }
}

pub(super) fn read_ret(word: &str) -> Option<Ret> {
    [Ret::Full, Ret::Headers]
        .into_iter()
        .find(|ret| ret_word(*ret) == word)
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let milliseconds: i64 = row.get(column)?;
    Ok(Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX))
}

pub(super) fn path(row: &Row<'_>, column: usize) -> rusqlite::Result<Path> {
    let text: String = row.get(column)?;
    Path::parse(&text)
        .ok_or_else(|| rusqlite::Error::InvalidColumnType(column, "path".to_owned(), Type::Text))
}

pub(super) fn optional_path(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Path>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => path(row, column).map(Some),
    }
}
