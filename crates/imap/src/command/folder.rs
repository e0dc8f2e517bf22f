//! The commands about folders.

use super::cursor::{Cursor, MailboxEncoding, Parsed};
use super::error::Reason;
use super::{Body, Message};
use crate::datetime::DateTime;
use crate::framing::Frame;
use crate::mailbox::{self, SpecialUse};
use crate::token::is_list_char;
use crate::{Flag, MailboxName, SequenceSet};

/// `LIST` in its basic and its extended form (RFC 5258, section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The reference name that patterns are relative to, in UTF-8.
    pub reference: String,
    /// Patterns in UTF-8, with the wildcards `%` and `*`.
    pub patterns: Vec<String>,
    /// Which folders.
    pub select: ListSelect,
    /// What to return for each.
    pub give: ListReturn,
    /// Whether the extended syntax was used. If so, an empty pattern doesn't ask for the delimiter.
    pub extended: bool,
}

/// Selection options of LIST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListSelect {
    /// `SUBSCRIBED`
    pub subscribed: bool,
    /// `REMOTE`
    pub remote: bool,
    /// `RECURSIVEMATCH`
    pub recursive_match: bool,
    /// `SPECIAL-USE`
    pub special_use: bool,
}

/// Return options of LIST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListReturn {
    /// `SUBSCRIBED`
    pub subscribed: bool,
    /// `CHILDREN`
    pub children: bool,
    /// `SPECIAL-USE`
    pub special_use: bool,
    /// `STATUS (...)`; empty if not asked for.
    pub status: Vec<StatusItem>,
}

/// A value that STATUS can return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// How many messages there are.
    Messages,
    /// How many are `\Recent`.
    Recent,
    /// The UID that the next message will get, or a higher one.
    UidNext,
    /// The folder's UIDVALIDITY.
    UidValidity,
    /// How many messages lack `\Seen`.
    Unseen,
    /// How many messages have `\Deleted` (RFC 9051, section 6.3.11).
    Deleted,
    /// The sum of the messages' sizes in bytes (RFC 8438, section 3).
    Size,
    /// The highest mod-sequence (RFC 7162, section 3.1.7).
    HighestModSeq,
    /// The sum of the sizes of the messages that have `\Deleted`, in bytes (RFC 9208, section 4.1.4).
    DeletedStorage,
    /// The folder's identifier (RFC 8474, section 4.3), the only value that is not a number.
    MailboxId,
}

impl StatusItem {
    pub(crate) const ALL: [Self; 10] = [
        Self::Messages,
        Self::Recent,
        Self::UidNext,
        Self::UidValidity,
        Self::Unseen,
        Self::Deleted,
        Self::Size,
        Self::HighestModSeq,
        Self::DeletedStorage,
        Self::MailboxId,
    ];

    /// Its name in the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::Recent => "RECENT",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
            Self::Deleted => "DELETED",
            Self::Size => "SIZE",
            Self::HighestModSeq => "HIGHESTMODSEQ",
            Self::DeletedStorage => "DELETED-STORAGE",
            Self::MailboxId => "MAILBOXID",
        }
    }
}

/// `APPEND` of one message or several (RFC 3502).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The folder to add to.
    pub mailbox: MailboxName,
    /// The messages, at least one.
    pub messages: Vec<AppendMessage>,
}

/// A message of an [`Append`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendMessage {
    /// The flags to set.
    pub flags: Vec<Flag>,
    /// The internal date; without one, it is the time of the APPEND.
    pub date: Option<DateTime>,
    /// The message.
    pub message: Message,
    /// Whether it was sent as `~{n}` and so may contain NUL (RFC 3516, section 4.4).
    pub binary: bool,
    /// Whether the client says that its header is in UTF-8 (RFC 6855, section 4).
    pub utf8: bool,
}

impl Append {
    /// Gives each message its bytes of the command.
    pub(super) fn hand_out(&mut self, frame: Frame) {
        if let [only] = &mut self.messages[..] {
            only.message.frame = frame;
            return;
        }
        for one in &mut self.messages {
            let bytes = frame.bytes()[one.message.range.clone()].to_vec();
            one.message = Message {
                range: 0..bytes.len(),
                frame: Frame::new(bytes),
            };
        }
    }
}

