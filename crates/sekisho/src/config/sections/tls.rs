//! `[tls]`: the certificate of all doors.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sekisho_net::{Alpn, Certificate, TlsKeeper};

use super::site::Site;
use crate::config::problem::Findings;
use crate::config::section::section;

section! {
    /// The certificate of all doors. Without one, a self-signed certificate is made on first start and kept in `data`.
    pub(in crate::config) struct TlsSection("[tls]") {
        /// PEM file with the certificate chain.
        certificate: Option<PathBuf> = None,
        /// PEM file with its private key.
        key: Option<PathBuf> = None,
    }
}

/// Where the certificate comes from.
#[derive(Debug, Clone)]
pub(crate) enum Tls {
    /// It is made here.
    SelfSigned,
    /// It is in files.
    Files { chain: PathBuf, key: PathBuf },
}

impl TlsSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Option<Tls> {
        let Self {
            header: _,
            certificate,
            key,
        } = self;
        match (&**certificate, &**key) {
            (None, None) => Some(Tls::SelfSigned),
            (Some(chain), Some(key)) => Some(Tls::Files {
                chain: chain.clone(),
                key: key.clone(),
            }),
            (Some(_), None) | (None, Some(_)) => {
                let text = "`certificate` and `key` belong together: give both or neither";
                findings.problem(certificate.line().or(key.line()), text);
                None
            }
        }
    }
}

impl Tls {
    /// Reads the certificate; makes one in `folder` where the site has none.
    ///
    /// # Errors
    /// A file can't be read or written, or does not hold what it should.
    pub(crate) fn open(&self, site: &Site, folder: &Path, alpn: Alpn) -> anyhow::Result<TlsKeeper> {
        let certificate = match self {
            Self::Files { chain, key } => Certificate::Files {
                chain: chain.clone(),
                key: key.clone(),
            },
            Self::SelfSigned => Certificate::SelfSigned {
                folder: folder.to_owned(),
                names: [site.host(), site.app_url.host()]
                    .map(str::to_owned)
                    .to_vec(),
            },
        };
        TlsKeeper::open(certificate, alpn).context("setting up TLS")
    }
}
