//! SEARCH, SORT and THREAD.

use super::cursor::{Cursor, Parsed};
use super::error::Reason;
use super::positions::{Positions, positions};
use crate::datetime::Date;
use crate::{Flag, SequenceSet};

/// `SEARCH` or `UID SEARCH`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Whether the answer is to contain UIDs instead of sequence numbers.
    pub uid: bool,
    /// What to return (RFC 4731, section 3.1); `None` for the basic `SEARCH` response.
    pub give: Option<ResultOptions>,
    /// Whether a character set was given.
    pub charset: bool,
    /// Which messages.
    pub key: SearchKey,
}

/// `SORT` or `UID SORT` (RFC 5256)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Whether the answer is to contain UIDs instead of sequence numbers.
    pub uid: bool,
    /// What to return (RFC 5267, section 3); `None` for the basic `SORT` response.
    pub give: Option<ResultOptions>,
    /// The sort criteria, each with whether its order is reversed.
    pub order: Vec<(SortKey, bool)>,
    /// Which messages.
    pub key: SearchKey,
}

/// `THREAD` or `UID THREAD` (RFC 5256)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Whether the answer is to contain UIDs instead of sequence numbers.
    pub uid: bool,
    /// The threading algorithm.
    pub algorithm: ThreadAlgorithm,
    /// Which messages.
    pub key: SearchKey,
}

/// The threading algorithms (RFC 5256, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// By base subject, then by sent date.
    OrderedSubject,
    /// By the references of messages, then by base subject.
    References,
}

/// The options of `RETURN (...)` (RFC 4731, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResultOptions {
    /// The lowest number.
    pub min: bool,
    /// The highest number.
    pub max: bool,
    /// All numbers; also if the list of options is empty.
    pub all: bool,
    /// How many there are.
    pub count: bool,
    /// Save the result for `$` (RFC 5182, section 2.1).
    pub save: bool,
    /// The numbers at these positions of the result (RFC 9394, section 3.1).
    pub partial: Option<Positions>,
}

impl ResultOptions {
    /// Whether the search has a response: SAVE alone has none (RFC 5182, section 2.1).
    #[must_use]
    pub fn tells(self) -> bool {
        self.min || self.max || self.all || self.count || self.partial.is_some()
    }
}

/// The sort criteria (RFC 5256, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// The internal date.
    Arrival,
    /// The first Cc address's mailbox.
    Cc,
    /// The sent date.
    Date,
    /// The first From address's mailbox.
    From,
    /// The size in bytes.
    Size,
    /// The base subject.
    Subject,
    /// The first To address's mailbox.
    To,
    /// The first From address's display name or address (RFC 5957, section 3).
    DisplayFrom,
    /// The first To address's display name or address (RFC 5957, section 3).
    DisplayTo,
}

/// Which messages a search finds (RFC 3501, section 6.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    /// Every message.
    All,
    /// The messages that all of these find.
    And(Vec<Self>),
    /// The messages that at least one of the two finds.
    Or(Box<Self>, Box<Self>),
    /// The messages that this key doesn't find.
    Not(Box<Self>),
    /// Messages with the flag.
    Flag(Flag),
    /// Messages with `\Recent`.
    Recent,
    /// Messages with these sequence numbers.
    Sequence(SequenceSet),
    /// Messages with these UIDs.
    Uid(SequenceSet),
    /// Internal date before the day.
    Before(Date),
    /// Internal date within the day.
    On(Date),
    /// Internal date within the day or later.
    Since(Date),
    /// Date field before the day.
    SentBefore(Date),
    /// Date field within the day.
    SentOn(Date),
    /// Date field within the day or later.
    SentSince(Date),
    /// Arrived at least this many seconds ago (RFC 5032, section 2).
    Older(u32),
    /// Arrived at most this many seconds ago (RFC 5032, section 2).
    Younger(u32),
    /// More bytes than this.
    Larger(u64),
    /// Fewer bytes than this.
    Smaller(u64),
    /// A header field that contains the text; any field of that name if the text is empty.
    Header {
        /// The field's name.
        name: String,
        /// The text.
        value: String,
    },
    /// The body contains the text.
    Body(String),
    /// Header or body contains the text.
    Text(String),
    /// A mod-sequence of at least this (RFC 7162, section 3.1.5).
    ModSeq(u64),
    /// The email identifier (RFC 8474, section 5.1).
    EmailId(String),
    /// The thread identifier (RFC 8474, section 5.2).
    ThreadId(String),
}

