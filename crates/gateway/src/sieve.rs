//! ManageSieve up to the login (RFC 5804; PLAIN, RFC 4616).

use std::sync::Arc;

use sekisho_checkpoint::sasl::{Credentials, Exchange, Progress};
use sekisho_imap::encode;
use sekisho_imap::framing::{CommandReader, Event, Frame, FramingError, Limits};

use crate::Protocol;
use crate::dialogue::{Action, Channel, CloseReason, Dialogue, LoginFailure, Plan};
use crate::sasl;

/// The ManageSieve door's dialogue.
pub(crate) struct SieveGreeter {
    channel: Channel,
    /// The capabilities that the door doesn't write itself, as lines.
    capabilities: Arc<[String]>,
    reader: CommandReader,
    plan: Plan,
    state: State,
}

enum State {
    /// Commands are read.
    Commands,
    /// Waits for the client's message in an exchange.
    Sasl(Exchange),
    /// The checkpoint has been asked.
    Asking,
    /// Nothing is read: TLS is being started, or the dialogue is over.
    Deaf,
}

impl SieveGreeter {
    /// `capabilities` are lines of the response to CAPABILITY, without IMPLEMENTATION, SASL, STARTTLS and VERSION.
    pub(crate) fn new(channel: Channel, capabilities: Arc<[String]>) -> Self {
        Self {
            channel,
            capabilities,
            reader: CommandReader::new(Limits::BEFORE_LOGIN),
            plan: Plan::default(),
            state: State::Commands,
        }
    }

    fn offer(&self) -> String {
        let mut lines = "\"IMPLEMENTATION\" \"Sekisho\"\r\n".to_owned();
        for line in self.capabilities.iter() {
            lines += line;
            lines += "\r\n";
        }
        let mechanisms = if self.channel.takes_login() {
            "PLAIN LOGIN"
        } else {
            ""
        };
        lines += &format!("\"SASL\" \"{mechanisms}\"\r\n");
        if self.channel.offers_tls() {
            lines += "\"STARTTLS\"\r\n";
        }
        lines + "\"VERSION\" \"1.0\"\r\n"
    }

    fn command(&mut self, line: &[u8]) {
        let Some(words) = words(line) else {
            return self.mistake("Not a command");
        };
        let mut words = words.into_iter();
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_slice() {
            b"CAPABILITY" => {
                let answer = self.offer() + "OK \"Done\"\r\n";
                self.plan.add(Action::Send(answer.into_bytes()));
            }
            b"NOOP" => self.plan.say("OK \"Done\""),
            b"LOGOUT" => {
                self.plan.say("OK \"Goodbye\"");
                self.end();
            }
            b"STARTTLS" => self.start_tls(),
            b"AUTHENTICATE" if !self.channel.takes_login() => {
                self.plan
                    .say("NO (ENCRYPT-NEEDED) \"No login on an unencrypted connection\"");
            }
            b"AUTHENTICATE" => {
                let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
                match (
                    Exchange::begin(&String::from_utf8_lossy(&mechanism)),
                    words.next(),
                ) {
                    (None, _) => self.mistake("Only PLAIN and LOGIN are known"),
                    (Some(exchange), None) => self.progress(Progress::Goes(exchange)),
                    (Some(exchange), Some(message)) => self.message(exchange, &message),
                }
            }
            _ => self.mistake("Log in first"),
        }
    }

    fn start_tls(&mut self) {
        if !self.channel.offers_tls() {
            return self.mistake("TLS can't be started here");
        }
        if self.reader.has_buffered() {
            self.plan.say("BYE \"Plaintext behind STARTTLS\"");
            return self.end();
        }
        self.plan.say("OK \"Begin TLS\"");
        self.plan.add(Action::StartTls);
        self.state = State::Deaf;
    }

    fn message(&mut self, exchange: Exchange, text: &[u8]) {
        match sasl::decode(text) {
            Some(message) => self.progress(exchange.take(message.expose())),
            None => self.mistake("Not base64"),
        }
    }

    fn sasl_line(&mut self, exchange: Exchange, line: &[u8]) {
        match words(line).as_deref() {
            Some([message]) if message.as_slice() == b"*" => self.mistake("Cancelled"),
            Some([message]) => self.message(exchange, message),
            _ => self.mistake("Not one string"),
        }
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Goes(exchange) => {
                self.plan.say(format_args!("\"{}\"", exchange.challenge()));
                self.state = State::Sasl(exchange);
            }
            Progress::Complete(credentials) => self.ask(credentials),
            Progress::Malformed => self.mistake("Not what the mechanism says"),
        }
    }

    fn ask(&mut self, credentials: Credentials) {
        self.plan.add(Action::Attempt(credentials));
        self.state = State::Asking;
    }

    fn mistake(&mut self, words: &str) {
        self.plan.say(format_args!("NO \"{words}\""));
        if self.plan.mistaken_once_more() {
            self.plan.say("BYE \"Too many mistakes\"");
            self.end();
        }
    }

    fn end(&mut self) {
        self.plan.close();
        self.state = State::Deaf;
    }

    /// Reads commands again, if an attempt was waiting for its answer. Returns whether one was.
    fn answered(&mut self) -> bool {
        let asking = matches!(self.state, State::Asking);
        if asking {
            self.state = State::Commands;
        }
        asking
    }

    /// Reads one command or message; `false` if none is complete.
    fn read(&mut self) -> Result<bool, FramingError> {
        if matches!(self.state, State::Asking | State::Deaf) {
            return Ok(false);
        }
        match self.reader.next_event()? {
            None => return Ok(false),
            // A client must send non-synchronizing literals, without waiting for a continuation (RFC 5804, section 4).
            Some(Event::Continue) => {
                self.plan.say("BYE \"Literals are sent at once, as {n+}\"");
                self.end();
            }
            Some(Event::Command(frame)) => self.frame(&frame),
        }
        Ok(true)
    }

    fn frame(&mut self, frame: &Frame) {
        match std::mem::replace(&mut self.state, State::Commands) {
            State::Sasl(exchange) => self.sasl_line(exchange, frame.bytes()),
            _ => self.command(frame.bytes()),
        }
    }
}

