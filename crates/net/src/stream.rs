//! Connections as servers see them: plaintext and TLS are read and written alike.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::{NetError, TlsKeeper};

/// A stream of bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Any connection: a socket, TLS, or an in-process pipe.
pub type BoxedStream = Box<dyn Duplex>;

/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(15);

/// An accepted connection.
#[derive(Debug)]
pub enum Stream {
    /// Plaintext, which anyone on the way can read.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether it is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Starts TLS with the present certificate. `unread` holds the bytes that the connection's reader has received but
    /// not used. There must be none: bytes sent in plaintext must never be treated as if they were sent in TLS.
    ///
    /// # Errors
    /// [`NetError::Injected`] if `unread` is not empty or the connection is encrypted already; otherwise the handshake
    /// failed or took too long. The connection is closed in each case.
    pub async fn start_tls(self, tls: &TlsKeeper, unread: &[u8]) -> Result<Self, NetError> {
        let Self::Plain(socket) = self else {
            return Err(NetError::Injected);
        };
        if !unread.is_empty() {
            return Err(NetError::Injected);
        }
        let handshake = TlsAcceptor::from(tls.config()).accept(socket);
        let stream = timeout(HANDSHAKE_TIME, handshake)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(Self::Tls(Box::new(stream)))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
