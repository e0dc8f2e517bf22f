//! FETCH and STORE, and the sections of a message.

use std::fmt;

use super::cursor::{Cursor, Parsed};
use super::positions::{Positions, positions};
use crate::encode;
use crate::{Flag, SequenceSet};

/// `FETCH` or `UID FETCH`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Which messages.
    pub set: SequenceSet,
    /// Whether `set` contains UIDs.
    pub uid: bool,
    /// What to return for each; macros are expanded.
    pub items: Vec<FetchItem>,
    /// Only messages with a mod-sequence above this one (RFC 7162, section 3.1.4.1).
    pub changed_since: Option<u64>,
    /// Whether to return the UIDs of expunged messages, too (RFC 7162, section 3.2.6).
    pub vanished: bool,
    /// Only the messages at these positions of the result (RFC 9394, section 3.3).
    pub partial: Option<Positions>,
}

/// An item that FETCH can return (RFC 3501, section 6.4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// `EMAILID` (RFC 8474, section 5.1)
    EmailId,
    /// `THREADID` (RFC 8474, section 5.2)
    ThreadId,
    /// `ENVELOPE`
    Envelope,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822.SIZE`
    Size,
    /// `UID`
    Uid,
    /// `MODSEQ` (RFC 7162, section 3.1.4)
    ModSeq,
    /// `BODY`: the structure without extension data.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `RFC822`: the old name of `BODY[]`.
    Rfc822,
    /// `RFC822.HEADER`: the old name of `BODY.PEEK[HEADER]`.
    Rfc822Header,
    /// `RFC822.TEXT`: the old name of `BODY[TEXT]`.
    Rfc822Text,
    /// `BODY[...]` or `BODY.PEEK[...]`
    Section {
        /// Whether `\Seen` is not to be set.
        peek: bool,
        /// The section of the message.
        section: Section,
        /// The range of bytes within the section.
        partial: Option<Partial>,
    },
    /// `BINARY[...]` or `BINARY.PEEK[...]` (RFC 3516, section 4.2)
    Binary {
        /// Whether `\Seen` is not to be set.
        peek: bool,
        /// The part; empty for the whole message.
        part: Vec<u32>,
        /// The range of bytes within the part.
        partial: Option<Partial>,
    },
    /// `BINARY.SIZE[...]` (RFC 3516, section 4.2)
    BinarySize(Vec<u32>),
    /// `PREVIEW` (RFC 8970, section 3)
    Preview {
        /// Whether to return it only if it is available at once.
        lazy: bool,
    },
}

/// `<start.length>`: a range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The offset of the first byte.
    pub start: u32,
    /// The greatest number of bytes; at least 1.
    pub length: u32,
}

/// The section between the brackets of `BODY[...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The part's number, such as 1.2; empty for the message itself.
    pub part: Vec<u32>,
    /// The text of that part.
    pub text: SectionText,
}

/// The text of a part or message that a [`Section`] specifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// All of it; for a part, its body.
    All,
    /// `HEADER`: the header of a message.
    Header,
    /// `HEADER.FIELDS (...)` or `HEADER.FIELDS.NOT (...)`
    HeaderFields {
        /// Whether all fields but these are meant.
        not: bool,
        /// Field names as the client spelt them.
        names: Vec<String>,
    },
    /// `TEXT`: the body of a message.
    Text,
    /// `MIME`: the header of a part.
    Mime,
}

impl Section {
    /// Appends the section with its brackets, as it is written in requests and responses.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        encode_part(out, &self.part);
        if !self.part.is_empty() && self.text != SectionText::All {
            out.push(b'.');
        }
        match &self.text {
            SectionText::All => {}
            SectionText::Header => out.extend_from_slice(b"HEADER"),
            SectionText::Text => out.extend_from_slice(b"TEXT"),
            SectionText::Mime => out.extend_from_slice(b"MIME"),
            SectionText::HeaderFields { not, names } => {
                out.extend_from_slice(b"HEADER.FIELDS");
                out.extend_from_slice(if *not { b".NOT (" } else { b" (" });
                for (index, name) in names.iter().enumerate() {
                    if index > 0 {
                        out.push(b' ');
                    }
                    encode::astring(out, name.as_bytes());
                }
                out.push(b')');
            }
        }
        out.push(b']');
    }
}

