//! Commands as typed values, and their parser (RFC 3501 and 9051, section 6).
//!
//! It reads these extensions: UIDPLUS (4315), SASL-IR (4959), ID (2971), ENABLE (5161), CONDSTORE and QRESYNC (7162),
//! CREATE-SPECIAL-USE (6154), LIST-EXTENDED (5258), LIST-STATUS (5819), ESEARCH (4731), SEARCHRES (5182), PARTIAL
//! (9394), WITHIN (5032), SORT and THREAD (5256, 5957), UTF8 (6855), BINARY (3516), MULTIAPPEND (3502), OBJECTID
//! (8474), PREVIEW (8970), MOVE (6851), UNSELECT (3691), IDLE (2177), QUOTA (9208), COMPRESS (4978). A server that can
//! read an extension need not offer it: it announces what it implements.

mod cursor;
mod error;
mod fetch;
mod folder;
mod login;
mod positions;
mod search;

use std::fmt;
use std::ops::Range;

pub use self::cursor::MailboxEncoding;
use self::cursor::{Cursor, Failure, Parsed};
pub use self::error::{MAX_DEPTH, MAX_ITEMS, ParseError, Reason};
pub use self::fetch::{Fetch, FetchItem, Partial, Section, SectionText, Store, StoreAction};
pub use self::folder::{
    Append, AppendMessage, List, ListReturn, ListSelect, Resynchronization, StatusItem,
};
pub use self::login::SaslLine;
pub use self::positions::Positions;
pub use self::search::{ResultOptions, Search, SearchKey, Sort, SortKey, Thread, ThreadAlgorithm};
use crate::framing::Frame;
use crate::mailbox::SpecialUse;
use crate::token::{Secret, Tag};
use crate::{MailboxName, SequenceSet};

/// A client's command.
#[derive(Debug)]
pub struct Command {
    /// The tag, which the server's response repeats.
    pub tag: Tag,
    /// The command without its tag.
    pub body: Body,
}

/// The verb of a command with its arguments.
#[derive(Debug)]
pub enum Body {
    /// `CAPABILITY`
    Capability,
    /// `NOOP`
    Noop,
    /// `LOGOUT`
    Logout,
    /// `STARTTLS`
    StartTls,
    /// `AUTHENTICATE mechanism [initial response]`
    Authenticate {
        /// In upper case.
        mechanism: String,
        /// The initial response, decoded; empty if it was `=` (RFC 4959, section 3).
        initial: Option<Secret>,
    },
    /// `LOGIN name password`
    Login {
        /// The user name as the client sent it.
        name: Vec<u8>,
        /// The password.
        password: Secret,
    },
    /// `ID`: what the client says about itself, which may be false.
    Id(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    /// `ENABLE`, with the capabilities in upper case.
    Enable(Vec<String>),
    /// `SELECT` or `EXAMINE`
    Select {
        /// The folder.
        mailbox: MailboxName,
        /// Whether it was `EXAMINE`.
        read_only: bool,
        /// Whether the parameter `CONDSTORE` was given.
        condstore: bool,
        /// What the client knows about the folder (RFC 7162, section 3.2.5).
        resync: Option<Resynchronization>,
    },
    /// `CREATE`
    Create {
        /// The new folder.
        mailbox: MailboxName,
        /// Its special use, if the client names one.
        special_use: Option<SpecialUse>,
    },
    /// `DELETE`
    Delete(MailboxName),
    /// `RENAME`
    Rename {
        /// The folder.
        from: MailboxName,
        /// Its new name.
        to: MailboxName,
    },
    /// `SUBSCRIBE`
    Subscribe(MailboxName),
    /// `UNSUBSCRIBE`
    Unsubscribe(MailboxName),
    /// `LIST`
    List(List),
    /// `LSUB`
    Lsub {
        /// The reference name, in UTF-8.
        reference: String,
        /// The pattern, in UTF-8.
        pattern: String,
    },
    /// `STATUS`
    Status {
        /// The folder.
        mailbox: MailboxName,
        /// The values that are asked for.
        items: Vec<StatusItem>,
    },
    /// `NAMESPACE`
    Namespace,
    /// `APPEND`
    Append(Append),
    /// `GETQUOTAROOT`
    GetQuotaRoot(MailboxName),
    /// `GETQUOTA`, with the root's name.
    GetQuota(Vec<u8>),
    /// `SETQUOTA`, with the root's name. The limits are dropped, since quotas are set by the site.
    SetQuota(Vec<u8>),
    /// `COMPRESS`, with the algorithm in upper case (RFC 4978).
    Compress(String),
    /// `CHECK`
    Check,
    /// `CLOSE`
    Close,
    /// `UNSELECT`
    Unselect,
    /// `EXPUNGE`, or `UID EXPUNGE` with a set of UIDs.
    Expunge(Option<SequenceSet>),
    /// `SEARCH`
    Search(Search),
    /// `SORT`
    Sort(Sort),
    /// `THREAD`
    Thread(Thread),
    /// `FETCH`
    Fetch(Fetch),
    /// `STORE`
    Store(Store),
    /// `COPY` or `MOVE`
    Copy {
        /// Which messages.
        set: SequenceSet,
        /// Whether `set` contains UIDs.
        uid: bool,
        /// The target folder.
        mailbox: MailboxName,
        /// Whether the command was `MOVE`.
        remove: bool,
    },
    /// `IDLE`
    Idle,
}

/// A message to append. Its bytes stay in the received frame, since they may be many megabytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    frame: Frame,
    range: Range<usize>,
}

