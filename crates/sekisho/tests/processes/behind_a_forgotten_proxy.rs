//! Security rule 13: behind a reverse proxy that nobody configured, the source is unknown: no trust, no grant, and the
//! log says what is missing.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::ports::free_port;
use crate::support::{Http, Outcome, Service, sekisho};

const PASSWORD: &str = "correct horse battery";

#[test]
fn a_forwarded_campus_address_is_believed_from_a_configured_proxy_alone() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let site = Site::new(folder.path())?;

    let forgotten = site.serve("")?;
    let mut browser = Http::new(&site.web)?;
    browser.extra = Some("X-Forwarded-For: 203.0.113.7".to_owned());
    let signed = browser.sign_in("alice", "correct+horse+battery")?;
    assert_eq!(
        signed.location, "/mfa-step",
        "a factor is owed: {}",
        signed.body
    );
    let log = forgotten.end()?;
    assert!(
        log.contains("[web] proxies"),
        "the log names the setting: {log}"
    );

    let configured = site.serve("proxies = [\"127.0.0.1/32\"]")?;
    let mut browser = Http::new(&site.web)?;
    browser.extra = Some("X-Forwarded-For: 198.51.100.1, 203.0.113.7".to_owned());
    let signed = browser.sign_in("alice", "correct+horse+battery")?;
    assert_eq!(
        signed.location, "/",
        "the rightmost address is the campus: {}",
        signed.body
    );
    browser.extra = Some("X-Forwarded-For: 203.0.113.7, 198.51.100.1".to_owned());
    let moved = browser.request("GET", "/mail", "")?;
    assert_eq!(
        moved.status, 303,
        "what a client wrote itself counts for nothing"
    );
    configured.end()?;
    Ok(())
}

/// A configured site with Alice, who uses MFA.
struct Site {
    config: std::path::PathBuf,
    text: String,
    web: String,
}

impl Site {
    fn new(folder: &Path) -> Outcome<Self> {
        let port = free_port()?;
        let text = format!(
            "[site]\ndomains = [\"kit.example\"]\nurl = \"http://127.0.0.1:{port}\"\napp_url = \"http://localhost:{port}\"\n\
             data = \"{folder}/data\"\nkeys = \"{folder}/keys\"\n\n[policy]\nmfa = \"required\"\n\n[[network]]\nname = \"campus\"\nclass = \"trusted\"\n\
             prefixes = [\"203.0.113.0/24\"]\n\n[web]\nlisten = [\"127.0.0.1:{port}\"]\ntls = false\n",
            folder = folder.display()
        );
        let site = Self {
            config: folder.join("sekisho.toml"),
            text,
            web: format!("http://127.0.0.1:{port}"),
        };
        std::fs::write(&site.config, &site.text)?;
        let mut add = sekisho()
            .args(["account", "add", "alice", "--config"])
            .arg(&site.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        add.stdin
            .take()
            .ok_or("no input")?
            .write_all(PASSWORD.as_bytes())?;
        assert!(add.wait()?.success());
        Ok(site)
    }

    /// Serves with one more line under `[web]`.
    fn serve(&self, line: &str) -> Outcome<Service> {
        std::fs::write(&self.config, format!("{}{line}\n", self.text))?;
        Service::start(&self.config)
    }
}
