//! `[relay]`: where mail leaves the site; and `[dkim]`: what signs it.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sekisho_checkpoint::ports::Clock;
use sekisho_net::client::{Connector, Roots, TlsMode};
use sekisho_net::dns::MailHosts;
use sekisho_queue::dkim::Dkim;
use sekisho_queue::{DirectTransport, RelayLogin, RelayTransport, Transport};
use zeroize::Zeroizing;

use super::site::Site;
use crate::config::problem::Findings;
use crate::config::section::section;
use crate::config::values::{Domain, Host};
use crate::secrets;

/// How long connecting to the relay may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The port of SMTP between servers (RFC 5321, section 4.5.4.2).
const SMTP: NonZeroU16 = NonZeroU16::new(25).expect("25 is not 0");

section! {
    /// Where mail leaves the site.
    pub(in crate::config) struct RelaySection("[relay]") {
        /// The relay's host name; without one, mail to other domains is refused, unless `direct` is set.
        host: Option<Host> = None,
        /// Without a relay: hand mail to each domain's own servers, as DNS names them. The other sites judge this
        /// site's address and name by then; sign with `[dkim]`.
        direct: bool = false,
        /// Its port.
        port: NonZeroU16 = SMTP,
        /// `none`, `starttls` or `implicit`.
        tls: TlsMode = TlsMode::StartTls,
        /// The user name to log in with.
        user: Option<String> = None,
        /// A file with the password to log in with.
        password_file: Option<PathBuf> = None,
        /// A PEM file with the authorities to trust instead of the system's.
        ca_file: Option<PathBuf> = None,
    }
}

section! {
    /// Signatures under mail that leaves (DKIM), where no relay makes them. `sekisho key dkim` shows the DNS record
    /// that belongs to it.
    pub(in crate::config) struct DkimSection("[dkim]") {
        /// The selector: the name of the key in DNS, such as `s2026`. Without one nothing is signed.
        selector: Option<String> = None,
        /// The file with the private key, in PEM: `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`.
        key_file: Option<PathBuf> = None,
        /// The domain that signs; the first own domain unless set. Mail whose author is of another domain is not
        /// signed.
        domain: Option<Domain> = None,
    }
}

/// Where mail leaves the site.
#[derive(Debug, Clone)]
pub(crate) enum OutgoingRoute {
    /// Nowhere: mail to other domains is refused.
    None,
    /// To a relay.
    Relay(Relay),
    /// To each domain's own servers.
    Direct,
}

/// The server that takes all mail for elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct Relay {
    host: Host,
    port: NonZeroU16,
    tls: TlsMode,
    login: Option<Login>,
    roots: Roots,
}

/// With what to log in at a server.
#[derive(Debug, Clone)]
struct Login {
    user: String,
    password_file: PathBuf,
}

/// What signs mail that leaves.
#[derive(Debug, Clone)]
pub(crate) struct Signing {
    selector: String,
    key_file: PathBuf,
    /// The first own domain, if `None`.
    domain: Option<Domain>,
}

impl RelaySection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Option<OutgoingRoute> {
        let Self {
            header: _,
            host,
            direct,
            port,
            tls,
            user,
            password_file,
            ca_file,
        } = self;
        let login = match (&**user, &**password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => Some(Login {
                user: user.clone(),
                password_file: file.clone(),
            }),
            (Some(_), None) | (None, Some(_)) => {
                let text = "`user` and `password_file` belong together: give both or neither";
                findings.problem(user.line().or(password_file.line()), text);
                return None;
            }
        };
        if **direct && host.is_some() {
            let text = "mail goes to the relay `host` or, with `direct`, to each domain's own servers: choose one";
            findings.problem(direct.line(), text);
        }
        let is_here = |host: &Host| host.is_loopback_address() || host.as_str() == "localhost";
        if login.is_some() && **tls == TlsMode::None && !host.as_ref().is_none_or(is_here) {
            let text = "the password for the relay would cross the network in the clear: use \"starttls\" or \"implicit\"";
            findings.problem(tls.line(), text);
        }
        let Some(host) = &**host else {
            if !**direct {
                let text =
                    "no [relay]: mail to other domains is refused, and no code can be mailed";
                findings.warning(None, text);
                return Some(OutgoingRoute::None);
            }
            return Some(OutgoingRoute::Direct);
        };
        Some(OutgoingRoute::Relay(Relay {
            host: host.clone(),
            port: port.get(),
            tls: **tls,
            login,
            roots: ca_file.get().map_or(Roots::System, Roots::File),
        }))
    }
}

impl OutgoingRoute {
    /// The way, ready to be used; none if mail for elsewhere is refused. `host` is what the site calls itself there.
    ///
    /// # Errors
    /// A file can't be read, or a password would be sent in the clear.
    pub(crate) fn open(
        &self,
        host: &str,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Option<Arc<dyn Transport>>> {
        Ok(match self {
            Self::None => None,
            Self::Relay(relay) => Some(Arc::new(relay.open(host, Arc::clone(clock))?)),
            Self::Direct => Some(Arc::new(DirectTransport {
                hosts: Arc::new(MailHosts::of_system()?),
                // The senders of what comes back, and whoever is written to, name the servers.
                connector: Connector::new(&Roots::Anybody, PATIENCE)?.to_the_internet_alone(),
                clock: Arc::clone(clock),
                hello: host.to_owned(),
                port: SMTP.get(),
            })),
        })
    }

    /// Whether mail leaves by a relay.
    pub(crate) fn has_relay(&self) -> bool {
        matches!(self, Self::Relay(_))
    }
}

impl Relay {
    fn open(&self, hello: &str, clock: Arc<dyn Clock>) -> anyhow::Result<RelayTransport> {
        let login = match &self.login {
            Some(login) => Some(RelayLogin {
                user: login.user.clone(),
                password: secrets::read(&login.password_file).context("[relay] `password_file`")?,
            }),
            None => None,
        };
        let relay = sekisho_queue::Relay {
            host: self.host.as_str().to_owned(),
            port: self.port.get(),
            tls: self.tls,
            login,
            hello: hello.to_owned(),
        };
        let connector = Connector::new(&self.roots, PATIENCE).context("[relay] `ca_file`")?;
        RelayTransport::new(relay, connector, clock).context("[relay]")
    }
}

impl DkimSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Option<Option<Signing>> {
        let Self {
            header: _,
            selector,
            key_file,
            domain,
        } = self;
        match (&**selector, &**key_file) {
            (None, None) => Some(None),
            (Some(selector), Some(file)) => Some(Some(Signing {
                selector: selector.clone(),
                key_file: file.clone(),
                domain: domain.get(),
            })),
            (Some(_), None) | (None, Some(_)) => {
                let text = "`selector` and `key_file` belong together: give both or neither";
                findings.problem(selector.line().or(key_file.line()), text);
                None
            }
        }
    }
}

impl Signing {
    /// What signs, with its key.
    ///
    /// # Errors
    /// The file can't be read, or holds no key.
    pub(crate) fn open(&self, site: &Site) -> anyhow::Result<Arc<Dkim>> {
        let domain = self.domain.as_ref().map(Domain::as_str);
        let pem = std::fs::read_to_string(&self.key_file).map(Zeroizing::new);
        let pem =
            pem.with_context(|| format!("[dkim] key_file: reading {}", self.key_file.display()))?;
        let dkim = Dkim::new(domain.unwrap_or(site.main_domain()), &self.selector, &pem);
        dkim.with_context(|| format!("[dkim]: {}", self.key_file.display()))
    }
}
