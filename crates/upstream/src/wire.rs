//! A connection to a server, up to the login.

use sekisho_imap::framing::{Frame, Limits, ResponseReader};
use sekisho_net::BoxedStream;
use sekisho_smtp::Inbound;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::error::Fault;

/// How many bytes are read at once. Enough for a greeting, and small enough for the allocator's cache of the thread.
const PIECE: usize = 1024;

/// The longest line that is accepted from a server, in bytes.
const LINE: usize = 8192;

/// The limits for one IMAP response before the login.
const LIMITS: Limits = Limits {
    line: LINE,
    literal: LINE,
    message: 0,
    total: 4 * LINE,
    discard: 0,
};

/// How many lines or responses a server may send before the one that is waited for.
pub(crate) const PATIENCE: usize = 200;

/// A stream, and what was read from it but not used yet.
pub(crate) struct Wire {
    stream: BoxedStream,
    read: Inbound,
}

impl Wire {
    pub(crate) fn new(stream: BoxedStream) -> Self {
        Self {
            stream,
            read: Inbound::default(),
        }
    }

    /// Sends bytes.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// The next line, without its CRLF.
    pub(crate) async fn line(&mut self) -> Result<Vec<u8>, Fault> {
        loop {
            match self.read.line(LINE) {
                Ok(Some(line)) => return Ok(line),
                Ok(None) => {}
                Err(fault) => return Err(Fault::Away(fault.to_string())),
            }
            let piece = self.piece().await?;
            self.read.push(&piece);
        }
    }

    /// The next IMAP response.
    pub(crate) async fn response(&mut self) -> Result<Frame, Fault> {
        let mut reader = ResponseReader::new(LIMITS);
        reader.push(self.read.waiting());
        loop {
            match reader.next_response() {
                Ok(Some(frame)) => {
                    self.read = Inbound::with(reader.into_rest());
                    return Ok(frame);
                }
                Ok(None) => reader.push(&self.piece().await?),
                Err(fault) => return Err(Fault::Away(fault.to_string())),
            }
        }
    }

    /// The stream, and what was read from it but not used.
    pub(crate) fn into_parts(self) -> (BoxedStream, Vec<u8>) {
        (self.stream, self.read.waiting().to_vec())
    }

    async fn piece(&mut self) -> Result<Vec<u8>, Fault> {
        let mut piece = Vec::with_capacity(PIECE);
        if self.stream.read_buf(&mut piece).await? == 0 {
            return Err(Fault::Away("the server hung up".to_owned()));
        }
        Ok(piece)
    }
}
