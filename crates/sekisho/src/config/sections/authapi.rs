//! `[authapi]`: for servers that stay in front and ask.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sekisho_authapi::{Api, Backends, DoveadmClient};
use sekisho_checkpoint::ports::Clock;
use sekisho_checkpoint::{Checkpoint, Password};
use sekisho_net::Shutdown;
use sekisho_net::client::{Connector, Roots};
use sekisho_source::KeyLength;

use crate::config::problem::Findings;
use crate::config::read::{List, values};
use crate::config::section::section;
use crate::config::values::{NameElsewhere, ServerAddress, is_loopback};
use crate::secrets;

/// How long connecting to Dovecot may take.
const PATIENCE: Duration = Duration::from_secs(10);

section! {
    /// For servers that stay in front and ask: nginx's mail proxy, Dovecot's auth policy, Postfix and Exim. How each is
    /// set up is in the operating guide.
    pub(in crate::config) struct AuthApiSection("[authapi]") {
        /// Where nginx and Dovecot ask over HTTP, such as `127.0.0.1:9000`. They are handed passwords there, in the
        /// clear: this machine, or a network that is trusted with them.
        listen: List<SocketAddr> = Vec::new(),
        /// A file with the secret that they show, in the header field `X-Sekisho-Secret`. Required with `listen`.
        secret_file: Option<PathBuf> = None,
        /// Where Postfix and Exim ask in Dovecot's SASL protocol: loopback addresses.
        sasl_listen: List<SocketAddr> = Vec::new(),
        /// A Unix socket for the same. Whoever may enter its folder may ask.
        sasl_socket: Option<PathBuf> = None,
        /// The name of an account on the servers behind: `{login}` and `{address}` stand for its login name and its
        /// main address here.
        user: NameElsewhere = NameElsewhere::login(),
        /// The IMAP server that nginx passes people on to, by its address.
        nginx_imap: Option<SocketAddr> = None,
        /// Its POP3 server.
        nginx_pop3: Option<SocketAddr> = None,
        /// Its submission server.
        nginx_submission: Option<SocketAddr> = None,
        /// Where Dovecot's doveadm listens for HTTP, such as `127.0.0.1:8080`, to close the connections of those whose
        /// admission ends.
        doveadm: Option<ServerAddress> = None,
        /// Whether it is spoken to in TLS.
        doveadm_tls: bool = false,
        /// A PEM file with the authorities to trust for that instead of the system's.
        doveadm_ca_file: Option<PathBuf> = None,
        /// A file with Dovecot's `doveadm_api_key`.
        doveadm_key_file: Option<PathBuf> = None,
    }
}

/// Where servers ask, and what is told to them.
#[derive(Debug, Clone)]
pub(crate) struct AuthApi {
    /// Where they ask over HTTP.
    pub(crate) listen: Vec<SocketAddr>,
    /// There is one where they ask over HTTP.
    secret_file: Option<PathBuf>,
    /// Where they ask in Dovecot's SASL protocol.
    pub(crate) sasl_listen: Vec<SocketAddr>,
    /// A Unix socket for the same.
    pub(crate) sasl_socket: Option<PathBuf>,
    user: NameElsewhere,
    backends: Backends,
    /// What closes connections.
    pub(crate) doveadm: Option<Doveadm>,
}

/// Dovecot's doveadm, which closes connections.
#[derive(Debug, Clone)]
pub(crate) struct Doveadm {
    host: String,
    port: u16,
    tls: bool,
    roots: Roots,
    key_file: PathBuf,
}

