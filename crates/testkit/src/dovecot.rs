//! Debian's Dovecot as the mail system that a site already has, on free ports and in a temporary folder.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use sekisho_checkpoint::Password;
use sekisho_net::client::{Connector, Roots, TlsMode};
use sekisho_net::{Alpn, Certificate, TlsKeeper};
use sekisho_upstream::{
    AddressForwarding, Learned, LoginMethod, Server, Servers, TokenKey, Upstream,
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::ports::free_port;
use crate::postgres::is_root;
use crate::sink::Sink;

/// The password of the master user `sekisho`.
const MASTER: &str = "the-master-of-all";

/// The doveadm API key of a Dovecot that asks the auth API.
pub const DOVEADM_KEY: &str = "the-key-of-doveadm";

/// How long Dovecot may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Dovecot.
pub struct Dovecot {
    master: Child,
    folder: TempDir,
    /// The ports where it listens.
    pub ports: Ports,
    /// The server to which it relays submitted mail.
    pub sink: Sink,
}

/// Dovecot's ports on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// IMAP with STARTTLS.
    pub imap: u16,
    /// IMAP with TLS from the first byte.
    pub imaps: u16,
    /// IMAP with the PROXY protocol.
    pub imap_proxied: u16,
    /// POP3 with STLS.
    pub pop3: u16,
    /// POP3 with the PROXY protocol.
    pub pop3_proxied: u16,
    /// Submission with STARTTLS.
    pub submission: u16,
    /// ManageSieve with STARTTLS.
    pub sieve: u16,
    /// doveadm over HTTP.
    pub doveadm: u16,
}

/// The auth API that a Dovecot asks about logins which it takes itself.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The port of the auth API on 127.0.0.1.
    pub port: u16,
    /// The shared secret of the auth API.
    pub secret: String,
}

impl Dovecot {
    /// Starts Dovecot with accounts of these names and passwords, each with an empty mailbox.
    ///
    /// # Errors
    /// Dovecot is not installed or does not start.
    pub async fn start(people: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::start_asking(people, None).await
    }

