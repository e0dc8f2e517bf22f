//! POP3 up to the login (RFC 1939, section 4, USER and PASS; CAPA, RFC 2449; STLS, RFC 2595; AUTH, RFC 5034; response codes of RFC 3206).

use sekisho_checkpoint::Password;
use sekisho_imap::{Secret, encode};
use sekisho_mailroom::smtp::{Inbound, LineFault};

use crate::dialogue::{Action, Channel, Credentials, Dialogue, Farewell, Plan};
use crate::sasl::{self, Exchange, Progress, as_typed};

/// The longest line, in bytes with its CRLF: what RFC 4954, section 4 asks for the lines of an exchange; commands have 255 (RFC 2449, section 4).
const LINE: usize = 12_288;

/// The greeter at the POP3 door.
pub(crate) struct Pop3Greeter {
    channel: Channel,
    /// What is offered after the login.
    capabilities: Vec<String>,
    inbound: Inbound,
    plan: Plan,
    state: State,
    /// What USER named, until PASS takes it.
    name: Option<String>,
}

enum State {
    /// Commands are read.
    Commands,
    /// An AUTH waits for the client's next line.
    Sasl(Exchange),
    /// The checkpoint is being asked.
    Asking,
    /// Nothing is read: TLS is being started, or the dialogue is over.
    Deaf,
}

impl Pop3Greeter {
    /// `capabilities` are lines of the answer to CAPA, without USER, SASL and STLS.
    pub(crate) fn new(channel: Channel, capabilities: Vec<String>) -> Self {
        Self {
            channel,
            capabilities,
            inbound: Inbound::default(),
            plan: Plan::default(),
            state: State::Commands,
            name: None,
        }
    }

    fn command(&mut self, line: &[u8]) {
        // Only the first blank parts: a name or a password may hold more of them (RFC 1939, section 7).
        let blank = line.iter().position(|b| *b == b' ');
        let (verb, argument) = match blank {
            Some(at) => (&line[..at], Some(&line[at + 1..])),
            None => (line, None),
        };
        match verb.to_ascii_uppercase().as_slice() {
            b"CAPA" => self.list("Capabilities", &self.offer()),
            b"USER" | b"PASS" | b"AUTH" if !self.channel.takes_login() => {
                self.mistake("No login on an unencrypted connection, start TLS first");
            }
            b"USER" => match argument {
                Some(name) => {
                    self.name = Some(as_typed(name));
                    self.plan.say("+OK Now the password");
                }
                None => self.mistake("USER needs a name"),
            },
            b"PASS" => match (self.name.take(), argument) {
                (None, _) => self.mistake("Say USER first"),
                (Some(_), None) => self.mistake("PASS needs a password"),
                (Some(name), Some(password)) => self.ask(Credentials {
                    name,
                    authorization: None,
                    password: Password::new(as_typed(password)),
                }),
            },
            b"AUTH" => self.auth(argument.unwrap_or_default()),
            b"STLS" => self.start_tls(),
            b"QUIT" => {
                self.plan.say("+OK Goodbye");
                self.end();
            }
            _ => self.mistake("Log in first"),
        }
    }

    fn offer(&self) -> Vec<String> {
        let mut lines = self.capabilities.clone();
        if self.channel.takes_login() {
            lines.extend(["USER", "SASL PLAIN LOGIN"].map(str::to_owned));
        }
        if self.channel.offers_tls() {
            lines.push("STLS".to_owned());
        }
        lines
    }

    fn list(&mut self, words: &str, lines: &[String]) {
        self.plan.say(format_args!("+OK {words}"));
        for line in lines {
            self.plan.say(line);
        }
        self.plan.say(".");
    }

    fn auth(&mut self, argument: &[u8]) {
        let mut words = argument.split(|b| *b == b' ').filter(|w| !w.is_empty());
        let Some(mechanism) = words.next() else {
            // Nowhere standardised, and asked by clients that are older than CAPA.
            return self.list("Mechanisms", &["PLAIN", "LOGIN"].map(str::to_owned));
        };
        let mechanism = String::from_utf8_lossy(mechanism).to_ascii_uppercase();
        let Some(exchange) = Exchange::begin(&mechanism) else {
            return self.mistake("Only PLAIN and LOGIN are known");
        };
        match words.next() {
            None => self.progress(Progress::Goes(exchange)),
            Some(b"=") => self.progress(exchange.take(b"")),
            Some(text) => self.message(exchange, text),
        }
    }

