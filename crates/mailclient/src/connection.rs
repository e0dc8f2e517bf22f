//! One connection: commands out, responses in.

use std::collections::VecDeque;

use sekisho_imap::Tag;
use sekisho_imap::encode::{CommandEncoder, Literals, NulError};
use sekisho_imap::framing::{Frame, Limits, ResponseReader};
use sekisho_imap::response::{self, Code, Data, Response, Status, StatusKind};

use crate::error::Error;
use crate::wire::{Stream, Wire};

/// The largest message that can be fetched, in bytes; callers ask for less.
pub(crate) const MOST_BYTES: u32 = 64 * 1024 * 1024;

/// How many bytes one answer may have, all its responses together.
const MOST_ANSWER: usize = MOST_BYTES as usize * 2;

/// What one response may cost. A search that finds a million messages is one line of 8 MB.
const LIMITS: Limits = Limits {
    line: 16 * 1024 * 1024,
    literal: MOST_BYTES as usize + 1,
    message: 0,
    total: MOST_BYTES as usize + 16 * 1024 * 1024,
    discard: 0,
};

pub(crate) struct Connection {
    wire: Wire,
    reader: ResponseReader,
    last_tag: u64,
    capabilities: Vec<String>,
    /// A command is under way, or one failed or was dropped in its middle: what comes next on the
    /// stream belongs to nobody who still waits for it.
    unusable: bool,
    /// How many messages the open folder has, kept up to date by every answer.
    pub(crate) messages: u32,
}

/// A command that can be sent.
pub(crate) struct Prepared {
    tag: Tag,
    chunks: Vec<Vec<u8>>,
}

/// What a server says until a command has ended.
#[derive(Debug)]
pub(crate) struct Answer {
    /// How the command went; of several, the last one.
    pub(crate) status: Status,
    /// What was told in the meantime with OK and a code.
    pub(crate) told: Vec<Code>,
    /// What was told besides, in order.
    pub(crate) data: Vec<Data>,
}

impl Connection {
    pub(crate) fn new(stream: impl Stream + 'static) -> Self {
        Self {
            wire: Wire::new(stream),
            reader: ResponseReader::new(LIMITS),
            last_tag: 0,
            capabilities: Vec::new(),
            unusable: false,
            messages: 0,
        }
    }