/// What a client that opens a folder again knows about it (RFC 7162, section 3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resynchronization {
    /// The UIDVALIDITY that it remembers.
    pub uid_validity: u32,
    /// The mod-sequence up to which the client knows the folder's changes.
    pub modseq: u64,
    /// The UIDs that the client knows; all if it doesn't say.
    pub known: Option<SequenceSet>,
}

/// `SELECT` and `EXAMINE` with their parameters. QRESYNC's pairs of sequence numbers and UIDs are read but not kept:
/// they only help servers that forget which messages were expunged.
pub(super) fn select(c: &mut Cursor<'_>, read_only: bool) -> Parsed<Body> {
    let mailbox = c.mailbox()?;
    let mut condstore = false;
    let mut resync = None;
    if c.eat(b' ') {
        c.list(|c| {
            if c.eat_word("CONDSTORE") {
                condstore = true;
                return Ok(());
            }
            if !c.eat_word("QRESYNC") {
                return c.expected("CONDSTORE or QRESYNC");
            }
            c.space()?;
            resync = Some(resynchronization(c)?);
            Ok(())
        })?;
    }
    Ok(Body::Select {
        mailbox,
        read_only,
        condstore,
        resync,
    })
}

/// `(uidvalidity modseq [known-uids] [(seqs uids)])` (RFC 7162, section 3.2.5)
fn resynchronization(c: &mut Cursor<'_>) -> Parsed<Resynchronization> {
    c.expect(b'(', "what is known of the folder")?;
    let uid_validity = c.number32()?;
    c.space()?;
    let modseq = c.number()?;
    let mut known = None;
    while c.eat(b' ') {
        if c.eat(b'(') {
            c.numbers()?;
            c.space()?;
            c.numbers()?;
            c.expect(b')', "a closing parenthesis")?;
        } else {
            known = Some(c.numbers()?);
        }
    }
    c.expect(b')', "a closing parenthesis")?;
    Ok(Resynchronization {
        uid_validity,
        modseq,
        known,
    })
}

/// `SETQUOTA root (resource limit ...)` (RFC 9208, section 4.1.3)
pub(super) fn set_quota(c: &mut Cursor<'_>) -> Parsed<Body> {
    let root = c.astring()?.into_owned();
    c.space()?;
    c.expect(b'(', "a list of limits")?;
    while !c.eat(b')') {
        c.eat(b' ');
        c.word("a resource")?;
        c.space()?;
        c.number()?;
        c.count_item()?;
    }
    Ok(Body::SetQuota(root))
}

/// `CREATE name [(USE (\Sent))]` (RFC 6154, section 3).
pub(super) fn create(c: &mut Cursor<'_>) -> Parsed<Body> {
    let mailbox = c.mailbox()?;
    let mut special_use = None;
    if c.eat(b' ') {
        c.expect(b'(', "a list of parameters")?;
        if !c.eat_word("USE") {
            return c.expected("USE");
        }
        c.space()?;
        special_use = c.list(use_attribute)?.first().copied();
        c.expect(b')', "a closing parenthesis")?;
    }
    Ok(Body::Create {
        mailbox,
        special_use,
    })
}

fn use_attribute(c: &mut Cursor<'_>) -> Parsed<SpecialUse> {
    let known = if c.eat(b'\\') {
        SpecialUse::parse(&c.word("a special use")?)
    } else {
        None
    };
    match known {
        Some(known) => Ok(known),
        None => c.expected("a special use such as \\Sent"),
    }
}

pub(super) fn lsub(c: &mut Cursor<'_>) -> Parsed<Body> {
    let reference = reference(c)?;
    c.space()?;
    Ok(Body::Lsub {
        reference,
        pattern: pattern(c)?,
    })
}

