//! One page of a webmail, again and again over connections that stay open.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::clients::Clients;
use crate::report::{Meter, Report, Tally};
use crate::wire::Connection;

/// What is asked, and what the page must hold.
struct Work {
    clients: Arc<Clients>,
    request: String,
    expected: String,
}

/// Measures.
pub async fn run(arguments: &Arguments) -> io::Result<()> {
    let mut request = format!(
        "GET {} HTTP/1.1\r\nHost: localhost\r\n",
        arguments.text("url", "/")
    );
    for header in arguments.all("header") {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let work = Arc::new(Work {
        clients: Clients::new(arguments),
        request,
        expected: arguments.text("expect", ""),
    });
    let (count, at_once) = (arguments.number("n", 100), arguments.number("c", 1));
    get(&work, arguments.number("warm-up", 2 * at_once), at_once).await;
    let meter = Meter::start(arguments);
    let tally = get(&work, count, at_once).await;
    let mut report = Report::default();
    tally.report(&mut report, meter);
    report.print();
    Ok(())
}

async fn get(work: &Arc<Work>, count: usize, at_once: usize) -> Arc<Tally> {
    let tally = Tally::new();
    let mut tasks = JoinSet::new();
    for index in 0..at_once {
        let (work, tally) = (Arc::clone(work), Arc::clone(&tally));
        tasks.spawn(async move {
            let mut connection = None;
            while tally.next() < count {
                let started = Instant::now();
                match one(&work, &mut connection, index).await {
                    Ok(bytes) => {
                        tally.done(1, started);
                        tally.add_bytes(bytes);
                    }
                    Err(error) => {
                        connection = None;
                        tally.failed(&error);
                    }
                }
            }
        });
    }
    tasks.join_all().await;
    tally
}

/// One request; gives the size of the page.
async fn one(work: &Work, kept: &mut Option<Connection>, index: usize) -> io::Result<u64> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => Connection::open(&work.clients.target, index, 64 << 10).await?,
    };
    connection.send(work.request.as_bytes()).await?;
    let status = String::from_utf8_lossy(connection.line().await?).into_owned();
    let (mut length, mut is_chunked, mut closes) = (0, false, false);
    loop {
        let line = String::from_utf8_lossy(connection.line().await?).to_ascii_lowercase();
        match line
            .split_once(':')
            .map(|(name, value)| (name, value.trim()))
        {
            None => break,
            Some(("content-length", value)) => length = value.parse().unwrap_or(0),
            Some(("transfer-encoding", value)) => is_chunked = value == "chunked",
            Some(("connection", value)) => closes = value == "close",
            Some(_) => {}
        }
    }
    let mut page = Vec::new();
    let mut keep = |bytes: &[u8]| page.extend_from_slice(bytes);
    if is_chunked {
        loop {
            let size = String::from_utf8_lossy(connection.line().await?).into_owned();
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
            connection.take(size, &mut keep).await?;
            connection.line().await?;
            if size == 0 {
                break;
            }
        }
    } else {
        connection.take(length, &mut keep).await?;
    }
    if !closes {
        *kept = Some(connection);
    }
    let is_right = memchr::memmem::find(&page, work.expected.as_bytes()).is_some();
    if !status.contains(" 200 ") || !is_right {
        let bytes = page.len();
        return Err(io::Error::other(format!(
            "{status}: {bytes} bytes without what was expected"
        )));
    }
    Ok(page.len() as u64)
}
