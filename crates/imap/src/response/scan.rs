//! A position in a response's bytes, and the elements that can be read there.
//!
//! This is not the commands' cursor, because it is more tolerant: it accepts bytes above 127 in quotes, a backslash
//! before any character, NULs in literals, and runs of spaces.

use std::borrow::Cow;

use crate::flag::Flag;
use crate::mailbox::MailboxName;
use crate::sequence::SequenceSet;
use crate::token::{Tag, is_astring_char, is_atom_char};

/// How deep a message's parts may nest.
pub const MAX_DEPTH: usize = 64;

/// A response that can't be parsed. The next response can still be read, so the caller may skip this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct Unreadable {
    /// How many bytes were parsed before the error.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

pub(super) type Read<T> = Result<T, Unreadable>;

pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            depth: 0,
        }
    }

    pub(super) fn expected<T>(&self, expected: &'static str) -> Read<T> {
        Err(Unreadable {
            at: self.at,
            expected,
        })
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Read<()> {
        if self.eat(byte) {
            Ok(())
        } else {
            self.expected(what)
        }
    }

    /// Skips spaces, if any.
    pub(super) fn spaces(&mut self) {
        self.take_while(|byte| byte == b' ');
    }

    pub(super) fn space(&mut self) -> Read<()> {
        self.expect(b' ', "a space")?;
        self.spaces();
        Ok(())
    }

    pub(super) fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|&b| !accept(b)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A run of atom characters.
    pub(super) fn word(&mut self, what: &'static str) -> Read<&'a [u8]> {
        let word = self.take_while(is_atom_char);
        if word.is_empty() {
            self.expected(what)
        } else {
            Ok(word)
        }
    }

    pub(super) fn tag(&mut self) -> Read<Tag> {
        match Tag::new(self.take_while(|byte| byte != b' ')) {
            Some(tag) => Ok(tag),
            None => self.expected("a tag"),
        }
    }

    pub(super) fn number(&mut self) -> Read<u64> {
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        match std::str::from_utf8(digits).map(str::parse) {
            Ok(Ok(number)) => Ok(number),
            _ => self.expected("a number"),
        }
    }

    pub(super) fn number32(&mut self) -> Read<u32> {
        match u32::try_from(self.number()?) {
            Ok(number) => Ok(number),
            Err(_) => self.expected("a number of 32 bits"),
        }
    }

    pub(super) fn sequence_set(&mut self) -> Read<SequenceSet> {
        let bytes = self.take_while(|b| b.is_ascii_digit() || matches!(b, b',' | b':' | b'*'));
        match SequenceSet::parse(bytes) {
            Some(set) => Ok(set),
            None => self.expected("a set of message numbers"),
        }
    }

    fn eat_nil(&mut self) -> bool {
        let there = self
            .rest()
            .get(..3)
            .is_some_and(|word| word.eq_ignore_ascii_case(b"NIL"));
        self.at += if there { 3 } else { 0 };
        there
    }

    /// A quoted string, a literal or a `literal8` (RFC 3516, section 4.2).
    pub(super) fn string(&mut self) -> Read<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{' | b'~') => self.literal().map(Cow::Borrowed),
            _ => self.expected("a string"),
        }
    }

    fn quoted(&mut self) -> Read<Cow<'a, [u8]>> {
        let ordinary = |b| !matches!(b, b'"' | b'\\' | b'\r' | b'\n');
        self.expect(b'"', "a quoted string")?;
        let plain = self.take_while(ordinary);
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_vec();
        while self.eat(b'\\') {
            match self.peek() {
                Some(byte) if !matches!(byte, b'\r' | b'\n') => text.push(byte),
                _ => return self.expected("a character behind a \\"),
            }
            self.at += 1;
            text.extend_from_slice(self.take_while(ordinary));
        }
        self.expect(b'"', "a closing quote")?;
        Ok(Cow::Owned(text))
    }

    fn literal(&mut self) -> Read<&'a [u8]> {
        self.eat(b'~');
        self.expect(b'{', "a literal")?;
        let size = self.number()?;
        self.eat(b'+');
        self.expect(b'}', "the end of a literal's size")?;
        self.expect(b'\r', "a line end behind a literal's size")?;
        self.expect(b'\n', "a line end behind a literal's size")?;
        let bytes = usize::try_from(size)
            .ok()
            .and_then(|size| self.rest().get(..size));
        match bytes {
            Some(bytes) => {
                self.at += bytes.len();
                Ok(bytes)
            }
            None => self.expected("a whole literal"),
        }
    }

    pub(super) fn nstring(&mut self) -> Read<Option<Cow<'a, [u8]>>> {
        if self.eat_nil() {
            Ok(None)
        } else {
            self.string().map(Some)
        }
    }

    /// Like [`Self::nstring`], but owned.
    pub(super) fn owned(&mut self) -> Read<Option<Vec<u8>>> {
        self.nstring().map(|text| text.map(Cow::into_owned))
    }

    pub(super) fn astring(&mut self) -> Read<Cow<'a, [u8]>> {
        if matches!(self.peek(), Some(b'"' | b'{')) {
            return self.string();
        }
        let bare = self.take_while(|byte| is_astring_char(byte) || byte >= 0x80);
        if bare.is_empty() {
            self.expected("a string")
        } else {
            Ok(Cow::Borrowed(bare))
        }
    }

    pub(super) fn mailbox(&mut self) -> Read<MailboxName> {
        match MailboxName::from_wire(&self.astring()?) {
            Ok(name) => Ok(name),
            Err(_) => self.expected("a folder's name"),
        }
    }

    /// Flags in parentheses. Those that a client can't set, such as `\Recent` and `\*`, are left out.
    pub(super) fn flags(&mut self) -> Read<Vec<Flag>> {
        let mut flags = Vec::new();
        self.list(|s| {
            let word = s.take_while(|b| !matches!(b, b' ' | b'(' | b')'));
            if word.is_empty() {
                return s.expected("a flag");
            }
            flags.extend(Flag::parse(word));
            Ok(())
        })?;
        Ok(flags)
    }

    /// `(item item ...)` or `()`. The spaces between items may be missing, as between the addresses of an envelope.
    pub(super) fn list(&mut self, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect(b'(', "an opening parenthesis")?;
        self.spaces();
        while !self.eat(b')') {
            let before = self.at;
            item(self)?;
            self.spaces();
            if self.at == before {
                return self.expected("a closing parenthesis");
            }
        }
        Ok(())
    }

    /// Like [`Self::list`]; NIL is an empty list.
    pub(super) fn list_or_nil(&mut self, item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        if self.eat_nil() {
            Ok(())
        } else {
            self.list(item)
        }
    }

    /// Reads something recursive, up to [`MAX_DEPTH`] deep.
    pub(super) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth == MAX_DEPTH {
            return self.expected("less nesting");
        }
        self.depth += 1;
        let value = inner(self);
        self.depth -= 1;
        value
    }

    /// Reads a value with `read`; if that fails, skips the value.
    pub(super) fn or_skip<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<Option<T>> {
        let (at, depth) = (self.at, self.depth);
        match read(self) {
            Ok(value) => Ok(Some(value)),
            Err(_) => {
                self.at = at;
                self.depth = depth;
                self.skip()?;
                Ok(None)
            }
        }
    }

    /// Skips one value of any kind: a string, a word, or a list of any depth.
    pub(super) fn skip(&mut self) -> Read<()> {
        let mut open = 0usize;
        loop {
            match self.peek() {
                Some(b'"') => drop(self.quoted()?),
                Some(b'{') => drop(self.literal()?),
                Some(b'~') if self.rest().starts_with(b"~{") => drop(self.literal()?),
                Some(b'(') => {
                    self.at += 1;
                    open += 1;
                }
                Some(b')') if open > 0 => {
                    self.at += 1;
                    open -= 1;
                }
                Some(b' ') if open > 0 => self.spaces(),
                Some(byte) if !matches!(byte, b' ' | b')') => {
                    self.at += 1;
                    self.take_while(|b| !matches!(b, b' ' | b'(' | b')' | b'"' | b'{'));
                }
                _ => return self.expected("a value"),
            }
            if open == 0 {
                return Ok(());
            }
        }
    }
}
