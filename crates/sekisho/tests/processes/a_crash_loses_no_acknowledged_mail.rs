//! Security rule 25, with the real program: killed among deliveries, it has every message that got its 250, whole, and
//! never gives a UID twice.
//!
//! `SEKISHO_LONG=1` kills it twenty times instead of once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{Line, Outcome, Program};

/// How many deliveries are attempted a round.
const DELIVERIES: usize = 500;
/// After how many acknowledgements the program is killed.
const KILLED_AFTER: usize = 230;

#[test]
fn killed_among_deliveries_it_keeps_what_it_acknowledged() -> Outcome<()> {
    let rounds = if std::env::var_os("SEKISHO_LONG").is_some() {
        20
    } else {
        1
    };
    let folder = tempfile::tempdir()?;
    let mut acknowledged = BTreeSet::new();
    let mut seen: BTreeMap<u32, String> = BTreeMap::new();
    for round in 0..rounds {
        let mut program = Program::start(folder.path())?;
        let new = deliver_until_killed(&mut program, round)?;
        assert!(
            new.len() >= KILLED_AFTER,
            "only {} were acknowledged",
            new.len()
        );
        acknowledged.extend(new);

        let program = Program::start(folder.path())?;
        let found = messages(&program)?;
        let subjects: BTreeSet<_> = found.values().cloned().collect();
        let lost: Vec<_> = acknowledged.difference(&subjects).collect();
        assert!(
            lost.is_empty(),
            "acknowledged and lost, or damaged: {lost:?}"
        );
        for (uid, subject) in &seen {
            assert_eq!(
                found.get(uid),
                Some(subject),
                "UID {uid} names another message now"
            );
        }
        seen = found;
    }
    Ok(())
}

/// Delivers on four connections; kills the program in the middle. Returns the subjects that were acknowledged.
fn deliver_until_killed(program: &mut Program, round: usize) -> Outcome<BTreeSet<String>> {
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let count = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (lmtp, acknowledged, count) = (
                program.lmtp.clone(),
                Arc::clone(&acknowledged),
                Arc::clone(&count),
            );
            // Ends with an error when the program is killed, as it must.
            std::thread::spawn(move || -> Outcome<()> {
                let mut line = Line::connect(&lmtp)?;
                line.expect("220")?;
                line.say("LHLO test.example", "250")?;
                for number in 0..DELIVERIES / 4 {
                    let subject = format!("round {round} sender {sender} number {number}");
                    line.say("MAIL FROM:<a@test.example>", "250")?;
                    line.say("RCPT TO:<hanako@kit.example>", "250")?;
                    line.say("DATA", "354")?;
                    line.say(&message(&subject), "250")?;
                    acknowledged.lock().map_err(|_| "poisoned")?.insert(subject);
                    count.fetch_add(1, Ordering::SeqCst);
                }
                Ok(())
            })
        })
        .collect();
    while count.load(Ordering::SeqCst) < KILLED_AFTER && !senders.iter().all(|s| s.is_finished()) {
        std::thread::yield_now();
    }
    program.kill()?;
    for sender in senders {
        let _ = sender.join();
    }
    let acknowledged = acknowledged.lock().map_err(|_| "poisoned")?.clone();
    Ok(acknowledged)
}

/// A message whose body repeats its subject on every line, so that damage shows.
fn message(subject: &str) -> String {
    let mut text =
        format!("From: a@test.example\r\nTo: hanako@kit.example\r\nSubject: {subject}\r\n\r\n");
    for _ in 0..100 {
        text.push_str(subject);
        text.push_str("\r\n");
    }
    text.push('.');
    text
}

/// The subjects of the test's messages by UID; a damaged message is left out.
fn messages(program: &Program) -> Outcome<BTreeMap<u32, String>> {
    let mut line = Line::connect(&program.imap)?;
    line.expect("* OK")?;
    line.say(
        &format!("a LOGIN {} {}", program.login, program.password),
        "a OK",
    )?;
    line.say("b SELECT INBOX", "b OK")?;
    line.write("c UID FETCH 1:* (BODY.PEEK[])")?;
    let mut messages = BTreeMap::new();
    loop {
        let answer = line.read()?;
        if answer.starts_with("c ") {
            assert!(answer.starts_with("c OK"), "{answer}");
            return Ok(messages);
        }
        let Some((_, length)) = answer.trim_end().trim_end_matches('}').rsplit_once('{') else {
            continue;
        };
        let mut bytes = vec![0; length.parse()?];
        line.read_exact(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let uid = answer
            .split_once("UID ")
            .and_then(|(_, rest)| rest.split([' ', ')']).next())
            .ok_or("no UID")?;
        if let Some(subject) = whole(&text) {
            messages.insert(uid.parse()?, subject);
        }
    }
}

/// The subject of a message of this test that is as it was sent.
fn whole(text: &str) -> Option<String> {
    let subject = text
        .split_once("Subject: ")?
        .1
        .split("\r\n")
        .next()?
        .to_owned();
    let sent = message(&subject);
    let body = sent
        .split_once("\r\n\r\n")?
        .1
        .trim_end_matches('.')
        .to_owned();
    (text.split_once("\r\n\r\n")?.1 == body).then_some(subject)
}
