//! Two nodes as processes on one PostgreSQL: one is killed in the middle of logins, and nobody notices at the other.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::ports::free_port;
use crate::postgres::Postgres;
use crate::support::{Line, Outcome, Service, run, site};

const PASSWORD: &str = "correct horse battery";

/// Clients that log in at a node again and again.
const CLIENTS: usize = 8;

#[test]
fn logins_at_the_other_node_go_on_behind_kill_minus_nine() -> Outcome<()> {
    let long = std::env::var_os("SEKISHO_LONG").is_some_and(|value| value == "1");
    let rounds = if long { 50 } else { 3 };
    let folder = tempfile::tempdir()?;
    let database = Postgres::start()?;
    let settings = database.database()?;
    let records = format!(
        "[records]\npostgres = [{:?}]\ndatabase = {:?}\nuser = \"sekisho\"\n",
        settings.servers[0].0, settings.database
    );
    let one = Node::new(&folder.path().join("one"), &records)?;
    let (added, words) = run(&one.config, &["account", "add", "alice"], PASSWORD)?;
    assert!(added, "{words}");
    let other = one.twin(&folder.path().join("other"), &records)?;

    let kept = Service::start(&other.config)?;
    for round in 0..rounds {
        let killed = Service::start(&one.config)?;
        let (at_one, at_other) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (stop_one, stop_other) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let mut clients = Vec::new();
            for _ in 0..CLIENTS {
                // Those of the node that dies are broken off, some in the middle of a word.
                scope.spawn(|| {
                    while !stop_one.load(Ordering::Relaxed) && one.log_in().is_ok() {
                        at_one.fetch_add(1, Ordering::Relaxed);
                    }
                });
                clients.push(scope.spawn(|| -> Outcome<()> {
                    while !stop_other.load(Ordering::Relaxed) {
                        other.log_in()?;
                        at_other.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                }));
            }
            let wait_for = |count: &AtomicUsize, logins: usize| {
                while count.load(Ordering::Relaxed) < logins {
                    if clients.iter().any(|client| client.is_finished()) {
                        return;
                    }
                    thread::yield_now();
                }
            };
            wait_for(&at_one, 50);
            let killed = killed.kill();
            stop_one.store(true, Ordering::Relaxed);
            let before = at_other.load(Ordering::Relaxed);
            wait_for(&at_other, before + 100);
            stop_other.store(true, Ordering::Relaxed);
            killed?;
            for client in clients {
                let went_on = client.join().map_err(|_| "a client failed")?;
                went_on.map_err(|error| format!("round {round}: {error}"))?;
            }
            Outcome::Ok(())
        })?;
    }
    kept.end()?;
    Ok(())
}

#[test]
fn a_node_with_other_keys_is_told_to_copy_them() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let database = Postgres::start()?;
    let settings = database.database()?;
    let records = format!(
        "[records]\npostgres = [{:?}]\ndatabase = {:?}\n",
        settings.servers[0].0, settings.database
    );
    let one = Node::new(&folder.path().join("one"), &records)?;
    let other = Node::new(&folder.path().join("other"), &records)?;
    let (added, words) = run(&one.config, &["account", "add", "alice"], PASSWORD)?;
    assert!(added, "{words}");
    let (added, words) = run(&other.config, &["account", "add", "alice"], PASSWORD)?;
    assert!(!added);
    assert!(words.contains("copy the file of the keys"), "{words}");
    database.stop()?;
    let (listed, words) = run(&one.config, &["account", "list"], "")?;
    assert!(!listed);
    assert!(words.contains("opening the database"), "{words}");
    Ok(())
}

/// A node's configuration, and where it takes IMAP.
struct Node {
    config: PathBuf,
    folder: PathBuf,
    imap: String,
}

impl Node {
    fn new(folder: &Path, records: &str) -> Outcome<Self> {
        std::fs::create_dir(folder)?;
        let config = site(folder)?;
        let imap = format!("127.0.0.1:{}", free_port()?);
        let mut text = std::fs::read_to_string(&config)?;
        text.push_str(records);
        text.push_str(&format!(
            "[imap]\nlisten = [\"{imap}\"]\n[policy]\nrefusal_delay = \"0s\"\n"
        ));
        std::fs::write(&config, text)?;
        Ok(Self {
            config,
            folder: folder.to_owned(),
            imap,
        })
    }

    /// Another node of the same site: the same accounts and keys.
    fn twin(&self, folder: &Path, records: &str) -> Outcome<Self> {
        let twin = Self::new(folder, records)?;
        std::fs::create_dir(folder.join("data"))?;
        for file in ["keys", "data/accounts.sqlite"] {
            std::fs::copy(self.folder.join(file), folder.join(file))?;
        }
        Ok(twin)
    }

    fn log_in(&self) -> Outcome<()> {
        let mut line = Line::connect(&self.imap)?;
        line.read()?;
        line.say(&format!("t LOGIN alice \"{PASSWORD}\""), "t OK")?;
        line.say("t LOGOUT", "* BYE").or(Ok(()))
    }
}
