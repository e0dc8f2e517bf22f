//! Servers that stay in front of Sekisho and ask its auth API: Debian's nginx, Postfix and Exim. [`crate::dovecot`] can
//! ask, too.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use sekisho_authapi::{Api, Backends, DoveadmClient, SaslListener};
use sekisho_checkpoint::Password;
use sekisho_net::client::{Connector, Roots};
use sekisho_net::{Listener, SourceFrom};
use sekisho_source::KeyLength;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::time::sleep;

use crate::dovecot::{Asked, DOVEADM_KEY, Dovecot};
use crate::ports::free_port;
use crate::stage::Stage;
use crate::tools::tools;

/// The secret that asking servers send.
const SECRET: &str = "the secret of those who ask";

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The auth API of a stage.
pub struct AuthApi {
    /// For nginx and Dovecot.
    pub asked: Asked,
    /// The port for Postfix.
    pub sasl: u16,
    folder: TempDir,
}

/// Binds the auth API's port before the API runs, because Dovecot's configuration needs the port.
///
/// # Errors
/// No port can be bound.
pub fn place() -> anyhow::Result<(std::net::TcpListener, Asked)> {
    let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let asked = Asked {
        port: socket.local_addr()?.port(),
        secret: SECRET.to_owned(),
    };
    Ok((socket, asked))
}

impl AuthApi {
    /// Opens the auth API for nginx, Postfix, Exim and a Dovecot that asks.
    ///
    /// `doveadm` closes connections of the Dovecot that asks. `behind` is the Dovecot to which nginx proxies;
    /// submissions go to its sink.
    ///
    /// # Errors
    /// A port or socket can't be bound.
    pub async fn open(
        stage: &Stage,
        (socket, asked): (std::net::TcpListener, Asked),
        doveadm: Option<DoveadmClient>,
        behind: &Dovecot,
    ) -> anyhow::Result<Self> {
        let system = &stage.demo.system;
        let api = api(stage, &asked, doveadm, behind);
        let listener = Listener::from_std(socket, SourceFrom::Connection, KeyLength::default())?;
        system.run_api(listener, &api);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let sasl = listener.local_addr()?.port();
        system.run_sasl(SaslListener::Tcp(listener), &api);
        let folder = tempfile::Builder::new().prefix("sasl-").tempdir()?;
        let listener = UnixListener::bind(folder.path().join("sasl"))?;
        system.run_sasl(SaslListener::Unix(listener), &api);
        let api = Self {
            asked,
            sasl,
            folder,
        };
        open_to_all(api.folder.path(), 0o755)?;
        open_to_all(&api.sasl_socket(), 0o666)?;
        Ok(api)
    }

    /// The path of the Unix socket that Exim asks at.
    #[must_use]
    pub fn sasl_socket(&self) -> PathBuf {
        self.folder.path().join("sasl")
    }
}

/// The auth API's answers, without a listener.
#[must_use]
pub fn api(
    stage: &Stage,
    asked: &Asked,
    doveadm: Option<DoveadmClient>,
    behind: &Dovecot,
) -> Arc<Api> {
    let system = &stage.demo.system;
    let backend = |port| Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    Arc::new(Api {
        checkpoint: Arc::clone(&system.checkpoint),
        clock: system.clock(),
        key_length: KeyLength::default(),
        secret: Password::new(asked.secret.clone()),
        backends: Backends {
            imap: backend(behind.ports.imap),
            pop3: backend(behind.ports.pop3),
            submission: backend(behind.sink.port),
        },
        user: "{login}".to_owned(),
        doveadm,
    })
}

/// What closes a Dovecot's connections through doveadm.
///
/// # Errors
/// The system's root certificates can't be read.
pub fn doveadm(stage: &Stage, dovecot: &Dovecot) -> anyhow::Result<DoveadmClient> {
    let connector = Connector::new(&Roots::System, PATIENCE)?;
    let doveadm = ("127.0.0.1".to_owned(), dovecot.ports.doveadm);
    let key = Password::new(DOVEADM_KEY.to_owned());
    let until = stage.demo.system.shutdown.clone();
    Ok(DoveadmClient::new(connector, doveadm, false, key, until))
}

