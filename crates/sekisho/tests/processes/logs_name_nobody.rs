//! Security rule 10: whatever happens, the log has no password, no code, no token, no name and no address of anybody.

use crate::support::{Http, Line, Outcome, Program};

#[test]
fn a_tour_logged_in_full_has_no_secret_and_no_person_in_it() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("log");
    let mut program =
        Program::start_logging(&folder.path().join("data"), std::fs::File::create(&log)?)?;

    let mut browser = Http::new(&program.web)?;
    browser.sign_in(&program.login, "a-wrong-password-typed-here")?;
    browser.sign_in("a-password-typed-as-name", &program.password)?;
    browser.sign_in(&program.login, &program.password)?;
    assert_eq!(browser.request("GET", "/mail", "")?.status, 200);
    assert_eq!(browser.request("GET", "/mfa", "")?.status, 200);

    let mut client = Line::connect(&program.imap)?;
    client.expect("* OK")?;
    client.say(
        &format!("a LOGIN {} another-wrong-password", program.login),
        "a NO",
    )?;
    client.say(
        &format!("b LOGIN {} {}", program.login, program.password),
        "b OK",
    )?;
    client.say("c SELECT INBOX", "c OK")?;
    client.write("d APPEND INBOX {1000}")?;
    drop(client);

    let mut sender = Line::connect(&program.lmtp)?;
    sender.expect("220")?;
    sender.say("LHLO somewhere.example", "250")?;
    sender.say("MAIL FROM:<stranger-of-the-log@somewhere.example>", "250")?;
    sender.say("RCPT TO:<hanako@kit.example>", "250")?;
    sender.say("RCPT TO:<nobody-of-the-log@kit.example>", "550")?;
    sender.say("DATA", "354")?;
    sender.say(
        "Subject: a-subject-of-the-log\r\n\r\na-body-of-the-log\r\n.",
        "250",
    )?;

    let mut submission = Line::connect(&program.submission)?;
    submission.expect("220")?;
    submission.say("EHLO laptop-of-the-log", "250")?;
    submission.say("AUTH PLAIN AGhhbmFrbwBhbm90aGVyLXdyb25nLW9uZQ==", "535")?;

    assert_eq!(program.end("-TERM")?, Some(0), "it ends in order");
    let log = std::fs::read_to_string(&log)?;
    assert!(log.contains("ready"), "the log was kept: {log}");
    let mut secrets: Vec<&str> = vec![
        &program.login,
        &program.password,
        "a-wrong-password-typed-here",
        "a-password-typed-as-name",
        "another-wrong-password",
        "another-wrong-one",
        "AGhhbmFrbwBhbm90aGVyLXdyb25nLW9uZQ",
        "stranger-of-the-log",
        "nobody-of-the-log",
        "a-subject-of-the-log",
        "a-body-of-the-log",
        "203.0.113.7",
    ];
    secrets.extend(browser.secrets());
    for secret in secrets {
        let told = log.lines().find(|line| line.contains(secret));
        assert_eq!(told, None, "{secret:?} is in the log");
    }
    Ok(())
}
