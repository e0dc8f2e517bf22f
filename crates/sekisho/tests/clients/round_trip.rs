//! mbsync between a Maildir and the server, which is killed on the way: in the end both have the same, once each.
//!
//! 1,000 messages, or 10,000 with `SEKISHO_LONG=1`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Line, Outcome, Program};

#[test]
fn mbsync_converges_though_the_server_is_killed() -> Outcome<()> {
    let long = std::env::var_os("SEKISHO_LONG").is_some();
    let messages = if long { 10_000 } else { 1_000 };
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let mut program = Program::start(&data)?;
    let begin = server_messages(&program)?.len();
    let mail = folder.path().join("mail");
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(mail.join("INBOX").join(part))?;
    }
    for number in 0..messages {
        let text = format!(
            "From: a@test.example\nSubject: local {number}\nMessage-ID: <{number}@local.example>\n\n{}\n",
            "text ".repeat(number % 500)
        );
        let name = format!("{number}.local:2,{}", ["", "S", "FS", "RS"][number % 4]);
        std::fs::write(mail.join("INBOX/cur").join(name), text)?;
    }

    // Killed while it takes them in, more than once.
    for part in [4, 2] {
        let mut sync = mbsync(folder.path(), &program)?;
        let enough = begin + messages / part;
        wait_for(&mut sync, || Ok(server_messages(&program)?.len() >= enough))?;
        program.kill()?;
        sync.wait()?;
        program = Program::start(&data)?;
    }
    // What came on the server's side meanwhile goes the other way.
    deliver(&program, 20)?;
    for _ in 0..2 {
        let status = mbsync(folder.path(), &program)?.wait()?;
        assert!(status.success(), "mbsync: {status}");
    }

    let there = server_messages(&program)?;
    let here = local_messages(&mail)?;
    assert_eq!(there.len(), here.len());
    assert_eq!(there, here);
    for number in 0..messages {
        let subject = format!("local {number}");
        assert_eq!(
            there.get(&subject).map(|(count, _)| *count),
            Some(1),
            "{subject}"
        );
    }
    Ok(())
}

fn mbsync(folder: &Path, program: &Program) -> Outcome<Child> {
    let (host, port) = program.imap.split_once(':').ok_or("a door")?;
    let config = folder.join("mbsyncrc");
    let mail = folder.join("mail");
    let text = format!(
        "SyncState *\nFSync yes\n\nIMAPAccount here\nHost {host}\nPort {port}\nUser {}\nPass {}\nSSLType None\nAuthMechs LOGIN\n\n\
         IMAPStore far\nAccount here\n\nMaildirStore near\nPath {mail}/\nInbox {mail}/INBOX\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Both\nExpunge Both\n",
        program.login,
        program.password,
        mail = mail.display()
    );
    std::fs::write(&config, text)?;
    Ok(Command::new("mbsync")
        .arg("-q")
        .arg("-c")
        .arg(&config)
        .arg("all")
        .env("HOME", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?)
}

/// Waits until it holds, or the client has ended.
fn wait_for(child: &mut Child, mut holds: impl FnMut() -> Outcome<bool>) -> Outcome<()> {
    let begun = Instant::now();
    while !holds()? && child.try_wait()?.is_none() {
        if begun.elapsed() > Duration::from_secs(300) {
            return Err("it takes too long".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn deliver(program: &Program, count: usize) -> Outcome<()> {
    let mut line = Line::connect(&program.lmtp)?;
    line.expect("220")?;
    line.say("LHLO test.example", "250")?;
    for number in 0..count {
        line.say("MAIL FROM:<a@test.example>", "250")?;
        line.say("RCPT TO:<hanako@kit.example>", "250")?;
        line.say("DATA", "354")?;
        line.say(
            &format!("Subject: remote {number}\r\n\r\nhello\r\n."),
            "250",
        )?;
    }
    Ok(())
}

/// How often each subject is there, and with which flags.
type Messages = BTreeMap<String, (usize, String)>;

fn server_messages(program: &Program) -> Outcome<Messages> {
    let mut line = Line::connect(&program.imap)?;
    line.expect("* OK")?;
    let login = format!("a LOGIN {} {}", program.login, program.password);
    line.say(&login, "a OK")?;
    line.say("b EXAMINE INBOX", "b OK")?;
    line.write("c FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")?;
    let mut messages = Messages::new();
    loop {
        let told = line.read()?;
        if told.starts_with("c ") {
            return Ok(messages);
        }
        if !told.contains("FETCH (") {
            continue;
        }
        let flags = told
            .split_once("FLAGS (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .map_or("", |(flags, _)| flags);
        let mut letters: Vec<char> = flags
            .split(' ')
            .filter_map(|flag| match flag {
                "\\Seen" => Some('S'),
                "\\Flagged" => Some('F'),
                "\\Answered" => Some('R'),
                _ => None,
            })
            .collect();
        letters.sort_unstable();
        let mut subject = String::new();
        loop {
            let field = line.read()?;
            if let Some(text) = field.strip_prefix("Subject: ") {
                subject = text.trim_end().to_owned();
            } else if field.starts_with(')') {
                break;
            }
        }
        let one = messages.entry(subject).or_default();
        one.0 += 1;
        one.1 = letters.into_iter().collect();
    }
}

fn local_messages(mail: &Path) -> Outcome<Messages> {
    let mut messages = Messages::new();
    for part in ["cur", "new"] {
        for entry in std::fs::read_dir(mail.join("INBOX").join(part))? {
            let path = entry?.path();
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            let subject = text
                .lines()
                .find_map(|line| line.strip_prefix("Subject: "))
                .unwrap_or_default();
            let name = path.display().to_string();
            let flags = name.rsplit_once(":2,").map_or("", |(_, flags)| flags);
            let mut letters: Vec<char> = flags.chars().filter(|l| "SFR".contains(*l)).collect();
            letters.sort_unstable();
            let one = messages.entry(subject.to_owned()).or_default();
            one.0 += 1;
            one.1 = letters.into_iter().collect();
        }
    }
    Ok(messages)
}
