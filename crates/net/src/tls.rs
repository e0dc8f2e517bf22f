//! The server's certificate: read from files or made on the first start, and reloaded while running.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, ServerConfig};

use crate::NetError;

/// Where the certificate comes from.
#[derive(Debug, Clone)]
pub enum Certificate {
    /// From two PEM files, which may be the same file.
    Files {
        /// The certificate chain, the server's own certificate first.
        chain: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Self-signed: made for these host names and addresses if the folder has none. It is kept there, readable by its
    /// owner only, so that clients who accepted it once recognise it. To get a new one, remove the file
    /// `self-signed.pem`.
    SelfSigned {
        /// The folder; created if it is missing.
        folder: PathBuf,
        /// Host names and addresses.
        names: Vec<String>,
    },
}

/// The application protocols offered in the handshake (RFC 7301 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// None, for mail.
    None,
    /// HTTP/2 and HTTP/1.1.
    Web,
}

/// Holds the certificate that new connections use. Speaks TLS 1.2 and 1.3.
#[derive(Debug)]
pub struct TlsKeeper {
    certificate: Certificate,
    alpn: Alpn,
    config: RwLock<Arc<ServerConfig>>,
}

impl TlsKeeper {
    /// Reads the certificate, or makes a self-signed one.
    ///
    /// # Errors
    /// A file can't be read or written or does not contain what it should, or certificate and key don't belong
    /// together.
    pub fn open(certificate: Certificate, alpn: Alpn) -> Result<Self, NetError> {
        let config = RwLock::new(load(&certificate, alpn)?);
        Ok(Self {
            certificate,
            alpn,
            config,
        })
    }

    /// Reads the files again, for new connections.
    ///
    /// # Errors
    /// As [`Self::open`]; the certificate in use is kept.
    pub fn reload(&self) -> Result<(), NetError> {
        let config = load(&self.certificate, self.alpn)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// The configuration for a handshake that starts now.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn load(certificate: &Certificate, alpn: Alpn) -> Result<Arc<ServerConfig>, NetError> {
    let (chain, key) = match certificate {
        Certificate::Files { chain, key } => (read_chain(chain)?, read_key(key)?),
        Certificate::SelfSigned { folder, names } => {
            let file = folder.join("self-signed.pem");
            if !file.exists() {
                make(folder, &file, names)?;
            }
            (read_chain(&file)?, read_key(&file)?)
        }
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.ignore_client_order = true;
    if alpn == Alpn::Web {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    Ok(Arc::new(config))
}

/// The usual cipher suites, ordered by what a handshake costs: processors have instructions for SHA-256, but not for
/// SHA-384. All of them are strong (RFC 8446 appendix B.4; RFC 9325 section 4.2). Most clients would prefer AES-256,
/// and accept either.
fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.cipher_suites.sort_by_key(|suite| {
        matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_256_GCM_SHA384
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
        )
    });
    provider
}

/// The certificates of a PEM file, at least one.
pub(crate) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|e| unusable(path, e))?;
    if chain.is_empty() {
        return Err(unusable(path, "no certificate in it"));
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, NetError> {
    PrivateKeyDer::from_pem_file(path).map_err(|e| unusable(path, e))
}

fn unusable(path: &Path, problem: impl ToString) -> NetError {
    NetError::File {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}

/// Makes key and certificate in one file, so that a crash can't leave one without the other.
fn make(folder: &Path, file: &Path, names: &[String]) -> Result<(), NetError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    if let Some(name) = names.first() {
        params
            .distinguished_name
            .push(DnType::CommonName, name.clone());
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;
    let text = certificate.pem() + &key.serialize_pem();
    fs::create_dir_all(folder).map_err(|e| unusable(folder, e))?;
    write_private(file, text.as_bytes()).map_err(|e| unusable(file, e))
}

fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut out = options.open(&unfinished)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&unfinished, file)
}
