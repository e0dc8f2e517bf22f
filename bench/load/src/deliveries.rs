//! LMTP: how many deliveries a second are on disk.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::clients::{Clients, numbered};
use crate::mail;
use crate::report::{Meter, Report, Tally};
use crate::wire::Connection;

/// Measures.
pub async fn run(arguments: &Arguments) -> io::Result<()> {
    let clients = Clients::new(arguments);
    let count = arguments.number("n", 1000);
    let recipient = arguments.text("recipient", "u%d@example.test");
    let mut message = mail::plain(arguments.number("size", 10_000));
    message.extend_from_slice(b".\r\n");
    let message = Arc::new(message);
    let tally = Tally::new();
    let meter = Meter::start(arguments);
    let mut tasks = JoinSet::new();
    for index in 0..arguments.number("c", 1) {
        let (clients, tally, message) = (clients.clone(), tally.clone(), message.clone());
        let recipient = numbered(&recipient, index + 1);
        tasks.spawn(async move {
            let delivered = async {
                let mut connection = Connection::open(&clients.target, index, 4096).await?;
                connection.smtp_reply(b'2').await?;
                connection.smtp("LHLO load.test", b'2').await?;
                while tally.next() < count {
                    let started = Instant::now();
                    connection
                        .smtp("MAIL FROM:<load@example.test>", b'2')
                        .await?;
                    connection
                        .smtp(&format!("RCPT TO:<{recipient}>"), b'2')
                        .await?;
                    connection.smtp("DATA", b'3').await?;
                    connection.send(&message).await?;
                    connection.smtp_reply(b'2').await?;
                    tally.done(1, started);
                }
                connection.smtp("QUIT", b'2').await
            };
            if let Err(error) = delivered.await {
                tally.failed(&error);
            }
        });
    }
    tasks.join_all().await;
    let mut report = Report::default();
    tally.report(&mut report, meter);
    report.print();
    Ok(())
}
