//! Cuts a byte stream into commands (or responses), with limits.
//!
//! A command is one or more lines joined by literals (RFC 3501, section 4.3; RFC 7888). The reader only finds where the
//! command ends; the parser then reads the same bytes, so the two can't disagree about where a literal stops. Limits
//! are checked before anything is stored: a synchronizing literal that is too big is refused before the client sends
//! it; a non-synchronizing one is discarded as it arrives, or ends the connection.
//!
//! Lines end in CRLF and in nothing else. A lone CR or LF, or a NUL, ends the connection, because two programs might
//! read such bytes as different commands.

use std::fmt;

use crate::token::Tag;

/// The limits for one command, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest line, not counting literals.
    pub line: usize,
    /// The longest literal of a command other than APPEND.
    pub literal: usize,
    /// The longest literal of an APPEND: the biggest message.
    pub message: usize,
    /// The whole command: lines and literals.
    pub total: usize,
    /// A non-synchronizing literal that is too big, but not bigger than this, is read and discarded so that the client
    /// gets an answer. A bigger one ends the connection.
    pub discard: u64,
}

impl Limits {
    /// The limits before login; a command stays below the 64 KiB that a connection may send by then.
    pub const BEFORE_LOGIN: Self = Self {
        line: 8 * 1024,
        literal: 4 * 1024,
        message: 0,
        total: 60 * 1024,
        discard: 0,
    };

    /// The limits after the login, with messages of up to `message` bytes. Lines may be long, since clients list
    /// thousands of UIDs in one command.
    #[must_use]
    pub const fn after_login(message: usize) -> Self {
        const TEXT: usize = 1024 * 1024;
        Self {
            line: TEXT,
            literal: TEXT / 4,
            message,
            total: message.saturating_add(2 * TEXT),
            discard: (message as u64).saturating_mul(8),
        }
    }
}

/// What the reader found.
#[derive(Debug)]
pub enum Event {
    /// A whole command.
    Command(Frame),
    /// The client announced a literal that is not too big, and waits for `+ ` before it sends it.
    Continue,
}

/// The bytes of one command or response. Literals stay in place after their `{n}` CRLF; the final CRLF is left off.
/// `Debug` doesn't show the bytes, since a command may contain a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Vec<u8>);

impl Frame {
    /// Wraps bytes that did not come from a reader, for tests.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes)", self.0.len())
    }
}

/// Why no further command or response could be found in the stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A literal over the limit. The command was dropped and the next one can be read. Answer with the tag and `NO
    /// [TOOBIG]` for an APPEND, otherwise `BAD` (RFC 7888, section 4; RFC 4469, section 4.2).
    #[error("literal too big")]
    LiteralTooBig {
        /// The command's tag, if it had a valid one.
        tag: Option<Tag>,
        /// Whether the command was an APPEND, so that the message was too big.
        append: bool,
    },
    /// A literal so big that it isn't even read to be discarded: say `BYE` and close.
    #[error("literal far too big")]
    LiteralHopeless,
    /// A line over the limit: say `BYE` and close.
    #[error("line too long")]
    LineTooLong,
    /// A command over the limit for lines and literals together: say `BYE` and close.
    #[error("command too long")]
    CommandTooLong,
    /// A CR without LF or an LF without CR: say `BYE` and close.
    #[error("line end other than CR LF")]
    BareLineEnd,
    /// A NUL outside of a literal: say `BYE` and close.
    #[error("NUL in a line")]
    Nul,
}

impl FramingError {
    /// Whether the connection must be closed. Otherwise the next command can be read.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::LiteralTooBig { .. })
    }
}

/// Cuts what a client sends into commands. Push bytes, then take events until there are none.
#[derive(Debug)]
pub struct CommandReader(FrameSplitter);

impl CommandReader {
    /// An empty reader.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self(FrameSplitter::new(limits, Side::Client))
    }

    /// Replaces the limits, after the login has succeeded.
    pub fn set_limits(&mut self, limits: Limits) {
        self.0.limits = limits;
    }

    /// Adds bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    /// The next event, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// See [`FramingError`]; a fatal one is returned again by every later call.
    pub fn next_event(&mut self) -> Result<Option<Event>, FramingError> {
        self.0.next_event()
    }

    /// The next line, in which no literal is looked for: the client's part of an AUTHENTICATE exchange (base64 or `*`),
    /// or the `DONE` of an IDLE.
    ///
    /// # Errors
    /// As [`Self::next_event`].
    pub fn next_line(&mut self) -> Result<Option<Frame>, FramingError> {
        self.0.next_line()
    }

    /// Whether the reader holds bytes of an unfinished command. Right after a STARTTLS that means injected plaintext
    /// (RFC 3501, section 6.2.1), and the connection must end.
    #[must_use]
    pub fn has_buffered(&self) -> bool {
        self.0.buffered() > 0
    }

    /// The bytes not yet used, for the next reader of the stream.
    #[must_use]
    pub fn into_rest(self) -> Vec<u8> {
        self.0.into_rest()
    }
}

