//! Cyrus IMAP as the mail system that a site already has. Debian's package can't be installed together with Dovecot's,
//! so `scripts/test` unpacks it.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use sekisho_checkpoint::Password;
use sekisho_net::client::{Connector, Roots, TlsMode};
use sekisho_upstream::{AddressForwarding, Learned, LoginMethod, Server, Servers, Upstream};
use tempfile::TempDir;

use crate::asking::answers;
use crate::ports::free_port;
use crate::tools::tools;

/// The password of the proxy user, who may log in for others.
const PROXY: &str = "who-acts-for-others";

/// How long Cyrus may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Cyrus.
pub struct Cyrus {
    master: Child,
    folder: TempDir,
    /// Its IMAP port.
    pub imap: u16,
    /// Its POP3 port.
    pub pop3: u16,
}

impl Cyrus {
    /// Starts Cyrus with accounts of these names and passwords. Cyrus must be started by root.
    ///
    /// # Errors
    /// Cyrus is not unpacked or does not start.
    pub async fn start(people: &[(&str, &str)]) -> anyhow::Result<Self> {
        let unpacked = tools().join("cyrus/usr/lib/cyrus/bin");
        ensure!(
            unpacked.join("imapd").exists(),
            "Cyrus is not there: scripts/test unpacks it"
        );
        let services = unpacked.display();
        let folder = tempfile::Builder::new().prefix("cyrus-").tempdir()?;
        let place = folder.path().display().to_string();
        let (imap, pop3) = (free_port()?, free_port()?);
        for name in ["var", "spool"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        std::fs::write(
            folder.path().join("imapd.conf"),
            format!(
                "configdirectory: {place}/var\ndefaultpartition: default\npartition-default: {place}/spool\n\
                 servername: localhost\nproxyservers: sekisho\nallowplaintext: yes\n\
                 sasl_pwcheck_method: auxprop\nsasl_auxprop_plugin: sasldb\nsasl_sasldb_path: {place}/people\n\
                 sasl_mech_list: PLAIN LOGIN\nunixhierarchysep: yes\nautocreate_quota: 0\nautocreate_post: yes\n\
                 autocreate_inbox_folders: Sent|Trash|Drafts\n\
                 xlist-sent: Sent\nxlist-trash: Trash\nxlist-drafts: Drafts\n"
            ),
        )?;
        std::fs::write(
            folder.path().join("cyrus.conf"),
            format!(
                "START {{\n  recover cmd=\"/usr/lib/cyrus/bin/ctl_cyrusdb -C {place}/imapd.conf -r\"\n}}\n\
                 SERVICES {{\n\
                 \x20 imap cmd=\"{services}/imapd -C {place}/imapd.conf\" listen=\"127.0.0.1:{imap}\" prefork=0\n\
                 \x20 pop3 cmd=\"{services}/pop3d -C {place}/imapd.conf\" listen=\"127.0.0.1:{pop3}\" prefork=0\n}}\n\
                 EVENTS {{\n\
                 \x20 checkpoint cmd=\"/usr/lib/cyrus/bin/ctl_cyrusdb -C {place}/imapd.conf -c\" period=30\n}}\n"
            ),
        )?;
        let proxy = [("sekisho", PROXY)];
        for (name, password) in people.iter().chain(&proxy) {
            set_password(folder.path(), name, password)?;
        }
        let mut give = Command::new("chown");
        give.args(["-R", "cyrus:mail"]).arg(folder.path());
        ensure!(give.status()?.success(), "Cyrus has to be started by root");
        let log = std::fs::File::create(folder.path().join("out"))?;
        let master = Command::new("/usr/lib/cyrus/bin/master")
            .arg("-M")
            .arg(folder.path().join("cyrus.conf"))
            .arg("-C")
            .arg(folder.path().join("imapd.conf"))
            // Otherwise two instances would share one pid file.
            .arg("-p")
            .arg(folder.path().join("var/pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("starting Cyrus")?;
        let cyrus = Self {
            master,
            folder,
            imap,
            pop3,
        };
        let started = answers(imap).await;
        started.with_context(|| cyrus.log())?;
        Ok(cyrus)
    }

    /// Everything that Cyrus has printed.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("out")).unwrap_or_default()
    }

    /// This Cyrus as an upstream, to which the proxy user logs people in.
    ///
    /// # Errors
    /// The system's root certificates can't be read.
    pub fn upstream(&self) -> anyhow::Result<Upstream> {
        let servers = |port| Servers::new(vec![Server::new("127.0.0.1".to_owned(), port)]);
        Ok(Upstream {
            name: "cyrus".to_owned(),
            imap: servers(self.imap),
            pop3: servers(self.pop3),
            submission: Servers::new(Vec::new()),
            sieve: Servers::new(Vec::new()),
            tls: TlsMode::None,
            connector: Connector::new(&Roots::System, PATIENCE)?,
            login_method: LoginMethod::Master {
                user: "sekisho".to_owned(),
                password: Password::new(PROXY.to_owned()),
            },
            user: "{login}".to_owned(),
            address_forwarding: AddressForwarding::None,
            guards: true,
            host: "mail.kit.example".to_owned(),
            patience: PATIENCE,
            learned: Learned::default(),
        })
    }
}

impl Drop for Cyrus {
    fn drop(&mut self) {
        // Kills its services, too. An orderly end takes seconds, and nobody reads their data again.
        let group = format!("-{}", self.master.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).output();
        let _ = self.master.wait();
    }
}

fn set_password(folder: &Path, name: &str, password: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut set = Command::new("saslpasswd2")
        .arg("-f")
        .arg(folder.join("people"))
        .args(["-p", "-c", "-u", "localhost", name])
        .stdin(Stdio::piped())
        .spawn()
        .context("saslpasswd2 is missing: scripts/test installs sasl2-bin")?;
    let mut input = set.stdin.take().context("piped")?;
    input.write_all(password.as_bytes())?;
    drop(input);
    ensure!(set.wait()?.success(), "saslpasswd2 takes no {name}");
    Ok(())
}