pub(super) fn search(c: &mut Cursor<'_>, uid: bool) -> Parsed<Search> {
    let give = result_options(c)?;
    let named = c.eat_word("CHARSET");
    if named {
        c.space()?;
        charset(c)?;
        c.space()?;
    }
    Ok(Search {
        uid,
        give,
        charset: named,
        key: keys(c)?,
    })
}

pub(super) fn sort(c: &mut Cursor<'_>, uid: bool) -> Parsed<Sort> {
    let give = result_options(c)?;
    let order = c.list(|c| {
        let reverse = c.eat_word("REVERSE");
        if reverse {
            c.space()?;
        }
        sort_key(c).map(|key| (key, reverse))
    })?;
    c.space()?;
    charset(c)?;
    c.space()?;
    Ok(Sort {
        uid,
        give,
        order,
        key: keys(c)?,
    })
}

pub(super) fn thread(c: &mut Cursor<'_>, uid: bool) -> Parsed<Thread> {
    let algorithm = match c.word("a threading algorithm")?.as_str() {
        "ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
        "REFERENCES" => ThreadAlgorithm::References,
        _ => return c.expected("ORDEREDSUBJECT or REFERENCES"),
    };
    c.space()?;
    charset(c)?;
    c.space()?;
    Ok(Thread {
        uid,
        algorithm,
        key: keys(c)?,
    })
}

fn sort_key(c: &mut Cursor<'_>) -> Parsed<SortKey> {
    Ok(match c.word("a sort criterion")?.as_str() {
        "ARRIVAL" => SortKey::Arrival,
        "CC" => SortKey::Cc,
        "DATE" => SortKey::Date,
        "FROM" => SortKey::From,
        "SIZE" => SortKey::Size,
        "SUBJECT" => SortKey::Subject,
        "TO" => SortKey::To,
        "DISPLAYFROM" => SortKey::DisplayFrom,
        "DISPLAYTO" => SortKey::DisplayTo,
        _ => return c.expected("a sort criterion"),
    })
}

/// `RETURN (MIN MAX ALL COUNT SAVE PARTIAL 1:9) `, if it is next.
fn result_options(c: &mut Cursor<'_>) -> Parsed<Option<ResultOptions>> {
    if !c.eat_word("RETURN") {
        return Ok(None);
    }
    c.space()?;
    let mut options = ResultOptions::default();
    if c.eat_all(b"()") {
        options.all = true;
    } else {
        c.list(|c| {
            match c.word("a result option")?.as_str() {
                "MIN" => options.min = true,
                "MAX" => options.max = true,
                "ALL" => options.all = true,
                "COUNT" => options.count = true,
                "SAVE" => options.save = true,
                "PARTIAL" => {
                    c.space()?;
                    options.partial = Some(positions(c)?);
                }
                _ => return c.expected("MIN, MAX, ALL, COUNT, SAVE or PARTIAL"),
            }
            Ok(())
        })?;
    }
    if options.all && options.partial.is_some() {
        return c.expected("ALL or PARTIAL, not both");
    }
    c.space()?;
    Ok(Some(options))
}

fn charset(c: &mut Cursor<'_>) -> Parsed<()> {
    let name = c.astring()?;
    let known = [&b"UTF-8"[..], b"US-ASCII"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known));
    if known {
        Ok(())
    } else {
        c.fail(Reason::Charset)
    }
}

/// One key, or several that must all match.
fn keys(c: &mut Cursor<'_>) -> Parsed<SearchKey> {
    let first = key(c)?;
    if c.peek() != Some(b' ') {
        return Ok(first);
    }
    let mut all = vec![first];
    while c.eat(b' ') {
        all.push(key(c)?);
    }
    Ok(SearchKey::And(all))
}

fn key(c: &mut Cursor<'_>) -> Parsed<SearchKey> {
    c.count_item()?;
    match c.peek() {
        Some(b'(') => c.nested(|c| {
            c.expect(b'(', "an opening parenthesis")?;
            let inner = keys(c)?;
            c.expect(b')', "a space or a closing parenthesis")?;
            Ok(inner)
        }),
        Some(b'0'..=b'9' | b'*' | b'$') => c.sequence_set().map(SearchKey::Sequence),
        _ => {
            let word = c.word("a search key")?;
            named_key(c, &word)
        }
    }
}

