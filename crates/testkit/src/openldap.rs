//! Debian's OpenLDAP with a few people, in a temporary folder.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sekisho_checkpoint::Password;
use sekisho_directory::LdapSettings;
use sekisho_net::client::{Roots, TlsMode};
use tempfile::TempDir;

use crate::ports::free_port;

/// The password of the bind user and of the administrator.
const SEARCHER: &str = "who-searches";

/// How long OpenLDAP may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The distinguished name above all entries.
const SUFFIX: &str = "dc=kit,dc=example";

/// A running OpenLDAP.
pub struct OpenLdap {
    server: Child,
    folder: TempDir,
    /// Its port, with StartTLS.
    pub port: u16,
}

/// A person in the directory.
#[derive(Debug, Clone, Copy)]
pub struct LdapPerson<'a> {
    /// The login name: attribute `uid`.
    pub login: &'a str,
    /// The account's stable number: attribute `uidNumber`.
    pub number: u32,
    /// The display name: attribute `cn`.
    pub name: &'a str,
    /// The mail addresses: attribute `mail`, one value each.
    pub addresses: &'a [&'a str],
    /// The password.
    pub password: &'a str,
    /// The group that the person is a member of.
    pub group: Option<&'a str>,
}

impl OpenLdap {
    /// Starts OpenLDAP with these people.
    ///
    /// # Errors
    /// OpenLDAP is not installed or does not start.
    pub fn start(people: &[LdapPerson<'_>]) -> anyhow::Result<Self> {
        ensure!(
            Path::new("/usr/sbin/slapd").exists(),
            "OpenLDAP is not installed: scripts/test installs slapd"
        );
        let folder = tempfile::Builder::new().prefix("openldap-").tempdir()?;
        let place = folder.path().display().to_string();
        std::fs::create_dir(folder.path().join("db"))?;
        certificate(folder.path())?;
        let config = format!(
            r#"include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
allow bind_anon_dn
pidfile {place}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {place}/certificate.pem
TLSCertificateKeyFile {place}/key.pem
security simple_bind=1
database mdb
suffix "{SUFFIX}"
rootdn "cn=admin,{SUFFIX}"
rootpw {SEARCHER}
directory {place}/db
index uid,uidNumber,mail eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=sekisho,{SUFFIX}" read by * none
"#
        );
        std::fs::write(folder.path().join("slapd.conf"), config)?;
        let mut add = Command::new("/usr/sbin/slapadd")
            .arg("-f")
            .arg(folder.path().join("slapd.conf"))
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let ldif = ldif(people);
        add.stdin
            .take()
            .context("piped")?
            .write_all(ldif.as_bytes())?;
        ensure!(
            add.wait()?.success(),
            "slapadd takes no such people:\n{ldif}"
        );
        let port = free_port()?;
        let mut ldap = Self {
            server: serve(folder.path(), port)?,
            folder,
            port,
        };
        ldap.answers()?;
        Ok(ldap)
    }

    /// Settings for a directory on this server, over StartTLS and with its certificate verified.
    #[must_use]
    pub fn settings(&self) -> LdapSettings {
        LdapSettings {
            servers: vec![("localhost".to_owned(), self.port)],
            tls: TlsMode::StartTls,
            roots: Roots::File(self.folder.path().join("certificate.pem")),
            search_as: Some((
                format!("cn=sekisho,{SUFFIX}"),
                Password::new(SEARCHER.to_owned()),
            )),
            base: format!("ou=people,{SUFFIX}"),
            filter: "(objectClass=posixAccount)".to_owned(),
            id: "uidNumber".to_owned(),
            login: "uid".to_owned(),
            name: "cn".to_owned(),
            addresses: vec!["mail".to_owned()],
            groups: String::new(),
            group_base: Some(format!("ou=groups,{SUFFIX}")),
            group_filter: "(member={dn})".to_owned(),
            domain: "kit.example".to_owned(),
            time_limit: Duration::from_secs(5),
            password_url: "https://id.kit.example/password".to_owned(),
        }
    }

    /// Changes entries, described in LDIF.
    ///
    /// # Errors
    /// The server refuses the change.
    pub fn change(&self, ldif: &str) -> anyhow::Result<()> {
        let mut modify = Command::new("ldapmodify")
            .args(["-x", "-ZZ", "-D", &format!("cn=admin,{SUFFIX}")])
            .args([
                "-w",
                SEARCHER,
                "-H",
                &format!("ldap://localhost:{}", self.port),
            ])
            .env("LDAPTLS_REQCERT", "never")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let mut input = modify.stdin.take().context("piped")?;
        input.write_all(ldif.as_bytes())?;
        drop(input);
        ensure!(modify.wait()?.success(), "not taken: {ldif}");
        Ok(())
    }

    /// Stops the server, for tests of a directory that goes away.
    ///
    /// # Errors
    /// The process can't be signalled.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.server.kill()?;
        self.server.wait()?;
        Ok(())
    }

