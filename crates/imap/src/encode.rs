//! Writes strings so that they can't end early or become commands.
//!
//! Everything that comes from outside (a name, a search, a password, a header field) goes through one of these
//! functions on its way into a command or response. They write printable ASCII, or a literal that announces its exact
//! length; CR, LF and NUL never occur anywhere else. The exception is [`mailbox_utf8`], which also writes UTF-8.

mod query;

use crate::flag::Flag;
use crate::mailbox::MailboxName;
use crate::sequence::SequenceSet;
use crate::token::{Secret, Tag, is_astring_char};

/// Strings up to this length are quoted; longer ones are sent as literals, which parsers handle better.
const QUOTED_MAX: usize = 1000;

/// Appends a `quoted` string if `bytes` can be one: printable ASCII of at most 1000 bytes. Returns whether it did.
pub fn quoted(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let plain = bytes.len() <= QUOTED_MAX && bytes.iter().all(|b| matches!(b, b' '..=b'~'));
    if plain {
        out.push(b'"');
        for &byte in bytes {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
    plain
}

/// Appends a server's literal: `{n}`, CRLF, and the bytes (RFC 3501, section 4.3).
pub fn literal(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(format!("{{{}}}\r\n", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
}

/// Appends a server's literal that may contain NUL: `~{n}`, CRLF, and the bytes (RFC 3516, section 4.2).
pub fn literal8(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'~');
    literal(out, bytes);
}

/// Appends a server's `string`: quoted if possible, otherwise a literal.
pub fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    if !quoted(out, bytes) {
        literal(out, bytes);
    }
}

/// Appends a server's `nstring`: a string, or NIL for `None`.
pub fn nstring(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => string(out, bytes),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Appends a server's `astring`: unquoted if possible, otherwise a string.
pub fn astring(out: &mut Vec<u8>, bytes: &[u8]) {
    if is_bare(bytes) {
        out.extend_from_slice(bytes);
    } else {
        string(out, bytes);
    }
}

/// Appends a server's mailbox name in modified UTF-7.
pub fn mailbox(out: &mut Vec<u8>, name: &MailboxName) {
    astring(out, name.to_wire().as_bytes());
}

/// Appends a mailbox name in UTF-8, for a client that enabled it: unquoted, quoted (RFC 6855, section 3), or a
/// literal.
pub fn mailbox_utf8(out: &mut Vec<u8>, name: &str) {
    let bytes = name.as_bytes();
    if is_bare(bytes) {
        out.extend_from_slice(bytes);
    } else if bytes.len() > QUOTED_MAX || name.contains(char::is_control) {
        literal(out, bytes);
    } else {
        out.push(b'"');
        for &byte in bytes {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
}

/// Appends flags in parentheses.
pub fn flags<'a>(out: &mut Vec<u8>, flags: impl IntoIterator<Item = &'a Flag>) {
    out.push(b'(');
    for (index, flag) in flags.into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(flag.as_str().as_bytes());
    }
    out.push(b')');
}

/// Appends text for people; characters other than printable ASCII become `?`.
pub fn text(out: &mut Vec<u8>, words: &str) {
    let printable = |c: char| {
        if matches!(c, ' '..='~') {
            c as u8
        } else {
            b'?'
        }
    };
    out.extend(words.chars().map(printable));
}

fn is_bare(bytes: &[u8]) -> bool {
    let fits = (1..=100).contains(&bytes.len());
    fits && bytes.iter().copied().all(is_astring_char) && !bytes.eq_ignore_ascii_case(b"NIL")
}

/// Which non-synchronizing literals the server has announced that it accepts (RFC 7888). Others must not be sent: a
/// server that doesn't know `{5+}` would read the literal's bytes as commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literals {
    /// None: announce the literal, wait for `+`, then send it.
    Synchronizing,
    /// `LITERAL-`: up to 4096 bytes.
    Minus,
    /// `LITERAL+`: any size.
    Plus,
}

/// The error for a string with a NUL, which no IMAP command can contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a NUL can't be sent")]
pub struct NulError;

/// Builds one command of a client; each method adds one argument after a space.
///
/// The result is a list of chunks. Send the first; before each other chunk, wait for the server's continuation, and
/// give up if a tagged response comes instead.
#[derive(Clone)]
pub struct CommandEncoder {
    chunks: Vec<Vec<u8>>,
    current: Vec<u8>,
    literals: Literals,
    /// Whether the last word ended in an opening parenthesis, so that no space follows.
    opened: bool,
}

impl CommandEncoder {
    /// Starts `tag VERB`. The verb is a constant, such as `"UID FETCH"`.
    #[must_use]
    pub fn new(tag: &Tag, verb: &'static str, literals: Literals) -> Self {
        Self {
            chunks: Vec::new(),
            current: format!("{tag} {verb}").into_bytes(),
            literals,
            opened: false,
        }
    }

    /// Adds constant words as they are; never anything from outside.
    #[must_use]
    pub fn word(mut self, words: &'static str) -> Self {
        self.space();
        self.current.extend_from_slice(words.as_bytes());
        self.opened = words.ends_with('(');
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.space();
        self.current
            .extend_from_slice(number.to_string().as_bytes());
        self
    }

    /// Adds a set of sequence numbers or UIDs.
    #[must_use]
    pub fn sequence(mut self, set: &SequenceSet) -> Self {
        self.space();
        self.current.extend_from_slice(set.to_string().as_bytes());
        self
    }

    /// Adds flags in parentheses.
    #[must_use]
    pub fn flags<'a>(mut self, list: impl IntoIterator<Item = &'a Flag>) -> Self {
        self.space();
        flags(&mut self.current, list);
        self
    }

    /// Adds a mailbox name.
    #[must_use]
    pub fn mailbox(mut self, name: &MailboxName) -> Self {
        self.space();
        let wire = name.to_wire();
        if is_bare(wire.as_bytes()) {
            self.current.extend_from_slice(wire.as_bytes());
        } else {
            self.quoted_or_literal(wire.as_bytes());
        }
        self
    }

    /// Adds a string from outside: quoted if possible, otherwise a literal.
    ///
    /// # Errors
    /// [`NulError`] if it contains a NUL.
    pub fn string(mut self, bytes: &[u8]) -> Result<Self, NulError> {
        if bytes.contains(&0) {
            return Err(NulError);
        }
        self.space();
        self.quoted_or_literal(bytes);
        Ok(self)
    }

    /// Adds a password.
    ///
    /// # Errors
    /// [`NulError`] if it contains a NUL.
    pub fn secret(self, secret: &Secret) -> Result<Self, NulError> {
        self.string(secret.expose())
    }

    /// Adds a literal: a message to APPEND.
    ///
    /// # Errors
    /// [`NulError`] if it contains a NUL.
    pub fn literal(mut self, bytes: &[u8]) -> Result<Self, NulError> {
        if bytes.contains(&0) {
            return Err(NulError);
        }
        self.space();
        self.announce(bytes);
        Ok(self)
    }

    /// Finishes the command. There is always at least one chunk.
    #[must_use]
    pub fn finish(mut self) -> Vec<Vec<u8>> {
        self.current.extend_from_slice(b"\r\n");
        self.chunks.push(self.current);
        self.chunks
    }

    /// Adds the space before the next argument, unless a parenthesis was just opened.
    fn space(&mut self) {
        if !std::mem::take(&mut self.opened) {
            self.current.push(b' ');
        }
    }

    fn quoted_or_literal(&mut self, bytes: &[u8]) {
        if !quoted(&mut self.current, bytes) {
            self.announce(bytes);
        }
    }

    fn announce(&mut self, bytes: &[u8]) {
        let at_once = match self.literals {
            Literals::Synchronizing => false,
            Literals::Minus => bytes.len() <= 4096,
            Literals::Plus => true,
        };
        let plus = if at_once { "+" } else { "" };
        self.current
            .extend_from_slice(format!("{{{}{plus}}}\r\n", bytes.len()).as_bytes());
        if !at_once {
            self.chunks.push(std::mem::take(&mut self.current));
        }
        self.current.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(literals: Literals) -> Vec<Vec<u8>> {
        CommandEncoder::new(&Tag::new(b"a1").unwrap(), "LOGIN", literals)
            .string(b"h\"a\\na")
            .and_then(|command| command.secret(&Secret::new("pä\r\nx LOGOUT".into())))
            .unwrap()
            .finish()
    }

    #[test]
    fn a_line_break_in_a_password_stays_inside_a_literal() {
        let first = &b"a1 LOGIN \"h\\\"a\\\\na\" {13}\r\n"[..];
        let second = "pä\r\nx LOGOUT\r\n".as_bytes();
        assert_eq!(login(Literals::Synchronizing), [first, second]);
        assert_eq!(login(Literals::Plus).len(), 1);
    }

    #[test]
    fn a_nul_is_never_sent() {
        let command = CommandEncoder::new(&Tag::new(b"a").unwrap(), "X", Literals::Plus);
        assert_eq!(command.string(b"a\0b").err(), Some(NulError));
    }

    #[test]
    fn server_strings_take_the_shortest_safe_form() {
        let written = |bytes: &[u8]| {
            let mut out = Vec::new();
            astring(&mut out, bytes);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(b"abc]"), "abc]");
        assert_eq!(written(b"nil"), "\"nil\"");
        assert_eq!(written(b""), "\"\"");
        assert_eq!(written(b"a\nb"), "{3}\r\na\nb");
        assert_eq!(written("é".as_bytes()), "{2}\r\né");
    }
}