fn named_key(c: &mut Cursor<'_>, word: &str) -> Parsed<SearchKey> {
    if let Some(key) = bare_key(word) {
        return Ok(key);
    }
    if !WITH_ARGUMENT.contains(&word) {
        return c.expected("a search key");
    }
    c.space()?;
    Ok(match word {
        "BEFORE" => SearchKey::Before(c.date()?),
        "ON" => SearchKey::On(c.date()?),
        "SINCE" => SearchKey::Since(c.date()?),
        "SENTBEFORE" => SearchKey::SentBefore(c.date()?),
        "SENTON" => SearchKey::SentOn(c.date()?),
        "SENTSINCE" => SearchKey::SentSince(c.date()?),
        "OLDER" => SearchKey::Older(interval(c)?),
        "YOUNGER" => SearchKey::Younger(interval(c)?),
        "LARGER" => SearchKey::Larger(c.number()?),
        "SMALLER" => SearchKey::Smaller(c.number()?),
        "KEYWORD" => SearchKey::Flag(keyword(c)?),
        "UNKEYWORD" => not(SearchKey::Flag(keyword(c)?)),
        "UID" => SearchKey::Uid(c.sequence_set()?),
        "BODY" => SearchKey::Body(c.text()?),
        "TEXT" => SearchKey::Text(c.text()?),
        "HEADER" => {
            let name = c.field_name()?;
            c.space()?;
            SearchKey::Header {
                name,
                value: c.text()?,
            }
        }
        "MODSEQ" => mod_sequence(c)?,
        "EMAILID" => SearchKey::EmailId(c.text()?),
        "THREADID" => SearchKey::ThreadId(c.text()?),
        "NOT" => not(c.nested(key)?),
        "OR" => c.nested(|c| {
            let first = key(c)?;
            c.space()?;
            Ok(SearchKey::Or(Box::new(first), Box::new(key(c)?)))
        })?,
        field => SearchKey::Header {
            name: field.to_owned(),
            value: c.text()?,
        },
    })
}

fn bare_key(word: &str) -> Option<SearchKey> {
    let flag = |flag| Some(SearchKey::Flag(flag));
    match word {
        "ALL" => Some(SearchKey::All),
        "ANSWERED" => flag(Flag::Answered),
        "DELETED" => flag(Flag::Deleted),
        "DRAFT" => flag(Flag::Draft),
        "FLAGGED" => flag(Flag::Flagged),
        "SEEN" => flag(Flag::Seen),
        "RECENT" => Some(SearchKey::Recent),
        "OLD" => Some(not(SearchKey::Recent)),
        "NEW" => Some(SearchKey::And(vec![
            SearchKey::Recent,
            not(SearchKey::Flag(Flag::Seen)),
        ])),
        _ => word.strip_prefix("UN").and_then(|word| match word {
            "ANSWERED" | "DELETED" | "DRAFT" | "FLAGGED" | "SEEN" => bare_key(word).map(not),
            _ => None,
        }),
    }
}

const WITH_ARGUMENT: [&str; 26] = [
    "BCC",
    "BEFORE",
    "BODY",
    "CC",
    "EMAILID",
    "FROM",
    "HEADER",
    "KEYWORD",
    "LARGER",
    "MODSEQ",
    "NOT",
    "OLDER",
    "ON",
    "OR",
    "SENTBEFORE",
    "SENTON",
    "SENTSINCE",
    "SINCE",
    "SMALLER",
    "SUBJECT",
    "TEXT",
    "THREADID",
    "TO",
    "UID",
    "UNKEYWORD",
    "YOUNGER",
];

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

fn interval(c: &mut Cursor<'_>) -> Parsed<u32> {
    let seconds = c.number32()?;
    if seconds == 0 {
        c.expected("an interval above 0")
    } else {
        Ok(seconds)
    }
}

fn keyword(c: &mut Cursor<'_>) -> Parsed<Flag> {
    match c.flag()? {
        Flag::Keyword(keyword) => Ok(Flag::Keyword(keyword)),
        _ => c.expected("a keyword"),
    }
}

/// `MODSEQ ["/flags/\\Seen" all] 620162338`. The optional entry is read but ignored, as RFC 7162, section 3.1.5 allows:
/// a message has only one mod-sequence.
fn mod_sequence(c: &mut Cursor<'_>) -> Parsed<SearchKey> {
    if c.peek() == Some(b'"') {
        c.string()?;
        c.space()?;
        if !["ALL", "PRIV", "SHARED"]
            .iter()
            .any(|kind| c.eat_word(kind))
        {
            return c.expected("all, priv or shared");
        }
        c.space()?;
    }
    c.number().map(SearchKey::ModSeq)
}
