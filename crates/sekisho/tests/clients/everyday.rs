//! Each client once, as people set it up.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Line, Outcome, Program};

/// Runs a client to its end; its words are in the error if it fails.
fn run(command: &mut Command) -> Outcome<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .map_err(|error| format!("{command:?}: {error}; scripts/test installs it"))?;
    let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    if status.success() {
        Ok(said)
    } else {
        Err(format!("{command:?}: {status}\n{said}").into())
    }
}

fn python(script: &str, door: &str, program: &Program) -> Outcome<String> {
    let (host, port) = door.split_once(':').ok_or("a door")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script);
    run(Command::new("python3")
        .arg(script)
        .args([host, port, &program.login, &program.password]))
}

/// Delivers messages to the first account, which begins with an empty INBOX.
fn deliver(program: &Program, count: usize) -> Outcome<()> {
    empty(program)?;
    let mut line = Line::connect(&program.lmtp)?;
    line.expect("220")?;
    line.say("LHLO test.example", "250")?;
    for number in 1..=count {
        line.say("MAIL FROM:<a@test.example>", "250")?;
        line.say("RCPT TO:<hanako@kit.example>", "250")?;
        line.say("DATA", "354")?;
        let message = format!(
            "From: a@test.example\r\nTo: hanako@kit.example\r\nSubject: number{number}\r\nMessage-ID: <{number}@test.example>\r\n\r\n..a line of dots\r\n."
        );
        line.say(&message, "250")?;
    }
    Ok(())
}

fn empty(program: &Program) -> Outcome<()> {
    let mut line = sign_in(program)?;
    line.say("b SELECT INBOX", "b OK")?;
    line.say("c STORE 1:* +FLAGS.SILENT (\\Deleted)", "c OK")?;
    line.say("d CLOSE", "d OK")?;
    Ok(())
}

fn sign_in(program: &Program) -> Outcome<Line> {
    let mut line = Line::connect(&program.imap)?;
    line.expect("* OK")?;
    let login = format!("a LOGIN {} {}", program.login, program.password);
    line.say(&login, "a OK")?;
    Ok(line)
}

/// How many messages a folder has.
fn count(program: &Program, folder: &str) -> Outcome<usize> {
    let mut line = sign_in(program)?;
    line.write(&format!("s STATUS {folder} (MESSAGES)"))?;
    let told = line.read()?;
    let number = told
        .split_once("MESSAGES ")
        .and_then(|(_, rest)| rest.split(')').next())
        .ok_or_else(|| told.clone())?;
    Ok(number.parse()?)
}

#[test]
fn pythons_imaplib_reads_files_and_tidies() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let program = Program::start(folder.path())?;
    python("imap.py", &program.imap, &program)?;
    Ok(())
}

#[test]
fn pythons_poplib_fetches_and_deletes() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let program = Program::start(folder.path())?;
    deliver(&program, 5)?;
    python("pop.py", &program.pop3, &program)?;
    Ok(())
}

#[test]
fn curl_reads_stores_and_sends() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let program = Program::start(folder.path())?;
    deliver(&program, 3)?;
    let user = format!("{}:{}", program.login, program.password);
    let curl = |words: &[&str]| run(Command::new("curl").args(["-sS", "-u", &user]).args(words));
    let inbox = format!("imap://{}/INBOX", program.imap);
    let found = curl(&[&inbox, "-X", "SEARCH SUBJECT number2"])?;
    assert!(found.contains("SEARCH 2"), "{found}");
    let read = curl(&[&format!("{inbox};MAILINDEX=2")])?;
    assert!(read.contains("Subject: number2"), "{read}");

    let draft = folder.path().join("draft.eml");
    std::fs::write(
        &draft,
        "From: hanako@kit.example\r\nTo: ken@kit.example\r\nSubject: sent by curl\r\n\r\nHi\r\n",
    )?;
    let draft = draft.to_str().ok_or("a path")?;
    curl(&[&format!("imap://{}/Drafts", program.imap), "-T", draft])?;
    assert_eq!(count(&program, "Drafts")?, 1);

    let listed = curl(&[&format!("pop3://{}/", program.pop3)])?;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let read = curl(&[&format!("pop3://{}/3", program.pop3)])?;
    assert!(read.contains("Subject: number3"), "{read}");

    let to = "hanako@kit.example";
    let smtp = format!("smtp://{}/laptop", program.submission);
    curl(&[&smtp, "--mail-from", to, "--mail-rcpt", to, "-T", draft])?;
    arrives(&program, 4)
}

