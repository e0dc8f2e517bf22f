//! The demo of the release binary, as a process.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Deserialize;

/// A running demo. Dropping it ends the process.
pub struct Demo {
    child: Child,
    binary: PathBuf,
    /// The addresses and accounts of the demo.
    pub tour: Tour,
    /// The time from the start of the process until all doors listened.
    pub started_in: Duration,
}

/// The demo's JSON output.
#[derive(Debug, Deserialize)]
pub struct Tour {
    pub campus: DoorAddresses,
    pub home: DoorAddresses,
    pub lmtp: String,
    pub accounts: Vec<Person>,
}

/// The addresses of a place's doors.
#[derive(Debug, Deserialize)]
pub struct DoorAddresses {
    pub web: String,
    pub imap: String,
}

/// An account of the demo.
#[derive(Debug, Clone, Deserialize)]
pub struct Person {
    pub login: String,
    pub password: String,
    pub address: String,
}

impl Demo {
    /// Starts the binary in the same target folder as this example.
    pub fn start() -> anyhow::Result<Self> {
        let examples = std::env::current_exe()?;
        let binary = examples
            .parent()
            .and_then(|p| p.parent())
            .context("no target folder")?
            .join("sekisho");
        let began = Instant::now();
        let mut child = Command::new(&binary)
            .args(["demo", "--ports", "0", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "starting {}; run `cargo build --release` first",
                    binary.display()
                )
            })?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let started_in = began.elapsed();
        Ok(Self {
            tour: serde_json::from_str(&line).context("what the demo printed")?,
            child,
            binary,
            started_in,
        })
    }

    /// The resident memory of the process, in MiB.
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|l| l.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// The size of the binary, in MiB.
    pub fn binary_mib(&self) -> anyhow::Result<f64> {
        Ok(std::fs::metadata(&self.binary)?.len() as f64 / (1024.0 * 1024.0))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // SIGTERM lets the demo remove its temporary folder.
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        if asked.is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
