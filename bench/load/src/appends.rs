//! APPEND: how many messages a second are on disk.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::clients::Clients;
use crate::mail;
use crate::report::{Meter, Report, Tally};

/// What is appended.
struct Work {
    clients: Arc<Clients>,
    count: usize,
    /// How many commands are sent before the first answer is waited for.
    pipeline: usize,
    /// The one message, or the sizes of the corpus' messages in KiB.
    message: Result<Vec<u8>, (usize, usize)>,
    tally: Arc<Tally>,
}

/// Measures.
pub async fn run(arguments: &Arguments) -> io::Result<()> {
    let sizes = (
        arguments.number("min-kb", 2),
        arguments.number("max-kb", 60),
    );
    let work = Arc::new(Work {
        clients: Clients::new(arguments),
        count: arguments.number("n", 1000),
        pipeline: arguments.number("pipeline", 1),
        message: if arguments.has("corpus") {
            Err(sizes)
        } else {
            Ok(mail::plain(arguments.number("size", 10_000)))
        },
        tally: Tally::new(),
    });
    let meter = Meter::start(arguments);
    let mut tasks = JoinSet::new();
    for index in 0..arguments.number("c", 1) {
        let work = Arc::clone(&work);
        tasks.spawn(async move {
            if let Err(error) = append(&work, index).await {
                work.tally.failed(&error);
            }
        });
    }
    tasks.join_all().await;
    let mut report = Report::default();
    work.tally.report(&mut report, meter);
    report.print();
    Ok(())
}

async fn append(work: &Work, index: usize) -> io::Result<()> {
    let mut connection = work.clients.imap_selected(index, 4096).await?;
    let mut sent = VecDeque::new();
    loop {
        let number = work.tally.next();
        if number < work.count {
            let made;
            let message = match &work.message {
                Ok(message) => message,
                Err((min_kb, max_kb)) => {
                    made = mail::message(number, *min_kb, *max_kb);
                    &made
                }
            };
            let tag = connection.next_tag();
            let seen = if mail::is_seen(number) {
                "(\\Seen) "
            } else {
                ""
            };
            let folder = &work.clients.mailbox;
            let mut bytes =
                format!("A{tag} APPEND {folder} {seen}{{{}+}}\r\n", message.len()).into_bytes();
            bytes.extend_from_slice(message);
            bytes.extend_from_slice(b"\r\n");
            let started = Instant::now();
            connection.send(&bytes).await?;
            work.tally.add_bytes(message.len() as u64);
            sent.push_back((tag, started));
        }
        let is_last = number >= work.count;
        while sent.len() >= work.pipeline || is_last {
            let Some((tag, started)) = sent.pop_front() else {
                break;
            };
            connection.imap_reply(tag).await?;
            work.tally.done(1, started);
        }
        if is_last {
            break;
        }
    }
    connection.imap("LOGOUT").await?;
    Ok(())
}
