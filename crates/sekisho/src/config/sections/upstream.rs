//! `[[upstream]]`: the mail systems that the site has already.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::SignedDuration;
use sekisho_checkpoint::account::Group;
use sekisho_net::client::{Connector, KeyPin, Roots, TlsMode};
use sekisho_upstream::{
    AccountSelection, AddressForwarding, Learned, LoginMethod, Server, Servers, TokenKey, Upstream,
    Upstreams,
};

use super::site::Site;
use crate::config::problem::Findings;
use crate::config::read::{List, Located, values};
use crate::config::section::section;
use crate::config::values::{
    ClientAddress, Domain, LoginWay, NameElsewhere, Seconds, ServerAddress,
};
use crate::secrets;

section! {
    /// A mail system that the site has already, behind Sekisho's doors: `[[upstream]]`, as many as there are. With one,
    /// no mail is kept here; letters of the site go to the mailboxes by the relay. The first that names no accounts,
    /// groups or domains keeps the mail of all whom no other names.
    pub(in crate::config) struct UpstreamSection("[[upstream]]") {
        /// Its name, for the log. Required.
        name: String => needs "its name, for the log",
        /// Its IMAP servers, such as `imap.example.ac.jp` or `192.0.2.1:1143`: the first that is up gets all. The ports
        /// are 143 and 993 unless given.
        imap: List<ServerAddress> = Vec::new(),
        /// Its POP3 servers, likewise; 110 and 995.
        pop3: List<ServerAddress> = Vec::new(),
        /// Its submission servers, likewise; 587 and 465.
        submission: List<ServerAddress> = Vec::new(),
        /// Its ManageSieve servers, likewise; 4190.
        sieve: List<ServerAddress> = Vec::new(),
        /// How they are spoken to: `none`, `starttls` or `implicit`. `none` is for this machine and for networks that
        /// are trusted with passwords.
        tls: TlsMode = TlsMode::StartTls,
        /// A PEM file with the authorities to trust instead of the system's.
        ca_file: Option<PathBuf> = None,
        /// The SHA-256 hash of the servers' public key in hexadecimal digits, to trust that key alone, whatever the
        /// certificate says.
        key_pin: Option<KeyPin> = None,
        /// How the upstream is told whose mail is wanted: `password` (the person's own), `master` (a master user acts
        /// for the person) or `token` (OAUTHBEARER, signed by Sekisho).
        login: LoginWay = LoginWay::Password,
        /// The name of an account there: `{login}` and `{address}` stand for its login name and its main address here.
        user: NameElsewhere = NameElsewhere::login(),
        /// The master user's name.
        master_user: Option<String> = None,
        /// A file with the master user's password.
        master_password_file: Option<PathBuf> = None,
        /// A file with the private key that signs tokens, in PEM: `openssl genpkey -algorithm EC -pkeyopt
        /// ec_paramgen_curve:P-256`.
        token_key_file: Option<PathBuf> = None,
        /// The name of that key in tokens (`kid`).
        token_key_id: String = "sekisho".to_owned(),
        /// For whom tokens are made out (`aud`); `name` unless set.
        token_audience: Option<String> = None,
        /// How the upstream is told where a client is: `no`, `proxy` (PROXY protocol, version 2) or `dialogue` (ID in
        /// IMAP, XCLIENT in submission, and in POP3 where the server greets with `[XCLIENT]`, as Dovecot does).
        client_address: ClientAddress = ClientAddress::No,
        /// Whether connections are watched for the command UNAUTHENTICATE even if the upstream does not announce it.
        /// Where it is announced they always are. Set it for Cyrus with `suppress_capabilities`.
        block_relogin: bool = false,
        /// How long one server may take up to the login, before the next is tried.
        patience: Seconds<1, 60> = Seconds::new(SignedDuration::from_secs(10)),
        /// A file with the login names of accounts whose mail is here, one on a line.
        accounts_file: Option<PathBuf> = None,
        /// Groups of accounts whose mail is here.
        groups: List<Group> = Vec::new(),
        /// Domains of main addresses of accounts whose mail is here.
        domains: List<Domain> = Vec::new(),
    }
}