    pub(crate) fn can(&self, word: &str) -> bool {
        self.capabilities
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word))
    }

    /// The value of a capability such as `APPENDLIMIT=1000`.
    pub(crate) fn capability_value(&self, name: &str) -> Option<u64> {
        self.capabilities
            .iter()
            .find_map(|known| known.strip_prefix(name)?.strip_prefix('='))
            .and_then(|value| value.parse().ok())
    }

    /// Builds a command for later.
    pub(crate) fn prepare(
        &mut self,
        verb: &'static str,
        build: impl FnOnce(CommandEncoder) -> Result<CommandEncoder, NulError>,
    ) -> Result<Prepared, Error> {
        self.last_tag += 1;
        let Some(tag) = Tag::new(format!("m{}", self.last_tag).as_bytes()) else {
            return Err(Error::Gone);
        };
        let literals = if self.can("LITERAL+") {
            Literals::Plus
        } else if self.can("LITERAL-") || self.can("IMAP4REV2") {
            Literals::Minus
        } else {
            Literals::Synchronizing
        };
        let chunks = build(CommandEncoder::new(&tag, verb, literals))?.finish();
        Ok(Prepared { tag, chunks })
    }

    /// Carries out one command. NO and BAD are errors.
    pub(crate) async fn run(
        &mut self,
        verb: &'static str,
        build: impl FnOnce(CommandEncoder) -> Result<CommandEncoder, NulError>,
    ) -> Result<Answer, Error> {
        let command = self.prepare(verb, build)?;
        let answer = self.exchange(vec![command]).await?;
        match answer.status.kind {
            StatusKind::Ok => Ok(answer),
            StatusKind::No => Err(Error::No {
                code: answer.status.code,
                text: answer.status.text,
            }),
            _ => Err(Error::Bad {
                text: answer.status.text,
            }),
        }
    }

    /// Sends commands at once and waits for all their ends, however they end. Commands with
    /// synchronizing literals wait in between for the server to be ready.
    pub(crate) async fn exchange(&mut self, commands: Vec<Prepared>) -> Result<Answer, Error> {
        if std::mem::replace(&mut self.unusable, true) {
            return Err(Error::Gone);
        }
        let mut waiting = Waiting::default();
        let mut ready = Vec::new();
        for command in commands {
            waiting.tags.push_back(command.tag.clone());
            let mut chunks = command.chunks.into_iter();
            ready.extend(chunks.next().unwrap_or_default());
            for chunk in chunks {
                self.send(&std::mem::take(&mut ready)).await?;
                if !self.wait_to_go_on(&mut waiting, &command.tag).await? {
                    break;
                }
                ready = chunk;
            }
        }
        self.send(&ready).await?;
        while !waiting.tags.is_empty() {
            self.step(&mut waiting).await?;
        }
        self.unusable = false;
        let Some(status) = waiting.status else {
            return Err(Error::Protocol("no answer"));
        };
        Ok(Answer {
            status,
            told: waiting.told,
            data: waiting.data,
        })
    }

    /// Waits for the server's first words.
    pub(crate) async fn greeting(&mut self) -> Result<(), Error> {
        let frame = self.next_frame().await?;
        match response::parse(&frame) {
            Ok(Response::Told(status)) if status.kind == StatusKind::Ok => Ok(()),
            Ok(Response::Told(status)) if status.kind == StatusKind::Bye => Err(Error::No {
                code: status.code,
                text: status.text,
            }),
            _ => Err(Error::Protocol("no greeting")),
        }
    }

    /// AUTHENTICATE PLAIN with the proof in base64.
    pub(crate) async fn authenticate_plain(&mut self, proof: &str) -> Result<(), Error> {
        let mut command = self.prepare("AUTHENTICATE PLAIN", Ok)?;
        command.chunks.push(format!("{proof}\r\n").into_bytes());
        let answer = self.exchange(vec![command]).await?;
        match answer.status.kind {
            StatusKind::Ok => Ok(()),
            _ => Err(Error::No {
                code: answer.status.code,
                text: answer.status.text,
            }),
        }
    }

    /// The stream, for TLS. Nothing may have come that belongs behind it.
    pub(crate) fn into_stream(self) -> Result<Box<dyn Stream>, Error> {
        if self.reader.has_buffered() {
            return Err(Error::Protocol("words in the clear behind STARTTLS"));
        }
        Ok(self.wire.into_stream())
    }

    /// Takes the server's capabilities.
    pub(crate) async fn ask_capabilities(&mut self) -> Result<(), Error> {
        let answer = self.run("CAPABILITY", Ok).await?;
        for data in answer.data {
            if let Data::Capability(words) = data {
                self.capabilities = words;
            }
        }
        Ok(())
    }

    /// Whether the server wants the literal; otherwise the command has ended.
    async fn wait_to_go_on(&mut self, waiting: &mut Waiting, tag: &Tag) -> Result<bool, Error> {
        loop {
            if self.step(waiting).await? {
                return Ok(true);
            }
            if !waiting.tags.contains(tag) {
                return Ok(false);
            }
        }
    }

    /// Takes one response. Whether it was the request to go on.
    async fn step(&mut self, waiting: &mut Waiting) -> Result<bool, Error> {
        let frame = self.next_frame().await?;
        waiting.bytes += frame.bytes().len();
        if waiting.bytes > MOST_ANSWER {
            return Err(Error::Protocol("an answer over the limit"));
        }
        match response::parse(&frame) {
            Ok(Response::Continue) => return Ok(true),
            Ok(Response::Done(tag, status)) => {
                if waiting.tags.front() != Some(&tag) {
                    return Err(Error::Protocol("an answer to another command"));
                }
                waiting.tags.pop_front();
                waiting.status = Some(status);
            }
            Ok(Response::Told(status)) if status.kind == StatusKind::Bye => {
                tracing::debug!(text = ?status.text, "the mail server ends the connection");
                return Err(Error::Gone);
            }
            Ok(Response::Told(status)) => waiting.told.extend(status.code),
            Ok(Response::Data(data)) => {
                match &data {
                    Data::Exists(messages) => self.messages = *messages,
                    Data::Expunge(_) => self.messages = self.messages.saturating_sub(1),
                    _ => {}
                }
                waiting.data.push(data);
            }
            // Where the next response begins is certain all the same.
            Err(error) => tracing::debug!(%error, "a response that can't be read"),
        }
        Ok(false)
    }

    async fn next_frame(&mut self) -> Result<Frame, Error> {
        loop {
            if let Some(frame) = self.reader.next_response()? {
                return Ok(frame);
            }
            self.reader.push(self.wire.receive().await?);
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let reader = &mut self.reader;
        let heard = |piece: &[u8]| reader.push(piece);
        Ok(self.wire.send(bytes, MOST_ANSWER, heard).await?)
    }
}

/// What has come of an answer so far.
#[derive(Default)]
struct Waiting {
    /// Commands that have not ended, in the order they were sent and are answered.
    tags: VecDeque<Tag>,
    status: Option<Status>,
    told: Vec<Code>,
    data: Vec<Data>,
    bytes: usize,
}
