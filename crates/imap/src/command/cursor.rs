//! A position in a command's bytes, and the elements that can be read there.

use std::borrow::Cow;
use std::ops::Range;

use super::error::{MAX_DEPTH, MAX_ITEMS, Reason};
use crate::datetime::{Date, DateTime};
use crate::token::{is_astring_char, is_atom_char};
use crate::{Flag, MailboxName, SequenceSet};

/// How a client writes mailbox names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MailboxEncoding {
    /// In modified UTF-7 (RFC 3501, section 5.1.3). A name that is not ASCII is read as UTF-8.
    #[default]
    Utf7,
    /// In UTF-8: the client enabled UTF8=ACCEPT or IMAP4rev2.
    Utf8,
}

/// Where reading failed and why. The tag is added by the entry point.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) at: usize,
    pub(super) reason: Reason,
}

pub(super) type Parsed<T> = Result<T, Failure>;

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    items: usize,
    /// How the client writes mailbox names.
    encoding: MailboxEncoding,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], encoding: MailboxEncoding) -> Self {
        Self {
            encoding,
            bytes,
            at: 0,
            depth: 0,
            items: 0,
        }
    }

    pub(super) fn fail<T>(&self, reason: Reason) -> Parsed<T> {
        Err(Failure {
            at: self.at,
            reason,
        })
    }

    pub(super) fn expected<T>(&self, what: &'static str) -> Parsed<T> {
        self.fail(Reason::Expected(what))
    }

    /// `value`; if it is `None`, the failure that `what` was expected at `start`.
    fn found<T>(&self, start: usize, value: Option<T>, what: &'static str) -> Parsed<T> {
        value.ok_or(Failure {
            at: start,
            reason: Reason::Expected(what),
        })
    }

    /// The name of a header field: printable ASCII without a colon (RFC 5322, section 2.2).
    pub(super) fn field_name(&mut self) -> Parsed<String> {
        let bytes = self.astring()?.into_owned();
        let clean = !bytes.is_empty() && bytes.iter().all(|&b| b.is_ascii_graphic() && b != b':');
        match String::from_utf8(bytes) {
            Ok(name) if clean => Ok(name),
            _ => self.expected("the name of a header field"),
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Moves past `bytes`, if they are next.
    pub(super) fn eat_all(&mut self, bytes: &[u8]) -> bool {
        let there = self.bytes[self.at..].starts_with(bytes);
        self.at += if there { bytes.len() } else { 0 };
        there
    }

    /// Moves past a dot, if a dot and a digit are next.
    pub(super) fn dot_before_digit(&mut self) -> bool {
        let there = matches!(self.bytes[self.at..], [b'.', b'0'..=b'9', ..]);
        self.at += usize::from(there);
        there
    }

    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Parsed<()> {
        if self.eat(byte) {
            Ok(())
        } else {
            self.expected(what)
        }
    }

    pub(super) fn space(&mut self) -> Parsed<()> {
        self.expect(b' ', "a space")
    }

    pub(super) fn end(&self) -> Parsed<()> {
        if self.peek().is_none() {
            Ok(())
        } else {
            self.expected("the end of the line")
        }
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&b| !accept(b)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Moves past `word`, in any case, if that is the next whole word.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let start = self.at;
        let there = self
            .take_while(is_word_char)
            .eq_ignore_ascii_case(word.as_bytes());
        if !there {
            self.at = start;
        }
        there
    }

    /// A word of the protocol in upper case: letters, digits, `.`, `-`, `=`, `_`.
    pub(super) fn word(&mut self, what: &'static str) -> Parsed<String> {
        let start = self.at;
        let word = self.take_while(is_word_char);
        let word = std::str::from_utf8(word)
            .ok()
            .filter(|word| !word.is_empty());
        self.found(start, word.map(str::to_ascii_uppercase), what)
    }

    pub(super) fn until_space(&mut self) -> &'a [u8] {
        self.take_while(|b| b != b' ')
    }

    pub(super) fn number(&mut self) -> Parsed<u64> {
        let start = self.at;
        let digits = self.take_while(|b| b.is_ascii_digit());
        let value = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok());
        self.found(start, value, "a number")
    }

    pub(super) fn number32(&mut self) -> Parsed<u32> {
        let start = self.at;
        let value = u32::try_from(self.number()?).ok();
        self.found(start, value, "a number of 32 bits")
    }

    /// A sequence set, or `$` (RFC 5182, section 2.1).
    pub(super) fn sequence_set(&mut self) -> Parsed<SequenceSet> {
        if self.eat(b'$') {
            return Ok(SequenceSet::saved());
        }
        self.numbers()
    }

    /// A sequence set.
    pub(super) fn numbers(&mut self) -> Parsed<SequenceSet> {
        let start = self.at;
        let bytes = self.take_while(|b| b.is_ascii_digit() || matches!(b, b',' | b':' | b'*'));
        self.found(start, SequenceSet::parse(bytes), "a set of message numbers")
    }

    /// A literal, as the range of its bytes in the command (RFC 3501, section 4.3).
    pub(super) fn literal(&mut self) -> Parsed<Range<usize>> {
        self.expect(b'{', "a literal")?;
        let size = self.number()?;
        self.eat(b'+');
        self.expect(b'}', "the end of a literal's size")?;
        self.expect(b'\r', "a line end behind a literal's size")?;
        self.expect(b'\n', "a line end behind a literal's size")?;
        let left = self.bytes.len() - self.at;
        let start = self.at;
        let size = usize::try_from(size).ok().filter(|&size| size <= left);
        self.at += self.found(start, size, "a whole literal")?;
        Ok(start..self.at)
    }

    /// A quoted string, or a literal without NUL.
    pub(super) fn string(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => {
                let range = self.literal()?;
                let start = range.start;
                let bytes = Some(&self.bytes[range]).filter(|bytes| !bytes.contains(&0));
                self.found(start, bytes, "a literal without NUL")
                    .map(Cow::Borrowed)
            }
            _ => self.expected("a string"),
        }
    }

    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        self.expect(b'"', "a quoted string")?;
        let plain = self.take_while(|b| !matches!(b, b'"' | b'\\' | b'\r' | b'\n'));
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_vec();
        while self.eat(b'\\') {
            match self.peek() {
                Some(byte @ (b'"' | b'\\')) => text.push(byte),
                _ => return self.expected("\" or \\ behind a \\"),
            }
            self.at += 1;
            text.extend(self.take_while(|b| !matches!(b, b'"' | b'\\' | b'\r' | b'\n')));
        }
        self.expect(b'"', "a closing quote")?;
        Ok(Cow::Owned(text))
    }

    pub(super) fn nstring(&mut self) -> Parsed<Option<Cow<'a, [u8]>>> {
        if self.eat_word("NIL") {
            Ok(None)
        } else {
            self.string().map(Some)
        }
    }

    pub(super) fn astring(&mut self) -> Parsed<Cow<'a, [u8]>> {
        self.bare_or_string(is_astring_char, "a string")
    }

    /// An unquoted word of `accepted` characters, or a string.
    pub(super) fn bare_or_string(
        &mut self,
        accepted: impl Fn(u8) -> bool,
        what: &'static str,
    ) -> Parsed<Cow<'a, [u8]>> {
        if matches!(self.peek(), Some(b'"' | b'{')) {
            return self.string();
        }
        // Some programs send raw UTF-8 without quotes; what they mean is clear.
        let bare = self.take_while(|b| accepted(b) || b >= 0x80);
        if bare.is_empty() {
            self.expected(what)
        } else {
            Ok(Cow::Borrowed(bare))
        }
    }

    /// A string that must be UTF-8, such as the text of a search.
    pub(super) fn text(&mut self) -> Parsed<String> {
        let start = self.at;
        let bytes = self.astring()?.into_owned();
        self.found(start, String::from_utf8(bytes).ok(), "text in UTF-8")
    }

    pub(super) fn mailbox(&mut self) -> Parsed<MailboxName> {
        let start = self.at;
        let bytes = self.astring()?;
        let name = match self.encoding {
            MailboxEncoding::Utf7 => MailboxName::from_wire(&bytes),
            MailboxEncoding::Utf8 => MailboxName::from_utf8(&bytes),
        };
        name.map_err(|error| Failure {
            at: start,
            reason: Reason::Mailbox(error),
        })
    }

    /// How the client writes mailbox names.
    pub(super) fn encoding(&self) -> MailboxEncoding {
        self.encoding
    }

    pub(super) fn flag(&mut self) -> Parsed<Flag> {
        let start = self.at;
        let bytes = self.take_while(|b| b == b'\\' || is_atom_char(b));
        self.found(start, Flag::parse(bytes), "a flag that can be set")
    }

    /// `(\Seen word)` or `()`.
    pub(super) fn flag_list(&mut self) -> Parsed<Vec<Flag>> {
        if self.eat_all(b"()") {
            return Ok(Vec::new());
        }
        self.list(Self::flag)
    }

    pub(super) fn date(&mut self) -> Parsed<Date> {
        let start = self.at;
        let quoted = self.eat(b'"');
        let bytes = self.take_while(|b| b.is_ascii_alphanumeric() || b == b'-');
        if quoted {
            self.expect(b'"', "a closing quote")?;
        }
        self.found(start, Date::parse(bytes), "a date such as 7-Jul-2026")
    }

    pub(super) fn date_time(&mut self) -> Parsed<DateTime> {
        let start = self.at;
        let bytes = self.quoted()?;
        self.found(start, DateTime::parse(&bytes), "a date and time")
    }

    /// `(item item ...)` with at least one item.
    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.expect(b'(', "an opening parenthesis")?;
        let mut items = vec![item(self)?];
        while self.eat(b' ') {
            self.count_item()?;
            items.push(item(self)?);
        }
        self.expect(b')', "a space or a closing parenthesis")?;
        Ok(items)
    }

    /// Counts one more list item, up to [`MAX_ITEMS`] in a command.
    pub(super) fn count_item(&mut self) -> Parsed<()> {
        if self.items == MAX_ITEMS {
            return self.fail(Reason::TooMany);
        }
        self.items += 1;
        Ok(())
    }

    /// Reads something recursive, up to [`MAX_DEPTH`] deep.
    pub(super) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return self.fail(Reason::TooDeep);
        }
        self.depth += 1;
        let value = inner(self);
        self.depth -= 1;
        value
    }
}

fn is_word_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'=' | b'_')
}
