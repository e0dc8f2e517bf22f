//! The index of an account.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;
use crate::folders;

/// Which form of the index this is (SQLite's `user_version`). A new account has 0 until all of it is there.
const VERSION: i64 = 2;
/// The form before this one. It lacks [`SENT_COPY`], and has a counter of contents, which does no harm.
const BEFORE: i64 = 1;
/// See [`crate::sent`].
const SENT_COPY: &str = "
CREATE TABLE sent_copy (
    message_id TEXT PRIMARY KEY,
    folder INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// `content` is what is known of a message's bytes and where they are. `message` is a content's place in a folder; its
/// rows are narrow, so that a folder of 100,000 is read at once. A copy is a second place of the same content. Triggers
/// keep the counts for the quota, so no way in or out can forget them.
const SCHEMA: &str = "
CREATE TABLE account (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    modseq INTEGER NOT NULL,
    uid_validity INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    messages INTEGER NOT NULL
) STRICT;

CREATE TABLE folder (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    uid_validity INTEGER NOT NULL UNIQUE,
    uid_next INTEGER NOT NULL DEFAULT 1,
    highest_modseq INTEGER NOT NULL,
    special_use TEXT UNIQUE,
    subscribed INTEGER NOT NULL
) STRICT;

CREATE TABLE file (
    number INTEGER PRIMARY KEY,
    length INTEGER NOT NULL,
    waste INTEGER NOT NULL
) STRICT;

CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    file INTEGER NOT NULL REFERENCES file,
    offset INTEGER NOT NULL,
    size INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    body BLOB NOT NULL,
    structure BLOB NOT NULL,
    preview TEXT NOT NULL,
    has_attachment INTEGER NOT NULL,
    sent INTEGER,
    sent_day INTEGER,
    subject TEXT NOT NULL,
    base_subject TEXT NOT NULL,
    from_text TEXT NOT NULL,
    to_text TEXT NOT NULL,
    cc_text TEXT NOT NULL,
    bcc_text TEXT NOT NULL,
    sort_from TEXT NOT NULL,
    sort_to TEXT NOT NULL,
    sort_cc TEXT NOT NULL,
    message_id TEXT,
    refers_to TEXT NOT NULL,
    thread TEXT
) STRICT;

CREATE TABLE message (
    folder INTEGER NOT NULL REFERENCES folder,
    uid INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    keywords TEXT,
    size INTEGER NOT NULL,
    internal_date INTEGER NOT NULL,
    content INTEGER NOT NULL REFERENCES content,
    PRIMARY KEY (folder, uid)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER message_comes AFTER INSERT ON message BEGIN
    UPDATE account SET bytes = bytes + NEW.size, messages = messages + 1;
END;
CREATE TRIGGER message_goes AFTER DELETE ON message BEGIN
    UPDATE account SET bytes = bytes - OLD.size, messages = messages - 1;
END;
CREATE INDEX message_modseq ON message (folder, modseq);
CREATE INDEX message_content ON message (content);

CREATE TABLE expunged (
    folder INTEGER NOT NULL REFERENCES folder,
    uid INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    PRIMARY KEY (folder, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX expunged_modseq ON expunged (folder, modseq);

CREATE TABLE filter (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    settings TEXT NOT NULL
) STRICT;

CREATE TABLE told (
    sender TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Whether the index was never finished: the account is new, or a crash interrupted its creation.
pub(crate) fn is_new(index: &Connection) -> Result<bool, StoreError> {
    match version(index)? {
        0 => Ok(true),
        BEFORE | VERSION => Ok(false),
        other => Err(StoreError::Broken(format!(
            "the index has form {other}, this program knows {VERSION}"
        ))),
    }
}

/// Creates the index with the folders that every account has, in one step: after a crash all of it is there, or
/// nothing. `now` is in seconds.
pub(crate) fn create(index: &mut Connection, now: i64) -> Result<(), StoreError> {
    let transaction = index.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version(&transaction)? == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.execute_batch(SENT_COPY)?;
        transaction.execute("INSERT INTO account VALUES (1, 1, 0, 0, 0)", [])?;
        folders::create_first(&transaction, now)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Brings an index of the form before to this one.
pub(crate) fn upgrade(index: &mut Connection) -> Result<(), StoreError> {
    if version(index)? != BEFORE {
        return Ok(());
    }
    let transaction = index.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version(&transaction)? == BEFORE {
        transaction.execute_batch(SENT_COPY)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

fn version(index: &Connection) -> Result<i64, StoreError> {
    Ok(index.pragma_query_value(None, "user_version", |row| row.get(0))?)
}
