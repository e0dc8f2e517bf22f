//! A service is replaced by a new process, as after an upgrade: nobody is refused, and what goes through to an upstream
//! goes on.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::ports::free_port;
use crate::support::{Line, Outcome, Service, run, site};

const PASSWORD: &str = "correct horse battery";

/// Clients that log in again and again meanwhile.
const CLIENTS: usize = 4;

/// How long it may take until something that has to happen has happened.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn nobody_is_refused_and_connections_to_an_upstream_go_on() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let behind = Site::new(&folder.path().join("behind"), "")?;
    let front = Site::new(&folder.path().join("front"), &behind.as_upstream())?;
    let mailbox = Service::start(&behind.config)?;
    let mut old = Service::start(&front.config)?;
    let mut kept = front.log_in()?;
    let other = front.meanwhile(|| front.restart())?;
    kept.say("k NOOP", "k OK")?;
    // The next one has the sockets from a process that still has them from the first.
    let third = front.meanwhile(|| front.restart())?;
    kept.say("k NOOP", "k OK")?;
    let mut late = front.log_in()?;
    late.say("k NOOP", "k OK")?;
    drop(kept);
    assert_eq!(old.wait()?, Some(0), "its last connection ended");
    other.ends_soon()?;
    third.end()?;
    late.closes()?;
    mailbox.end()?;
    Ok(())
}

#[test]
fn what_ends_an_admission_ends_connections_of_the_former_process_too() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let behind = Site::new(&folder.path().join("behind"), "")?;
    let front = Site::new(&folder.path().join("front"), &behind.as_upstream())?;
    let (added, words) = run(&front.config, &["account", "add", "bob"], PASSWORD)?;
    assert!(added, "{words}");
    let (added, words) = run(&behind.config, &["account", "add", "bob"], PASSWORD)?;
    assert!(added, "{words}");
    let mailbox = Service::start(&behind.config)?;
    let _old = Service::start(&front.config)?;
    let mut alice = front.log_in()?;
    let mut bob = front.log_in_as("bob")?;
    let successor = front.restart()?;
    alice.say("k NOOP", "k OK")?;
    let (disabled, words) = run(&front.config, &["account", "disable", "alice"], "")?;
    assert!(disabled, "{words}");
    alice.closes()?;
    bob.say("k NOOP", "k OK")?;
    // Where this machine was trusted, it is not any more.
    let text = std::fs::read_to_string(&front.config)?;
    std::fs::write(
        &front.config,
        text.replace("class = \"trusted\"", "class = \"untrusted\""),
    )?;
    successor.signal("-HUP")?;
    bob.closes()?;
    successor.end()?;
    mailbox.end()?;
    Ok(())
}

#[test]
fn with_mail_of_its_own_nobody_is_refused_either() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let site = Site::new(&folder.path().join("site"), "")?;
    let mut old = Service::start(&site.config)?;
    let mut idle = site.log_in()?;
    let successor = site.meanwhile(|| site.restart())?;
    idle.closes()?;
    assert_eq!(old.wait()?, Some(0));
    successor.end()
}

#[test]
fn a_process_that_can_not_start_replaces_nobody() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let site = Site::new(&folder.path().join("site"), "")?;
    let (asked, words) = run(&site.config, &["restart"], "")?;
    assert!(!asked);
    assert!(words.contains("no service runs"), "{words}");
    let service = Service::start(&site.config)?;
    let mut idle = site.log_in()?;
    let right = std::fs::read_to_string(&site.config)?;
    std::fs::write(&site.config, format!("{right}\n[nonsense]\n"))?;
    let (asked, words) = run(&site.config, &["restart"], "")?;
    assert!(!asked);
    assert!(words.contains("nonsense"), "{words}");
    let missing = "\n[tls]\ncertificate = \"/nowhere/cert.pem\"\nkey = \"/nowhere/key.pem\"\n";
    std::fs::write(&site.config, format!("{right}{missing}"))?;
    let (asked, words) = run(&site.config, &["restart"], "")?;
    assert!(!asked);
    assert!(words.contains("was not replaced and goes on"), "{words}");
    idle.say("k NOOP", "k OK")?;
    let log = service.end()?;
    assert!(log.contains("/nowhere/cert.pem"), "{log}");
    Ok(())
}

#[test]
fn a_data_folder_with_a_name_that_no_socket_can_have_is_a_data_folder_like_any_other() -> Outcome<()>
{
    let folder = tempfile::tempdir()?;
    let site = Site::new(&folder.path().join("university".repeat(12)), "")?;
    let mut old = Service::start(&site.config)?;
    let successor = site.restart()?;
    assert_eq!(old.wait()?, Some(0));
    successor.end()
}

