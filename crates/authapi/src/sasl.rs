//! Dovecot's SASL protocol, as Postfix and Exim speak it ("Dovecot Authentication Protocol", version 1.2).
//!
//! A message is a line of fields that are separated by tabs. The length of lines and the number of exchanges are
//! limited.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sekisho_checkpoint::NotAdmitted;
use sekisho_checkpoint::sasl::{Credentials, Exchange, Progress};
use sekisho_net::{BoxedStream, Finisher, Shutdown};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::Api;

/// The longest line, in bytes: enough for a password of a kilobyte in base64, and Postfix's other fields.
const LONGEST_LINE: u64 = 16 * 1024;

/// How many exchanges a connection may have at once.
const MOST_EXCHANGES: usize = 1024;

/// How long a peer may take for its handshake (`CPID`).
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to pause when accepting fails, usually because the system has no more open files.
const REST: Duration = Duration::from_millis(100);

/// The socket that peers connect to.
#[derive(Debug)]
pub enum SaslListener {
    /// A Unix socket. Its permissions decide who may connect.
    Unix(UnixListener),
    /// TCP, on the loopback address.
    Tcp(TcpListener),
}

impl SaslListener {
    async fn accept(&self) -> std::io::Result<BoxedStream> {
        match self {
            Self::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
            Self::Tcp(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

/// Serves peers until a shutdown begins.
pub async fn run_sasl(listener: SaslListener, api: Arc<Api>, until: Shutdown) {
    let finisher = Finisher::new(until.clone());
    loop {
        let accepted = tokio::select! {
            () = until.leaving() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(stream) => {
                let talk = talk(stream, Arc::clone(&api), until.clone(), finisher.clone());
                until.spawn(talk);
            }
            Err(error) => {
                tracing::warn!(?error, "a connection could not be accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Serves a peer until it disconnects.
async fn talk(stream: BoxedStream, api: Arc<Api>, until: Shutdown, finisher: Finisher) {
    let (reading, mut writing) = tokio::io::split(stream);
    let mut reading = BufReader::new(reading);
    let (lines, mut said) = mpsc::channel::<String>(MOST_EXCHANGES);
    let say = Say {
        lines,
        closes: CancellationToken::new(),
    };
    let closes = say.closes.clone();
    let Ok(greeting) = greeting() else {
        return;
    };
    if writing.write_all(greeting.as_bytes()).await.is_err() {
        return;
    }
    let mut peer = Peer {
        api,
        until: until.clone(),
        finisher,
        say,
        exchanges: HashMap::new(),
        greeted: false,
    };
    let mut line = Zeroizing::new(Vec::new());
    let too_late = tokio::time::sleep(PATIENCE);
    tokio::pin!(too_late);
    loop {
        tokio::select! {
            () = until.leaving() => return,
            () = closes.cancelled() => return,
            () = &mut too_late, if !peer.greeted => return,
            Some(answer) = said.recv() => {
                if writing.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            // Cancel-safe: bytes that were read stay in `line`.
            complete = read_on(&mut reading, &mut line) => {
                if !complete || peer.take(&line).is_none() {
                    return;
                }
                line.clear();
            }
        }
    }
}

/// Reads the rest of the line; `false` if the connection ended or the line is too long.
async fn read_on(
    reading: &mut BufReader<tokio::io::ReadHalf<BoxedStream>>,
    line: &mut Vec<u8>,
) -> bool {
    let room = LONGEST_LINE.saturating_sub(line.len() as u64);
    let read = reading.take(room).read_until(b'\n', line).await;
    read.is_ok() && line.pop() == Some(b'\n')
}

fn greeting() -> Result<String, sekisho_checkpoint::id::NoRandomness> {
    let mut cookie = String::new();
    for byte in sekisho_checkpoint::id::random::<16>()? {
        // Writing to a string does not fail.
        let _ = write!(cookie, "{byte:02x}");
    }
    let process = std::process::id();
    Ok(format!(
        "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\n\
         SPID\t{process}\nCUID\t1\nCOOKIE\t{cookie}\nDONE\n"
    ))
}

struct Peer {
    api: Arc<Api>,
    until: Shutdown,
    finisher: Finisher,
    say: Say,
    exchanges: HashMap<u32, Going>,
    greeted: bool,
}

/// Sends lines to the peer.
#[derive(Clone)]
struct Say {
    lines: mpsc::Sender<String>,
    closes: CancellationToken,
}

impl Say {
    /// Closes the connection, if an attempt can't be judged. The protocol has the field `temp` for that, but Postfix
    /// ignores it and reports a wrong password. Postfix and Exim both treat a lost connection as a temporary failure.
    fn close(&self) {
        self.closes.cancel();
    }
}

/// An exchange that is not finished yet.
struct Going {
    exchange: Exchange,
    remote: Option<String>,
    service: String,
}

impl Peer {
    /// Handles a line; `None` if it violates the protocol.
    fn take(&mut self, line: &[u8]) -> Option<()> {
        let line = std::str::from_utf8(line).ok()?;
        let mut fields = line.split('\t');
        match fields.next()? {
            "VERSION" => (fields.next() == Some("1")).then_some(()),
            "CPID" => {
                self.greeted = true;
                Some(())
            }
            "AUTH" if self.greeted => self.begin(fields),
            "CONT" if self.greeted => self.go_on(fields),
            "CANCEL" if self.greeted => {
                let id = fields.next()?.parse().ok()?;
                self.exchanges.remove(&id);
                Some(())
            }
            // The protocol requires that a server ignores unknown commands.
            _ => self.greeted.then_some(()),
        }
    }

    fn begin<'a>(&mut self, mut fields: impl Iterator<Item = &'a str>) -> Option<()> {
        let id: u32 = fields.next()?.parse().ok()?;
        let mechanism = fields.next()?.to_ascii_uppercase();
        let mut going = Going {
            exchange: Exchange::Plain,
            remote: None,
            service: String::new(),
        };
        let mut response = None;
        for field in fields {
            match field.split_once('=') {
                Some(("service", service)) => service.clone_into(&mut going.service),
                Some(("rip", remote)) => going.remote = Some(remote.to_owned()),
                // Exim sends an empty field if its client has not sent anything yet.
                Some(("resp", text)) if !text.is_empty() => response = Some(text),
                _ => {}
            }
        }
        let Some(exchange) = Exchange::begin(&mechanism) else {
            return self.answer(format!("FAIL\t{id}\treason=No such mechanism\n"));
        };
        going.exchange = exchange;
        if self.exchanges.len() >= MOST_EXCHANGES || self.exchanges.contains_key(&id) {
            return None;
        }
        match response {
            Some(text) => self.respond(id, going, text),
            None => self.ask(id, going),
        }
    }

    fn go_on<'a>(&mut self, mut fields: impl Iterator<Item = &'a str>) -> Option<()> {
        let id: u32 = fields.next()?.parse().ok()?;
        let text = fields.next()?;
        let going = self.exchanges.remove(&id)?;
        self.respond(id, going, text)
    }

    fn respond(&mut self, id: u32, going: Going, text: &str) -> Option<()> {
        let Going {
            exchange,
            remote,
            service,
        } = going;
        let progress = match BASE64_STANDARD.decode(text).map(Zeroizing::new) {
            Ok(message) => exchange.take(&message),
            Err(_) => Progress::Malformed,
        };
        match progress {
            Progress::Goes(exchange) => self.ask(
                id,
                Going {
                    exchange,
                    remote,
                    service,
                },
            ),
            Progress::Complete(credentials) => {
                self.judge(id, credentials, remote.as_deref(), &service);
                Some(())
            }
            Progress::Malformed => self.answer(format!("FAIL\t{id}\treason=Malformed response\n")),
        }
    }

    /// Asks for the next message of an exchange.
    fn ask(&mut self, id: u32, going: Going) -> Option<()> {
        let challenge = going.exchange.challenge();
        self.exchanges.insert(id, going);
        self.answer(format!("CONT\t{id}\t{challenge}\n"))
    }

    /// Judges in a task of its own, so that a refusal that waits for its time doesn't delay other exchanges.
    fn judge(&self, id: u32, credentials: Credentials, remote: Option<&str>, service: &str) {
        let source = self.api.source(remote);
        let (api, say) = (Arc::clone(&self.api), self.say.clone());
        let finisher = self.finisher.clone();
        let client = format!("SASL {service}");
        self.until.spawn(async move {
            let judged = api.judge(credentials, source, client, &finisher).await;
            let answer = match judged {
                Ok(user) => format!("OK\t{id}\tuser={}\n", escaped(&user)),
                Err(NotAdmitted::Refused(refusal)) => {
                    format!("FAIL\t{id}\treason={}\n", escaped(&refusal.sentence))
                }
                Err(NotAdmitted::Unavailable) => return say.close(),
            };
            // If the peer has disconnected, it needs no answer.
            let _ = say.lines.send(answer).await;
        });
    }

    fn answer(&self, line: String) -> Option<()> {
        self.say.lines.try_send(line).ok()
    }
}

/// Escapes the characters that would end a field, as the protocol requires.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\u{1}' => escaped.push_str("\u{1}1"),
            '\t' => escaped.push_str("\u{1}t"),
            '\n' => escaped.push_str("\u{1}n"),
            '\r' => escaped.push_str("\u{1}r"),
            '\0' => escaped.push_str("\u{1}0"),
            c => escaped.push(c),
        }
    }
    escaped
}
