//! What a server tells of folders and of searches (RFC 3501, section 7.2).

use super::{Read, Scanner};
use crate::command::StatusItem;
use crate::mailbox::{MailboxName, SpecialUse};
use crate::sequence::SequenceSet;

/// One folder of LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// Its name.
    pub mailbox: MailboxName,
    /// What parts the levels of its name; none if the server has no levels.
    pub delimiter: Option<char>,
    /// Its attributes, in lower case with their backslash.
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

    /// What it is for (RFC 6154).
    #[must_use]
    pub fn special_use(&self) -> Option<SpecialUse> {
        self.attributes
            .iter()
            .find_map(|word| SpecialUse::parse(word.strip_prefix('\\')?))
    }
}

/// One folder of STATUS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusEntry {
    /// Its name.
    pub mailbox: MailboxName,
    /// Its figures.
    pub items: Vec<(StatusItem, u64)>,
}

impl StatusEntry {
    /// One figure, if it was told.
    #[must_use]
    pub fn get(&self, item: StatusItem) -> Option<u64> {
        let found = self.items.iter().find(|(known, _)| *known == item);
        found.map(|&(_, value)| value)
    }
}

/// The result of a search in short (RFC 4731, section 3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ESearch {
    /// The command it answers, if told.
    pub tag: Option<Vec<u8>>,
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// The lowest number found.
    pub min: Option<u32>,
    /// The highest number found.
    pub max: Option<u32>,
    /// How many were found.
    pub count: Option<u32>,
    /// All of them; none were found if this was asked for and isn't there. A server can name
    /// four thousand million numbers in a dozen bytes: count before listing them.
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

/// The numbers of SEARCH and SORT, up to the end or to a `(MODSEQ ...)`.
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
