//! Relays submission after the login, command by command.
//!
//! Bytes are not simply copied here. A client could start TLS with the upstream itself and log in there as another
//! account; or, if the upstream believes Sekisho's XCLIENT, send an XCLIENT of its own. So only the commands of a mail
//! transaction are passed on; all others are answered here, in the order of the commands. And Sekisho and the upstream
//! must agree on where a message ends, which is at `CRLF . CRLF` only: a message with a bare CR or LF, which some
//! servers take for an end, is refused (CVE-2023-51764).

use std::collections::VecDeque;

use sekisho_net::{Duplex, Shutdown};
use sekisho_smtp::{COMMAND_LINE, DataDecoder, DataFault, Inbound, REPLY_LINE, Reply, ReplyLine};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How many commands may wait for their replies before reading pauses.
const MOST_WAITING: usize = 100;

/// How many bytes are read at once.
const PIECE: usize = 16 * 1024;

/// The state between a client and the upstream: bytes go in and bytes come out. It does no I/O.
pub struct Relay {
    host: String,
    extensions: Vec<String>,
    from_client: Inbound,
    from_upstream: Inbound,
    mode: Mode,
    waiting: VecDeque<Awaited>,
    to_client: Vec<u8>,
    to_upstream: Vec<u8>,
}

/// What the client's next bytes are.
enum Mode {
    /// Commands.
    Commands,
    /// Unknown until DATA is answered.
    DataAsked,
    /// A message. A CR at the end of the bytes so far is held back until it is known to be part of a CRLF, because the
    /// upstream could take it for a line end.
    Message { decoder: DataDecoder, cr: bool },
    /// Nothing more is read, but replies that are due are still sent.
    Ending,
}

/// Where the next reply comes from.
enum Awaited {
    /// From the upstream, passed on as it is.
    Upstreams,
    /// From the upstream, to DATA.
    ToData,
    /// From the upstream, but replaced by this one.
    Instead(Reply),
    /// From here: the upstream never saw the command.
    Ours(Reply),
}

/// The upstream violates RFC 5321, so nothing that it sends can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the upstream does not answer as RFC 5321 says")]
pub struct NoReply;

impl Relay {
    /// Starts after the answer to AUTH. `host` and `extensions` are for the answer to another EHLO.
    #[must_use]
    pub fn new(host: String, extensions: Vec<String>) -> Self {
        Self {
            host,
            extensions,
            from_client: Inbound::default(),
            from_upstream: Inbound::default(),
            mode: Mode::Commands,
            waiting: VecDeque::new(),
            to_client: Vec::new(),
            to_upstream: Vec::new(),
        }
    }

    /// Takes bytes from the client.
    pub fn client_says(&mut self, bytes: &[u8]) {
        self.from_client.push(bytes);
        self.go_on();
    }

    /// Takes bytes from the upstream.
    ///
    /// # Errors
    /// [`NoReply`]: the connection must end.
    pub fn upstream_says(&mut self, bytes: &[u8]) -> Result<(), NoReply> {
        self.from_upstream.push(bytes);
        while let Some(line) = self.from_upstream.line(REPLY_LINE).map_err(|_| NoReply)? {
            self.reply_line(&line)?;
        }
        self.go_on();
        Ok(())
    }

