//! The release binary's demo, as a process.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Deserialize;

/// A running demo; it ends when this is dropped.
pub struct Demo {
    child: Child,
    binary: PathBuf,
    /// Where everything is.
    pub tour: Tour,
    /// From the start of the process until everything listened.
    pub started_in: Duration,
}

/// What the demo says of itself.
#[derive(Debug, Deserialize)]
pub struct Tour {
    pub campus: Place,
    pub home: Place,
    pub lmtp: String,
    pub accounts: Vec<Person>,
}

/// The doors of a place.
#[derive(Debug, Deserialize)]
pub struct Place {
    pub web: String,
    pub imap: String,
}

/// Somebody.
#[derive(Debug, Clone, Deserialize)]
pub struct Person {
    pub login: String,
    pub password: String,
    pub address: String,
}

impl Demo {
    /// Starts the binary that lies beside this example.
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

    /// Resident memory of the process.
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|l| l.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// The size of the binary.
    pub fn binary_mib(&self) -> anyhow::Result<f64> {
        Ok(std::fs::metadata(&self.binary)?.len() as f64 / (1024.0 * 1024.0))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Asked to end, so that it removes its temporary folder.
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        if asked.is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