impl Dialogue for SieveGreeter {
    fn greeting(&self) -> Vec<u8> {
        (self.offer() + "OK \"Sekisho ready\"\r\n").into_bytes()
    }

    fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    fn next(&mut self) -> Option<Action> {
        loop {
            let planned = self.plan.next();
            if planned.is_some() {
                return planned;
            }
            match self.read() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.plan.say(format_args!("BYE \"{error}\""));
                    self.end();
                }
            }
        }
    }

    fn tls_started(&mut self) {
        let channel = Channel {
            encrypted: true,
            ..self.channel
        };
        *self = Self::new(channel, std::mem::take(&mut self.capabilities));
        // The capabilities are sent again after TLS, without being asked for (RFC 5804, section 2.2).
        let greeting = self.greeting();
        self.plan.add(Action::Send(greeting));
    }

    fn protocol(&self) -> Protocol {
        Protocol::ManageSieve
    }

    fn admitted(&mut self, _: Option<Arc<str>>) -> Vec<u8> {
        self.state = State::Deaf;
        b"OK \"Logged in\"\r\n".to_vec()
    }

    fn refused(&mut self, sentence: &str) {
        if !self.answered() {
            return;
        }
        let mut answer = b"NO \"".to_vec();
        encode::text(&mut answer, &sentence.replace(['"', '\\'], "'"));
        answer.extend_from_slice(b"\"\r\n");
        self.plan.add(Action::Send(answer));
        if self.plan.refused_once_more() {
            self.plan.say("BYE \"Too many refused logins\"");
            self.end();
        }
    }

    fn failed(&mut self, failure: LoginFailure) {
        if self.answered() {
            let code = if failure.is_temporary() {
                "(TRYLATER) "
            } else {
                ""
            };
            self.plan
                .say(format_args!("NO {code}\"{}\"", failure.words()));
        }
    }

    fn closing_reply(&self, reason: CloseReason) -> Vec<u8> {
        format!("BYE \"{}\"\r\n", reason.words()).into_bytes()
    }

    /// ManageSieve has no command in which the client names itself.
    fn client(&self) -> &str {
        ""
    }

    fn into_rest(self) -> Vec<u8> {
        self.reader.into_rest()
    }
}

/// The words and strings of a command (RFC 5804, section 4); `None` if it is malformed. They are wiped when dropped,
/// since they may contain a password.
fn words(mut rest: &[u8]) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    while !rest.is_empty() {
        let word;
        (word, rest) = match rest {
            [b'"', quoted @ ..] => quoted_string(quoted)?,
            [b'{', literal @ ..] => literal_string(literal)?,
            _ => {
                let end = rest.iter().position(|b| *b == b' ').unwrap_or(rest.len());
                let (word, rest) = rest.split_at(end);
                let plain = word.iter().all(|b| b.is_ascii_graphic() && *b != b'"');
                (plain.then(|| word.to_vec())?, rest)
            }
        };
        words.push(Word::new(word));
        rest = match rest {
            [] => rest,
            [b' ', rest @ ..] if !rest.is_empty() => rest,
            _ => return None,
        };
    }
    Some(words)
}

/// A word that is wiped when dropped.
type Word = zeroize::Zeroizing<Vec<u8>>;

fn quoted_string(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut string = Vec::new();
    loop {
        let (byte, behind) = match rest {
            [b'"', rest @ ..] => return Some((string, rest)),
            [b'\\', byte @ (b'"' | b'\\'), rest @ ..] => (*byte, rest),
            [b'\\' | b'\r' | b'\n' | 0, ..] | [] => return None,
            [byte, rest @ ..] => (*byte, rest),
        };
        string.push(byte);
        rest = behind;
    }
}

fn literal_string(rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let end = rest.windows(4).position(|window| window == b"+}\r\n")?;
    let length: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let content = &rest[end + 4..];
    (length <= content.len()).then(|| {
        let (string, rest) = content.split_at(length);
        (string.to_vec(), rest)
    })
}

#[cfg(test)]
mod tests;
