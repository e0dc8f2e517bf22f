//! The network's edge: where connections are accepted, and the only place that finds out where they come from.
//!
//! A [`Listener`] accepts connections and gives each a [`Source`](sekisho_source::Source): the peer's address, or the
//! address that a configured proxy reports in the PROXY protocol. Behind a web proxy, [`WebSources`] reads the address
//! from the one header that the site configured. Nothing else in the program looks at a socket address or at such a
//! header. A source that can't be relied on is *obscured*, never guessed.
//!
//! The crate also limits what connections that have not logged in can cost ([`ConnectionSlots`], [`Limits`]), speaks
//! TLS as server and as client ([`TlsKeeper`], [`client`]) and shuts servers down in order ([`Shutdown`]), including
//! work whose clients have left ([`Finisher`]). It knows no mail protocol and no account, and not which networks are
//! trusted.
//!
//! In reading order: [`listener`] and [`peers`], `proxy` (the PROXY protocol), [`forwarded`] (the headers of web
//! proxies), [`stream`] and [`tls`], [`slots`], [`mod@serve`] with [`shutdown`] and [`finish`] (`permits` bounds it),
//! [`client`], [`dns`].

pub mod client;
pub mod dns;
pub mod finish;
pub mod forwarded;
pub mod listener;
pub mod peers;
mod permits;
mod proxy;
pub mod serve;
pub mod shutdown;
pub mod slots;
pub mod stream;
pub mod tls;

pub use finish::{Finish, Finisher, Panicked, Presence};
pub use forwarded::{ForwardedPolicy, ForwardingHeader, WebSources};
pub use listener::{GivenSource, Listener, SourceFrom};
pub use peers::Peers;
pub use permits::{TooMuchBegun, WorkPermit};
pub use serve::{Accepted, serve};
pub use shutdown::Shutdown;
pub use slots::{ConnectionSlot, ConnectionSlots, Limits};
pub use stream::{BoxedStream, Duplex, Stream};
pub use tls::{Alpn, Certificate, TlsKeeper};

/// For `fuzz/`: reads a PROXY header, which may be incomplete, and checks that the bytes after it stay unread and make
/// no difference.
#[cfg(fuzzing)]
pub async fn fuzz_proxy_header(bytes: &[u8]) {
    let mut rest = bytes;
    let Ok(read) = proxy::read(&mut rest).await else {
        return;
    };
    let header = &bytes[..bytes.len() - rest.len()];
    for behind in [&b""[..], b"\x16\x03\x01", b"\r\nPROXY TCP4 "] {
        let again = [header, behind].concat();
        let mut rest = &again[..];
        let read_again = proxy::read(&mut rest).await;
        assert_eq!(read_again.expect("a header"), read);
        assert_eq!(rest, behind);
    }
}

use std::path::PathBuf;

/// What can go wrong at the edge.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The connection failed, or took too long: drop it.
    #[error("the connection failed: {0}")]
    Connection(#[from] std::io::Error),
    /// The peer is not a configured proxy, or sent no valid PROXY header: drop the connection.
    #[error("no proper PROXY header from a configured peer: {0}")]
    Proxy(&'static str),
    /// Plaintext was received after the command that starts TLS. An attacker may have inserted it, so drop the
    /// connection.
    #[error("plaintext behind STARTTLS")]
    Injected,
    /// The server's certificate does not prove its identity. The text is for people to read.
    #[error("{0}")]
    Unproven(String),
    /// The name of the server to connect to is neither a host name nor an address.
    #[error("not a server's name")]
    ServerName,
    /// A file for TLS can't be read or written: mend it, then start or reload again.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Certificate and key can't be used for TLS.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// No self-signed certificate could be made.
    #[error("a certificate can't be made: {0}")]
    SelfSigned(#[from] rcgen::Error),
}
