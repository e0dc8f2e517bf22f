//! Status responses and their codes (RFC 3501, section 7.1; RFC 5530).

use super::scan::Scanner;
use crate::flag::Flag;
use crate::sequence::SequenceSet;

/// Whether a command succeeded, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The kind of response.
    pub kind: StatusKind,
    /// The response code for programs, if there is one.
    pub code: Option<Code>,
    /// The text for people, without control characters. The server may have written anything.
    pub text: String,
}

/// The kinds of status response (RFC 3501, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusKind {
    /// Done.
    Ok,
    /// The command was understood but failed.
    No,
    /// The command was not understood.
    Bad,
    /// The server closes the connection.
    Bye,
    /// The connection is logged in from the start.
    PreAuth,
}

/// A response code: what a program can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// `ALREADYEXISTS`: a folder of that name exists.
    AlreadyExists,
    /// `APPENDUID`: where the appended messages are (RFC 4315, section 3).
    AppendUid {
        /// The folder's UIDVALIDITY.
        validity: u32,
        /// The messages' UIDs.
        uids: SequenceSet,
    },
    /// `AUTHENTICATIONFAILED`
    AuthenticationFailed,
    /// `CANNOT`: this will never be possible for this name or message.
    Cannot,
    /// `CAPABILITY`, in upper case.
    Capability(Vec<String>),
    /// `CLOSED`: the responses that follow are about the newly opened folder.
    Closed,
    /// `COPYUID`: where the copied messages are (RFC 4315, section 3).
    CopyUid {
        /// The target's UIDVALIDITY.
        validity: u32,
        /// The messages' UIDs in the folder they were copied from.
        from: SequenceSet,
        /// Their UIDs in the target, in the same order.
        to: SequenceSet,
    },
    /// `INUSE`: try again later.
    InUse,
    /// `LIMIT`: too many of something.
    Limit,
    /// `NONEXISTENT`: no such folder.
    NonExistent,
    /// `NOPERM`: the account is not allowed to do this.
    NoPerm,
    /// `OVERQUOTA`
    OverQuota,
    /// `PERMANENTFLAGS`: the flags that can be changed permanently.
    PermanentFlags {
        /// The flags.
        flags: Vec<Flag>,
        /// Whether new keywords can be created.
        any: bool,
    },
    /// `READ-ONLY`
    ReadOnly,
    /// `READ-WRITE`
    ReadWrite,
    /// `TOOBIG`: the message is larger than the server accepts.
    TooBig,
    /// `TRYCREATE`: the target folder doesn't exist but could be created.
    TryCreate,
    /// `UIDNEXT`
    UidNext(u32),
    /// `UIDVALIDITY`
    UidValidity(u32),
    /// `UNAVAILABLE`: a backend of the server is down; try again later.
    Unavailable,
    /// Any other code: its first word in upper case.
    Other(String),
}

impl StatusKind {
    pub(super) fn parse(word: &[u8]) -> Option<Self> {
        let kind = match word.to_ascii_uppercase().as_slice() {
            b"OK" => Self::Ok,
            b"NO" => Self::No,
            b"BAD" => Self::Bad,
            b"BYE" => Self::Bye,
            b"PREAUTH" => Self::PreAuth,
            _ => return None,
        };
        Some(kind)
    }
}

/// Reads what follows `OK`. Never fails: without a readable code, everything is text.
pub(super) fn status(s: &mut Scanner<'_>, kind: StatusKind) -> Status {
    s.spaces();
    let mut rest = s.rest();
    let mut found = None;
    if let Some(inner) = rest.strip_prefix(b"[")
        && let Some(end) = inner.iter().position(|&byte| byte == b']')
    {
        found = code(&inner[..end]);
        rest = inner[end + 1..].trim_ascii_start();
    }
    let text = String::from_utf8_lossy(rest);
    Status {
        kind,
        code: found,
        text: text.chars().filter(|c| !c.is_control()).collect(),
    }
}

/// The words up to the end, in upper case.
pub(super) fn capabilities(s: &mut Scanner<'_>) -> Vec<String> {
    s.rest()
        .split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).to_ascii_uppercase())
        .collect()
}

fn code(bytes: &[u8]) -> Option<Code> {
    let s = &mut Scanner::new(bytes);
    let word = s.word("a code").ok()?.to_ascii_uppercase();
    let word = String::from_utf8(word).ok()?;
    s.spaces();
    Some(match word.as_str() {
        "ALREADYEXISTS" => Code::AlreadyExists,
        "AUTHENTICATIONFAILED" => Code::AuthenticationFailed,
        "CANNOT" => Code::Cannot,
        "CAPABILITY" => Code::Capability(capabilities(s)),
        "CLOSED" => Code::Closed,
        "INUSE" => Code::InUse,
        "LIMIT" => Code::Limit,
        "NONEXISTENT" => Code::NonExistent,
        "NOPERM" => Code::NoPerm,
        "OVERQUOTA" => Code::OverQuota,
        "READ-ONLY" => Code::ReadOnly,
        "READ-WRITE" => Code::ReadWrite,
        "TOOBIG" => Code::TooBig,
        "TRYCREATE" => Code::TryCreate,
        "UNAVAILABLE" => Code::Unavailable,
        "UIDNEXT" => Code::UidNext(s.number32().ok()?),
        "UIDVALIDITY" => Code::UidValidity(s.number32().ok()?),
        "PERMANENTFLAGS" => Code::PermanentFlags {
            any: bytes.windows(2).any(|pair| pair == b"\\*"),
            flags: s.flags().ok()?,
        },
        "APPENDUID" => {
            let validity = s.number32().ok()?;
            s.spaces();
            let uids = s.sequence_set().ok()?;
            Code::AppendUid { validity, uids }
        }
        "COPYUID" => {
            let validity = s.number32().ok()?;
            s.spaces();
            let from = s.sequence_set().ok()?;
            s.spaces();
            let to = s.sequence_set().ok()?;
            Code::CopyUid { validity, from, to }
        }
        _ => Code::Other(word),
    })
}