    /// Takes out what is to be sent to the client now.
    pub fn for_client(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.to_client)
    }

    /// Takes out what is to be sent to the upstream now.
    pub fn for_upstream(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.to_upstream)
    }

    /// Whether it accepts more bytes from the client now.
    #[must_use]
    pub fn listens(&self) -> bool {
        match self.mode {
            Mode::Commands => self.waiting.len() < MOST_WAITING,
            Mode::Message { .. } => true,
            Mode::DataAsked | Mode::Ending => false,
        }
    }

    /// Whether everything has been sent and the connection can be closed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.mode, Mode::Ending) && self.waiting.is_empty()
    }

    fn go_on(&mut self) {
        loop {
            match &mut self.mode {
                Mode::Commands if self.waiting.len() < MOST_WAITING => {
                    match self.from_client.line(COMMAND_LINE) {
                        Ok(Some(line)) => self.command(&line),
                        Ok(None) => return,
                        Err(fault) => {
                            self.answer(Reply::new(500, "5.5.2", &fault.to_string()));
                            self.mode = Mode::Ending;
                        }
                    }
                }
                Mode::Commands | Mode::DataAsked | Mode::Ending => return,
                Mode::Message { decoder, cr } => {
                    let piece = self.from_client.waiting();
                    if piece.is_empty() {
                        return;
                    }
                    let mut content = Vec::new();
                    let used = decoder.decode(piece, &mut content);
                    let fault = decoder.finish().err();
                    if matches!(fault, None | Some(DataFault::Unfinished)) {
                        if std::mem::take(cr) {
                            self.to_upstream.push(b'\r');
                        }
                        let whole = piece[..used].strip_suffix(b"\r");
                        *cr = whole.is_some();
                        self.to_upstream
                            .extend_from_slice(whole.unwrap_or(&piece[..used]));
                    }
                    match fault {
                        None => {
                            self.waiting.push_back(Awaited::Upstreams);
                            self.mode = Mode::Commands;
                        }
                        Some(DataFault::Unfinished) => {}
                        Some(fault) => {
                            // The upstream never sees the end of the message, so it discards the message when the
                            // connection ends.
                            self.answer(fault.reply());
                            self.mode = Mode::Ending;
                        }
                    }
                    self.from_client.consume(used);
                }
            }
        }
    }

    fn command(&mut self, line: &[u8]) {
        if line.iter().any(u8::is_ascii_control) {
            return self.answer(Reply::new(500, "5.5.2", "Control characters in a command"));
        }
        let verb = line.split(|b| *b == b' ').next().unwrap_or_default();
        match verb.to_ascii_uppercase().as_slice() {
            b"MAIL" | b"RCPT" | b"RSET" | b"NOOP" | b"QUIT" | b"VRFY" | b"HELP" => {
                self.pass(line, Awaited::Upstreams);
            }
            b"DATA" if line.len() == verb.len() => {
                self.pass(line, Awaited::ToData);
                self.mode = Mode::DataAsked;
            }
            // EHLO also ends a transaction (RFC 5321, section 4.1.4).
            b"EHLO" => {
                let lines = [self.host.clone()]
                    .into_iter()
                    .chain(self.extensions.clone());
                let reply = Reply::lines(250, lines);
                self.pass(b"RSET", Awaited::Instead(reply));
            }
            b"HELO" => {
                let reply = Reply::lines(250, [self.host.clone()]);
                self.pass(b"RSET", Awaited::Instead(reply));
            }
            b"AUTH" => self.answer(Reply::new(503, "5.5.1", "Already authenticated")),
            b"STARTTLS" => self.answer(Reply::new(503, "5.5.1", "TLS can't be started here")),
            b"BDAT" => {
                // The data of BDAT follows, which must not be read as commands.
                self.answer(Reply::new(502, "5.5.1", "BDAT is not offered here"));
                self.mode = Mode::Ending;
            }
            b"DATA" => self.answer(Reply::new(501, "5.5.4", "DATA takes no argument")),
            _ => self.answer(Reply::new(500, "5.5.1", "Unknown command")),
        }
    }

    fn pass(&mut self, line: &[u8], awaited: Awaited) {
        self.to_upstream.extend_from_slice(line);
        self.to_upstream.extend_from_slice(b"\r\n");
        self.waiting.push_back(awaited);
    }

    /// Answers without the upstream, after the replies that are still due.
    fn answer(&mut self, reply: Reply) {
        self.waiting.push_back(Awaited::Ours(reply));
        self.say_ours();
    }

    fn say_ours(&mut self) {
        while let Some(Awaited::Ours(reply)) = self.waiting.front() {
            self.to_client
                .extend_from_slice(reply.to_string().as_bytes());
            self.waiting.pop_front();
        }
    }

    fn reply_line(&mut self, line: &[u8]) -> Result<(), NoReply> {
        let parsed = ReplyLine::parse(line).map_err(|_| NoReply)?;
        let swallowed = matches!(self.waiting.front(), Some(Awaited::Instead(_)));
        if !swallowed {
            self.to_client.extend_from_slice(line);
            self.to_client.extend_from_slice(b"\r\n");
        }
        if !parsed.is_last {
            return Ok(());
        }
        match self.waiting.pop_front() {
            Some(Awaited::ToData) => {
                self.mode = if parsed.code == 354 {
                    Mode::Message {
                        decoder: DataDecoder::new(u64::MAX),
                        cr: false,
                    }
                } else {
                    Mode::Commands
                };
            }
            Some(Awaited::Instead(reply)) => self
                .to_client
                .extend_from_slice(reply.to_string().as_bytes()),
            // A reply without a command: the upstream closes the connection (RFC 5321, section 3.8).
            None if parsed.code == 421 => self.mode = Mode::Ending,
            None => return Err(NoReply),
            Some(Awaited::Upstreams | Awaited::Ours(_)) => {}
        }
        self.say_ours();
        Ok(())
    }
}

/// Relays until one side ends. `to_upstream` and `to_client` were read earlier.
///
/// # Errors
/// A connection failed, or the upstream violates RFC 5321.
pub async fn run(
    mut client: impl Duplex,
    mut upstream: impl Duplex,
    to_upstream: Vec<u8>,
    to_client: Vec<u8>,
    mut relay: Relay,
    shutdown: &Shutdown,
) -> std::io::Result<()> {
    let invalid = |error: NoReply| std::io::Error::other(error);
    relay.client_says(&to_upstream);
    relay.upstream_says(&to_client).map_err(invalid)?;
    let mut said = vec![0; PIECE];
    let mut replied = vec![0; PIECE];
    loop {
        let bytes = relay.for_upstream();
        if !bytes.is_empty() {
            upstream.write_all(&bytes).await?;
            upstream.flush().await?;
        }
        let bytes = relay.for_client();
        if !bytes.is_empty() {
            client.write_all(&bytes).await?;
            client.flush().await?;
        }
        if relay.is_over() {
            return client.shutdown().await;
        }
        // Between two transactions, the end of the program loses nothing.
        let idle = matches!(relay.mode, Mode::Commands) && relay.waiting.is_empty();
        tokio::select! {
            count = client.read(&mut said), if relay.listens() => match count? {
                0 => return upstream.shutdown().await,
                count => relay.client_says(&said[..count]),
            },
            count = upstream.read(&mut replied) => match count? {
                0 => return client.shutdown().await,
                count => relay.upstream_says(&replied[..count]).map_err(invalid)?,
            },
            () = shutdown.asked(), if idle => {
                relay.answer(Reply::new(421, "4.3.2", "Shutting down, try again soon"));
                relay.mode = Mode::Ending;
            }
        }
    }
}

#[cfg(any(test, fuzzing))]
pub(crate) mod lenient;
#[cfg(test)]
mod tests;
