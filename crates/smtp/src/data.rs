//! A message on the wire: dot-stuffed lines that end with a lone dot (RFC 5321 4.5.2).
//!
//! Servers that took other things for the end of a message let strangers append forged ones ("SMTP smuggling",
//! CVE-2023-51764). Here only `CRLF . CRLF` ends a message. One that contains a CR or LF apart from a CRLF is read to
//! its true end and then refused as a whole, because no repair of it would mean to every later server what its sender
//! meant.

use crate::reply::Reply;

/// Decodes the content of `DATA`, in whatever pieces it arrives.
#[derive(Debug)]
pub struct DataDecoder {
    state: State,
    size: u64,
    limit: u64,
    fault: Option<DataFault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Behind a CRLF, or at the beginning.
    LineStart,
    /// Behind a dot that began a line.
    Dot,
    /// Behind such a dot and a CR.
    DotCr,
    /// Within a line.
    Within,
    /// Behind a CR.
    Cr,
    /// Behind `CRLF . CRLF`.
    Ended,
}

impl DataDecoder {
    /// Begins a message of at most `limit` bytes as decoded.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self {
            state: State::LineStart,
            size: 0,
            limit,
            fault: None,
        }
    }

    /// Decodes a piece, appends the result to `out`, and returns how many bytes of the piece belonged to the message:
    /// all, unless the message ended within it. Once a fault was found, nothing more is appended.
    pub fn decode(&mut self, piece: &[u8], out: &mut Vec<u8>) -> usize {
        let mut used = 0;
        for &byte in piece {
            if self.state == State::Ended {
                break;
            }
            used += 1;
            self.step(byte, out);
        }
        used
    }

    /// Whether the end was reached.
    #[inline]
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Ended
    }

    /// The size of the message, if it is acceptable.
    ///
    /// # Errors
    /// The first thing that was wrong with it.
    pub fn finish(&self) -> Result<u64, DataFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.is_over() => Ok(self.size),
            None => Err(DataFault::Unfinished),
        }
    }

    fn step(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.state = match (self.state, byte) {
            (State::LineStart, b'.') => State::Dot,
            (State::Dot, b'\r') => State::DotCr,
            (State::DotCr, b'\n') => State::Ended,
            (State::Cr, b'\n') => {
                self.emit(b"\r\n", out);
                State::LineStart
            }
            (State::DotCr | State::Cr, b'\r') => {
                self.fault.get_or_insert(DataFault::BareLine);
                State::Cr
            }
            (State::DotCr | State::Cr, _) => {
                self.fault.get_or_insert(DataFault::BareLine);
                State::Within
            }
            (State::LineStart | State::Within, b'\r') => State::Cr,
            (_, b'\n') => {
                self.fault.get_or_insert(DataFault::BareLine);
                State::Within
            }
            (_, byte) => {
                self.emit(&[byte], out);
                State::Within
            }
        };
    }

    fn emit(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            self.fault.get_or_insert(DataFault::TooBig);
        }
        if self.fault.is_none() {
            out.extend_from_slice(bytes);
        }
    }
}

/// Checks a message that came by `BDAT`, where nothing is stuffed and no line marks the end (RFC 3030). It refuses what
/// [`DataDecoder`] refuses, and ends a last line that has no end.
///
/// # Errors
/// A CR or LF that is not part of a CRLF.
pub fn whole_lines(mut message: Vec<u8>) -> Result<Vec<u8>, DataFault> {
    for at in memchr::memchr2_iter(b'\r', b'\n', &message) {
        let fine = match message[at] {
            b'\r' => message.get(at + 1) == Some(&b'\n'),
            _ => at > 0 && message[at - 1] == b'\r',
        };
        if !fine {
            return Err(DataFault::BareLine);
        }
    }
    if !message.is_empty() && !message.ends_with(b"\n") {
        message.extend_from_slice(b"\r\n");
    }
    Ok(message)
}

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DataFault {
    /// A CR or LF that is not part of a CRLF.
    #[error("bare CR or LF in the message")]
    BareLine,
    /// Longer than the limit.
    #[error("the message is too big")]
    TooBig,
    /// The stream ended first.
    #[error("the message has no end")]
    Unfinished,
}

impl DataFault {
    /// What the client is told.
    #[must_use]
    pub fn reply(self) -> Reply {
        let (code, status) = match self {
            Self::BareLine => (550, "5.6.0"),
            Self::TooBig => (552, "5.3.4"),
            Self::Unfinished => (451, "4.4.2"),
        };
        Reply::new(code, status, &self.to_string())
    }
}

/// Puts a message into its wire form, in whatever pieces it comes: dots are doubled, the final `CRLF . CRLF` is added.
/// Should it contain a bare CR or LF after all, that becomes a CRLF.
#[derive(Debug)]
pub struct DataEncoder {
    at_start: bool,
    behind_cr: bool,
}

impl Default for DataEncoder {
    fn default() -> Self {
        Self {
            at_start: true,
            behind_cr: false,
        }
    }
}

impl DataEncoder {
    /// Encodes a piece and appends it to `out`.
    pub fn encode(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for &byte in piece {
            let ended_already = byte == b'\n' && self.behind_cr;
            self.behind_cr = byte == b'\r';
            match byte {
                _ if ended_already => {}
                b'\r' | b'\n' => {
                    out.extend_from_slice(b"\r\n");
                    self.at_start = true;
                }
                byte => {
                    if self.at_start && byte == b'.' {
                        out.push(b'.');
                    }
                    out.push(byte);
                    self.at_start = false;
                }
            }
        }
    }

    /// Appends the end to `out`.
    pub fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.at_start {
            b".\r\n"
        } else {
            b"\r\n.\r\n"
        });
    }
}

/// Puts a whole message into its wire form, as [`DataEncoder`] does.
#[must_use]
pub fn encode(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 64 + 8);
    let mut encoder = DataEncoder::default();
    encoder.encode(message, &mut out);
    encoder.finish(&mut out);
    out
}