fn open_to_all(path: &Path, mode: u32) -> std::io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// A running nginx: a mail proxy that expects the PROXY protocol.
pub struct Nginx {
    master: Child,
    folder: TempDir,
    /// Its IMAP port.
    pub imap: u16,
    /// Its POP3 port.
    pub pop3: u16,
    /// Its submission port.
    pub submission: u16,
}

impl Nginx {
    /// Starts an nginx that asks the auth API.
    ///
    /// # Errors
    /// nginx is not installed or does not start.
    pub async fn start(asked: &Asked) -> anyhow::Result<Self> {
        ensure!(
            Path::new("/usr/lib/nginx/modules/ngx_mail_module.so").exists(),
            "nginx is not installed: scripts/test installs nginx-light and libnginx-mod-mail"
        );
        let folder = tempfile::Builder::new().prefix("nginx-").tempdir()?;
        let place = folder.path().display();
        let (imap, pop3, submission) = (free_port()?, free_port()?, free_port()?);
        let Asked { port, secret } = asked;
        let config = format!(
            r#"load_module /usr/lib/nginx/modules/ngx_mail_module.so;
daemon off;
worker_processes 1;
pid {place}/pid;
error_log {place}/log info;
events {{}}
mail {{
  auth_http 127.0.0.1:{port}/auth/nginx;
  auth_http_header X-Sekisho-Secret "{secret}";
  set_real_ip_from 127.0.0.0/8;
  server {{
    listen 127.0.0.1:{imap} proxy_protocol;
    protocol imap;
    imap_auth login plain;
  }}
  server {{
    listen 127.0.0.1:{pop3} proxy_protocol;
    protocol pop3;
    pop3_auth plain;
  }}
  server {{
    listen 127.0.0.1:{submission} proxy_protocol;
    protocol smtp;
    smtp_auth login plain;
    xclient off;
    server_name mail.kit.example;
  }}
}}
"#
        );
        std::fs::write(folder.path().join("nginx.conf"), config)?;
        let log = std::fs::File::create(folder.path().join("out"))?;
        let mut master = Command::new("/usr/sbin/nginx")
            .args(["-p", "."])
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .current_dir(folder.path())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting nginx")?;
        if let Err(error) = answers(imap).await {
            let _ = master.kill();
            let said = std::fs::read_to_string(folder.path().join("out"))?;
            return Err(error.context(said));
        }
        Ok(Self {
            master,
            folder,
            imap,
            pop3,
            submission,
        })
    }

    /// Everything that nginx has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .arg(self.master.id().to_string())
            .status();
        let _ = self.master.wait();
    }
}

/// A running Postfix that takes submissions and expects the PROXY protocol.
pub struct Postfix {
    folder: TempDir,
    /// Its submission port.
    pub submission: u16,
}

impl Postfix {
    /// Starts a Postfix that asks at the port `sasl`. Postfix must be started by root.
    ///
    /// # Errors
    /// Postfix is not installed or does not start.
    pub async fn start(sasl: u16) -> anyhow::Result<Self> {
        ensure!(
            Path::new("/usr/sbin/postfix").exists(),
            "Postfix is not installed: scripts/test installs postfix"
        );
        let folder = tempfile::Builder::new().prefix("postfix-").tempdir()?;
        let place = folder.path().display();
        let submission = free_port()?;
        let main = format!(
            r"compatibility_level = 3.6
queue_directory = {place}/queue
data_directory = {place}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = {place}/log
maillog_file_prefixes = {place}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.kit.example
mydestination =
alias_maps =
local_recipient_maps =
smtpd_upstream_proxy_protocol = haproxy
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{sasl}
smtpd_tls_security_level = none
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_client_restrictions =
smtpd_error_sleep_time = 0
smtpd_peername_lookup = no
"
        );
        let services = format!(
            "127.0.0.1:{submission} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
qmgr unix n - n 300 1 qmgr
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"
        );
        std::fs::write(folder.path().join("main.cf"), main)?;
        std::fs::write(folder.path().join("master.cf"), services)?;
        for name in ["queue", "data"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        let mut open = Command::new("chmod");
        open.arg("755").arg(folder.path()).status()?;
        let mut give = Command::new("chown");
        give.arg("postfix")
            .arg(folder.path().join("data"))
            .status()?;
        let postfix = Self { folder, submission };
        postfix.order("start")?;
        answers(submission).await?;
        Ok(postfix)
    }

    /// Everything that Postfix has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn order(&self, order: &str) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("out"))?;
        let done = Command::new("/usr/sbin/postfix")
            .arg("-c")
            .arg(self.folder.path())
            .arg(order)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .status()?;
        let said = std::fs::read_to_string(self.folder.path().join("out"))?;
        ensure!(done.success(), "postfix {order}: {said}");
        Ok(())
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = self.order("abort");
    }
}

