//! A client that plays a scene, and a mail store for it.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sekisho_checkpoint::AccountId;
use sekisho_disk::RealDisk;
use sekisho_fakes::HandClock;
use sekisho_imap::framing::{self, ResponseReader};
use sekisho_imap::response::{self, Response};
use sekisho_mailroom::imap::{Imap, serve_mailbox};
use sekisho_store::{Flags, FolderName, Limits, Mailbox, NewMessage, Operator, Store};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::oneshot;

/// 2025-07-01 08:30 in Japan; the clock stands still.
pub const NOW: Timestamp = Timestamp::constant(1_751_326_200, 0);

/// A mail store with one account.
pub struct House {
    _root: tempfile::TempDir,
    operator: Operator,
    imap: Imap,
}

impl House {
    pub fn build() -> Self {
        Self::with(Limits {
            message_size: 20_000,
            ..Limits::default()
        })
    }

    pub fn with(limits: Limits) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (store, operator) = open(root.path(), limits);
        let imap = Imap {
            store,
            clock: HandClock::at(NOW),
            zone: TimeZone::fixed(jiff::tz::offset(9)),
        };
        Self {
            _root: root,
            operator,
            imap,
        }
    }

    pub async fn mailbox(&self) -> Mailbox {
        self.operator.open(AccountId::new(7)).await.unwrap()
    }

    /// Puts a message into a folder, lines ended by CRLF.
    pub async fn keep(&self, folder: &str, message: &str) {
        let mailbox = self.mailbox().await;
        let name = FolderName::parse(folder).unwrap();
        let folder = mailbox.folder(&name).await.unwrap().id;
        let message = NewMessage {
            bytes: message.replace('\n', "\r\n").into_bytes(),
            internal_date: NOW,
            flags: Flags::default(),
        };
        mailbox.append(folder, message).await.unwrap();
    }

    /// A client that is logged in.
    pub async fn visit(&self) -> Client {
        let (near, far) = tokio::io::duplex(4096);
        let (end, ended) = oneshot::channel();
        let serving = serve_mailbox(
            far,
            Vec::new(),
            self.mailbox().await,
            self.imap.clone(),
            async {
                if ended.await.is_err() {
                    std::future::pending::<()>().await;
                }
            },
        );
        tokio::spawn(async move {
            // The test sees for itself whether the stream was closed.
            let _ = serving.await;
        });
        Client {
            stream: BufReader::new(near),
            end: Some(end),
        }
    }
}

fn open(root: &Path, limits: Limits) -> (Store, Operator) {
    Store::open_root(root, Arc::new(RealDisk), HandClock::at(NOW), limits).unwrap()
}

pub struct Client {
    stream: BufReader<DuplexStream>,
    end: Option<oneshot::Sender<()>>,
}

impl Client {
    /// Plays a scene: `C:` lines are sent, `S:` lines have to come, in this order and no others. `…` stands for
    /// anything. Ends with a NOOP, so that nothing unexpected is left over.
    pub async fn play(&mut self, scene: &str) {
        self.say(scene).await;
        self.say("C: zz NOOP\nS: zz OK done").await;
    }

    /// Like [`Self::play`], without the NOOP at the end.
    pub async fn say(&mut self, scene: &str) {
        for line in scene.lines() {
            let line = line.trim_start();
            if let Some(sent) = line.strip_prefix("C:") {
                let bytes = format!("{}\r\n", sent.strip_prefix(' ').unwrap_or(sent));
                self.stream.write_all(bytes.as_bytes()).await.unwrap();
            } else if let Some(expected) = line.strip_prefix("S:") {
                let heard = self.hear().await;
                let expected = expected.strip_prefix(' ').unwrap_or(expected);
                assert!(
                    fits(expected, &heard),
                    "expected {expected:?}, heard {heard:?}, in:\n{scene}"
                );
            } else {
                assert!(line.is_empty(), "neither C: nor S: {line:?}");
            }
        }
    }

    /// Sends one command and parses the answer, with the parser that the webmail uses.
    pub async fn ask(&mut self, command: &str) -> Vec<Response> {
        let bytes = format!("{command}\r\n");
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut reader = ResponseReader::new(framing::Limits {
            literal: 1 << 20,
            ..framing::Limits::after_login(1 << 20)
        });
        let mut heard = Vec::new();
        while !matches!(heard.last(), Some(Response::Done(..))) {
            let some = self.stream.fill_buf().await.unwrap();
            assert!(!some.is_empty(), "the stream ended");
            reader.push(some);
            let used = some.len();
            self.stream.consume(used);
            while let Some(frame) = reader.next_response().unwrap() {
                heard.push(response::parse(&frame).unwrap());
            }
        }
        heard
    }

    /// Sends bytes and reads so many back.
    pub async fn exchange(
        &mut self,
        sent: &[u8],
        mut enough: impl FnMut(&[u8]) -> bool,
    ) -> Vec<u8> {
        self.stream.write_all(sent).await.unwrap();
        let mut heard = Vec::new();
        while !enough(&heard) {
            let some = self.stream.fill_buf().await.unwrap();
            assert!(!some.is_empty(), "the stream ended");
            heard.extend_from_slice(some);
            let used = some.len();
            self.stream.consume(used);
        }
        heard
    }

    /// One line, without its end; empty at the end of the stream.
    pub async fn hear(&mut self) -> String {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await.unwrap();
        let text = String::from_utf8(line).unwrap();
        text.trim_end_matches(['\r', '\n']).to_owned()
    }

    /// Ends the admission that the session lives by.
    pub fn end_admission(&mut self) {
        self.end.take().unwrap().send(()).unwrap();
    }
}

/// Whether a line is the one expected, `…` standing for anything.
fn fits(expected: &str, heard: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = heard.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    last.map_or(rest.is_empty(), |part| rest.is_empty() || part.is_empty())
}
