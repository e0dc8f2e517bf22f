//! A connection, plain or TLS, with a reader for lines and literals.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, SignatureScheme};

/// The longest line that is read.
const LONGEST_LINE: usize = 64 << 20;

/// Where and how to connect.
pub struct Target {
    address: SocketAddr,
    /// Connections are spread over so many addresses of 127.1.0.0/16.
    sources: usize,
    tls: Option<TlsConnector>,
}

impl Target {
    /// A server, over TLS or not.
    pub fn new(address: SocketAddr, tls: bool, sources: usize) -> Self {
        let tls = tls.then(|| {
            let mut config = ClientConfig::builder()
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody))
                .with_no_client_auth();
            // Every handshake is a whole one.
            config.resumption = Resumption::disabled();
            TlsConnector::from(Arc::new(config))
        });
        Self {
            address,
            sources,
            tls,
        }
    }
}

/// Accepts every certificate, since the servers are on loopback and made for the measurement.
#[derive(Debug)]
struct Anybody;

impl Anybody {
    fn algorithms() -> WebPkiSupportedAlgorithms {
        ring::default_provider().signature_verification_algorithms
    }
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        Self::algorithms().supported_schemes()
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    /// What was received and not read yet.
    unread: std::ops::Range<usize>,
    /// How many bytes came so far.
    pub bytes_in: u64,
    tag: u32,
}

/// What the answer to an IMAP command held.
#[derive(Default)]
pub struct Reply {
    /// FETCH responses.
    pub fetches: u64,
    /// Numbers in SEARCH responses.
    pub hits: u64,
    /// The number of the last EXISTS.
    pub exists: u64,
    /// The server waits for more (`+`) and has not answered yet.
    pub goes_on: bool,
}

impl Connection {
    /// Connects; the index chooses the source address.
    pub async fn open(target: &Target, index: usize, buffer: usize) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if target.sources > 1 {
            let source = index % target.sources;
            let [.., high, low] = u16::try_from(source + 1).unwrap_or(1).to_be_bytes();
            socket.bind((Ipv4Addr::new(127, 1, high, low), 0).into())?;
        }
        let tcp = socket.connect(target.address).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &target.tls {
            None => Box::new(tcp),
            Some(connector) => {
                let name = ServerName::from(target.address.ip());
                Box::new(connector.connect(name, tcp).await?)
            }
        };
        Ok(Self {
            stream,
            buffer: vec![0; buffer],
            unread: 0..0,
            bytes_in: 0,
            tag: 0,
        })
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Receives more, behind what is unread.
    async fn fill(&mut self) -> io::Result<()> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.end == self.buffer.len() {
            if self.unread.start > 0 {
                self.buffer.copy_within(self.unread.clone(), 0);
                self.unread = 0..self.unread.len();
            } else if self.buffer.len() < LONGEST_LINE {
                self.buffer.resize(self.buffer.len() * 2, 0);
            } else {
                return Err(io::Error::other("line too long"));
            }
        }
        let received = self
            .stream
            .read(&mut self.buffer[self.unread.end..])
            .await?;
        if received == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.unread.end += received;
        self.bytes_in += received as u64;
        Ok(())
    }

    /// Where the next line is in the buffer, without its end.
    async fn next_line(&mut self) -> io::Result<std::ops::Range<usize>> {
        let mut looked_at = 0;
        loop {
            let unread = &self.buffer[self.unread.clone()];
            if let Some(end) = memchr::memchr(b'\n', &unread[looked_at..]) {
                let start = self.unread.start;
                let mut end = start + looked_at + end;
                self.unread.start = end + 1;
                if end > start && self.buffer[end - 1] == b'\r' {
                    end -= 1;
                }
                return Ok(start..end);
            }
            looked_at = unread.len();
            self.fill().await?;
        }
    }

    /// The next line, without its end.
    pub async fn line(&mut self) -> io::Result<&[u8]> {
        let line = self.next_line().await?;
        Ok(&self.buffer[line])
    }

    /// Reads so many bytes, and gives each piece to `keep`.
    pub async fn take(&mut self, mut count: usize, mut keep: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            let have = self.unread.len().min(count);
            let start = self.unread.start;
            keep(&self.buffer[start..start + have]);
            self.unread.start += have;
            count -= have;
            if count == 0 {
                return Ok(());
            }
            self.fill().await?;
        }
    }

    /// Reads until the other side closes.
    pub async fn until_closed(&mut self) {
        self.unread = 0..0;
        while self.fill().await.is_ok() {
            self.unread = 0..0;
        }
    }

    /// The number of the next IMAP command, whose tag is `A` and that number.
    pub fn next_tag(&mut self) -> u32 {
        self.tag += 1;
        self.tag
    }

    /// Sends an IMAP command and reads its answer.
    pub async fn imap(&mut self, command: &str) -> io::Result<Reply> {
        let tag = self.next_tag();
        self.send(format!("A{tag} {command}\r\n").as_bytes())
            .await?;
        self.imap_reply(tag).await
    }

    /// Sends IDLE.
    pub async fn start_idle(&mut self) -> io::Result<()> {
        if self.imap("IDLE").await?.goes_on {
            return Ok(());
        }
        Err(io::Error::other("IDLE was answered at once"))
    }

    /// Ends IDLE.
    pub async fn end_idle(&mut self) -> io::Result<()> {
        self.send(b"DONE\r\n").await?;
        self.imap_reply(self.tag).await.map(drop)
    }

    /// Reads the answer to the IMAP command of that number.
    pub async fn imap_reply(&mut self, tag: u32) -> io::Result<Reply> {
        let tag = format!("A{tag} ");
        let mut reply = Reply::default();
        loop {
            let line = self.next_line().await?;
            let line = &self.buffer[line];
            if let Some(answer) = line.strip_prefix(tag.as_bytes()) {
                if answer.starts_with(b"OK") {
                    return Ok(reply);
                }
                let answer = String::from_utf8_lossy(answer);
                return Err(io::Error::other(format!("IMAP: {answer}")));
            }
            if line.starts_with(b"+") {
                reply.goes_on = true;
                return Ok(reply);
            }
            if let Some(numbers) = line.strip_prefix(b"* SEARCH") {
                reply.hits += memchr::memchr_iter(b' ', numbers).count() as u64;
            } else if let Some(count) = line.strip_suffix(b" EXISTS") {
                let count = String::from_utf8_lossy(count);
                reply.exists = count.trim_start_matches("* ").parse().unwrap_or(0);
            } else if memchr::memmem::find(&line[..line.len().min(24)], b" FETCH ").is_some() {
                reply.fetches += 1;
            }
            if let Some(literal) = literal(line) {
                self.take(literal, |_| ()).await?;
            }
        }
    }

    /// Sends an SMTP command and reads its reply, which must begin with that digit.
    pub async fn smtp(&mut self, command: &str, wanted: u8) -> io::Result<()> {
        self.send(format!("{command}\r\n").as_bytes()).await?;
        self.smtp_reply(wanted).await
    }

    /// Reads an SMTP reply, which must begin with that digit.
    pub async fn smtp_reply(&mut self, wanted: u8) -> io::Result<()> {
        loop {
            let line = self.line().await?;
            if line.first() != Some(&wanted) {
                let line = String::from_utf8_lossy(line);
                return Err(io::Error::other(format!("SMTP: {line}")));
            }
            if line.get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}

/// The length that `{123}` or `{123+}` at the end of a line announces.
pub fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', line)?;
    let number = str::from_utf8(&line[open + 1..]).ok()?;
    number.trim_end_matches('+').parse().ok()
}