    /// Starts the server again, at the same port.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.server = serve(self.folder.path(), self.port)?;
        self.answers()
    }

    /// Suspends the server, so that it keeps its connections and answers nothing; `false` resumes it.
    ///
    /// # Errors
    /// `kill` can't be run.
    pub fn hang(&self, hangs: bool) -> anyhow::Result<()> {
        let signal = if hangs { "-STOP" } else { "-CONT" };
        let process = self.server.id().to_string();
        Command::new("kill").args([signal, &process]).status()?;
        Ok(())
    }

    fn answers(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            ensure!(self.server.try_wait()?.is_none(), "slapd has ended");
            ensure!(began.elapsed() < PATIENCE, "slapd does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for OpenLdap {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn serve(folder: &Path, port: u16) -> anyhow::Result<Child> {
    let child = Command::new("/usr/sbin/slapd")
        .args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}")])
        .arg("-f")
        .arg(folder.join("slapd.conf"))
        .stderr(Stdio::null())
        .spawn()?;
    Ok(child)
}

fn certificate(folder: &Path) -> anyhow::Result<()> {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:P-256", "-nodes", "-days", "30"])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()?;
    ensure!(made.success(), "openssl makes no certificate");
    Ok(())
}

fn ldif(people: &[LdapPerson<'_>]) -> String {
    let mut ldif = format!(
        "dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: kit\ndc: kit\n\n\
         dn: ou=people,{SUFFIX}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: ou=groups,{SUFFIX}\nobjectClass: organizationalUnit\nou: groups\n\n\
         dn: cn=sekisho,{SUFFIX}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n\
         cn: sekisho\nuserPassword: {SEARCHER}\n\n"
    );
    for person in people {
        ldif.push_str(&entry(person));
    }
    let mut groups: Vec<_> = people.iter().filter_map(|person| person.group).collect();
    groups.dedup();
    for group in groups {
        ldif.push_str(&format!(
            "dn: cn={group},ou=groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: {group}\n"
        ));
        for person in people.iter().filter(|person| person.group == Some(group)) {
            ldif.push_str(&format!("member: {}\n", dn(person.login)));
        }
        ldif.push('\n');
    }
    ldif
}

/// A person's entry in LDIF.
#[must_use]
pub fn entry(person: &LdapPerson<'_>) -> String {
    let LdapPerson {
        login,
        number,
        name,
        addresses,
        password,
        ..
    } = person;
    let mut entry = format!(
        "dn: {}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nuid: {login}\ncn: {name}\nsn: {name}\n\
         uidNumber: {number}\ngidNumber: 100\nhomeDirectory: /nowhere\nuserPassword: {password}\n",
        dn(login)
    );
    for address in *addresses {
        entry.push_str(&format!("mail: {address}\n"));
    }
    entry.push('\n');
    entry
}

/// The distinguished name of the person with this login name.
#[must_use]
pub fn dn(login: &str) -> String {
    format!("uid={login},ou=people,{SUFFIX}")
}
