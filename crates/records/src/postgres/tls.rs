//! TLS to PostgreSQL, by the same connector as to every other server.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use sekisho_net::client::Connector;
use sekisho_net::stream::BoxedStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

/// Starts TLS with a server, which has to prove its name.
#[derive(Clone)]
pub(super) struct MakeTls(pub(super) Connector);

/// The same for one server.
pub(super) struct StartTls {
    connector: Connector,
    host: String,
}

impl<S> MakeTlsConnect<S> for MakeTls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted;
    type TlsConnect = StartTls;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<StartTls, io::Error> {
        Ok(StartTls {
            connector: self.0.clone(),
            host: host.to_owned(),
        })
    }
}

impl<S> TlsConnect<S> for StartTls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted;
    type Error = sekisho_net::NetError;
    type Future = Pin<Box<dyn Future<Output = Result<Encrypted, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let stream = self
                .connector
                .start_tls(Box::new(stream), &self.host, &[])
                .await?;
            Ok(Encrypted(Mutex::new(stream)))
        })
    }
}

/// The stream that came of it. The lock is never waited for: it makes the stream shareable, as the pool demands of it.
pub(super) struct Encrypted(Mutex<BoxedStream>);

impl Encrypted {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut BoxedStream> {
        let stream = self.get_mut().0.get_mut();
        Pin::new(stream.unwrap_or_else(PoisonError::into_inner))
    }
}

impl TlsStream for Encrypted {
    /// None: that the server is the right one is proven by its certificate.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
