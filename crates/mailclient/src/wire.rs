//! Streams to servers, and a way to write that can't deadlock.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A stream to a server.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How many bytes one read takes at most.
const PIECE: usize = 16 * 1024;

/// A stream with a buffer for what is read from it.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    piece: Box<[u8]>,
}

impl Wire {
    pub(crate) fn new(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            piece: vec![0; PIECE].into(),
        }
    }

    /// Gives the stream back.
    pub(crate) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    /// The next bytes from the server.
    pub(crate) async fn receive(&mut self) -> io::Result<&[u8]> {
        match self.stream.read(&mut self.piece).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => Ok(&self.piece[..length]),
        }
    }

    /// Sends bytes, and passes what the server sends meanwhile to `heard`, up to `most` bytes. If both sides only
    /// wrote, full buffers would make both wait for ever.
    pub(crate) async fn send(
        &mut self,
        bytes: &[u8],
        most: usize,
        mut heard: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let (mut from, mut to) = tokio::io::split(&mut self.stream);
        let write = async {
            to.write_all(bytes).await?;
            to.flush().await
        };
        tokio::pin!(write);
        let mut early = 0;
        loop {
            tokio::select! {
                biased;
                done = &mut write => return done,
                length = from.read(&mut self.piece) => {
                    let length = length?;
                    early += length;
                    if length == 0 || early > most {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    heard(&self.piece[..length]);
                }
            }
        }
    }
}