#[test]
fn systemd_hears_which_process_serves() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let site = Site::new(&folder.path().join("site"), "")?;
    let ear = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&ear)?;
    systemd.set_read_timeout(Some(PATIENCE))?;
    let mut old = Service::start_with(&site.config, &[("NOTIFY_SOCKET", ear.as_os_str())])?;
    let hear = || -> Outcome<String> {
        let mut heard = [0; 200];
        let count = systemd.recv(&mut heard)?;
        Ok(String::from_utf8_lossy(&heard[..count]).into_owned())
    };
    assert_eq!(hear()?, "READY=1");
    send(old.id(), "-USR2")?;
    let heard = hear()?;
    let id = heard
        .strip_prefix("MAINPID=")
        .and_then(|rest| rest.strip_suffix("\nREADY=1"));
    let successor = Process(id.ok_or(heard.clone())?.parse()?);
    assert_eq!(old.wait()?, Some(0));
    drop(site.log_in()?);
    successor.end()
}

/// A site on this machine, which is its campus, with Alice.
struct Site {
    config: PathBuf,
    imap: String,
}

impl Site {
    fn new(folder: &Path, more: &str) -> Outcome<Self> {
        std::fs::create_dir(folder)?;
        let config = site(folder)?;
        let imap = format!("127.0.0.1:{}", free_port()?);
        let mut text = std::fs::read_to_string(&config)?;
        text.push_str(&format!(
            "[imap]\nlisten = [\"{imap}\"]\n[policy]\nmfa = \"required\"\nrefusal_delay = \"0s\"\n\
             [[network]]\nname = \"campus\"\nclass = \"trusted\"\nprefixes = [\"127.0.0.0/8\"]\n{more}"
        ));
        std::fs::write(&config, text)?;
        let (added, words) = run(&config, &["account", "add", "alice"], PASSWORD)?;
        assert!(added, "{words}");
        Ok(Self { config, imap })
    }

    /// How another site has this one behind it.
    fn as_upstream(&self) -> String {
        let imap = &self.imap;
        format!(
            "[[upstream]]\nname = \"behind\"\nimap = [\"{imap}\"]\ntls = \"none\"\n[relay]\nhost = \"127.0.0.1\"\n"
        )
    }

    fn log_in(&self) -> Outcome<Line> {
        self.log_in_as("alice")
    }

    fn log_in_as(&self, who: &str) -> Outcome<Line> {
        let mut line = Line::connect(&self.imap)?;
        line.expect("* OK")?;
        line.say(&format!("t LOGIN {who} \"{PASSWORD}\""), "t OK")?;
        Ok(line)
    }

    /// Has the service replaced, and returns the new process.
    fn restart(&self) -> Outcome<Process> {
        let (asked, words) = run(&self.config, &["restart"], "")?;
        assert!(asked, "{words}");
        let id = words
            .strip_prefix("process ")
            .and_then(|rest| rest.split_once(" serves now; "))
            .ok_or(words.clone())?
            .0;
        Ok(Process(id.parse()?))
    }

    /// Does something while clients log in without a pause, and fails if one of them can't.
    fn meanwhile<T>(&self, something: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let logins = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    scope.spawn(|| -> Outcome<()> {
                        while !stop.load(Ordering::Relaxed) {
                            let mut line = self.log_in()?;
                            logins.fetch_add(1, Ordering::Relaxed);
                            // Whoever leaves without waiting counts as a connection until the service notices, which on
                            // a busy machine has the next logins refused. A process that is replaced may close first.
                            let _ = line.write("q LOGOUT");
                            line.closes()?;
                        }
                        Ok(())
                    })
                })
                .collect();
            let wait_for = |wanted: usize| {
                while logins.load(Ordering::Relaxed) < wanted
                    && !clients.iter().any(|client| client.is_finished())
                {
                    thread::yield_now();
                }
            };
            wait_for(20);
            let done = something();
            wait_for(logins.load(Ordering::Relaxed) + 20);
            stop.store(true, Ordering::Relaxed);
            for client in clients {
                client.join().map_err(|_| "a client failed")??;
            }
            done
        })
    }
}

/// Sends a signal to a process.
fn send(id: u32, signal: &str) -> Outcome<()> {
    let sent = Command::new("kill")
        .args([signal, &id.to_string()])
        .status()?;
    assert!(sent.success(), "there is no process {id}");
    Ok(())
}

/// A process that this one did not start. Killed when dropped.
struct Process(u32);

impl Process {
    fn signal(&self, signal: &str) -> Outcome<()> {
        send(self.0, signal)
    }

    /// Ends it in order.
    fn end(self) -> Outcome<()> {
        self.signal("-TERM")?;
        self.ends_soon()
    }

    /// Waits until it is gone.
    fn ends_soon(self) -> Outcome<()> {
        let since = Instant::now();
        // What nobody waits for stays in the list of processes as a zombie where init does not reap.
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", self.0));
        while state().is_ok_and(|state| !state.contains(") Z ")) {
            assert!(since.elapsed() < PATIENCE, "process {} stays", self.0);
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-KILL", &self.0.to_string()])
            .output();
    }
}
