//! What the command line says to a person, also when something is wrong.

use crate::support::{Outcome, run, site};

#[test]
fn accounts_are_added_listed_imported_and_reset() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let config = site(folder.path())?;
    let (added, said) = run(
        &config,
        &["account", "add", "alice"],
        "a long enough password\n",
    )?;
    assert!(added && said.contains("added alice"), "{said}");
    let (short, said) = run(&config, &["account", "add", "bob"], "short\n")?;
    assert!(!short && said.contains("fewer than 12"), "{said}");
    let (_, said) = run(&config, &["account", "list"], "")?;
    assert!(
        said.contains("alice@kit.example") && !said.contains("bob"),
        "{said}"
    );
    let (_, said) = run(&config, &["account", "shared"], "")?;
    assert!(said.contains("no address is shared"), "{said}");
    let share = ["account", "shared", "office@kit.example", "add", "alice"];
    let (done, said) = run(&config, &share, "")?;
    assert!(
        done && said.contains("office@kit.example goes to alice"),
        "{said}"
    );
    let (done, said) = run(
        &config,
        &["account", "shared", "office@kit.example", "remove", "bob"],
        "",
    )?;
    assert!(!done && said.contains("no account \"bob\""), "{said}");
    let (_, said) = run(&config, &["account", "mfa", "alice", "on"], "")?;
    assert!(said.contains("alice is on"), "{said}");
    let (_, said) = run(
        &config,
        &["account", "reset-mfa", "alice", "--reason", "lost phone"],
        "",
    )?;
    assert!(
        said.contains("One-time code for the next registration: "),
        "{said}"
    );
    let (_, said) = run(&config, &["audit", "--login", "alice"], "")?;
    assert!(
        said.contains("factors-reset") && said.contains("lost phone"),
        "{said}"
    );

    let csv = folder.path().join("accounts.csv");
    std::fs::write(
        &csv,
        "login,name,addresses,groups,password_hash,ends\ncarol,,,,,2027-03-31\nalice,,,,,\n",
    )?;
    let path = csv.to_str().ok_or("a path")?;
    let (imported, said) = run(&config, &["account", "import", path], "")?;
    assert!(
        !imported && said.contains("line 3") && said.contains("nothing was changed"),
        "{said}"
    );
    std::fs::write(&csv, "login,ends\ncarol,2027-03-31\n")?;
    let (imported, said) = run(&config, &["account", "import", path], "")?;
    assert!(imported && said.contains("1 accounts added"), "{said}");
    Ok(())
}

#[test]
fn mail_is_filed_as_set_checked_copied_and_written_out() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let config = site(folder.path())?;
    let password = "a long enough password\n";
    run(&config, &["account", "add", "alice"], password)?;
    let (_, said) = run(&config, &["mail", "filter", "alice"], "")?;
    assert!(said.contains("all mail goes into the INBOX"), "{said}");
    let wrong = "[[rule]]\nfolder = \"Lists\"\n";
    let set = ["mail", "filter", "alice", "--set", "-"];
    let (taken, said) = run(&config, &set, wrong)?;
    assert!(!taken && said.contains("rule 1: give at least"), "{said}");
    let (taken, said) = run(&config, &set, "[[rule]]\nfolde = \"x\"\n")?;
    assert!(!taken && said.contains("unknown field `folde`"), "{said}");
    let filter = "[forward]\nto = [\"me@home.example\"]\n[vacation]\nuntil = 2027-01-07\ntext = \"\"\"\n不在です\n\"\"\"\n\
                  [[rule]]\nlist = \"rust\"\nfolder = \"Lists/Rust\"\n";
    let (taken, said) = run(&config, &set, filter)?;
    assert!(
        taken && said.contains("made the folder Lists/Rust"),
        "{said}"
    );
    assert!(said.contains("no [relay] is configured"), "{said}");
    let (_, shown) = run(&config, &["mail", "filter", "alice"], "")?;
    assert!(
        shown.contains("until = 2027-01-07") || shown.contains("until = \"2027-01-07\""),
        "{shown}"
    );
    let (taken, said) = run(&config, &set, &shown)?;
    assert!(taken, "what is shown can be set again: {said}");
    let (_, said) = run(&config, &["mail", "filter", "alice", "--clear"], "")?;
    assert!(said.contains("no filter now"), "{said}");

    let (whole, said) = run(&config, &["mail", "check", "--deep"], "")?;
    assert!(whole && said.contains("alice: 0 messages"), "{said}");
    let (done, said) = run(&config, &["mail", "compact", "alice"], "")?;
    assert!(
        done && said.contains("1 accounts; 0 bytes were given back"),
        "{said}"
    );
    let copy = folder.path().join("copy");
    let copy = copy.to_str().ok_or("a path")?;
    let (done, said) = run(&config, &["mail", "backup", copy], "")?;
    assert!(done && said.contains("1 accounts, 0 messages"), "{said}");
    let maildir = folder.path().join("Maildir");
    let target = maildir.to_str().ok_or("a path")?;
    let (done, said) = run(&config, &["mail", "export", "alice", target], "")?;
    assert!(done && maildir.join(".Lists.Rust/cur").is_dir(), "{said}");
    let (done, said) = run(&config, &["mail", "export", "alice", target], "")?;
    assert!(!done && said.contains("exists"), "{said}");
    Ok(())
}