pub(super) fn list(c: &mut Cursor<'_>) -> Parsed<List> {
    let mut select = ListSelect::default();
    let mut give = ListReturn::default();
    let mut extended = false;
    if c.peek() == Some(b'(') {
        extended = true;
        options(c, |c, option| {
            match option {
                "SUBSCRIBED" => select.subscribed = true,
                "REMOTE" => select.remote = true,
                "RECURSIVEMATCH" => select.recursive_match = true,
                "SPECIAL-USE" => select.special_use = true,
                _ => return c.expected("a known selection option"),
            }
            Ok(())
        })?;
        c.space()?;
    }
    let reference = reference(c)?;
    c.space()?;
    let patterns = if c.peek() == Some(b'(') {
        extended = true;
        c.list(pattern)?
    } else {
        vec![pattern(c)?]
    };
    if c.eat(b' ') {
        extended = true;
        if !c.eat_word("RETURN") {
            return c.expected("RETURN");
        }
        c.space()?;
        options(c, |c, option| {
            match option {
                "SUBSCRIBED" => give.subscribed = true,
                "CHILDREN" => give.children = true,
                "SPECIAL-USE" => give.special_use = true,
                "STATUS" => {
                    c.space()?;
                    give.status = c.list(status_item)?;
                }
                _ => return c.expected("a known return option"),
            }
            Ok(())
        })?;
    }
    Ok(List {
        reference,
        patterns,
        select,
        give,
        extended,
    })
}

/// `(WORD WORD ...)` or `()`.
fn options(
    c: &mut Cursor<'_>,
    mut each: impl FnMut(&mut Cursor<'_>, &str) -> Parsed<()>,
) -> Parsed<()> {
    c.expect(b'(', "a list of options")?;
    if c.eat(b')') {
        return Ok(());
    }
    loop {
        let option = c.word("an option")?;
        each(c, &option)?;
        if c.eat(b')') {
            return Ok(());
        }
        c.space()?;
    }
}

fn reference(c: &mut Cursor<'_>) -> Parsed<String> {
    let bytes = c.astring()?;
    utf8_name(c, &bytes)
}

fn pattern(c: &mut Cursor<'_>) -> Parsed<String> {
    let bytes = c.bare_or_string(is_list_char, "a mailbox pattern")?;
    utf8_name(c, &bytes)
}

fn utf8_name(c: &Cursor<'_>, bytes: &[u8]) -> Parsed<String> {
    let decoded = if bytes.is_ascii() && c.encoding() == MailboxEncoding::Utf7 {
        mailbox::decode_utf7(bytes)
    } else {
        String::from_utf8(bytes.to_vec()).map_err(|_| mailbox::NameError::Utf8)
    };
    match decoded {
        Ok(name) => Ok(name),
        Err(error) => c.fail(Reason::Mailbox(error)),
    }
}

pub(super) fn status(c: &mut Cursor<'_>) -> Parsed<Body> {
    let mailbox = c.mailbox()?;
    c.space()?;
    Ok(Body::Status {
        mailbox,
        items: c.list(status_item)?,
    })
}

fn status_item(c: &mut Cursor<'_>) -> Parsed<StatusItem> {
    match StatusItem::ALL
        .into_iter()
        .find(|item| c.eat_word(item.as_str()))
    {
        Some(item) => Ok(item),
        None => c.expected("a status item"),
    }
}

pub(super) fn append(c: &mut Cursor<'_>) -> Parsed<Append> {
    let mailbox = c.mailbox()?;
    c.space()?;
    let mut messages = vec![append_message(c)?];
    while c.eat(b' ') {
        c.count_item()?;
        messages.push(append_message(c)?);
    }
    Ok(Append { mailbox, messages })
}

fn append_message(c: &mut Cursor<'_>) -> Parsed<AppendMessage> {
    let mut flags = Vec::new();
    if c.peek() == Some(b'(') {
        flags = c.flag_list()?;
        c.space()?;
    }
    let mut date = None;
    if c.peek() == Some(b'"') {
        date = Some(c.date_time()?);
        c.space()?;
    }
    // `UTF8 (~{n}...)` (RFC 6855, section 4)
    let utf8 = c.eat_word("UTF8");
    if utf8 {
        c.space()?;
        c.expect(b'(', "an opening parenthesis")?;
    }
    let binary = c.eat(b'~');
    if utf8 && !binary {
        return c.expected("a literal8");
    }
    let range = c.literal()?;
    if utf8 {
        c.expect(b')', "a closing parenthesis")?;
    }
    // The whole frame replaces this empty one after the command has been parsed.
    let message = Message {
        frame: Frame::new(Vec::new()),
        range,
    };
    Ok(AppendMessage {
        flags,
        date,
        message,
        binary,
        utf8,
    })
}