    /// Starts Dovecot; if `asked` is given, it asks that auth API about every login.
    ///
    /// # Errors
    /// Dovecot is not installed or does not start.
    pub async fn start_asking(
        people: &[(&str, &str)],
        asked: Option<&Asked>,
    ) -> anyhow::Result<Self> {
        ensure!(
            Path::new("/usr/lib/dovecot/managesieve").exists(),
            "Dovecot is not installed: scripts/test installs dovecot-imapd, -pop3d, -submissiond and -managesieved"
        );
        let folder = tempfile::Builder::new().prefix("dovecot-").tempdir()?;
        let sink = Sink::start().await?;
        let ports = Ports {
            imap: free_port()?,
            imaps: free_port()?,
            imap_proxied: free_port()?,
            pop3: free_port()?,
            pop3_proxied: free_port()?,
            submission: free_port()?,
            sieve: free_port()?,
            doveadm: free_port()?,
        };
        TlsKeeper::open(certificate(folder.path()), Alpn::None)?;
        write(folder.path(), people, ports, sink.port, asked)?;
        let log = std::fs::File::create(folder.path().join("out"))?;
        let master = Command::new("dovecot")
            .arg("-F")
            .arg("-c")
            .arg(folder.path().join("dovecot.conf"))
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .context("starting dovecot")?;
        let dovecot = Self {
            master,
            folder,
            ports,
            sink,
        };
        let mut waited = Duration::ZERO;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, ports.imap))
            .await
            .is_err()
        {
            ensure!(
                waited < PATIENCE,
                "Dovecot does not start: {}",
                dovecot.log()
            );
            sleep(Duration::from_millis(50)).await;
            waited += Duration::from_millis(50);
        }
        Ok(dovecot)
    }

    /// Everything that Dovecot has logged.
    #[must_use]
    pub fn log(&self) -> String {
        ["out", "log"]
            .map(|name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .concat()
    }

    /// The file of its certificate and key, in PEM.
    #[must_use]
    pub fn certificate(&self) -> std::path::PathBuf {
        self.folder.path().join("self-signed.pem")
    }

    /// Logs people in with the master user's password.
    #[must_use]
    pub fn by_master(&self) -> LoginMethod {
        LoginMethod::Master {
            user: "sekisho".to_owned(),
            password: Password::new(MASTER.to_owned()),
        }
    }

    /// Logs people in with OAuth tokens.
    ///
    /// # Errors
    /// The key can't be read.
    pub fn by_token(&self) -> anyhow::Result<LoginMethod> {
        let pem = std::fs::read_to_string(self.folder.path().join("token.pem"))?;
        let key = TokenKey::new(&pem, "sekisho", "https://mail.kit.example", "dovecot")?;
        Ok(LoginMethod::Token(Box::new(key)))
    }

    /// This Dovecot as an upstream, over STARTTLS and with its certificate verified.
    ///
    /// # Errors
    /// The certificate can't be read.
    pub fn upstream(&self, login_method: LoginMethod) -> anyhow::Result<Upstream> {
        let servers = |port| Servers::new(vec![Server::new("localhost".to_owned(), port)]);
        let roots = Roots::File(self.certificate());
        Ok(Upstream {
            name: "dovecot".to_owned(),
            imap: servers(self.ports.imap),
            pop3: servers(self.ports.pop3),
            submission: servers(self.ports.submission),
            sieve: servers(self.ports.sieve),
            tls: TlsMode::StartTls,
            connector: Connector::new(&roots, PATIENCE)?,
            login_method,
            user: "{login}".to_owned(),
            address_forwarding: AddressForwarding::InProtocol,
            guards: false,
            host: "mail.kit.example".to_owned(),
            patience: PATIENCE,
            learned: Learned::default(),
        })
    }

    /// Stops Dovecot, for tests of an upstream that goes away.
    ///
    /// # Errors
    /// The process can't be signalled.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        if self.master.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = self.master.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        self.master.wait()?;
        Ok(())
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

fn certificate(folder: &Path) -> Certificate {
    Certificate::SelfSigned {
        folder: folder.to_owned(),
        names: vec!["localhost".to_owned()],
    }
}

fn write(
    folder: &Path,
    people: &[(&str, &str)],
    ports: Ports,
    relay: u16,
    asked: Option<&Asked>,
) -> anyhow::Result<()> {
    let place = folder.display();
    let users: String = people
        .iter()
        .map(|(login, password)| format!("{login}:{{PLAIN}}{password}\n"))
        .collect();
    std::fs::write(folder.join("users"), users)?;
    std::fs::write(
        folder.join("masters"),
        format!("sekisho:{{PLAIN}}{MASTER}\n"),
    )?;
    // Dovecot looks for the key in the folder of the token's `azp` claim (`default`, since our tokens have none), its
    // algorithm and its key id.
    let keys = folder.join("keys/default/ES256");
    std::fs::create_dir_all(&keys)?;
    let openssl = |arguments: &[&str]| -> anyhow::Result<()> {
        let done = Command::new("openssl")
            .args(arguments)
            .current_dir(folder)
            .stderr(Stdio::null())
            .status()?;
        ensure!(done.success(), "openssl {arguments:?}");
        Ok(())
    };
    openssl(&[
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
        "token.pem",
    ])?;
    let public = keys.join("sekisho");
    let public = public.to_string_lossy();
    openssl(&["pkey", "-in", "token.pem", "-pubout", "-out", &public])?;
    std::fs::write(
        folder.join("oauth2"),
        format!(
            "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={place}/keys/\n\
             issuers = https://mail.kit.example\nusername_attribute = sub\n"
        ),
    )?;
    std::fs::create_dir(folder.join("mail"))?;
    let is_root = is_root()?;
    let own = if is_root {
        "mail_uid = mail\nmail_gid = mail\nfirst_valid_uid = 1\n".to_owned()
    } else {
        let me = whoami()?;
        format!(
            "default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group = {me}\n\
             first_valid_uid = 1\n\
             service anvil {{\n  chroot =\n}}\nservice imap-login {{\n  chroot =\n}}\n\
             service pop3-login {{\n  chroot =\n}}\n\
             service submission-login {{\n  chroot =\n}}\nservice managesieve-login {{\n  chroot =\n}}\n"
        )
    };
    let Ports {
        imap,
        imaps,
        imap_proxied,
        pop3,
        pop3_proxied,
        submission,
        sieve,
        doveadm,
    } = ports;
    // The settings that `docs/operating.md` recommends.
    let asking = asked.map_or_else(String::new, |Asked { port, secret }| {
        format!(
            r"auth_policy_server_url = http://127.0.0.1:{port}/auth/dovecot
auth_policy_server_api_header = X-Sekisho-Secret: {secret}
auth_policy_hash_nonce = a-nonce-of-the-site
auth_policy_request_attributes = login=%{{user}} remote=%{{rip}} protocol=%s pwhash=%{{hashed_password}}
auth_policy_check_before_auth = no
auth_policy_check_after_auth = yes
auth_policy_report_after_auth = yes
auth_policy_reject_on_fail = yes
auth_policy_server_timeout_msecs = 10000
auth_cache_size = 1M
ssl = yes
disable_plaintext_auth = no
doveadm_api_key = {DOVEADM_KEY}
service doveadm {{
  inet_listener http {{
    port = {doveadm}
  }}
}}
"
        )
    });
    let config = format!(
        r"protocols = imap pop3 submission sieve
listen = 127.0.0.1
base_dir = {place}/run
state_dir = {place}/run
log_path = {place}/log
auth_verbose = yes
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
ssl = required
ssl_cert = <{place}/self-signed.pem
ssl_key = <{place}/self-signed.pem
login_trusted_networks = 127.0.0.0/8
haproxy_trusted_networks = 127.0.0.0/8
auth_mechanisms = plain oauthbearer
mail_location = maildir:{place}/mail/%u
mail_max_userip_connections = 0
{own}
passdb {{
  driver = passwd-file
  args = {place}/masters
  master = yes
}}
passdb {{
  driver = oauth2
  mechanisms = oauthbearer
  args = {place}/oauth2
}}
passdb {{
  driver = passwd-file
  mechanisms = plain
  args = {place}/users
}}
userdb {{
  driver = static
  args = home={place}/mail/%u allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
  inet_listener imap_haproxy {{
    port = {imap_proxied}
    haproxy = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
  inet_listener pop3_haproxy {{
    port = {pop3_proxied}
    haproxy = yes
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = {sieve}
  }}
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
submission_relay_trusted = yes
{asking}"
    );
    std::fs::write(folder.join("dovecot.conf"), config)?;
    let mut open = Command::new("chmod");
    open.args(["-R", "a+rX"]).arg(folder).status()?;
    if is_root {
        let mut give = Command::new("chown");
        give.args(["-R", "mail:mail"])
            .arg(folder.join("mail"))
            .status()?;
    }
    Ok(())
}

fn whoami() -> anyhow::Result<String> {
    let said = Command::new("id").arg("-un").output()?.stdout;
    Ok(String::from_utf8(said)?.trim().to_owned())
}
