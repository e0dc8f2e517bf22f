//! One connection: reads commands, writes answers, until either side ends it.

use std::pin::{Pin, pin};

use jiff::SignedDuration;
use sekisho_imap::Tag;
use sekisho_imap::command::{Body, Command};
use sekisho_imap::framing::{CommandReader, Event, Frame, FramingError, Limits};
use sekisho_store::Mailbox;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadHalf};

use super::compress::Inflater;
use super::reply::{CommandError, Done, ResponseWriter};
use super::session::{Flow, Session};
use super::{Imap, ServeError};

/// How long a client may be silent; RFC 3501, section 5.4, asks for at least 30 minutes.
const SILENCE: SignedDuration = SignedDuration::from_mins(31);
/// How long sending a last `* BYE` may take.
const FAREWELL: SignedDuration = SignedDuration::from_secs(2);

pub(super) async fn run<S>(
    stream: S,
    already_read: Vec<u8>,
    mailbox: Mailbox,
    imap: Imap,
    ended: impl Future<Output = ()> + Send,
) -> Result<(), ServeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (input, mut output) = tokio::io::split(stream);
    let message_size = usize::try_from(imap.store.limits().message_size).unwrap_or(usize::MAX);
    let limits = Limits::after_login(message_size);
    let mut reader = CommandReader::new(limits);
    reader.push(&already_read);
    let mut connection = Connection {
        input,
        reader,
        limits,
        rush: false,
        session: Session::new(mailbox, imap.clone()),
        imap,
        out: ResponseWriter::new(&mut output),
        inflater: None,
    };
    let mut ended = pin!(ended);
    loop {
        match connection.turn(ended.as_mut()).await {
            Ok(Turn::Next) => {}
            Ok(Turn::Closed) => return Ok(()),
            Ok(Turn::Farewell(text)) => {
                connection.out.bye(text);
                connection.finish().await;
                return Ok(());
            }
            Err(ServeError::Protocol(error)) => {
                connection.out.bye(&error.to_string());
                connection.finish().await;
                return Err(error.into());
            }
            Err(other) => return Err(other),
        }
    }
}

/// How one round of reading and answering ended.
enum Turn {
    Next,
    Closed,
    /// `* BYE` with these words, then close.
    Farewell(&'static str),
}

/// What came first.
enum Heard {
    Event(Event),
    Line(Frame),
    TooBig { tag: Option<Tag>, append: bool },
    News,
    Silence,
    Ended,
    Closed,
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Command,
    /// A plain line or news of the mailbox.
    Idle,
}

struct Connection<'w, S> {
    input: ReadHalf<S>,
    reader: CommandReader,
    limits: Limits,
    /// The last read filled its buffer, so the next one uses a bigger one.
    rush: bool,
    session: Session,
    imap: Imap,
    out: ResponseWriter<'w>,
    /// Set once the client compresses.
    inflater: Option<Box<Inflater>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<'_, S> {
    /// Waits for one command and answers it.
    async fn turn<E>(&mut self, mut ended: Pin<&mut E>) -> Result<Turn, ServeError>
    where
        E: Future<Output = ()> + Send,
    {
        let command = match self.hear(Wanted::Command, ended.as_mut()).await? {
            Heard::Event(Event::Command(frame)) => Command::parse_with(frame, self.session.names()),
            Heard::Event(Event::Continue) => {
                self.out.words(format_args!("+ go ahead\r\n"));
                return self.flushed(ended).await;
            }
            Heard::TooBig { tag, append } => {
                self.refuse_literal(tag, append);
                return self.flushed(ended).await;
            }
            Heard::Line(_) | Heard::News => return Ok(Turn::Next),
            Heard::Silence => return Ok(Turn::Farewell("nothing was heard for a long time")),
            Heard::Ended => return Ok(Turn::Farewell(ENDED)),
            Heard::Closed => return Ok(Turn::Closed),
        };
        match command {
            Err(error) => self.out.not_understood(&error),
            Ok(Command {
                tag,
                body: Body::Idle,
            }) => return self.idle(&tag, ended).await,
            Ok(command) => {
                let answered = tokio::select! {
                    biased;
                    flow = self.session.handle(command, &mut self.out) => flow?,
                    // In the middle of an answer, a BYE could be taken for part of it.
                    () = ended.as_mut() => return Ok(Turn::Closed),
                };
                match answered {
                    Flow::Next => {}
                    Flow::Compress => return self.compress(ended).await,
                    Flow::FolderGone => return Ok(Turn::Farewell("the selected folder is gone")),
                    Flow::Logout => {
                        self.finish().await;
                        return Ok(Turn::Closed);
                    }
                }
            }
        }
        self.flushed(ended).await
    }