/// A mail system behind Sekisho.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamPlan {
    name: String,
    imap: Vec<(String, u16)>,
    pop3: Vec<(String, u16)>,
    submission: Vec<(String, u16)>,
    sieve: Vec<(String, u16)>,
    tls: TlsMode,
    roots: Roots,
    login: Login,
    user: NameElsewhere,
    client_address: ClientAddress,
    block_relogin: bool,
    patience: Duration,
    accounts_file: Option<PathBuf>,
    groups: Vec<Group>,
    domains: Vec<Domain>,
}

/// How the upstream is told whose mail is wanted.
#[derive(Debug, Clone)]
enum Login {
    Password,
    Master {
        user: String,
        password_file: PathBuf,
    },
    Token {
        key_file: PathBuf,
        key_id: String,
        audience: String,
    },
}

impl UpstreamSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Option<UpstreamPlan> {
        let Self {
            header,
            name,
            imap,
            pop3,
            submission,
            sieve,
            tls,
            ca_file,
            key_pin,
            login: _,
            user,
            master_user: _,
            master_password_file: _,
            token_key_file: _,
            token_key_id: _,
            token_audience: _,
            client_address,
            block_relogin,
            patience,
            accounts_file,
            groups,
            domains,
        } = self;
        if name.is_empty() {
            findings.problem(name.line(), "each [[upstream]] needs a `name`");
        }
        if self.servers().all(|(_, servers)| servers.is_empty()) {
            let text = format!(
                "the upstream {:?} has no server: give `imap`, `pop3`, `submission` or `sieve`",
                **name
            );
            findings.problem(*header, text);
        }
        if ca_file.is_some() && key_pin.is_some() {
            let text = "`ca_file` and `key_pin` are two ways of trusting a server: choose one";
            findings.problem(key_pin.line(), text);
        }
        self.warn_of_clear_passwords(findings);
        let with_ports = |servers: &List<ServerAddress>, usual: u16, usual_tls: u16| {
            let usual = match **tls {
                TlsMode::Implicit => usual_tls,
                TlsMode::StartTls | TlsMode::None => usual,
            };
            let servers = servers.iter();
            servers.map(|server| server.with_port(usual)).collect()
        };
        Some(UpstreamPlan {
            name: name.get(),
            imap: with_ports(imap, 143, 993),
            pop3: with_ports(pop3, 110, 995),
            submission: with_ports(submission, 587, 465),
            // It has no port for TLS from the first byte.
            sieve: with_ports(sieve, 4190, 4190),
            tls: **tls,
            roots: match (&**key_pin, &**ca_file) {
                (Some(pin), _) => Roots::Pinned(*pin),
                (None, Some(file)) => Roots::File(file.clone()),
                (None, None) => Roots::System,
            },
            login: self.login(findings)?,
            user: user.get(),
            client_address: client_address.get(),
            block_relogin: block_relogin.get(),
            patience: patience.unsigned(),
            accounts_file: accounts_file.get(),
            groups: values(groups),
            domains: values(domains),
        })
    }

    /// Its servers, by the name of their key.
    pub(in crate::config) fn servers(
        &self,
    ) -> impl Iterator<Item = (&'static str, &Located<List<ServerAddress>>)> {
        [
            ("imap", &self.imap),
            ("pop3", &self.pop3),
            ("submission", &self.submission),
            ("sieve", &self.sieve),
        ]
        .into_iter()
    }

    /// Whether it names nobody, and so keeps the mail of all whom no other names.
    pub(in crate::config) fn is_catch_all(&self) -> bool {
        self.accounts_file.is_none() && self.groups.is_empty() && self.domains.is_empty()
    }

    fn warn_of_clear_passwords(&self, findings: &mut Findings<'_>) {
        let mut servers = self.servers().flat_map(|(_, servers)| servers.iter());
        let elsewhere = servers.any(|server| !server.host().is_loopback_address());
        if *self.tls == TlsMode::None && elsewhere {
            let text = format!("passwords go to the upstream {:?} in the clear", *self.name);
            findings.warning(self.tls.line(), text);
        }
    }

    fn login(&self, findings: &mut Findings<'_>) -> Option<Login> {
        let needed = match *self.login {
            LoginWay::Password => return Some(Login::Password),
            LoginWay::Master => {
                if let (Some(user), Some(file)) = (&*self.master_user, &*self.master_password_file)
                {
                    return Some(Login::Master {
                        user: user.clone(),
                        password_file: file.clone(),
                    });
                }
                "`login = \"master\"` needs `master_user` and `master_password_file`"
            }
            LoginWay::Token => {
                if let Some(file) = &*self.token_key_file {
                    let audience = self.token_audience.as_ref().unwrap_or(&self.name);
                    return Some(Login::Token {
                        key_file: file.clone(),
                        key_id: self.token_key_id.get(),
                        audience: audience.clone(),
                    });
                }
                "`login = \"token\"` needs `token_key_file`"
            }
        };
        findings.problem(self.login.line(), needed);
        None
    }
}