impl AuthApiSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Option<AuthApi> {
        let Self {
            header,
            listen,
            secret_file,
            sasl_listen,
            sasl_socket,
            user,
            nginx_imap,
            nginx_pop3,
            nginx_submission,
            doveadm: _,
            doveadm_tls: _,
            doveadm_ca_file: _,
            doveadm_key_file: _,
        } = self;
        if !listen.is_empty() && secret_file.is_none() {
            let text = "[authapi] needs `secret_file`: a secret that nginx or Dovecot shows, such as one of `openssl \
                         rand -hex 32`";
            findings.problem(*header, text);
        }
        for address in sasl_listen.iter() {
            if !is_loopback(address.ip()) {
                let text = format!(
                    "SASL on {} could be reached from elsewhere; listen on loopback or on `sasl_socket`",
                    **address
                );
                findings.problem(address.line(), text);
            }
        }
        for address in listen.iter() {
            if !is_loopback(address.ip()) {
                let text = format!(
                    "passwords come to {} in the clear: keep it in a network that is trusted with them",
                    **address
                );
                findings.warning(address.line(), text);
            }
        }
        Some(AuthApi {
            listen: values(listen),
            secret_file: secret_file.get(),
            sasl_listen: values(sasl_listen),
            sasl_socket: sasl_socket.get(),
            user: user.get(),
            backends: Backends {
                imap: nginx_imap.get(),
                pop3: nginx_pop3.get(),
                submission: nginx_submission.get(),
            },
            doveadm: self.doveadm(findings)?,
        })
    }

    /// What closes connections; nothing within, if nobody is named.
    fn doveadm(&self, findings: &mut Findings<'_>) -> Option<Option<Doveadm>> {
        let (server, file) = match (&*self.doveadm, &*self.doveadm_key_file) {
            (None, None) => return Some(None),
            (Some(server), Some(file)) => (server, file),
            (Some(_), None) | (None, Some(_)) => {
                let text = "`doveadm` and `doveadm_key_file` belong together: give both or neither";
                let line = self.doveadm.line().or(self.doveadm_key_file.line());
                findings.problem(line, text);
                return None;
            }
        };
        let Some(port) = server.port() else {
            let text = "`doveadm` is a server with its port, such as \"127.0.0.1:8080\"";
            findings.problem(self.doveadm.line(), text);
            return None;
        };
        let roots = self.doveadm_ca_file.get();
        Some(Some(Doveadm {
            host: server.host().as_str().to_owned(),
            port: port.get(),
            tls: *self.doveadm_tls,
            roots: roots.map_or(Roots::System, Roots::File),
            key_file: file.clone(),
        }))
    }
}

impl AuthApi {
    /// Whether anybody may ask.
    pub(crate) fn is_open(&self) -> bool {
        !self.listen.is_empty() || !self.sasl_listen.is_empty() || self.sasl_socket.is_some()
    }

    /// What answers those who ask.
    ///
    /// # Errors
    /// A file can't be read.
    pub(crate) fn open(
        &self,
        checkpoint: Arc<Checkpoint>,
        clock: Arc<dyn Clock>,
        key_length: KeyLength,
        until: &Shutdown,
    ) -> anyhow::Result<Arc<Api>> {
        let secret = match &self.secret_file {
            Some(file) => secrets::read_some(file).context("`secret_file` of [authapi]")?,
            // Then nobody asks over HTTP.
            None => Password::new(String::new()),
        };
        let doveadm = self.doveadm.as_ref();
        Ok(Arc::new(Api {
            checkpoint,
            clock,
            key_length,
            secret,
            backends: self.backends,
            user: self.user.clone().into(),
            doveadm: doveadm.map(|doveadm| doveadm.open(until)).transpose()?,
        }))
    }
}

impl Doveadm {
    /// What has Dovecot close connections.
    ///
    /// # Errors
    /// A file can't be read.
    pub(crate) fn open(&self, until: &Shutdown) -> anyhow::Result<DoveadmClient> {
        let connector = Connector::new(&self.roots, PATIENCE);
        let connector = connector.context("`doveadm_ca_file` of [authapi]")?;
        let key = secrets::read_some(&self.key_file);
        let key = key.context("`doveadm_key_file` of [authapi]")?;
        let server = (self.host.clone(), self.port);
        Ok(DoveadmClient::new(
            connector,
            server,
            self.tls,
            key,
            until.clone(),
        ))
    }

    /// Where it is, for people.
    pub(crate) fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}