    /// Sends what was written so far without compression, and compresses from there on (RFC 4978). What the client sent
    /// behind its command is compressed already.
    async fn compress<E>(&mut self, ended: Pin<&mut E>) -> Result<Turn, ServeError>
    where
        E: Future<Output = ()> + Send,
    {
        let turn = self.flushed(ended).await?;
        self.out.compress();
        let mut inflater = Inflater::new();
        let plain = std::mem::replace(&mut self.reader, CommandReader::new(self.limits));
        inflater.push(&plain.into_rest());
        self.inflater = Some(Box::new(inflater));
        Ok(turn)
    }

    /// IDLE (RFC 2177): reports changes as they come, until the client sends `DONE`.
    async fn idle<E>(&mut self, tag: &Tag, mut ended: Pin<&mut E>) -> Result<Turn, ServeError>
    where
        E: Future<Output = ()> + Send,
    {
        self.out.words(format_args!("+ idling\r\n"));
        loop {
            if self.session.catch_up(true, &mut self.out).await == Flow::FolderGone {
                return Ok(Turn::Farewell("the selected folder is gone"));
            }
            match self.flushed(ended.as_mut()).await? {
                Turn::Next => {}
                other => return Ok(other),
            }
            match self.hear(Wanted::Idle, ended.as_mut()).await? {
                Heard::News => {}
                Heard::Line(frame) => {
                    let answer = if frame.bytes().eq_ignore_ascii_case(b"DONE") {
                        Ok(Done::plain("idled"))
                    } else {
                        Err(CommandError::Bad("expected DONE"))
                    };
                    self.out.tagged(tag, &answer);
                    return self.flushed(ended).await;
                }
                Heard::Silence => return Ok(Turn::Farewell("nothing was heard for a long time")),
                Heard::Ended => return Ok(Turn::Farewell(ENDED)),
                Heard::Closed | Heard::Event(_) | Heard::TooBig { .. } => return Ok(Turn::Closed),
            }
        }
    }

    async fn hear<E>(&mut self, wanted: Wanted, mut ended: Pin<&mut E>) -> Result<Heard, ServeError>
    where
        E: Future<Output = ()> + Send,
    {
        let clock = self.imap.clock.clone();
        let deadline = clock
            .now()
            .saturating_add(SILENCE)
            .unwrap_or(jiff::Timestamp::MAX);
        let mut silence = clock.sleep_until(deadline);
        loop {
            if let Some(heard) = self.buffered(wanted)? {
                return Ok(heard);
            }
            if let Some(inflater) = &mut self.inflater
                && let Some(piece) = inflater.next_piece()?
            {
                self.reader.push(&piece);
                continue;
            }
            let mut buffer = vec![0; if self.rush { 16 * 1024 } else { 512 }];
            let read = tokio::select! {
                biased;
                () = ended.as_mut() => return Ok(Heard::Ended),
                read = self.input.read(&mut buffer) => read?,
                () = self.session.news(), if wanted == Wanted::Idle => return Ok(Heard::News),
                () = &mut silence => return Ok(Heard::Silence),
            };
            if read == 0 {
                return Ok(Heard::Closed);
            }
            self.rush = read == buffer.len();
            match &mut self.inflater {
                Some(inflater) => inflater.push(&buffer[..read]),
                None => self.reader.push(&buffer[..read]),
            }
        }
    }

    fn buffered(&mut self, wanted: Wanted) -> Result<Option<Heard>, FramingError> {
        let found = match wanted {
            Wanted::Command => self
                .reader
                .next_event()
                .map(|event| event.map(Heard::Event)),
            Wanted::Idle => self.reader.next_line().map(|line| line.map(Heard::Line)),
        };
        match found {
            Err(FramingError::LiteralTooBig { tag, append }) => {
                Ok(Some(Heard::TooBig { tag, append }))
            }
            other => other,
        }
    }

    fn refuse_literal(&mut self, tag: Option<Tag>, append: bool) {
        match tag {
            Some(tag) if append => {
                let answer = Err(CommandError::No("TOOBIG", "the message is too large"));
                self.out.tagged(&tag, &answer);
            }
            Some(tag) => self
                .out
                .tagged(&tag, &Err(CommandError::Bad("the literal is too large"))),
            None => self
                .out
                .untagged(format_args!("BAD the literal is too large")),
        }
    }

    /// Sends what was written. If the session ends meanwhile, the connection is closed without a word.
    async fn flushed<E>(&mut self, ended: Pin<&mut E>) -> Result<Turn, ServeError>
    where
        E: Future<Output = ()> + Send,
    {
        tokio::select! {
            biased;
            sent = self.out.flush() => {
                sent?;
                Ok(Turn::Next)
            }
            () = ended => Ok(Turn::Closed),
        }
    }

    /// Sends what is left; whether the client still reads it doesn't matter.
    async fn finish(&mut self) {
        let clock = self.imap.clock.clone();
        let latest = clock
            .now()
            .saturating_add(FAREWELL)
            .unwrap_or(jiff::Timestamp::MAX);
        tokio::select! {
            _ = self.out.finish() => {}
            () = clock.sleep_until(latest) => {}
        }
    }
}

const ENDED: &str = "this session has ended; please sign in again";
