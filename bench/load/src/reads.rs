//! Commands that read: each is timed on its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::clients::Clients;
use crate::report::{Meter, Report, Tally};

/// What is done again and again.
struct Work {
    clients: Arc<Clients>,
    /// The command; none for SELECT, which is measured on a new connection each time.
    command: Option<String>,
    count: usize,
    /// Goes on until so many bytes were read, however often that is.
    at_least: u64,
    tally: Arc<Tally>,
    found: AtomicU64,
    /// Everybody is connected before the clocks start.
    start: Barrier,
}

/// Measures.
pub async fn run(arguments: &Arguments) -> io::Result<()> {
    let at_once = arguments.number("c", 1);
    let work = Arc::new(Work {
        clients: Clients::new(arguments),
        command: arguments.get("command").map(with_literal),
        count: arguments.number("n", 1),
        at_least: arguments.number("at-least", 0) as u64,
        tally: Tally::new(),
        found: AtomicU64::new(0),
        start: Barrier::new(at_once + 1),
    });
    let mut tasks = JoinSet::new();
    for index in 0..at_once {
        let work = Arc::clone(&work);
        tasks.spawn(async move {
            if let Err(error) = read(&work, index).await {
                work.tally.failed(&error);
            }
        });
    }
    work.start.wait().await;
    let meter = Meter::start(arguments);
    work.start.wait().await;
    tasks.join_all().await;
    let mut report = Report::default();
    work.tally.report(&mut report, meter);
    report.number("found", work.found.load(Relaxed) as f64);
    report.print();
    Ok(())
}

/// A word at the end that is not ASCII goes as a literal, in UTF-8.
fn with_literal(command: &str) -> String {
    match command.rsplit_once(' ') {
        Some((before, word)) if !word.is_ascii() => {
            format!("{before} {{{}+}}\r\n{word}", word.len())
        }
        _ => command.to_owned(),
    }
}

async fn read(work: &Work, index: usize) -> io::Result<()> {
    const BUFFER: usize = 256 << 10;
    let opened = match work.command {
        Some(_) => work.clients.imap_selected(index, BUFFER).await,
        None => work.clients.imap(index, BUFFER).await,
    };
    // Whoever could not connect must not keep the others waiting.
    work.start.wait().await;
    work.start.wait().await;
    let mut connection = opened?;
    let select = format!("SELECT {}", work.clients.mailbox);
    let command = work.command.as_ref().unwrap_or(&select);
    loop {
        let number = work.tally.next();
        if number >= work.count && work.tally.bytes() >= work.at_least {
            break;
        }
        let (started, before) = (Instant::now(), connection.bytes_in);
        let reply = connection.imap(command).await?;
        work.tally.done(1, started);
        work.tally.add_bytes(connection.bytes_in - before);
        let found = reply.fetches.max(reply.hits).max(reply.exists);
        work.found.store(found, Relaxed);
        if work.command.is_none() {
            connection.imap("LOGOUT").await?;
            connection = work.clients.imap(index, BUFFER).await?;
        }
    }
    connection.imap("LOGOUT").await?;
    Ok(())
}