/// Cuts what a server sends into responses. A literal is part of the response that contains it.
#[derive(Debug)]
pub struct ResponseReader(FrameSplitter);

impl ResponseReader {
    /// An empty reader. `limits.literal` is the limit for each literal, `limits.total` for a response.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self(FrameSplitter::new(limits, Side::Server))
    }

    /// Adds bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    /// The next whole response (a line, or several joined by literals), or `None` if more bytes
    /// are needed.
    ///
    /// # Errors
    /// As [`CommandReader::next_event`]; but here every error is fatal.
    pub fn next_response(&mut self) -> Result<Option<Frame>, FramingError> {
        match self.0.next_event()? {
            Some(Event::Command(frame)) => Ok(Some(frame)),
            Some(Event::Continue) | None => Ok(None),
        }
    }

    /// Whether the reader holds bytes of an unfinished response.
    #[must_use]
    pub fn has_buffered(&self) -> bool {
        self.0.buffered() > 0
    }

    /// The bytes not yet used.
    #[must_use]
    pub fn into_rest(self) -> Vec<u8> {
        self.0.into_rest()
    }
}

/// When idle, a reader shrinks a buffer that a big command made larger than this.
const KEEP: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

#[derive(Debug)]
enum State {
    /// Looking for the end of the line that starts at `line`.
    Line,
    /// A literal ends at this offset.
    Literal {
        end: usize,
    },
    /// This many bytes of a literal are still to be discarded.
    Skip {
        left: u64,
    },
    Broken(FramingError),
}

/// The announcement of a literal at the end of a line.
struct Announced {
    size: u64,
    synchronizing: bool,
}

struct FrameSplitter {
    limits: Limits,
    side: Side,
    buffer: Vec<u8>,
    /// Where the current command starts in `buffer`; the bytes before are used.
    start: usize,
    /// Where the current line starts.
    line: usize,
    /// There is no line end before this offset.
    scanned: usize,
    state: State,
    /// Whether the current command will be refused at its end.
    refused: bool,
}

impl fmt::Debug for FrameSplitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "FrameSplitter({:?}, {} buffered)",
            self.side,
            self.buffered()
        )
    }
}