/// The upstreams of a site; none if its mail is kept here.
///
/// # Errors
/// A file can't be read, or does not hold what it should.
pub(crate) fn open(plans: &[UpstreamPlan], site: &Site) -> anyhow::Result<Option<Upstreams>> {
    if plans.is_empty() {
        return Ok(None);
    }
    let mut all = Upstreams::default();
    for plan in plans {
        let opened = plan
            .open(site)
            .and_then(|upstream| Ok((upstream, plan.accounts()?)));
        let (upstream, accounts) =
            opened.with_context(|| format!("the upstream {:?}", plan.name))?;
        all.add(Arc::new(upstream), accounts);
    }
    Ok(Some(all))
}

impl UpstreamPlan {
    fn open(&self, site: &Site) -> anyhow::Result<Upstream> {
        let servers = |list: &[(String, u16)]| {
            let servers = list.iter().cloned();
            Servers::new(
                servers
                    .map(|(host, port)| Server::new(host, port))
                    .collect(),
            )
        };
        Ok(Upstream {
            name: self.name.clone(),
            imap: servers(&self.imap),
            pop3: servers(&self.pop3),
            submission: servers(&self.submission),
            sieve: servers(&self.sieve),
            tls: self.tls,
            connector: Connector::new(&self.roots, self.patience).context("`ca_file`")?,
            login_method: self.login.open(site)?,
            user: self.user.clone().into(),
            address_forwarding: match self.client_address {
                ClientAddress::No => AddressForwarding::None,
                ClientAddress::Proxy => AddressForwarding::ProxyHeader,
                ClientAddress::Dialogue => AddressForwarding::InProtocol,
            },
            guards: self.block_relogin,
            host: site.host().to_owned(),
            patience: self.patience,
            learned: Learned::default(),
        })
    }

    /// Whose mail it keeps.
    fn accounts(&self) -> anyhow::Result<AccountSelection> {
        let logins = match &self.accounts_file {
            Some(file) => {
                let logins = logins(file).context("`accounts_file`")?;
                // An upstream that names nobody keeps the mail of everybody else, which is not what this one says.
                ensure!(
                    !(logins.is_empty() && self.groups.is_empty() && self.domains.is_empty()),
                    "`accounts_file`: {} names nobody; write a login name, or leave the upstream out until then",
                    file.display()
                );
                logins
            }
            None => Vec::new(),
        };
        Ok(AccountSelection {
            logins,
            groups: self.groups.iter().map(|group| group.0.clone()).collect(),
            domains: self
                .domains
                .iter()
                .map(|domain| domain.as_str().to_owned())
                .collect(),
        })
    }
}

/// Reads login names, one on a line; lines that begin with `#` say nothing.
fn logins(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = secrets::text(file)?;
    let lines = text.lines().map(str::trim);
    let named = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let logins: Vec<_> = named.map(str::to_owned).collect();
    Ok(logins)
}

impl Login {
    fn open(&self, site: &Site) -> anyhow::Result<LoginMethod> {
        Ok(match self {
            Self::Password => LoginMethod::SamePassword,
            Self::Master {
                user,
                password_file,
            } => LoginMethod::Master {
                user: user.clone(),
                password: secrets::read_some(password_file).context("`master_password_file`")?,
            },
            Self::Token {
                key_file,
                key_id,
                audience,
            } => {
                let text = secrets::text(key_file).context("`token_key_file`")?;
                let key = TokenKey::new(&text, key_id, site.url.as_str(), audience);
                let key = key.with_context(|| key_file.display().to_string())?;
                LoginMethod::Token(Box::new(key))
            }
        })
    }
}
