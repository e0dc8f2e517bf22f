//! Logs in on a fresh connection (RFC 3501 section 6.2, RFC 4616 section 2).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::Connection;
use crate::error::Error;
use crate::imap::Imap;

/// A connection to an IMAP server on which nobody is logged in yet.
pub struct ImapLogin {
    connection: Connection,
}

impl ImapLogin {
    /// Takes over a stream that was just opened: waits for the greeting, and asks for the server's capabilities.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Protocol`] if the greeting is not that of an IMAP server.
    pub async fn greeted(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, Error> {
        let mut connection = Connection::new(stream);
        connection.greeting().await?;
        connection.ask_capabilities().await?;
        Ok(Self { connection })
    }

    /// Takes over a stream on which TLS was started after [`Self::start_tls`]. The server does not greet again, and its
    /// earlier capabilities do not count.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn encrypted(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, Error> {
        let mut connection = Connection::new(stream);
        connection.ask_capabilities().await?;
        Ok(Self { connection })
    }

    /// Asks for TLS; returns the stream for the handshake.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::No`] or [`Error::Bad`] if the server has no TLS, [`Error::Protocol`] if it sent anything
    /// after its answer.
    pub async fn start_tls(mut self) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin, Error> {
        self.connection.run("STARTTLS", Ok).await?;
        self.connection.into_stream()
    }

    /// Logs in with AUTHENTICATE PLAIN if the server announces it, otherwise with LOGIN.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::No`] if the server refuses name and password, or takes no password over this connection.
    pub async fn log_in(mut self, user: &str, password: &str) -> Result<Imap, Error> {
        if self.connection.can("AUTH=PLAIN") {
            let proof = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
            self.connection.authenticate_plain(&proof).await?;
        } else if self.connection.can("LOGINDISABLED") {
            return Err(Error::No {
                code: None,
                text: "it takes no password over this connection".to_owned(),
            });
        } else {
            self.connection
                .run("LOGIN", |c| {
                    c.string(user.as_bytes())?.string(password.as_bytes())
                })
                .await?;
        }
        self.connection.ask_capabilities().await?;
        Ok(Imap {
            connection: self.connection,
        })
    }
}
