//! Short sessions. The latency is that from the connection to the accepted login.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::clients::Clients;
use crate::report::{Meter, Report, Tally};

/// Measures.
pub async fn run(arguments: &Arguments) -> io::Result<()> {
    let clients = Clients::new(arguments);
    let (count, at_once) = (arguments.number("n", 1000), arguments.number("c", 10));
    let warm_up = arguments.number("warm-up", 2 * at_once);
    log_in(&clients, warm_up, at_once).await;
    let meter = Meter::start(arguments);
    let tally = log_in(&clients, count, at_once).await;
    let mut report = Report::default();
    tally.report(&mut report, meter);
    report.print();
    Ok(())
}

async fn log_in(clients: &Arc<Clients>, count: usize, at_once: usize) -> Arc<Tally> {
    let tally = Tally::new();
    let mut tasks = JoinSet::new();
    for _ in 0..at_once.min(count) {
        let (clients, tally) = (Arc::clone(clients), Arc::clone(&tally));
        tasks.spawn(async move {
            loop {
                let index = tally.next();
                if index >= count {
                    return;
                }
                if let Err(error) = session(&clients, &tally, index).await {
                    tally.failed(&error);
                }
            }
        });
    }
    tasks.join_all().await;
    tally
}

async fn session(clients: &Clients, tally: &Tally, index: usize) -> io::Result<()> {
    let started = Instant::now();
    let mut connection = clients.imap(index, 4096).await?;
    tally.done(1, started);
    connection.imap("LOGOUT").await?;
    connection.until_closed().await;
    Ok(())
}
