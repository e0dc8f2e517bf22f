//! Measures searches: fills a mailbox with made-up mail in Japanese and English, and asks an IMAP session.
//!
//! `cargo run --release -p sekisho-mailroom --example search -- [MESSAGES [WORDS]]`: by default 10,000 messages of 2 to
//! 60 KiB, from a vocabulary of 20,000 words. Prints the time in milliseconds (the best of five, and the first) and how
//! many messages were found.
#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sekisho_checkpoint::AccountId;
use sekisho_disk::RealDisk;
use sekisho_fakes::HandClock;
use sekisho_mailroom::imap::{Imap, serve_mailbox};
use sekisho_store::{Flags, FolderName, Limits, Mailbox, NewMessage, Store};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

type Done<T> = Result<T, Box<dyn Error>>;

/// When everything happens: the clock stands still, so that the first search has to take the texts in.
const NOW: Timestamp = Timestamp::constant(1_751_326_200, 0);
/// What every hundredth message holds, in both languages.
const RARE: [&str; 2] = ["zyzzyva", "請求書"];

#[tokio::main]
async fn main() -> Done<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| match arguments.next() {
        Some(text) => text.parse(),
        None => Ok(default),
    };
    let messages = number(10_000)?;
    let mut author = Author::new(number(20_000)?);
    let root = tempfile::tempdir()?;
    let (store, operator) = Store::open_root(
        &root.path().join("mail"),
        Arc::new(RealDisk),
        HandClock::at(NOW),
        Limits::default(),
    )?;
    let mailbox = operator.open(AccountId::new(1)).await?;
    let bytes = fill(&mailbox, &mut author, messages).await?;
    println!("{messages} messages, {} MiB", bytes >> 20);

    let imap = Imap {
        store,
        clock: HandClock::at(NOW),
        zone: TimeZone::UTC,
    };
    let (near, far) = tokio::io::duplex(64 << 10);
    let forever = std::future::pending();
    tokio::spawn(serve_mailbox(
        far,
        Vec::new(),
        mailbox.clone(),
        imap,
        forever,
    ));
    let mut client = Client(BufReader::new(near));
    client.ask("SELECT INBOX").await?;

    let start = Instant::now();
    client.ask("SEARCH TEXT absentabsent").await?;
    let taken = start.elapsed();
    let each = taken.as_secs_f64() * 1e3 / messages as f64;
    println!("texts taken in: {taken:.2?}, {each:.3} ms a message");
    for name in ["texts.db", "texts.db-wal", "index.db"] {
        let kept = size(&root.path().join("mail/1").join(name));
        let percent = kept * 100 / bytes.max(1);
        println!("{name}: {} MiB, {percent} % of the mail", kept >> 20);
    }
    let phrase: String = author.japanese[..30].concat().chars().take(40).collect();
    let mut words = vec![
        ("rare", format!("TEXT {}", RARE[0])),
        ("rare, Japanese", literal("TEXT", RARE[1])),
        ("absent", "TEXT qwxzkj".to_owned()),
        ("absent, Japanese", literal("TEXT", "麒麟")),
        ("40 characters", literal("BODY", &phrase)),
        ("one letter", "BODY x".to_owned()),
        ("one kanji", literal("BODY", "会")),
        ("two letters", "BODY qz".to_owned()),
        (
            "field",
            "HEADER Message-ID <77.bench@kit.example>".to_owned(),
        ),
        ("subject", literal("SUBJECT", RARE[1])),
        ("from", "FROM nobody".to_owned()),
        ("size", "LARGER 30000".to_owned()),
        ("two words", format!("TEXT qwxzkj BODY {}", RARE[0])),
    ];
    for rank in [0, 10, 100, 1000] {
        if let (Some(en), Some(ja)) = (author.english.get(rank), author.japanese.get(rank)) {
            words.push(("word of rank", format!("BODY {en}")));
            words.push(("the same, Japanese", literal("BODY", ja)));
        }
    }
    for (what, key) in words {
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..5 {
            let start = Instant::now();
            let answer = client.ask(&format!("SEARCH {key}")).await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            found = answer.split(' ').skip(2).filter(|n| !n.is_empty()).count();
        }
        let best = times.iter().copied().fold(f64::INFINITY, f64::min);
        let shown = key.replace("\r\n", " ");
        println!(
            "{what:20} {best:8.1} ms ({:.1}), {found:6} found: {shown}",
            times[0]
        );
    }
    Ok(())
}

fn literal(key: &str, text: &str) -> String {
    format!("{key} {{{}+}}\r\n{text}", text.len())
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |known| known.len())
}

