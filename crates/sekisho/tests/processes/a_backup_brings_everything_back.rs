//! `sekisho backup` while the service runs, and `sekisho restore` on an empty machine.

use std::path::Path;

use crate::ports::free_port;
use crate::support::{Line, Outcome, Service, run, site};

const PASSWORD: &str = "correct horse battery";

fn command(config: &Path, words: &[&str]) -> Outcome<(bool, String)> {
    run(config, words, PASSWORD)
}

#[test]
fn what_was_backed_up_while_running_comes_back_and_nobody_stays_signed_in() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let config = site(folder.path())?;
    let imap = format!("127.0.0.1:{}", free_port()?);
    let mut text = std::fs::read_to_string(&config)?;
    text.push_str(&format!("[imap]\nlisten = [\"{imap}\"]\n"));
    std::fs::write(&config, text)?;
    let (added, words) = command(&config, &["account", "add", "alice"])?;
    assert!(added, "{words}");
    let service = Service::start(&config)?;
    let log_in = || -> Outcome<Line> {
        let mut line = Line::connect(&imap)?;
        line.read()?;
        line.say(&format!("t LOGIN alice \"{PASSWORD}\""), "t OK")?;
        Ok(line)
    };
    let mut line = log_in()?;
    line.write("t APPEND INBOX {21}")?;
    line.expect("+")?;
    line.write("Subject: kept\r\n\r\nhi\r\n")?;
    line.expect("t OK")?;
    let backup = folder.path().join("backup");
    let place = backup.display().to_string();
    for _ in 0..2 {
        let (done, words) = command(&config, &["backup", &place])?;
        assert!(done, "{words}");
        assert!(words.contains("1 messages"), "{words}");
        assert!(words.contains("not copied: the keys"), "{words}");
    }
    let (done, words) = command(&config, &["restore", &place])?;
    assert!(!done);
    assert!(words.contains("is there already"), "{words}");
    service.end()?;

    let data = folder.path().join("data");
    std::fs::rename(&data, folder.path().join("lost"))?;
    let keys = folder.path().join("keys");
    std::fs::rename(&keys, folder.path().join("keys.kept"))?;
    let (done, words) = command(&config, &["restore", &place])?;
    assert!(!done);
    assert!(words.contains("put the copy of the keys back"), "{words}");
    assert!(!data.exists(), "nothing was changed");
    std::fs::rename(folder.path().join("keys.kept"), &keys)?;
    let nowhere = folder.path().join("nowhere").display().to_string();
    let (done, words) = command(&config, &["restore", &nowhere])?;
    assert!(!done);
    assert!(words.contains("is no backup"), "{words}");

    let (done, words) = command(&config, &["restore", &place])?;
    assert!(done, "{words}");
    assert!(words.contains("grants of then have ended"), "{words}");
    let (whole, words) = command(&config, &["mail", "check", "--deep"])?;
    assert!(whole, "{words}");
    let service = Service::start(&config)?;
    let mut line = log_in()?;
    line.write("t STATUS INBOX (MESSAGES)")?;
    let status = line.read()?;
    assert!(status.contains("MESSAGES 1"), "{status}");
    service.end()?;
    Ok(())
}
