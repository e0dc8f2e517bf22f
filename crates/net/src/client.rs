//! The other side: connecting to servers, such as the relay that takes mail for elsewhere.

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

/// Whose signature under a server's certificate counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Those whom the operating system trusts.
    System,
    /// Those in this PEM file alone.
    File(PathBuf),
    /// Nobody's: the server has to have this one key, whatever its certificate says.
    Pinned(KeyPin),
    /// Anybody's: the other side proves nothing, and only listeners on the way are kept out (RFC 7435).
    Anybody,
}

/// A server's public key, known by the SHA-256 hash of its SubjectPublicKeyInfo, as in RFC 7469, section 2.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPin([u8; 32]);

impl fmt::Display for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl KeyPin {
    /// Takes the hash as 64 hexadecimal digits; colons between them are passed over.
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

/// Connects to servers, each step within a time of its own.
#[derive(Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
    patience: Duration,
    /// Whether servers at neighbours' addresses count as not there.
    internet_alone: bool,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// Reads the roots. `patience` bounds connecting, and the handshake likewise.
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

    /// What TLS goes by, for libraries that connect by themselves.
    #[must_use]
    pub fn tls_config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// Connects to no address of this machine or of a private network: for names that strangers choose.
    #[must_use]
    pub fn to_the_internet_alone(mut self) -> Self {
        self.internet_alone = true;
        self
    }

    /// Connects in plaintext.
    ///
    /// # Errors
    /// Nobody there, or too slow.
    pub async fn connect_plain(&self, host: &str, port: u16) -> Result<BoxedStream, NetError> {
        Ok(Box::new(self.socket(host, port).await?))
    }

    /// Connects and starts TLS at once; the server has to prove that it is `host`.
    ///
    /// # Errors
    /// Nobody there, too slow, or the wrong certificate.
    pub async fn connect_tls(&self, host: &str, port: u16) -> Result<BoxedStream, NetError> {
        let socket = self.socket(host, port).await?;
        self.start_tls(Box::new(socket), host, &[]).await
    }

    /// Goes on in TLS after the server agreed to STARTTLS; it has to prove that it is `host`. `unread` is what was received behind that agreement: there may
    /// be nothing, since someone on the way could have put it there.
    ///
    /// # Errors
    /// [`NetError::Injected`], too slow, or the wrong certificate.
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

/// A server has another key than the one that is trusted.
#[derive(Debug, thiserror::Error)]
#[error("the server has another key than `key_pin` says: that of its key is {0}")]
struct OtherKey(KeyPin);

/// Says why a server did not prove who it is, and what can be done about it.
fn unproven(error: io::Error) -> NetError {
    let why = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(why)) = why else {
        return error.into();
    };
    let words = match why {
        // The second: somebody else of the name of one who is trusted.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "nobody who is trusted signed the server's certificate: name the one who did by `ca_file`, or trust the server's key alone by `key_pin`".to_owned()
        }
        CertificateError::Other(OtherError(inner)) => match inner.downcast_ref::<OtherKey>() {
            Some(other) => other.to_string(),
            // webpki has a word for it, and rustls none.
            None if inner.to_string().contains("CaUsedAsEndEntity") => {
                "the server's certificate is made for signing others (CA:TRUE), as self-signed ones often are: trust its key by `key_pin` instead of `ca_file`".to_owned()
            }
            None => inner.to_string(),
        },
        other => format!("the server's certificate does not hold: {other}"),
    };
    NetError::Unproven(words)
}

/// Takes every certificate, or those of one key; that the other side has its key is still checked.
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