/// Appends a part's number, such as `1.2`.
pub(crate) fn encode_part(out: &mut Vec<u8>, part: &[u32]) {
    for (index, number) in part.iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        out.extend_from_slice(number.to_string().as_bytes());
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        f.write_str(&String::from_utf8_lossy(&bytes))
    }
}

/// `STORE` or `UID STORE`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Which messages.
    pub set: SequenceSet,
    /// Whether `set` contains UIDs.
    pub uid: bool,
    /// Only messages with a mod-sequence up to this one (RFC 7162, section 3.1.3).
    pub unchanged_since: Option<u64>,
    /// What to do with the flags.
    pub action: StoreAction,
    /// Whether the new flags need not be returned (`.SILENT`).
    pub silent: bool,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// What STORE does with its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAction {
    /// `FLAGS`: these and no others.
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// The highest number of numbers in a part specifier. Messages nest less: they are read 64 levels deep.
const MOST_PARTS: usize = 100;

pub(super) fn fetch(c: &mut Cursor<'_>, uid: bool) -> Parsed<Fetch> {
    let set = c.sequence_set()?;
    c.space()?;
    let items = items(c)?;
    let mut fetch = Fetch {
        set,
        uid,
        items,
        changed_since: None,
        vanished: false,
        partial: None,
    };
    if c.eat(b' ') {
        c.list(|c| match c.word("a FETCH modifier")?.as_str() {
            "CHANGEDSINCE" => {
                c.space()?;
                fetch.changed_since = Some(c.number()?);
                Ok(())
            }
            "VANISHED" if uid => {
                fetch.vanished = true;
                Ok(())
            }
            "PARTIAL" if uid => {
                c.space()?;
                fetch.partial = Some(positions(c)?);
                Ok(())
            }
            _ => c.expected("a known FETCH modifier"),
        })?;
    }
    Ok(fetch)
}

fn items(c: &mut Cursor<'_>) -> Parsed<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Size};
    if c.peek() == Some(b'(') {
        return c.list(item);
    }
    if c.eat_word("FAST") {
        return Ok(vec![Flags, InternalDate, Size]);
    }
    if c.eat_word("ALL") {
        return Ok(vec![Flags, InternalDate, Size, Envelope]);
    }
    if c.eat_word("FULL") {
        return Ok(vec![Flags, InternalDate, Size, Envelope, Body]);
    }
    Ok(vec![item(c)?])
}

fn item(c: &mut Cursor<'_>) -> Parsed<FetchItem> {
    let word = c.word("a FETCH item")?;
    let bracket = c.peek() == Some(b'[');
    let item = match (word.as_str(), bracket) {
        ("EMAILID", _) => FetchItem::EmailId,
        ("THREADID", _) => FetchItem::ThreadId,
        ("ENVELOPE", _) => FetchItem::Envelope,
        ("FLAGS", _) => FetchItem::Flags,
        ("INTERNALDATE", _) => FetchItem::InternalDate,
        ("RFC822.SIZE", _) => FetchItem::Size,
        ("UID", _) => FetchItem::Uid,
        ("MODSEQ", _) => FetchItem::ModSeq,
        ("BODYSTRUCTURE", _) => FetchItem::BodyStructure,
        ("RFC822", _) => FetchItem::Rfc822,
        ("RFC822.HEADER", _) => FetchItem::Rfc822Header,
        ("RFC822.TEXT", _) => FetchItem::Rfc822Text,
        ("BODY", false) => FetchItem::Body,
        ("BODY" | "BODY.PEEK", true) => FetchItem::Section {
            peek: word == "BODY.PEEK",
            section: section(c)?,
            partial: partial(c)?,
        },
        ("BINARY" | "BINARY.PEEK", true) => FetchItem::Binary {
            peek: word == "BINARY.PEEK",
            part: bracketed_part(c)?,
            partial: partial(c)?,
        },
        ("BINARY.SIZE", true) => FetchItem::BinarySize(bracketed_part(c)?),
        ("PREVIEW", _) => FetchItem::Preview {
            lazy: preview_modifier(c)?,
        },
        _ => return c.expected("a FETCH item"),
    };
    Ok(item)
}

