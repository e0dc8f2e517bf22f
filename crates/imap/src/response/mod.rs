//! Responses as typed values, and the parser that makes them (RFC 3501 and 9051, section 7).
//!
//! Servers differ, and a message's sender has a say in what they write, so this parser is looser
//! than that of commands and loses little at a time: a code or a kind of data that it doesn't know
//! is passed over, and an item of a FETCH that it can't read is left out of the answer instead of
//! making the folder unreadable. Every value it makes is bounded by the response it came from, and
//! nesting by [`MAX_DEPTH`].
//!
//! Beyond the base it reads UIDPLUS (4315), ESEARCH (4731), SORT (5256), LIST-EXTENDED (5258),
//! LIST-STATUS (5819), SPECIAL-USE (6154), CONDSTORE and QRESYNC (7162), PREVIEW (8970).

mod body;
mod data;
mod envelope;
mod fetch;
mod scan;
mod status;

pub use self::body::{BodyStructure, Disposition, Leaf, Multipart, Params};
pub use self::data::{ESearch, ListEntry, StatusEntry};
pub use self::envelope::{Address, Envelope};
pub use self::fetch::{Fetched, SectionData};
use self::scan::{Read, Scanner};
pub use self::status::{Code, Status, StatusKind};
use crate::flag::Flag;
use crate::framing::Frame;
use crate::sequence::SequenceSet;
use crate::token::Tag;

/// How deep a message's parts may nest.
pub const MAX_DEPTH: usize = 64;

/// How many parts a message may have.
pub const MAX_PARTS: usize = 1000;

/// One response of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `+`: go on with the literal, or with the exchange. What follows it is left out.
    Continue,
    /// The answer that ends the command with this tag.
    Done(Tag, Status),
    /// `* OK`, `* NO`, `* BAD`, `* BYE` or `* PREAUTH`: something the server says by itself.
    Told(Status),
    /// Everything else behind `*`.
    Data(Data),
}

/// What a server tells behind `*`, asked or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// What the server can do, in upper case.
    Capability(Vec<String>),
    /// `LIST`: one folder.
    List(ListEntry),
    /// `STATUS`: one folder's figures.
    Status(StatusEntry),
    /// `FLAGS`: the flags in use in the open folder.
    Flags(Vec<Flag>),
    /// How many messages the open folder has.
    Exists(u32),
    /// The message with this sequence number is gone; those behind it move up.
    Expunge(u32),
    /// Messages with these UIDs are gone (RFC 7162, section 3.2.10).
    Vanished(SequenceSet),
    /// What was asked of a message, or what has changed of it.
    Fetch(Box<Fetched>),
    /// `SEARCH`: the numbers found.
    Search(Vec<u32>),
    /// `SORT`: the numbers found, in the order asked for.
    Sort(Vec<u32>),
    /// `ESEARCH`: what was found, in short.
    ESearch(ESearch),
    /// Something that this parser has no use for.
    Other,
}

/// A response that can't be read. Where the stream goes on is known all the same, so that the
/// caller may pass over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct Unreadable {
    /// How many bytes were understood.
    pub at: usize,
    /// What should have stood there.
    pub expected: &'static str,
}

/// Reads one response.
///
/// # Errors
/// [`Unreadable`] says where reading stopped.
pub fn parse(frame: &Frame) -> Result<Response, Unreadable> {
    let mut s = Scanner::new(frame.bytes());
    if s.eat(b'+') {
        return Ok(Response::Continue);
    }
    if s.eat(b'*') {
        s.space()?;
        return untagged(&mut s);
    }
    let tag = s.tag()?;
    s.space()?;
    let word = s.word("OK, NO or BAD")?;
    let kind = match StatusKind::parse(word) {
        Some(kind @ (StatusKind::Ok | StatusKind::No | StatusKind::Bad)) => kind,
        _ => return s.expected("OK, NO or BAD"),
    };
    Ok(Response::Done(tag, status::status(&mut s, kind)))
}

fn untagged(s: &mut Scanner<'_>) -> Read<Response> {
    if s.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        let number = s.number32()?;
        s.space()?;
        return numbered(s, number).map(Response::Data);
    }
    let word = s.word("a kind of response")?;
    if let Some(kind) = StatusKind::parse(word) {
        return Ok(Response::Told(status::status(s, kind)));
    }
    let data = match word.to_ascii_uppercase().as_slice() {
        b"CAPABILITY" => Data::Capability(status::capabilities(s)),
        b"LIST" => Data::List(data::list(s)?),
        b"STATUS" => Data::Status(data::status(s)?),
        b"FLAGS" => {
            s.space()?;
            Data::Flags(s.flags()?)
        }
        b"SEARCH" => Data::Search(data::numbers(s)?),
        b"SORT" => Data::Sort(data::numbers(s)?),
        b"ESEARCH" => Data::ESearch(data::esearch(s)?),
        b"VANISHED" => Data::Vanished(data::vanished(s)?),
        _ => Data::Other,
    };
    Ok(Response::Data(data))
}

fn numbered(s: &mut Scanner<'_>, number: u32) -> Read<Data> {
    let word = s.word("a kind of response")?;
    Ok(match word.to_ascii_uppercase().as_slice() {
        b"EXISTS" => Data::Exists(number),
        b"EXPUNGE" => Data::Expunge(number),
        b"FETCH" => Data::Fetch(Box::new(fetch::fetch(s, number)?)),
        _ => Data::Other,
    })
}
