//! Responses as typed values, and their parser (RFC 3501 and 9051, section 7).
//!
//! Servers differ, and the sender of a message influences what they write. So this parser is more tolerant than that of
//! commands, and an error costs little: an unknown code or kind of data is skipped, and an item of a FETCH that can't
//! be read is left out instead of making the folder unreadable. Every value is bounded by the size of its response, and
//! nesting by [`MAX_DEPTH`].
//!
//! It reads these extensions: UIDPLUS (4315), ESEARCH (4731), SORT (5256), LIST-EXTENDED (5258), LIST-STATUS (5819),
//! SPECIAL-USE (6154), CONDSTORE and QRESYNC (7162), PREVIEW (8970).

mod body;
mod data;
mod envelope;
mod fetch;
mod scan;
mod status;

pub use self::body::MAX_PARTS;
pub use self::body::{BodyStructure, Disposition, Leaf, Multipart, Params};
pub use self::data::{ESearch, ListEntry, StatusEntry};
pub use self::envelope::{Address, Envelope};
pub use self::fetch::{Fetched, SectionData};
pub use self::scan::{MAX_DEPTH, Unreadable};
use self::scan::{Read, Scanner};
pub use self::status::{Code, Status, StatusKind};
use crate::flag::Flag;
use crate::framing::Frame;
use crate::sequence::SequenceSet;
use crate::token::Tag;

/// A server's response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `+`: the server waits for the literal, or for the next step of the exchange. The text after it is dropped.
    Continue,
    /// The response that completes the command with this tag.
    Done(Tag, Status),
    /// `* OK`, `* NO`, `* BAD`, `* BYE` or `* PREAUTH`: an untagged status response.
    UntaggedStatus(Status),
    /// Every other untagged response.
    Data(Data),
}

/// The data of an untagged response, which the client may not have asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// The server's capabilities, in upper case.
    Capability(Vec<String>),
    /// `LIST`: one folder.
    List(ListEntry),
    /// `STATUS`: values of one folder.
    Status(StatusEntry),
    /// `FLAGS`: the flags in use in the open folder.
    Flags(Vec<Flag>),
    /// How many messages the open folder has.
    Exists(u32),
    /// The message with this sequence number was expunged; the numbers of later messages go down by one.
    Expunge(u32),
    /// The messages with these UIDs were expunged (RFC 7162, section 3.2.10).
    Vanished(SequenceSet),
    /// What was asked about a message, or what has changed.
    Fetch(Box<Fetched>),
    /// `SEARCH`: the numbers found.
    Search(Vec<u32>),
    /// `SORT`: the numbers found, in the order asked for.
    Sort(Vec<u32>),
    /// `ESEARCH`: a summary of the result.
    ESearch(ESearch),
    /// Something that this parser doesn't know.
    Other,
}

/// Reads one response.
///
/// # Errors
/// [`Unreadable`] says where parsing stopped.
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
        return Ok(Response::UntaggedStatus(status::status(s, kind)));
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
