//! Measures the release binary from outside: `cargo run --release -p sekisho-testkit --example figures`.
//!
//! Starts the demo as a process of its own (run `cargo build --release` first), fills a mailbox with 10,000 messages
//! over LMTP, and prints the figures. With `-- --oracle 10000` it compares instead how long refusals take, with that
//! many samples for each cause.

mod demo;
mod oracle;
mod talk;

use std::time::{Duration, Instant};

use anyhow::Context;
use demo::Demo;
use talk::{Http, Line};

/// The number of messages in the mailbox.
const MESSAGES: usize = 10_000;
/// The number of inbox pages that are fetched.
const PAGES: usize = 300;
/// For how long logins are counted.
const LOGINS_FOR: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("--oracle"), samples) => {
            let samples = samples
                .map_or(Ok(10_000), |s| s.parse())
                .context("--oracle SAMPLES")?;
            oracle::run(samples).await
        }
        _ => figures().await,
    }
}

async fn figures() -> anyhow::Result<()> {
    let mut starts = Vec::new();
    for _ in 0..5 {
        let demo = Demo::start()?;
        starts.push(demo.started_in);
    }
    let demo = Demo::start()?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    print(
        "cold start to ready, demo (new folder, two accounts, first mail)",
        format!("{:?} median of 5", median(&mut starts)),
    );
    print(
        "resident memory, idle",
        format!("{:.1} MiB", demo.resident_mib()?),
    );
    print("binary", format!("{:.1} MiB", demo.binary_mib()?));
    deliveries(&demo).await?;
    inbox_pages(&demo).await?;
    for connections in [1, 50] {
        logins(&demo, connections).await?;
    }
    print(
        "resident memory, after all that",
        format!("{:.1} MiB", demo.resident_mib()?),
    );
    Ok(())
}

async fn deliveries(demo: &Demo) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..8 {
        let (lmtp, to) = (
            demo.tour.lmtp.clone(),
            demo.tour.accounts[0].address.clone(),
        );
        senders.spawn(async move {
            let mut line = Line::connect(&lmtp).await?;
            line.expect("220").await?;
            line.say("LHLO figures.example", "250").await?;
            for number in 0..MESSAGES / 8 {
                line.say("MAIL FROM:<sender@figures.example>", "250")
                    .await?;
                line.say(&format!("RCPT TO:<{to}>"), "250").await?;
                line.say("DATA", "354").await?;
                line.say(&message(sender, number), "250").await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = senders.join_next().await {
        done??;
    }
    let rate = MESSAGES as f64 / began.elapsed().as_secs_f64();
    print(
        "LMTP deliveries, 8 connections, one mailbox, each on disk before its 250",
        format!("{rate:.0}/s"),
    );
    Ok(())
}

fn message(sender: usize, number: usize) -> String {
    let mut text = format!(
        "From: Sender {sender} <sender@figures.example>\r\nTo: hanako@kit.example\r\n\
         Subject: Message {number} of sender {sender}\r\nDate: Mon, 23 Nov 2026 12:00:00 +0900\r\n\
         Message-ID: <{sender}.{number}@figures.example>\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n"
    );
    for line in 0..40 {
        text.push_str(&format!(
            "Line {line} of a message that is about as long as people's are. 会議は水曜日です。\r\n"
        ));
    }
    text.push('.');
    text
}

async fn inbox_pages(demo: &Demo) -> anyhow::Result<()> {
    let mut http = Http::connect(&demo.tour.campus.web).await?;
    let person = &demo.tour.accounts[0];
    http.sign_in(&person.login, &person.password).await?;
    let mut times = Vec::with_capacity(PAGES);
    for _ in 0..PAGES {
        let began = Instant::now();
        let page = http.get("/mail").await?;
        times.push(began.elapsed());
        anyhow::ensure!(page.contains("Message "), "the page shows no message");
    }
    times.sort_unstable();
    print(
        "inbox page with 10,000 messages, one browser",
        format!(
            "{:?} median, {:?} at 99 %",
            times[times.len() / 2],
            times[times.len() * 99 / 100]
        ),
    );
    Ok(())
}

async fn logins(demo: &Demo, connections: usize) -> anyhow::Result<()> {
    let until = Instant::now() + LOGINS_FOR;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (imap, person) = (demo.tour.campus.imap.clone(), demo.tour.accounts[1].clone());
        clients.spawn(async move {
            let mut count = 0_u64;
            while Instant::now() < until {
                let mut line = Line::connect(&imap).await?;
                line.expect("* OK").await?;
                line.say(
                    &format!("a LOGIN {} {}", person.login, person.password),
                    "a OK",
                )
                .await?;
                count += 1;
            }
            anyhow::Ok(count)
        });
    }
    let mut total = 0;
    while let Some(done) = clients.join_next().await {
        total += done??;
    }
    let rate = total as f64 / LOGINS_FOR.as_secs_f64();
    print(
        &format!("IMAP logins, plain, warm cache, {connections} at once"),
        format!("{rate:.0}/s"),
    );
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[expect(clippy::print_stdout, reason = "printing is what it is for")]
fn print(what: &str, figure: String) {
    println!("{what:<75} {figure}");
}
