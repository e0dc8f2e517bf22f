//! Before a site changes over: does what the file names answer, and can people come to it past Sekisho?

use std::io::Write as _;
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::thread;

use crate::ports::free_port;
use crate::support::{Outcome, run, site};

#[test]
fn who_answers_who_does_not_and_who_is_sekisho_itself() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let (there, away, own) = (Greeter::at("127.0.0.1")?, free_port()?, free_port()?);
    let config = in_front_of(
        folder.path(),
        &format!(
            "imap = [\"127.0.0.1:{}\", \"localhost:{away}\", \"localhost:{own}\"]\n[imap]\nlisten = [\"[::]:{own}\"]\n",
            there.port
        ),
    )?;
    let (right, said) = run(&config, &["config", "check"], "")?;
    assert!(!right, "{said}");
    let answers = format!("IMAP at 127.0.0.1:{} answers", there.port);
    assert!(said.contains(&answers), "{said}");
    assert!(
        said.contains(&format!("localhost:{away} does not answer")),
        "{said}"
    );
    assert!(said.contains(&format!("own door at [::]:{own}")), "{said}");
    let (right, said) = run(&config, &["config", "check", "--offline"], "")?;
    assert!(right && !said.contains("answer"), "{said}");
    Ok(())
}

#[test]
fn an_upstream_that_answers_without_sekisho_is_named() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let everywhere = Greeter::at("0.0.0.0")?;
    let upstream = format!("imap = [\"127.0.0.1:{}\"]\n", everywhere.port);
    let config = in_front_of(folder.path(), &upstream)?;
    let (right, said) = run(&config, &["config", "check"], "")?;
    assert!(right, "{said}");
    match outside() {
        Some(address) => {
            let words = format!(
                "it answers at {address}:{} as well, without Sekisho",
                everywhere.port
            );
            assert!(said.contains(&words), "{said}");
        }
        None => assert!(!said.contains("without Sekisho"), "{said}"),
    }

    let config = in_front_of(
        folder.path(),
        &format!("{upstream}client_address = \"proxy\"\n"),
    )?;
    let (_, said) = run(&config, &["config", "check"], "")?;
    assert!(said.contains("let it demand one"), "{said}");
    Ok(())
}

#[test]
fn what_is_missing_is_named_before_anything_is_asked() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let there = Greeter::at("127.0.0.1")?;
    let upstream = format!(
        "imap = [\"127.0.0.1:{}\"]\nlogin = \"master\"\nmaster_user = \"sekisho\"\nmaster_password_file = \"{}\"\n",
        there.port,
        folder.path().join("master").display()
    );
    let doveadm = format!(
        "[authapi]\nlisten = [\"127.0.0.1:{}\"]\nsecret_file = \"{secret}\"\ndoveadm = \"127.0.0.1:{}\"\ndoveadm_key_file = \"{secret}\"\n",
        free_port()?,
        free_port()?,
        secret = folder.path().join("secret").display()
    );
    let config = in_front_of(folder.path(), &format!("{upstream}{doveadm}"))?;
    for more in [&["--offline"][..], &[]] {
        let words = [&["config", "check"], more].concat();
        let (right, said) = run(&config, &words, "")?;
        assert!(!right && !said.contains("no errors"), "{said}");
        for file in ["`master_password_file`", "`doveadm_key_file`"] {
            assert!(said.contains(file), "{said}");
        }
    }
    std::fs::write(folder.path().join("master"), "\n")?;
    std::fs::write(folder.path().join("secret"), "secret")?;
    let (right, said) = run(&config, &["config", "check"], "")?;
    assert!(!right && said.contains("master is empty"), "{said}");
    std::fs::write(folder.path().join("master"), "password")?;
    let (right, said) = run(&config, &["config", "check"], "")?;
    assert!(right, "{said}");
    assert!(said.contains("can't be given orders"), "{said}");
    Ok(())
}

/// A site in front of an upstream.
fn in_front_of(folder: &Path, more: &str) -> Outcome<std::path::PathBuf> {
    let config = site(folder)?;
    let mut text = std::fs::read_to_string(&config)?;
    text.push_str(&format!(
        "[relay]\nhost = \"127.0.0.1\"\n[[upstream]]\nname = \"behind\"\ntls = \"none\"\npatience = \"1s\"\n{more}"
    ));
    std::fs::write(&config, text)?;
    Ok(config)
}

/// From where this machine reaches others.
fn outside() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|own| !own.is_loopback())
}

/// An IMAP server that greets everybody, until the test ends.
struct Greeter {
    port: u16,
}

impl Greeter {
    fn at(address: &str) -> Outcome<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let port = listener.local_addr()?.port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                // Who has gone hears nothing.
                let _ = stream.write_all(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n");
                thread::spawn(move || {
                    let _ = std::io::copy(&mut &stream, &mut std::io::sink());
                });
            }
        });
        Ok(Self { port })
    }
}
