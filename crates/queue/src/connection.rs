//! A buffered stream that speaks SMTP, and gives up on a silent other side.

use std::io;
use std::sync::Arc;

use jiff::SignedDuration;
use sekisho_checkpoint::ports::Clock;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use sekisho_smtp::{DataDecoder, Inbound, LineFault, REPLY_LINE, Reply, ReplyError, ReplyReader};

/// How much is read at once.
const PIECE: usize = 16 << 10;

/// A stream that speaks SMTP, as server or as client.
pub struct Connection<S> {
    stream: S,
    inbound: Inbound,
    outbound: Vec<u8>,
    clock: Arc<dyn Clock>,
    patience: SignedDuration,
}

/// Why a connection can't be used any more.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The other side closed it.
    #[error("the other side closed the connection")]
    Closed,
    /// Nothing moved for too long.
    #[error("the other side was silent for too long")]
    Silent,
    /// What came can't be divided into lines.
    #[error(transparent)]
    Line(#[from] LineFault),
    /// What came is no reply.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// As the operating system says.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Goes on with a stream from which `inbound` was read already. Any wait for the other side ends after `patience`.
    pub fn new(
        stream: S,
        inbound: Vec<u8>,
        clock: Arc<dyn Clock>,
        patience: SignedDuration,
    ) -> Self {
        Self {
            stream,
            inbound: Inbound::with(inbound),
            outbound: Vec::new(),
            clock,
            patience,
        }
    }

    /// The next line, without its CRLF; what waits to be sent goes out before anything is waited for.
    pub async fn line(&mut self, limit: usize) -> Result<Vec<u8>, Lost> {
        loop {
            if let Some(line) = self.inbound.line(limit)? {
                return Ok(line);
            }
            self.more().await?;
        }
    }

    /// Reads a reply.
    pub async fn read_reply(&mut self) -> Result<Reply, Lost> {
        let mut reader = ReplyReader::default();
        loop {
            let line = self.line(REPLY_LINE).await?;
            if let Some(reply) = reader.line(&line)? {
                return Ok(reply);
            }
        }
    }

    /// Reads a message to its end.
    pub async fn message(&mut self, decoder: &mut DataDecoder) -> Result<Vec<u8>, Lost> {
        let mut message = Vec::new();
        loop {
            let used = decoder.decode(self.inbound.waiting(), &mut message);
            self.inbound.consume(used);
            if decoder.is_over() {
                return Ok(message);
            }
            self.more().await?;
        }
    }

    /// Reads so many bytes: appends them to `message`, or drops them without one.
    pub async fn chunk(
        &mut self,
        size: u64,
        mut message: Option<&mut Vec<u8>>,
    ) -> Result<(), Lost> {
        let mut left = size;
        while left > 0 {
            let waiting = self.inbound.waiting();
            let count = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(waiting.len());
            if let Some(message) = &mut message {
                message.extend_from_slice(&waiting[..count]);
            }
            self.inbound.consume(count);
            left -= count as u64;
            if left > 0 {
                self.more().await?;
            }
        }
        Ok(())
    }

    /// Adds bytes to those that wait to be sent.
    pub fn put(&mut self, bytes: &[u8]) {
        self.outbound.extend_from_slice(bytes);
    }

    /// Adds a reply to what waits to be sent.
    pub fn reply(&mut self, reply: &Reply) {
        self.put(reply.to_string().as_bytes());
    }

    /// The bare stream, and what was received from it but not used.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        let unread = self.inbound.waiting().to_vec();
        (self.stream, unread)
    }

    /// Sends what waits. Nothing is sent twice when this is cancelled and called again.
    pub async fn flush(&mut self) -> Result<(), Lost> {
        while !self.outbound.is_empty() {
            let until = self
                .clock
                .now()
                .saturating_add(self.patience)
                .unwrap_or(jiff::Timestamp::MAX);
            let sent = tokio::select! {
                biased;
                sent = self.stream.write(&self.outbound) => sent?,
                () = self.clock.sleep_until(until) => return Err(Lost::Silent),
            };
            if sent == 0 {
                return Err(Lost::Closed);
            }
            self.outbound.drain(..sent);
        }
        self.stream.flush().await?;
        Ok(())
    }

    /// Sends what waits and closes.
    pub async fn close(mut self) -> Result<(), Lost> {
        self.flush().await?;
        self.stream.shutdown().await?;
        Ok(())
    }

    async fn more(&mut self) -> Result<(), Lost> {
        self.flush().await?;
        let until = self
            .clock
            .now()
            .saturating_add(self.patience)
            .unwrap_or(jiff::Timestamp::MAX);
        let mut piece = vec![0; PIECE];
        let count = tokio::select! {
            biased;
            count = self.stream.read(&mut piece) => count?,
            () = self.clock.sleep_until(until) => return Err(Lost::Silent),
        };
        match piece.get(..count) {
            Some(received) if count > 0 => {
                self.inbound.push(received);
                Ok(())
            }
            _ => Err(Lost::Closed),
        }
    }
}
