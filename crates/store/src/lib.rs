//! The mail store: a folder an account, with one SQLite index and append-only message files. Nothing is shared between
//! accounts.
//!
//! A delivery appends the bytes to the account's message file, behind a record that says where they belong, syncs it
//! (and the folder, when the file is new), and commits to the index without waiting for the disk: one sync a delivery,
//! or fewer, since messages that wait at the same account at the same time share it. What a crash takes from the index
//! is found in the message file when the account is opened next (`recovery`). Everything else (flags, COPY, MOVE,
//! EXPUNGE, folders) touches the index alone, by a commit that is synced and takes all earlier ones along.
//!
//! What is written, in which order, before an operation is said to be done:
//!
//! | operation | writes |
//! |---|---|
//! | a new account | its folder, the store's folder synced; the index with its first folders, one synced commit |
//! | delivery, APPEND (one message or several) | the records and messages into the message file, behind them zeros now and then; the file synced, and the account's folder if the file is new; then one commit of the index, not synced (what it holds is prepared while the disk is at it) |
//! | APPEND of what the server kept a copy of | the same, but the commit is synced: the copy goes by it |
//! | STORE, COPY, MOVE, EXPUNGE, removal by POP3 | one synced commit |
//! | a folder made, renamed (with those below), deleted, subscribed to | one synced commit |
//! | how mail is filed, whom a vacation notice was sent to | one synced commit |
//! | compaction | what is left of a message file into a new one; that synced, and the account's folder; one synced commit; the old file removed |
//! | texts for searches | `texts.db`, not synced, behind all of the above; made again from the mail where it is missing or damaged |
//! | opening an account | nothing; after a crash, one synced commit with the records that the index lacks |
//!
//! The bytes of expunged messages stay in the file and are counted as waste; where it is much, the file is written anew
//! without them (`compaction`).
//!
//! A mailbox opens for [`Admitted`](sekisho_checkpoint::Admitted), through [`Store::open`], and for two narrow
//! capabilities besides: [`Delivery`], which only adds, and [`Operator`], which the command line holds. There is no
//! other way to a message.
//!
//! In reading order:
//! - `store` and `capability`: the ways in; `mailbox`: what IMAP works with
//! - `message`, `list`, `flags`, `uid`, `name`, `limits`: their words
//! - `accounts` and `account`: what is open of an account; `blocking`: where its work is done
//! - `append`, with `pending` and `insert`: adding messages in groups; `sent`: copies of what was sent
//! - `files` of `record`s, each message at its `location`: the message files; `recovery`: what a crash interrupted;
//!   `compaction`: the room of what is gone
//! - `summary`, with what [`describe`] says in IMAP's words: what the index keeps of a message
//! - `schema`, `counters`, `folders`, `messages`: the index; `snapshots`: folders that are remembered; `filter`: how a
//!   person wants mail filed
//! - `texts`: what searches read
//! - `check` and `backup`: the operator's; [`mbox`]: a form in which mail moves

mod account;
mod accounts;
mod append;
mod backup;
mod blocking;
mod capability;
mod check;
mod compaction;
mod counters;
pub mod describe;
mod error;
mod files;
mod filter;
mod flags;
mod folders;
mod insert;
mod limits;
mod list;
mod location;
mod mailbox;
pub mod mbox;
mod message;
mod messages;
mod name;
mod pending;
mod record;
mod recovery;
mod schema;
mod sent;
mod snapshots;
mod store;
mod summary;
#[cfg(test)]
mod tests;
mod texts;
mod uid;

#[cfg(fuzzing)]
pub mod fuzzing {
    //! Ways for `fuzz/` to code that is otherwise private. Each panics where a promise doesn't hold.

    pub use crate::mbox::fuzz as mbox;
    pub use crate::record::fuzz as record;
    pub use crate::recovery::fuzz as recovery;
    pub use crate::texts::fuzz as search_text;
}

pub use backup::Copied as BackedUp;
pub use capability::{Delivery, Operator};
pub use check::Report;
pub use compaction::Compacted;
pub use error::StoreError;
pub use flags::{FlagChange, Flags};
pub use limits::Limits;
pub use list::{MessageList, MessageState};
pub use mailbox::{Content, Mailbox};
pub use message::{
    Appended, Changes, Copied, Folder, MessageRow, NewMessage, SearchKeys, Snapshot, SpecialUse,
    Status, Stored, ThreadKeys, Usage,
};
pub use name::{FolderName, NameError};
pub use store::Store;
pub use texts::Needle;
pub use uid::{ContentId, FolderId, ModSeq, Uid, UidSet, UidValidity};