impl FrameSplitter {
    fn new(limits: Limits, side: Side) -> Self {
        Self {
            limits,
            side,
            buffer: Vec::new(),
            start: 0,
            line: 0,
            scanned: 0,
            state: State::Line,
            refused: false,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    fn into_rest(mut self) -> Vec<u8> {
        self.buffer.drain(..self.start);
        self.buffer
    }

    fn next_event(&mut self) -> Result<Option<Event>, FramingError> {
        loop {
            match &mut self.state {
                State::Broken(error) => return Err(error.clone()),
                State::Literal { end } => {
                    if self.buffer.len() < *end {
                        return Ok(None);
                    }
                    self.line = *end;
                    self.scanned = *end;
                    self.state = State::Line;
                }
                State::Skip { left } => {
                    let here = self.buffer.len() - self.line;
                    let drop = usize::try_from(*left).unwrap_or(usize::MAX).min(here);
                    *left -= drop as u64;
                    let done = *left == 0;
                    self.buffer.drain(self.line..self.line + drop);
                    self.scanned = self.line;
                    if !done {
                        return Ok(None);
                    }
                    self.state = State::Line;
                }
                State::Line => {
                    let Some(end) = self.line_end()? else {
                        return Ok(None);
                    };
                    if let Some(event) = self.line_done(end)? {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    fn next_line(&mut self) -> Result<Option<Frame>, FramingError> {
        if let State::Broken(error) = &self.state {
            return Err(error.clone());
        }
        match self.line_end()? {
            None => Ok(None),
            Some(end) => Ok(Some(self.take(end))),
        }
    }

    /// The offset of the CR that ends the current line, once its LF is there.
    fn line_end(&mut self) -> Result<Option<usize>, FramingError> {
        let found = self.buffer[self.scanned..].iter().position(|&b| b == b'\n');
        let line_length = found.map_or(self.buffer.len(), |at| self.scanned + at) - self.line;
        if line_length > self.limits.line {
            return Err(self.broken(FramingError::LineTooLong));
        }
        let Some(at) = found else {
            self.scanned = self.buffer.len();
            return Ok(None);
        };
        let newline = self.scanned + at;
        let line = &self.buffer[self.line..newline];
        let Some((b'\r', text)) = line.split_last() else {
            return Err(self.broken(FramingError::BareLineEnd));
        };
        if text.contains(&b'\r') {
            return Err(self.broken(FramingError::BareLineEnd));
        }
        if text.contains(&0) {
            return Err(self.broken(FramingError::Nul));
        }
        if newline - self.start > self.limits.total {
            return Err(self.broken(FramingError::CommandTooLong));
        }
        Ok(Some(newline - 1))
    }

    /// Decides what the line that ends at `end` means: the end of the command or a literal.
    fn line_done(&mut self, end: usize) -> Result<Option<Event>, FramingError> {
        let Some(literal) = self.announced(end) else {
            let refusal = self.refused.then(|| self.too_big());
            let frame = self.take(end);
            return refusal.map_or(Ok(Some(Event::Command(frame))), Err);
        };
        let most = match self.side {
            Side::Client if self.is_append() => self.limits.message,
            _ => self.limits.literal,
        };
        let after = end + 2;
        let whole = u64::try_from(after - self.start)
            .unwrap_or(u64::MAX)
            .saturating_add(literal.size);
        if whole > self.limits.total as u64 && literal.size <= most as u64 && !self.is_append() {
            return Err(self.broken(FramingError::CommandTooLong));
        }
        // The messages of one APPEND (RFC 3502) that are too big together are refused like one message that is too big.
        let fits = usize::try_from(literal.size).ok().filter(|&size| {
            let whole = (after - self.start).saturating_add(size);
            size <= most && whole <= self.limits.total && !self.refused
        });
        if let Some(size) = fits {
            let end = after + size;
            self.state = State::Literal { end };
            return Ok(literal.synchronizing.then_some(Event::Continue));
        }
        if literal.synchronizing {
            // The client has not sent the literal, and won't send it after the answer: the command ends here.
            let refusal = self.too_big();
            self.take(end);
            return Err(refusal);
        }
        if self.side == Side::Server || literal.size > self.limits.discard {
            return Err(self.broken(FramingError::LiteralHopeless));
        }
        self.refused = true;
        self.line = after;
        self.scanned = after;
        self.state = State::Skip { left: literal.size };
        Ok(None)
    }

    /// The literal announced by the line that ends at `end`: `{n}` or, from a client, `{n+}`.
    fn announced(&self, end: usize) -> Option<Announced> {
        let line = self.buffer[self.line..end].strip_suffix(b"}")?;
        let (line, plus) = match line.strip_suffix(b"+") {
            Some(line) if self.side == Side::Client => (line, true),
            _ => (line, false),
        };
        let open = line.iter().rposition(|b| !b.is_ascii_digit())?;
        let digits = &line[open + 1..];
        if line[open] != b'{' || digits.is_empty() {
            return None;
        }
        if self.side == Side::Server && self.line == self.start && ends_in_text(line) {
            return None;
        }
        let size = digits.iter().fold(0u64, |sum, digit| {
            sum.saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        });
        Some(Announced {
            size,
            synchronizing: self.side == Side::Client && !plus,
        })
    }

    fn is_append(&self) -> bool {
        let rest = &self.buffer[self.start..];
        // What follows this line belongs to another command.
        let line = rest.split(|&b| b == b'\r').next().unwrap_or(rest);
        let mut words = line.splitn(3, |&b| b == b' ');
        words.next();
        words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case(b"APPEND"))
    }

    fn too_big(&self) -> FramingError {
        FramingError::LiteralTooBig {
            tag: Tag::opening(&self.buffer[self.start..]),
            append: self.is_append(),
        }
    }

    /// Takes out the command that ends before the CR at `end`, and prepares for the next one.
    fn take(&mut self, end: usize) -> Frame {
        let next = end + 2;
        let bytes = if self.start == 0 && next == self.buffer.len() {
            let mut bytes = std::mem::take(&mut self.buffer);
            bytes.truncate(end);
            bytes
        } else {
            let bytes = self.buffer[self.start..end].to_vec();
            if next == self.buffer.len() {
                self.buffer.clear();
                self.buffer.shrink_to(KEEP);
            } else if next > KEEP {
                self.buffer.drain(..next);
            } else {
                self.start = next;
            }
            bytes
        };
        if self.buffer.is_empty() || next > KEEP {
            self.start = 0;
        }
        self.line = self.start;
        self.scanned = self.start;
        self.state = State::Line;
        self.refused = false;
        Frame(bytes)
    }

    fn broken(&mut self, error: FramingError) -> FramingError {
        self.buffer = Vec::new();
        self.start = 0;
        self.state = State::Broken(error.clone());
        error
    }
}

/// Whether a response line ends in text for people (RFC 3501, section 9: `resp-text`), where a `{5}` at the end
/// announces nothing.
fn ends_in_text(line: &[u8]) -> bool {
    let mut words = line.split(|&b| b == b' ');
    if words.next() == Some(b"+") {
        return true;
    }
    words.next().is_some_and(|word| {
        [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
            .iter()
            .any(|status| word.eq_ignore_ascii_case(status))
    })
}