/// A running Exim that takes submissions and expects the PROXY protocol. Debian's package can't be installed together
/// with Postfix, so `scripts/test` unpacks it.
pub struct Exim {
    daemon: Child,
    folder: TempDir,
    /// Its submission port.
    pub submission: u16,
}

impl Exim {
    /// Starts an Exim that asks at the socket `sasl`. Exim must be started by root.
    ///
    /// # Errors
    /// Exim is not unpacked or does not start.
    pub async fn start(sasl: &Path) -> anyhow::Result<Self> {
        let program = tools().join("exim/usr/sbin/exim4");
        ensure!(
            program.exists(),
            "Exim is not there: scripts/test unpacks it"
        );
        let folder = tempfile::Builder::new().prefix("exim-").tempdir()?;
        let place = folder.path().display();
        let submission = free_port()?;
        let authenticators: String = ["PLAIN", "LOGIN"]
            .map(|mechanism| {
                format!(
                    "sekisho_{mechanism}:\n  driver = dovecot\n  public_name = {mechanism}\n  \
                     server_socket = {}\n  server_set_id = $auth1\n",
                    sasl.display()
                )
            })
            .concat();
        let config = format!(
            r"exim_path = {}
spool_directory = {place}/spool
log_file_path = {place}/%slog
pid_file_path = {place}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {submission}
primary_hostname = mail.kit.example
hosts_proxy = 127.0.0.1
auth_advertise_hosts = *
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = submitted
keep_environment =
begin acl
submitted:
  accept authenticated = *
  deny
begin authenticators
{authenticators}",
            program.display()
        );
        let file = folder.path().join("exim.conf");
        std::fs::write(&file, config)?;
        std::fs::create_dir(folder.path().join("spool"))?;
        open_to_all(folder.path(), 0o755)?;
        let mut give = Command::new("chown");
        give.args(["-R", "Debian-exim"]).arg(folder.path());
        ensure!(give.status()?.success(), "there is no user Debian-exim");
        // Exim refuses a configuration file that anyone but root may change.
        let mut keep = Command::new("chown");
        keep.arg("root").arg(&file).status()?;
        let log = std::fs::File::create(folder.path().join("out"))?;
        let daemon = Command::new(program)
            .arg("-C")
            .arg(file)
            .arg("-bdf")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("starting Exim")?;
        let exim = Self {
            daemon,
            folder,
            submission,
        };
        let started = answers(submission).await;
        started.with_context(|| exim.log())?;
        Ok(exim)
    }

    /// Everything that Exim has logged.
    #[must_use]
    pub fn log(&self) -> String {
        ["out", "mainlog", "paniclog"]
            .map(|name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .concat()
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        let group = format!("-{}", self.daemon.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).output();
        let _ = self.daemon.wait();
    }
}

/// Waits until a port of this machine accepts connections.
pub(crate) async fn answers(port: u16) -> anyhow::Result<()> {
    let mut waited = Duration::ZERO;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .is_err()
    {
        ensure!(waited < PATIENCE, "nobody answers at port {port}");
        sleep(Duration::from_millis(50)).await;
        waited += Duration::from_millis(50);
    }
    Ok(())
}
