//! What the command line says to a person, also when something is wrong.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Outcome, sekisho};

/// Runs a command and returns whether it succeeded and all that it said.
fn run(config: &Path, words: &[&str], input: &str) -> Outcome<(bool, String)> {
    let mut child = sekisho()
        .args(words)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .ok_or("no input")?
        .write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(said)?))
}

fn site(folder: &Path) -> Outcome<std::path::PathBuf> {
    let config = folder.join("sekisho.toml");
    std::fs::write(
        &config,
        format!(
            "[site]\ndomains = [\"kit.example\"]\nurl = \"https://mail.kit.example\"\napp_url = \"https://otp.kit.example\"\n\
             data = \"{folder}/data\"\nkeys = \"{folder}/keys\"\n",
            folder = folder.display()
        ),
    )?;
    Ok(config)
}

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