#[test]
fn the_queue_says_what_there_is_to_steer() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let config = site(folder.path())?;
    let nothing_waits = || -> Outcome<()> {
        let (done, said) = run(&config, &["queue", "list"], "")?;
        assert!(done && said.contains("nothing waits"), "{said}");
        Ok(())
    };
    nothing_waits()?;
    run(
        &config,
        &["account", "add", "alice"],
        "a long enough password\n",
    )?;
    nothing_waits()?;
    for (words, answer) in [
        (
            &["queue", "hold", "--domain", "far.example"][..],
            "nothing of that kind waits that is not held",
        ),
        (
            &["queue", "release", "--all"],
            "nothing of that kind is held",
        ),
        (
            &["queue", "bounce", "0123456789abcdef"],
            "nothing of that kind waits",
        ),
        (&["queue", "retry", "12"], "is no id"),
        (
            &["queue", "show", "0123456789abcdef"],
            "no message 0123456789abcdef waits",
        ),
        (&["queue", "drop"], "required"),
        (
            &["queue", "drop", "0123456789abcdef", "--all"],
            "cannot be used with",
        ),
    ] {
        let (done, said) = run(&config, words, "")?;
        assert!(!done && said.contains(answer), "{words:?}: {said}");
    }
    Ok(())
}

#[test]
fn the_key_that_signs_mail_has_its_dns_record_shown() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let config = site(folder.path())?;
    let (done, said) = run(&config, &["key", "dkim"], "")?;
    assert!(!done && said.contains("nothing is signed"), "{said}");
    let key = folder.path().join("dkim.pem");
    let with_key = format!(
        "{}\n[dkim]\nselector = \"s2026\"\nkey_file = \"{}\"\n",
        std::fs::read_to_string(&config)?,
        key.display()
    );
    std::fs::write(&config, with_key)?;
    let (done, said) = run(&config, &["key", "dkim"], "")?;
    assert!(!done && said.contains("key_file: reading"), "{said}");
    std::fs::write(&key, "no key")?;
    let (done, said) = run(&config, &["key", "dkim"], "")?;
    assert!(!done && said.contains("no private key in PEM"), "{said}");
    let made = std::process::Command::new("openssl")
        .args([
            "genpkey",
            "-quiet",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
            "-out",
        ])
        .arg(&key)
        .status()?;
    assert!(made.success());
    let (done, said) = run(&config, &["key", "dkim"], "")?;
    assert!(
        done && said.starts_with("s2026._domainkey.kit.example. IN TXT ("),
        "{said}"
    );
    assert!(said.contains("v=DKIM1; k=rsa; p="), "{said}");
    Ok(())
}

#[test]
fn a_mistake_in_the_configuration_is_named_by_line() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let config = site(folder.path())?;
    let (good, said) = run(&config, &["config", "check"], "")?;
    assert!(good && said.contains("no errors"), "{said}");
    let text = std::fs::read_to_string(&config)?;
    std::fs::write(&config, format!("{text}\n[polcy]\ngrant = \"14h\"\n"))?;
    let (good, said) = run(&config, &["config", "check"], "")?;
    assert!(
        !good && said.contains("line 8: there is no key `polcy`; did you mean `policy`?"),
        "{said}"
    );
    Ok(())
}
