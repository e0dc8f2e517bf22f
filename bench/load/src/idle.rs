//! Many connections held in IDLE: what each costs in memory.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::arguments::Arguments;
use crate::clients::Clients;
use crate::processes::memory_kib;
use crate::report::{Report, Tally};
use crate::wire::Connection;

/// How long memory is left to settle before it is read.
const SETTLE: Duration = Duration::from_millis(1500);

/// Measures.
pub async fn run(arguments: &Arguments) -> io::Result<()> {
    let clients = Clients::new(arguments);
    let (count, at_once) = (arguments.number("n", 1000), arguments.number("c", 20));
    let groups = arguments.groups();
    // Processes and pools that start with the first login are there before memory is read.
    for index in 0..arguments.number("warm-up", 4) {
        clients.imap(index, 1024).await?.imap("LOGOUT").await?;
    }
    sleep(SETTLE).await;
    let before = memory_kib(&groups);
    let tally = Tally::new();
    let held = Arc::new(Mutex::new(Vec::with_capacity(count)));
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let (clients, tally, held) = (clients.clone(), tally.clone(), held.clone());
        tasks.spawn(async move {
            loop {
                let index = tally.next();
                if index >= count {
                    return;
                }
                let started = Instant::now();
                match open(&clients, index).await {
                    Ok(connection) => {
                        tally.done(1, started);
                        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                        held.push(connection);
                    }
                    Err(error) => tally.failed(&error),
                }
            }
        });
    }
    tasks.join_all().await;
    sleep(SETTLE).await;
    let after = memory_kib(&groups);
    let held = std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner));
    let mut report = Report::default();
    for ((group, before), after) in groups.iter().zip(before).zip(after) {
        let each = (after - before) / held.len().max(1) as f64;
        report.number(&format!("kib_each_{}", group.label), each);
    }
    // Each must still answer.
    let mut alive = 0;
    for mut connection in held {
        if connection.end_idle().await.is_ok() {
            alive += 1;
        }
    }
    report.number("alive", f64::from(alive));
    report.number("errors", (count as f64) - f64::from(alive));
    report.print();
    Ok(())
}

async fn open(clients: &Clients, index: usize) -> io::Result<Connection> {
    let mut connection = clients.imap_selected(index, 1024).await?;
    connection.start_idle().await?;
    Ok(connection)
}