/// Waits for the queue, which delivers within the site in a moment.
fn arrives(program: &Program, messages: usize) -> Outcome<()> {
    let begun = std::time::Instant::now();
    while count(program, "INBOX")? != messages {
        if begun.elapsed().as_secs() > 30 {
            return Err(format!("{} messages came", count(program, "INBOX")?).into());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn swaks_delivers_and_submits() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let program = Program::start(folder.path())?;
    empty(&program)?;
    let lmtp = |to: &str| {
        run(Command::new("swaks")
            .args(["--protocol", "LMTP", "--server", &program.lmtp])
            .args(["--from", "a@test.example", "--to", to]))
    };
    lmtp("hanako@kit.example")?;
    assert_eq!(count(&program, "INBOX")?, 1);
    let refused = lmtp("nobody@kit.example");
    let said = refused.expect_err("nobody has no mailbox").to_string();
    assert!(said.contains("550 5.1.1"), "{said}");

    let submit = |from: &str, password: &str| {
        run(Command::new("swaks")
            .args(["--protocol", "ESMTPA", "--server", &program.submission])
            .args(["--auth", "PLAIN", "--auth-user", &program.login])
            .args(["--auth-password", password])
            .args(["--from", from, "--to", "hanako@kit.example"]))
    };
    submit("hanako@kit.example", &program.password)?;
    arrives(&program, 2)?;
    let forged = submit("ken@kit.example", &program.password);
    let said = forged.expect_err("another's address").to_string();
    assert!(said.contains("not one of yours"), "{said}");
    let wrong = submit("hanako@kit.example", "guess");
    let said = wrong.expect_err("a wrong password").to_string();
    assert!(said.contains("535 5.7.8"), "{said}");
    Ok(())
}

#[test]
fn fetchmail_takes_mail_by_pop3_and_imap() -> Outcome<()> {
    for protocol in ["POP3", "IMAP"] {
        let folder = tempfile::tempdir()?;
        let program = Program::start(folder.path())?;
        deliver(&program, 4)?;
        let door = if protocol == "IMAP" {
            &program.imap
        } else {
            &program.pop3
        };
        let port = door.split_once(':').ok_or("a port")?.1;
        let (rc, got) = (folder.path().join("rc"), folder.path().join("got"));
        // Its own certificate is nobody's business on this machine; TLS is used all the same.
        let text = format!(
            "poll 127.0.0.1 protocol {protocol} port {port} user \"{}\" password \"{}\" no sslcertck mda \"cat >> {}\"\n",
            program.login,
            program.password,
            got.display()
        );
        std::fs::write(&rc, text)?;
        run(Command::new("chmod").arg("600").arg(&rc))?;
        let fetch = |more: &[&str]| {
            run(Command::new("fetchmail")
                .arg("-f")
                .arg(&rc)
                .args(["--nodetach", "--pidfile"])
                .arg(folder.path().join("pid"))
                .args(["--idfile"])
                .arg(folder.path().join("ids"))
                .args(more)
                .env("HOME", folder.path()))
        };
        let mails = || -> Outcome<usize> {
            Ok(std::fs::read_to_string(&got)?
                .matches("Subject: number")
                .count())
        };
        fetch(&["--keep", "--all"])?;
        assert_eq!((mails()?, count(&program, "INBOX")?), (4, 4), "{protocol}");
        fetch(&["--nokeep", "--all"])?;
        assert_eq!((mails()?, count(&program, "INBOX")?), (8, 0), "{protocol}");
    }
    Ok(())
}

#[test]
fn neomutt_opens_files_and_deletes() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let program = Program::start(folder.path())?;
    deliver(&program, 6)?;
    let rc = folder.path().join("muttrc");
    let text = format!(
        "set folder = \"imap://{imap}/\"\nset spoolfile = \"+INBOX\"\nset imap_user = \"{user}\"\nset imap_pass = \"{password}\"\n\
         set ssl_starttls = no\nset ssl_force_tls = no\nset confirmappend = no\nset delete = yes\nset move = no\nset mark_old = no\nset header_cache = \"\"\n\
         set sleep_time = 0\nset imap_check_subscribed = no\n",
        imap = program.imap,
        user = program.login,
        password = program.password,
    );
    std::fs::write(&rc, text)?;
    // Files the first two, deletes the third, flags the fourth, and leaves.
    let keys = "<first-entry><tag-entry><tag-entry><tag-prefix><save-message>=Archive<enter>\
                <jump>3<enter><delete-message><jump>4<enter><flag-message><sync-mailbox><quit>";
    let command = format!("neomutt -n -F {} -e 'push \"{keys}\"'", rc.display());
    run(Command::new("timeout")
        .args(["60", "script", "-qec", &command, "/dev/null"])
        .env("TERM", "xterm")
        .env("HOME", folder.path()))?;
    assert_eq!(count(&program, "Archive")?, 2);
    assert_eq!(count(&program, "INBOX")?, 3);
    let mut line = sign_in(&program)?;
    line.say("b SELECT INBOX", "b OK")?;
    line.write("c SEARCH FLAGGED SUBJECT number4")?;
    let found = line.read()?;
    assert_eq!(found.trim_end().split(' ').count(), 3, "{found}");
    Ok(())
}
