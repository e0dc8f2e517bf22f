//! A browser's WebDriver: a process on a free port, which starts browsers with an empty profile.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::wishes::{Kind, Wishes};
use crate::tools::target;

/// How long a driver may take to listen, or a browser to start.
const START: Duration = Duration::from_secs(60);
/// How many times a driver is started that ends before it listens.
const STARTS: u32 = 8;
/// The advice when a browser is missing.
const BY_SCRIPT: &str = "run the tests by ./scripts/test, which installs what they need";

/// The driver ended before it listened; another start may succeed.
#[derive(Debug, thiserror::Error)]
#[error("{program} ended at once: {BY_SCRIPT}; it said {said:?}")]
struct EndedAtOnce {
    program: &'static str,
    said: String,
}

/// A running driver and its browser's folder. Dropping it ends the process.
pub(super) struct Driver {
    process: Child,
    url: String,
    folder: TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The process may have ended already, which is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Driver {
    /// Starts the driver of a browser.
    ///
    /// Chromedriver picks a port that is free for one address family, and ends if the port is taken for the other,
    /// which happens while many connections are open. So a driver that ends before it listens is started again.
    pub(super) async fn start(kind: Kind) -> anyhow::Result<Self> {
        let mut last = None;
        for _ in 0..STARTS {
            match Self::start_once(kind).await {
                Ok(Ok(driver)) => return Ok(driver),
                Ok(Err(ended)) => last = Some(ended),
                Err(hopeless) => return Err(hopeless),
            }
        }
        Err(last.context("a driver was never started")?.into())
    }

    /// Starts the driver once. The inner error is worth another attempt, the outer one is not.
    async fn start_once(kind: Kind) -> anyhow::Result<Result<Self, EndedAtOnce>> {
        let (program, arguments): (_, &[&str]) = match kind {
            Kind::Chromium => ("chromedriver", &["--port=0"]),
            // Firefox's console messages can only be read from its parent process.
            Kind::Firefox => ("geckodriver", &["--port=0", "--allow-system-access"]),
        };
        let folder = TempDir::with_prefix("sekisho-browser-")?;
        std::fs::create_dir(folder.path().join("downloads"))?;
        let installed = target().join("tools/bin").join(program);
        let path = if installed.exists() {
            installed
        } else {
            program.into()
        };
        let mut process = Command::new(path)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{program} is missing: {BY_SCRIPT}"))?;
        let output = process.stdout.take().context("the driver's output")?;
        let (tell, told) = oneshot::channel();
        std::thread::spawn(move || {
            let mut tell = Some(tell);
            let mut said = String::new();
            // The output is read to its end, because a driver whose pipe is full stops.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let port = port_in(&line);
                if tell.is_some() {
                    said.push_str(&line);
                    said.push('\n');
                }
                let Some(port) = port else { continue };
                if let Some(tell) = tell.take() {
                    // The receiver is gone if the start has timed out.
                    let _ = tell.send(Ok(port));
                }
            }
            if let Some(tell) = tell {
                let _ = tell.send(Err(EndedAtOnce { program, said }));
            }
        });
        let mut driver = Self {
            process,
            url: String::new(),
            folder,
        };
        let told = tokio::time::timeout(START, told)
            .await
            .with_context(|| format!("{program} does not listen"))?
            .context("the thread that reads the driver's output")?;
        Ok(told.map(|port| {
            driver.url = format!("http://127.0.0.1:{port}");
            driver
        }))
    }

    /// The folder for the browser's downloads.
    pub(super) fn downloads(&self) -> std::path::PathBuf {
        self.folder.path().join("downloads")
    }

    /// Starts the browser.
    pub(super) async fn browser(&self, wishes: Wishes) -> anyhow::Result<Client> {
        let capabilities = match wishes.kind {
            Kind::Chromium => chromium(wishes, self.folder.path(), &self.downloads()),
            Kind::Firefox => firefox(wishes, &self.downloads()),
        };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let starting = builder.connect(&self.url);
        let started = tokio::time::timeout(START, starting)
            .await
            .context("the browser does not start")?;
        started.with_context(|| format!("the browser can't be started: {BY_SCRIPT}"))
    }
}

/// The port in a line of the driver's output: `... successfully on port 41231.` (chromedriver) or
/// `Listening on 127.0.0.1:41231` (geckodriver).
fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line
        .split_once("successfully on port ")
        .or_else(|| line.split_once("Listening on 127.0.0.1:"))?;
    rest.trim_end_matches('.').parse().ok()
}

fn capabilities(value: serde_json::Value) -> Capabilities {
    match value {
        serde_json::Value::Object(map) => map,
        _ => Capabilities::new(),
    }
}

fn chromium(wishes: Wishes, folder: &Path, downloads: &Path) -> Capabilities {
    let blocked = 2;
    let scripts = if wishes.scripts { 1 } else { blocked };
    capabilities(json!({
        "browserName": "chrome",
        "goog:loggingPrefs": { "browser": "ALL" },
        "goog:chromeOptions": {
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--hide-scrollbars",
                // Chromium then offers installation on every page at once, so stories notice if one is not hidden.
                "--bypass-app-banner-engagement-checks",
                format!("--accept-lang={}", wishes.lang),
                format!("--user-data-dir={}", folder.join("profile").display()),
            ],
            "prefs": {
                "intl.accept_languages": wishes.lang,
                "download.default_directory": downloads,
                "profile.managed_default_content_settings.javascript": scripts,
            },
        },
    }))
}

fn firefox(wishes: Wishes, downloads: &Path) -> Capabilities {
    let to_a_given_folder = 2;
    capabilities(json!({
        "browserName": "firefox",
        "moz:firefoxOptions": {
            "args": ["-headless"],
            "prefs": {
                "intl.accept_languages": wishes.lang,
                "javascript.enabled": wishes.scripts,
                "browser.download.folderList": to_a_given_folder,
                "browser.download.dir": downloads,
                "browser.helperApps.neverAsk.saveToDisk": "text/csv,application/octet-stream,message/rfc822",
                "network.captive-portal-service.enabled": false,
                "network.connectivity-service.enabled": false,
                "layout.css.prefers-color-scheme.content-override": 1,
            },
        },
    }))
}
