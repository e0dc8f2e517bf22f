//! The client side: connects to servers, such as the relay that takes outgoing mail.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::peers::is_of_the_internet;
use crate::stream::BoxedStream;
use crate::{NetError, tls};

/// How a connection to a server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Not at all: for this machine, or for a network to which passwords may be entrusted.
    None,
    /// By a command of the protocol, such as STARTTLS (RFC 3207). If the server refuses it, the connection fails.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
}

/// Which certificates of a server are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Those signed by an authority that the operating system trusts.
    System,
    /// Those signed by an authority in this PEM file.
    File(PathBuf),
    /// Those of this one key, whatever else the certificate says.
    Pinned(KeyPin),
    /// Any. The server proves nothing, and TLS only keeps out passive listeners (RFC 7435 section 3).
    Anybody,
}

/// A server's public key, identified by the SHA-256 hash of its SubjectPublicKeyInfo, as in RFC 7469 section 2.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPin([u8; 32]);

impl fmt::Display for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl KeyPin {
    /// Parses the hash from 64 hexadecimal digits, ignoring colons between them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<_> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16))
            .collect::<Option<_>>()?;
        let bytes: Vec<_> = digits
            .chunks_exact(2)
            .filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok())
            .collect();
        let odd = digits.len() % 2 == 1;
        bytes.try_into().ok().filter(|_| !odd).map(Self)
    }

    /// The pin of a certificate's key.
    fn of(certificate: &CertificateDer<'_>) -> Result<Self, rustls::Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        let hash = digest(&SHA256, &key);
        hash.as_ref()
            .try_into()
            .map(Self)
            .map_err(|_| rustls::Error::General("a hash of another length".to_owned()))
    }
}

/// Connects to servers, with a time limit for each step.
#[derive(Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
    patience: Duration,
    /// Whether addresses of neighbours are skipped.
    internet_alone: bool,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// Reads the trusted certificates. `patience` limits connecting, and the TLS handshake again.
    ///
    /// # Errors
    /// The file can't be read or has no certificate in it.
    pub fn new(roots: &Roots, patience: Duration) -> Result<Self, NetError> {
        let trusted = match roots {
            Roots::File(path) => Some(tls::read_chain(path)?),
            Roots::System => Some(rustls_native_certs::load_native_certs().certs),
            Roots::Anybody | Roots::Pinned(_) => None,
        };
        let pin = match roots {
            Roots::Pinned(pin) => Some(*pin),
            Roots::System | Roots::File(_) | Roots::Anybody => None,
        };
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])?;
        let config = match trusted {
            Some(trusted) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(trusted);
                builder.with_root_certificates(store).with_no_client_auth()
            }
            None => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate { provider, pin }))
                .with_no_client_auth(),
        };
        Ok(Self {
            config: Arc::new(config),
            patience,
            internet_alone: false,
        })
    }

    /// The TLS configuration, for libraries that connect by themselves.
    #[must_use]
    pub fn tls_config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// Skips addresses of this machine and of private networks: for server names that strangers choose.
    #[must_use]
    pub fn to_the_internet_alone(mut self) -> Self {
        self.internet_alone = true;
        self
    }

    /// Connects in plaintext.
    ///
    /// # Errors
    /// The server can't be reached, or took too long.
    pub async fn connect_plain(&self, host: &str, port: u16) -> Result<BoxedStream, NetError> {
        Ok(Box::new(self.socket(host, port).await?))
    }

    /// Connects and starts TLS at once; the server must prove that it is `host`.
    ///
    /// # Errors
    /// The server can't be reached, took too long, or has a wrong certificate.
    pub async fn connect_tls(&self, host: &str, port: u16) -> Result<BoxedStream, NetError> {
        let socket = self.socket(host, port).await?;
        self.start_tls(Box::new(socket), host, &[]).await
    }

    /// Starts TLS after the server has agreed to STARTTLS; the server must prove that it is `host`. `unread` holds what
    /// was received after that agreement. There must be nothing, since an attacker could have inserted it.
    ///
    /// # Errors
    /// [`NetError::Injected`] if `unread` is not empty; the server took too long, or has a wrong certificate.
    pub async fn start_tls(
        &self,
        stream: BoxedStream,
        host: &str,
        unread: &[u8],
    ) -> Result<BoxedStream, NetError> {
        if !unread.is_empty() {
            return Err(NetError::Injected);
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| NetError::ServerName)?;
        let handshake = TlsConnector::from(Arc::clone(&self.config)).connect(name, stream);
        let stream = timeout(self.patience, handshake)
            .await
            .map_err(|_| too_slow())?
            .map_err(unproven)?;
        Ok(Box::new(stream))
    }

    async fn socket(&self, host: &str, port: u16) -> Result<TcpStream, NetError> {
        let connecting = async {
            let mut failed = None;
            for address in lookup_host((host, port)).await? {
                if self.internet_alone && !is_of_the_internet(address.ip()) {
                    continue;
                }
                match TcpStream::connect(address).await {
                    Ok(socket) => return Ok(socket),
                    Err(error) => failed = Some(error),
                }
            }
            Err(failed.unwrap_or_else(|| {
                let words = "the server has no address on the internet";
                io::Error::new(io::ErrorKind::AddrNotAvailable, words)
            }))
        };
        let socket = timeout(self.patience, connecting)
            .await
            .map_err(|_| too_slow())??;
        socket.set_nodelay(true)?;
        Ok(socket)
    }
}

/// The server has another key than the pinned one.
#[derive(Debug, thiserror::Error)]
#[error("the server has another key than `key_pin` says: that of its key is {0}")]
struct OtherKey(KeyPin);

/// Turns a failed handshake into words that say what can be done about it.
fn unproven(error: io::Error) -> NetError {
    let why = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(why)) = why else {
        return error.into();
    };
    let words = match why {
        // `BadSignature`: the issuer has the name of a trusted authority but not its key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "nobody who is trusted signed the server's certificate: \
             name the one who did by `ca_file`, or trust the server's key alone by `key_pin`"
                .to_owned()
        }
        CertificateError::Other(OtherError(inner)) => match inner.downcast_ref::<OtherKey>() {
            Some(other) => other.to_string(),
            // webpki has an error for this, but rustls does not.
            None if inner.to_string().contains("CaUsedAsEndEntity") => {
                "the server's certificate is made for signing others (CA:TRUE), \
                 as self-signed ones often are: trust its key by `key_pin` instead of `ca_file`"
                    .to_owned()
            }
            None => inner.to_string(),
        },
        other => format!("the server's certificate does not hold: {other}"),
    };
    NetError::Unproven(words)
}

/// Accepts every certificate, or only those of the pinned key. That the server holds the key is still checked.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    pin: Option<KeyPin>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(pin) = self.pin {
            let found = KeyPin::of(certificate)?;
            if found != pin {
                let unwanted = CertificateError::Other(OtherError(Arc::new(OtherKey(found))));
                return Err(rustls::Error::InvalidCertificate(unwanted));
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn too_slow() -> NetError {
    NetError::Connection(io::ErrorKind::TimedOut.into())
}