/// `PREVIEW (LAZY)`
fn preview_modifier(c: &mut Cursor<'_>) -> Parsed<bool> {
    if !c.eat_all(b" (") {
        return Ok(false);
    }
    if !c.eat_word("LAZY") {
        return c.expected("LAZY");
    }
    c.expect(b')', "a closing parenthesis")?;
    Ok(true)
}

fn section(c: &mut Cursor<'_>) -> Parsed<Section> {
    c.expect(b'[', "an opening bracket")?;
    let part = part(c)?;
    if c.eat(b']') {
        return Ok(Section {
            part,
            text: SectionText::All,
        });
    }
    if !part.is_empty() {
        c.expect(b'.', "a dot or a closing bracket")?;
    }
    let text = match c.word("a section")?.as_str() {
        "HEADER" => SectionText::Header,
        "TEXT" => SectionText::Text,
        "MIME" if !part.is_empty() => SectionText::Mime,
        "HEADER.FIELDS" => SectionText::HeaderFields {
            not: false,
            names: field_names(c)?,
        },
        "HEADER.FIELDS.NOT" => SectionText::HeaderFields {
            not: true,
            names: field_names(c)?,
        },
        _ => return c.expected("a section"),
    };
    c.expect(b']', "a closing bracket")?;
    Ok(Section { part, text })
}

fn field_names(c: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    c.space()?;
    c.list(Cursor::field_name)
}

fn bracketed_part(c: &mut Cursor<'_>) -> Parsed<Vec<u32>> {
    c.expect(b'[', "an opening bracket")?;
    let part = part(c)?;
    c.expect(b']', "a closing bracket")?;
    Ok(part)
}

/// `1.2.3`, or nothing. A dot that is not followed by a digit is left for the section's text.
fn part(c: &mut Cursor<'_>) -> Parsed<Vec<u32>> {
    let mut part = Vec::new();
    while c.peek().is_some_and(|b| b.is_ascii_digit()) {
        part.push(c.number32()?);
        if part.last() == Some(&0) || part.len() > MOST_PARTS {
            return c.expected("the number of a part");
        }
        if !c.dot_before_digit() {
            break;
        }
    }
    Ok(part)
}

fn partial(c: &mut Cursor<'_>) -> Parsed<Option<Partial>> {
    if !c.eat(b'<') {
        return Ok(None);
    }
    let start = c.number32()?;
    c.expect(b'.', "a dot")?;
    let length = c.number32()?;
    if length == 0 {
        return c.expected("a length above 0");
    }
    c.expect(b'>', "a closing angle bracket")?;
    Ok(Some(Partial { start, length }))
}

pub(super) fn store(c: &mut Cursor<'_>, uid: bool) -> Parsed<Store> {
    let set = c.sequence_set()?;
    c.space()?;
    let mut unchanged_since = None;
    if c.peek() == Some(b'(') {
        c.list(|c| {
            if !c.eat_word("UNCHANGEDSINCE") {
                return c.expected("UNCHANGEDSINCE");
            }
            c.space()?;
            unchanged_since = Some(c.number()?);
            Ok(())
        })?;
        c.space()?;
    }
    let action = if c.eat(b'+') {
        StoreAction::Add
    } else if c.eat(b'-') {
        StoreAction::Remove
    } else {
        StoreAction::Replace
    };
    let silent = match c.word("FLAGS")?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return c.expected("FLAGS or FLAGS.SILENT"),
    };
    c.space()?;
    let flags = if c.peek() == Some(b'(') {
        c.flag_list()?
    } else {
        bare_flags(c)?
    };
    Ok(Store {
        set,
        uid,
        unchanged_since,
        action,
        silent,
        flags,
    })
}

/// Flags without parentheses, which the grammar allows here.
fn bare_flags(c: &mut Cursor<'_>) -> Parsed<Vec<Flag>> {
    let mut flags = vec![c.flag()?];
    while c.eat(b' ') {
        flags.push(c.flag()?);
    }
    Ok(flags)
}
