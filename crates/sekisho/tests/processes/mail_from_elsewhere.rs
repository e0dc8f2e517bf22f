//! Mail comes from wherever it was, once and whole.

use std::path::Path;

use crate::support::{Line, Outcome, Program, run, site};

/// Delivers a message to the demo's first account.
fn deliver(program: &Program, subject: &str, body: &str) -> Outcome<()> {
    let mut line = Line::connect(&program.lmtp)?;
    line.expect("220")?;
    line.say("LHLO test.example", "250")?;
    line.say("MAIL FROM:<a@test.example>", "250")?;
    line.say("RCPT TO:<hanako@kit.example>", "250")?;
    line.say("DATA", "354")?;
    let message = format!(
        "From: a@test.example\r\nSubject: {subject}\r\nMessage-ID: <{subject}@test.example>\r\n\r\n{body}\r\n."
    );
    line.say(&message, "250")
}

fn import(config: &Path, source: &str, more: &[&str], password: &str) -> Outcome<String> {
    let words = [&["mail", "import", "alice", source], more].concat();
    let (done, said) = run(config, &words, password)?;
    assert!(done, "{source}: {said}");
    Ok(said)
}

#[test]
fn a_mailbox_moves_in_from_another_server_and_on_as_files() -> Outcome<()> {
    let old = tempfile::tempdir()?;
    let server = Program::start(old.path())?;
    for number in 1..=30 {
        deliver(&server, &format!("number{number}"), "From me\r\n>From you")?;
    }
    let mut line = Line::connect(&server.imap)?;
    line.expect("* OK")?;
    let login = format!("a LOGIN {} {}", server.login, server.password);
    line.say(&login, "a OK")?;
    line.say("b CREATE \"&ZeVnLIqe-/2026\"", "b OK")?;
    line.say("c SELECT INBOX", "c OK")?;
    line.say("d COPY 1:5 \"&ZeVnLIqe-/2026\"", "d OK")?;
    line.say("e STORE 1:7 +FLAGS.SILENT (\\Flagged $Work)", "e OK")?;

    let folder = tempfile::tempdir()?;
    let config = site(folder.path())?;
    run(
        &config,
        &["account", "add", "alice"],
        "a long enough password\n",
    )?;
    let source = format!("imap://{}", server.imap);
    let as_hanako = ["--user", server.login.as_str()];
    let password = format!("{}\n", server.password);
    let dry = ["--user", server.login.as_str(), "--dry-run"];
    let said = import(&config, &source, &dry, &password)?;
    assert!(said.contains("would come, 0 were there"), "{said}");
    let all = said.split(' ').next().ok_or("a count")?.to_owned();
    let came = format!("{all} messages came, 0 were there already");
    let again = format!("0 messages came, {all} were there already");
    let said = import(&config, &source, &as_hanako, &password)?;
    assert!(said.contains(&came), "{said}");
    let said = import(&config, &source, &as_hanako, &password)?;
    assert!(said.contains(&again), "{said}");
    deliver(&server, "number31", "new")?;
    let said = import(&config, &source, &as_hanako, &password)?;
    assert!(said.contains("1 messages came"), "{said}");
    let words = ["mail", "import", "alice", &source, "--user", "hanako"];
    let (done, said) = run(&config, &words, "wrong password\n")?;
    assert!(!done && said.contains("logging in as hanako"), "{said}");

    // Out as files, into a second site, and out again: nothing was lost or changed on the way.
    let place = |name: &str| folder.path().join(name).display().to_string();
    let maildir = place("Maildir");
    run(&config, &["mail", "export", "alice", &maildir], "")?;
    let second = tempfile::tempdir()?;
    let config2 = site(second.path())?;
    run(
        &config2,
        &["account", "add", "alice"],
        "a long enough password\n",
    )?;
    import(&config2, &maildir, &[], "")?;
    let said = import(&config2, &maildir, &[], "")?;
    assert!(said.starts_with("0 messages came"), "{said}");
    let back = place("back");
    run(&config2, &["mail", "export", "alice", &back], "")?;
    assert_eq!(files(Path::new(&maildir))?, files(Path::new(&back))?);
    assert!(Path::new(&back).join(".&ZeVnLIqe-.2026/cur").is_dir());

    // As mbox files.
    let mboxes = place("mboxes");
    let words = ["mail", "export", "alice", &mboxes, "--format", "mbox"];
    let (done, said) = run(&config2, &words, "")?;
    assert!(done, "{said}");
    let third = tempfile::tempdir()?;
    let config3 = site(third.path())?;
    run(
        &config3,
        &["account", "add", "alice"],
        "a long enough password\n",
    )?;
    let inbox = format!("{mboxes}/INBOX.mbox");
    let said = import(&config3, &inbox, &["--into", "Old"], "")?;
    let said2 = import(&config3, &inbox, &["--into", "Old"], "")?;
    assert!(said2.starts_with("0 messages came"), "{said} {said2}");

    // Back from a backup, what was deleted since.
    let copy = place("copy");
    run(&config, &["mail", "backup", &copy], "")?;
    let fourth = tempfile::tempdir()?;
    let config4 = site(fourth.path())?;
    run(
        &config4,
        &["account", "add", "alice"],
        "a long enough password\n",
    )?;
    let said = import(&config4, &copy, &[], "")?;
    assert!(!said.starts_with("0 messages"), "{said}");
    let restored = place("restored");
    run(&config4, &["mail", "export", "alice", &restored], "")?;
    assert_eq!(files(Path::new(&maildir))?, files(Path::new(&restored))?);
    Ok(())
}

/// The messages of a Maildir: folder, flags and bytes of each, sorted.
fn files(root: &Path) -> Outcome<Vec<(String, String, Vec<u8>)>> {
    let mut all = Vec::new();
    let mut places = vec![root.to_owned()];
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        if path.join("cur").is_dir() {
            places.push(path);
        }
    }
    for place in places {
        let folder = place.strip_prefix(root)?.display().to_string();
        for entry in std::fs::read_dir(place.join("cur"))? {
            let path = entry?.path();
            let name = path.display().to_string();
            let flags = name.rsplit_once(":2,").ok_or("flags")?.1.to_owned();
            all.push((folder.clone(), flags, std::fs::read(&path)?));
        }
    }
    all.sort();
    Ok(all)
}

#[test]
fn what_is_no_mail_is_refused_with_a_word_about_what_is() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let config = site(folder.path())?;
    run(
        &config,
        &["account", "add", "alice"],
        "a long enough password\n",
    )?;
    let text = folder.path().join("notes.txt").display().to_string();
    std::fs::write(&text, "some notes\n")?;
    let empty = folder.path().join("empty").display().to_string();
    std::fs::create_dir(&empty)?;
    for (source, words) in [
        (text.as_str(), "is no mbox"),
        (&empty, "no Maildir"),
        ("imaps://127.0.0.1:1", "connecting to 127.0.0.1, port 1"),
        ("imaps://a:b@x.example", "--user"),
    ] {
        let (done, said) = run(&config, &["mail", "import", "alice", source], "x\n")?;
        assert!(!done && said.contains(words), "{source}: {said}");
    }
    Ok(())
}