async fn fill(mailbox: &Mailbox, author: &mut Author, messages: u64) -> Done<u64> {
    let inbox = mailbox.folder(&FolderName::inbox()).await?.id;
    let mut bytes = 0;
    let mut waiting = Vec::new();
    for number in 0..messages {
        let message = author.write(number);
        bytes += message.len() as u64;
        let (mailbox, new) = (
            mailbox.clone(),
            NewMessage {
                bytes: message,
                internal_date: NOW,
                flags: Flags::default(),
            },
        );
        waiting.push(tokio::spawn(
            async move { mailbox.append(inbox, new).await },
        ));
        if waiting.len() == 200 || number + 1 == messages {
            for task in waiting.drain(..) {
                task.await??;
            }
        }
    }
    Ok(bytes)
}

struct Client(BufReader<DuplexStream>);

impl Client {
    /// The untagged answer to a command.
    async fn ask(&mut self, command: &str) -> Done<String> {
        self.0
            .write_all(format!("a {command}\r\n").as_bytes())
            .await?;
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await?;
            if line.starts_with("a OK") {
                return Ok(answer);
            }
            if !line.starts_with('*') {
                return Err(format!("{command}: {line}").into());
            }
            line.truncate(line.trim_end().len());
            answer = line;
        }
    }
}

/// Writes mail. The frequency of words falls off as in real languages.
struct Author {
    english: Vec<String>,
    japanese: Vec<String>,
    random: u64,
}

impl Author {
    fn new(words: u64) -> Self {
        let mut author = Self {
            english: Vec::new(),
            japanese: Vec::new(),
            random: 7,
        };
        for _ in 0..words.max(50) {
            let length = 2 + author.below(8);
            let word = (0..length).map(|_| {
                let letter = author.below(26) as u8;
                char::from(b'a' + letter)
            });
            let word = word.collect();
            author.english.push(word);
            // Kanji from the beginning of their block, with kana between them.
            let length = 1 + author.below(3);
            let mut word: String = (0..length)
                .filter_map(|_| {
                    let often = 1 + author.below(2_000);
                    char::from_u32(0x4e00 + author.below(often) as u32)
                })
                .collect();
            word.extend(char::from_u32(0x3042 + author.below(70) as u32));
            author.japanese.push(word);
        }
        author
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % limit
    }

    /// A word's rank, distributed by Zipf's law.
    fn rank(&mut self) -> usize {
        let words = self.english.len() as f64;
        let chance = self.below(1 << 30) as f64 / f64::from(1 << 30);
        (words.powf(chance) - 1.0) as usize
    }

    fn text(&mut self, japanese: bool, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 100);
        let mut line = 0;
        while text.len() < bytes {
            let rank = self.rank();
            let before = text.len();
            if japanese {
                text.push_str(&self.japanese[rank]);
            } else {
                text.push_str(&self.english[rank]);
                text.push(' ');
            }
            line += text.len() - before;
            if line > 70 {
                text.push_str("\r\n");
                line = 0;
            }
        }
        text
    }

    fn write(&mut self, number: u64) -> Vec<u8> {
        let share = self.below(1_000) as f64 / 1_000.0;
        let size = (2_048.0 * 30_f64.powf(share)) as usize;
        let japanese = !number.is_multiple_of(3);
        let [rare, facture] = match number % 100 {
            42 => RARE,
            _ => ["", ""],
        };
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let subject = format!("{}{facture}", self.text(japanese, 30).replace("\r\n", " "));
        let mut message = format!(
            "Received: from mx.kit.example (mx.kit.example [192.0.2.{from}])\r\n\tby mail.kit.example with ESMTPS id {id:016x}\r\n\
             From: =?utf-8?B?{name}?= <user{from}@kit.example>\r\nTo: <ai@kit.example>\r\nSubject: =?utf-8?B?{subject}?=\r\n\
             Date: Tue, 1 Jul 2025 08:30:00 +0900\r\nMessage-ID: <{number}.bench@kit.example>\r\nMIME-Version: 1.0\r\n",
            from = self.below(200),
            id = self.random,
            name = encode("山田 太郎"),
            subject = encode(&subject),
        )
        .into_bytes();
        let text = format!("{rare} {facture}\r\n{}\r\n", self.text(japanese, size));
        let (charset, encoding, body) = match (japanese, number % 2) {
            (true, 0) => (
                "iso-2022-jp",
                "7bit",
                encoding_rs::ISO_2022_JP.encode(&text).0.into_owned(),
            ),
            (true, _) => ("utf-8", "base64", encode(&text).into_bytes()),
            (false, _) => ("us-ascii", "7bit", text.into_bytes()),
        };
        message.extend_from_slice(
            format!("Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n").as_bytes(),
        );
        message.extend_from_slice(&body);
        message.extend_from_slice(b"\r\n");
        message
    }
}