impl Message {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.frame
            .bytes()
            .get(self.range.clone())
            .unwrap_or_default()
    }

    /// The bytes as a vector of their own, without a second copy in memory.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = self.frame.into_bytes();
        bytes.truncate(self.range.end);
        bytes.drain(..self.range.start.min(bytes.len()));
        bytes
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.range.len())
    }
}

impl Command {
    /// Parses a whole command.
    ///
    /// # Errors
    /// Says at which byte parsing stopped, and what was expected there.
    pub fn parse(frame: Frame) -> Result<Self, ParseError> {
        Self::parse_with(frame, MailboxEncoding::Utf7)
    }

    /// Parses a whole command from a client that writes mailbox names as `names` says.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with(frame: Frame, names: MailboxEncoding) -> Result<Self, ParseError> {
        let bytes = frame.bytes();
        let mut cursor = Cursor::new(bytes, names);
        let tag = Tag::new(cursor.until_space());
        let parsed = match &tag {
            None => cursor.expected("a tag"),
            Some(_) => body(&mut cursor),
        };
        match (tag, parsed) {
            (Some(tag), Ok(mut body)) => {
                if let Body::Append(append) = &mut body {
                    append.hand_out(frame);
                }
                Ok(Self { tag, body })
            }
            (tag, Err(Failure { at, reason })) => Err(ParseError { tag, at, reason }),
            (None, Ok(_)) => Err(ParseError {
                tag: None,
                at: 0,
                reason: Reason::Expected("a tag"),
            }),
        }
    }
}

fn body(c: &mut Cursor<'_>) -> Parsed<Body> {
    c.space()?;
    let verb = c.word("a command")?;
    let (uid, verb) = if verb == "UID" {
        c.space()?;
        (true, c.word("a command")?)
    } else {
        (false, verb)
    };
    let body = match (verb.as_str(), uid) {
        ("CAPABILITY", false) => Body::Capability,
        ("NOOP", false) => Body::Noop,
        ("LOGOUT", false) => Body::Logout,
        ("STARTTLS", false) => Body::StartTls,
        ("NAMESPACE", false) => Body::Namespace,
        ("CHECK", false) => Body::Check,
        ("CLOSE", false) => Body::Close,
        ("UNSELECT", false) => Body::Unselect,
        ("IDLE", false) => Body::Idle,
        ("EXPUNGE", false) => Body::Expunge(None),
        _ => {
            if !KNOWN.contains(&verb.as_str()) {
                return c.fail(Reason::UnknownCommand);
            }
            c.space()?;
            with_arguments(c, &verb, uid)?
        }
    };
    c.end()?;
    Ok(body)
}

/// The commands that have arguments.
const KNOWN: [&str; 27] = [
    "AUTHENTICATE",
    "LOGIN",
    "ID",
    "ENABLE",
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST",
    "LSUB",
    "STATUS",
    "APPEND",
    "GETQUOTAROOT",
    "GETQUOTA",
    "SETQUOTA",
    "COMPRESS",
    "EXPUNGE",
    "SEARCH",
    "SORT",
    "THREAD",
    "FETCH",
    "STORE",
    "COPY",
    "MOVE",
];

fn with_arguments(c: &mut Cursor<'_>, verb: &str, uid: bool) -> Parsed<Body> {
    match (verb, uid) {
        ("EXPUNGE", true) => c.sequence_set().map(Some).map(Body::Expunge),
        ("SEARCH", _) => search::search(c, uid).map(Body::Search),
        ("SORT", _) => search::sort(c, uid).map(Body::Sort),
        ("THREAD", _) => search::thread(c, uid).map(Body::Thread),
        ("FETCH", _) => fetch::fetch(c, uid).map(Body::Fetch),
        ("STORE", _) => fetch::store(c, uid).map(Body::Store),
        ("COPY" | "MOVE", _) => {
            let set = c.sequence_set()?;
            c.space()?;
            let mailbox = c.mailbox()?;
            Ok(Body::Copy {
                set,
                uid,
                mailbox,
                remove: verb == "MOVE",
            })
        }
        (_, true) => c.expected("a command that takes UIDs"),
        ("AUTHENTICATE", _) => login::authenticate(c),
        ("LOGIN", _) => login::login(c),
        ("ID", _) => login::id(c),
        ("ENABLE", _) => login::enable(c),
        ("SELECT" | "EXAMINE", _) => folder::select(c, verb == "EXAMINE"),
        ("CREATE", _) => folder::create(c),
        ("DELETE", _) => c.mailbox().map(Body::Delete),
        ("RENAME", _) => {
            let from = c.mailbox()?;
            c.space()?;
            let to = c.mailbox()?;
            Ok(Body::Rename { from, to })
        }
        ("SUBSCRIBE", _) => c.mailbox().map(Body::Subscribe),
        ("UNSUBSCRIBE", _) => c.mailbox().map(Body::Unsubscribe),
        ("LIST", _) => folder::list(c).map(Body::List),
        ("LSUB", _) => folder::lsub(c),
        ("STATUS", _) => folder::status(c),
        ("APPEND", _) => folder::append(c).map(Body::Append),
        ("GETQUOTAROOT", _) => c.mailbox().map(Body::GetQuotaRoot),
        ("GETQUOTA", _) => c.astring().map(|root| Body::GetQuota(root.into_owned())),
        ("SETQUOTA", _) => folder::set_quota(c),
        ("COMPRESS", _) => c.word("an algorithm").map(Body::Compress),
        _ => c.fail(Reason::UnknownCommand),
    }
}
