//! An IMAP connection: sends commands and collects their responses.

use std::collections::VecDeque;

use sekisho_imap::Tag;
use sekisho_imap::encode::{CommandEncoder, Literals, NulError};
use sekisho_imap::framing::{Frame, Limits, ResponseReader};
use sekisho_imap::response::{self, Code, Data, Response, Status, StatusKind};

use crate::error::Error;
use crate::wire::{Stream, Wire};

/// The largest message that can be fetched, in bytes. Callers usually set a lower limit.
pub(crate) const MOST_BYTES: u32 = 64 * 1024 * 1024;

/// The most bytes that all responses to a command may have together.
const MOST_ANSWER: usize = MOST_BYTES as usize * 2;

/// The limits of one response, in bytes. A search that finds a million messages is one line of 8 MB.
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
    /// Whether a command is under way, or failed or was dropped before its end. The next responses could then belong to
    /// it.
    unusable: bool,
    /// The number of messages in the open folder, as the last response says.
    pub(crate) messages: u32,
}

/// A command that is encoded and can be sent.
pub(crate) struct Prepared {
    tag: Tag,
    chunks: Vec<Vec<u8>>,
}

/// What a server sends until a command has ended.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The result of the command; with several commands, of the last one.
    pub(crate) status: Status,
    /// The codes of untagged OK, NO and BAD responses.
    pub(crate) told: Vec<Code>,
    /// All other untagged responses, in order.
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

    /// The number in a capability such as `APPENDLIMIT=1000`.
    pub(crate) fn capability_value(&self, name: &str) -> Option<u64> {
        self.capabilities
            .iter()
            .find_map(|known| known.strip_prefix(name)?.strip_prefix('='))
            .and_then(|value| value.parse().ok())
    }

    /// Encodes a command for [`exchange`](Self::exchange).
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

    /// Carries out one command. NO and BAD become errors.
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

    /// Sends several commands without waiting in between, and collects all responses, whatever the results. Only before
    /// a synchronizing literal it waits until the server asks for it.
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

    /// Waits for the server's greeting.
    pub(crate) async fn greeting(&mut self) -> Result<(), Error> {
        let frame = self.next_frame().await?;
        match response::parse(&frame) {
            Ok(Response::UntaggedStatus(status)) if status.kind == StatusKind::Ok => Ok(()),
            Ok(Response::UntaggedStatus(status)) if status.kind == StatusKind::Bye => {
                Err(Error::No {
                    code: status.code,
                    text: status.text,
                })
            }
            _ => Err(Error::Protocol("no greeting")),
        }
    }

    /// Carries out AUTHENTICATE PLAIN. `proof` is the message in base64.
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

    /// Gives the stream back for a TLS handshake.
    ///
    /// # Errors
    /// [`Error::Protocol`] if the server sent anything after its answer: it would count as if it had come encrypted.
    pub(crate) fn into_stream(self) -> Result<Box<dyn Stream>, Error> {
        if self.reader.has_buffered() {
            return Err(Error::Protocol("words in the clear behind STARTTLS"));
        }
        Ok(self.wire.into_stream())
    }

    /// Asks for the server's capabilities and stores them.
    pub(crate) async fn ask_capabilities(&mut self) -> Result<(), Error> {
        let answer = self.run("CAPABILITY", Ok).await?;
        for data in answer.data {
            if let Data::Capability(words) = data {
                self.capabilities = words;
            }
        }
        Ok(())
    }

    /// Waits until the server asks for the literal; `false` if the command has ended instead.
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

    /// Takes one response; returns whether it asked for a literal.
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
            Ok(Response::UntaggedStatus(status)) if status.kind == StatusKind::Bye => {
                tracing::debug!(text = ?status.text, "the mail server ends the connection");
                return Err(Error::Gone);
            }
            Ok(Response::UntaggedStatus(status)) => waiting.told.extend(status.code),
            Ok(Response::Data(data)) => {
                match &data {
                    Data::Exists(messages) => self.messages = *messages,
                    Data::Expunge(_) => self.messages = self.messages.saturating_sub(1),
                    _ => {}
                }
                waiting.data.push(data);
            }
            // The stream stays in step, because the end of the response is known.
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

/// The responses to commands that have not all ended.
#[derive(Default)]
struct Waiting {
    /// The tags of commands that have not ended, in the order of sending, which is the order of their answers.
    tags: VecDeque<Tag>,
    status: Option<Status>,
    told: Vec<Code>,
    data: Vec<Data>,
    bytes: usize,
}