    fn message(&mut self, exchange: Exchange, text: &[u8]) {
        match sasl::decode(text) {
            Some(message) => self.progress(exchange.take(message.expose())),
            None => self.mistake("Not base64"),
        }
    }

    fn sasl_line(&mut self, exchange: Exchange, line: &[u8]) {
        if line == b"*" {
            return self.mistake("Cancelled");
        }
        self.message(exchange, line);
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Goes(exchange) => {
                self.plan.say(format_args!("+ {}", exchange.challenge()));
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

    fn start_tls(&mut self) {
        if !self.channel.offers_tls() {
            return self.mistake("TLS can't be started here");
        }
        if !self.inbound.waiting().is_empty() {
            self.plan.say("-ERR Plaintext behind STLS");
            return self.end();
        }
        self.plan.say("+OK Begin TLS");
        self.plan.add(Action::StartTls);
        self.state = State::Deaf;
    }

    fn mistake(&mut self, words: &str) {
        self.plan.say(format_args!("-ERR {words}"));
        if self.plan.mistaken_once_more() {
            self.plan.say("-ERR Too many mistakes");
            self.end();
        }
    }

    fn end(&mut self) {
        self.plan.close();
        self.state = State::Deaf;
    }

    /// Commands are read again, if an attempt is to be answered now.
    fn answered(&mut self) -> bool {
        let asking = matches!(self.state, State::Asking);
        if asking {
            self.state = State::Commands;
        }
        asking
    }

    /// Reads one command or line; `false` if there is none.
    fn read(&mut self) -> Result<bool, LineFault> {
        if matches!(self.state, State::Asking | State::Deaf) {
            return Ok(false);
        }
        let Some(line) = self.inbound.line(LINE)? else {
            return Ok(false);
        };
        // It may hold a password.
        let line = Secret::new(line);
        match std::mem::replace(&mut self.state, State::Commands) {
            State::Sasl(exchange) => self.sasl_line(exchange, line.expose()),
            _ => self.command(line.expose()),
        }
        Ok(true)
    }
}

impl Dialogue for Pop3Greeter {
    fn greeting(&self) -> Vec<u8> {
        b"+OK Sekisho ready\r\n".to_vec()
    }

    fn push(&mut self, bytes: &[u8]) {
        self.inbound.push(bytes);
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
                Err(fault) => {
                    self.plan.say(format_args!("-ERR {fault}"));
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
    }

    fn admitted(&mut self) -> Vec<u8> {
        self.state = State::Deaf;
        b"+OK Logged in\r\n".to_vec()
    }

    fn refused(&mut self, sentence: &str) {
        if !self.answered() {
            return;
        }
        let mut answer = b"-ERR [AUTH] ".to_vec();
        encode::text(&mut answer, sentence);
        answer.extend_from_slice(b"\r\n");
        self.plan.add(Action::Send(answer));
        if self.plan.refused_once_more() {
            self.plan.say("-ERR Too many refused logins");
            self.end();
        }
    }

    fn unavailable(&mut self) {
        if self.answered() {
            self.plan
                .say("-ERR [SYS/TEMP] Logins are temporarily out of order, try again later");
        }
    }

    fn farewell(&self, why: Farewell) -> Vec<u8> {
        let code = match why {
            Farewell::TooSlow | Farewell::TooMuch => "",
            Farewell::Crowded | Farewell::ShuttingDown => "[SYS/TEMP] ",
        };
        format!("-ERR {code}{}\r\n", why.words()).into_bytes()
    }

    /// POP3 has no command that names the client.
    fn client(&self) -> &str {
        ""
    }

    fn into_rest(self) -> Vec<u8> {
        self.inbound.waiting().to_vec()
    }
}

#[cfg(test)]
mod tests;
