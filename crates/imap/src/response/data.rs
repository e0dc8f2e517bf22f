//! What a server says about folders and searches (RFC 3501, section 7.2).

use super::scan::{Read, Scanner};
use crate::command::StatusItem;
use crate::mailbox::{MailboxName, SpecialUse};
use crate::sequence::SequenceSet;

/// A folder in a LIST response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// Its name.
    pub mailbox: MailboxName,
    /// The hierarchy delimiter; `None` if the server has no hierarchy.
    pub delimiter: Option<char>,
    /// Its attributes, in lower case and with their backslash.
    pub attributes: Vec<String>,
}

impl ListEntry {
    /// Whether it can be opened (RFC 3501, section 7.2.2; RFC 5258, section 3).
    #[must_use]
    pub fn is_selectable(&self) -> bool {
        !self
            .attributes
            .iter()
            .any(|word| word == "\\noselect" || word == "\\nonexistent")
    }

    /// Its special use (RFC 6154, section 2).
    #[must_use]
    pub fn special_use(&self) -> Option<SpecialUse> {
        self.attributes
            .iter()
            .find_map(|word| SpecialUse::parse(word.strip_prefix('\\')?))
    }
}

/// A folder in a STATUS response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusEntry {
    /// Its name.
    pub mailbox: MailboxName,
    /// Its values.
    pub items: Vec<(StatusItem, u64)>,
}

impl StatusEntry {
    /// One value, if the response contains it.
    #[must_use]
    pub fn get(&self, item: StatusItem) -> Option<u64> {
        let found = self.items.iter().find(|(known, _)| *known == item);
        found.map(|&(_, value)| value)
    }
}

/// The summary of a search's result (RFC 4731, section 3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ESearch {
    /// The tag of the search command, if the server sent it.
    pub tag: Option<Vec<u8>>,
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// The lowest number found.
    pub min: Option<u32>,
    /// The highest number found.
    pub max: Option<u32>,
    /// How many were found.
    pub count: Option<u32>,
    /// All of them. If it was asked for and is missing, none were found. A few bytes can name four thousand million
    /// numbers, so check the count before listing them.
    pub all: Option<SequenceSet>,
}

pub(super) fn list(s: &mut Scanner<'_>) -> Read<ListEntry> {
    s.space()?;
    let mut attributes = Vec::new();
    s.list(|s| {
        let word = s.take_while(|byte| !matches!(byte, b' ' | b'(' | b')'));
        attributes.push(String::from_utf8_lossy(word).to_ascii_lowercase());
        Ok(())
    })?;
    s.space()?;
    let delimiter = s.nstring()?;
    let delimiter = delimiter
        .as_deref()
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.chars().next());
    s.space()?;
    Ok(ListEntry {
        mailbox: s.mailbox()?,
        delimiter,
        attributes,
    })
}

pub(super) fn status(s: &mut Scanner<'_>) -> Read<StatusEntry> {
    s.space()?;
    let mailbox = s.mailbox()?;
    s.space()?;
    let mut items = Vec::new();
    s.list(|s| {
        let word = s.word("a figure's name")?;
        s.space()?;
        let known = StatusItem::ALL
            .into_iter()
            .find(|item| item.as_str().as_bytes().eq_ignore_ascii_case(word));
        if let Some(item) = known {
            items.extend(s.or_skip(Scanner::number)?.map(|value| (item, value)));
            Ok(())
        } else {
            s.skip()
        }
    })?;
    Ok(StatusEntry { mailbox, items })
}

/// The numbers of SEARCH and SORT, up to the end or to `(MODSEQ ...)`.
pub(super) fn numbers(s: &mut Scanner<'_>) -> Read<Vec<u32>> {
    let mut numbers = Vec::new();
    s.spaces();
    while s.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        numbers.push(s.number32()?);
        s.spaces();
    }
    Ok(numbers)
}

pub(super) fn vanished(s: &mut Scanner<'_>) -> Read<SequenceSet> {
    s.space()?;
    if s.peek() == Some(b'(') {
        s.skip()?;
        s.space()?;
    }
    s.sequence_set()
}

pub(super) fn esearch(s: &mut Scanner<'_>) -> Read<ESearch> {
    let mut found = ESearch::default();
    s.spaces();
    if s.peek() == Some(b'(') {
        s.list(|s| {
            let word = s.word("TAG")?;
            s.space()?;
            let value = s.astring()?;
            if word.eq_ignore_ascii_case(b"TAG") {
                found.tag = Some(value.into_owned());
            }
            Ok(())
        })?;
        s.spaces();
    }
    while !s.at_end() {
        let word = s.word("a kind of result")?.to_ascii_uppercase();
        s.spaces();
        match word.as_slice() {
            b"UID" => found.uid = true,
            b"MIN" => found.min = Some(s.number32()?),
            b"MAX" => found.max = Some(s.number32()?),
            b"COUNT" => found.count = Some(s.number32()?),
            b"ALL" => found.all = Some(s.sequence_set()?),
            _ => s.skip()?,
        }
        s.spaces();
    }
    Ok(found)
}
