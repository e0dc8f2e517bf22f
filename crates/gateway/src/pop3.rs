//! POP3 up to the login (USER and PASS, RFC 1939, section 7; CAPA, RFC 2449; STLS, RFC 2595; AUTH, RFC 5034; response
//! codes, RFC 3206).

use std::sync::Arc;

use sekisho_checkpoint::Password;
use sekisho_checkpoint::sasl::{Credentials, Exchange, Progress, as_typed};
use sekisho_imap::encode;

use crate::Protocol;
use crate::dialogue::{Action, Channel, CloseReason, Dialogue, LoginFailure};
use crate::lines::{Heard, Lines};
use crate::sasl;

/// The POP3 door's dialogue.
pub(crate) struct Pop3Greeter {
    channel: Channel,
    /// The capabilities after the login.
    capabilities: Arc<[String]>,
    lines: Lines,
    /// The name from USER, until PASS uses it.
    name: Option<String>,
}

impl Pop3Greeter {
    /// `capabilities` are lines of the response to CAPA, without USER, SASL and STLS.
    pub(crate) fn new(channel: Channel, capabilities: Arc<[String]>) -> Self {
        Self {
            channel,
            capabilities,
            lines: Lines::default(),
            name: None,
        }
    }

    fn command(&mut self, line: &[u8]) {
        // Only the first blank separates: names and passwords may contain more of them (RFC 1939, section 7).
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
                    self.lines.plan.say("+OK Now the password");
                }
                None => self.mistake("USER needs a name"),
            },
            b"PASS" => match (self.name.take(), argument) {
                (None, _) => self.mistake("Say USER first"),
                (Some(_), None) => self.mistake("PASS needs a password"),
                (Some(name), Some(password)) => self.lines.ask(Credentials {
                    name,
                    authorization: None,
                    password: Password::new(as_typed(password)),
                }),
            },
            b"AUTH" => self.auth(argument.unwrap_or_default()),
            b"STLS" => self.start_tls(),
            b"QUIT" => {
                self.lines.plan.say("+OK Goodbye");
                self.lines.end();
            }
            _ => self.mistake("Log in first"),
        }
    }

    fn offer(&self) -> Vec<String> {
        let mut lines = self.capabilities.to_vec();
        if self.channel.takes_login() {
            lines.extend(["USER", "SASL PLAIN LOGIN"].map(str::to_owned));
        }
        if self.channel.offers_tls() {
            lines.push("STLS".to_owned());
        }
        lines
    }

    fn list(&mut self, words: &str, lines: &[String]) {
        self.lines.plan.say(format_args!("+OK {words}"));
        for line in lines {
            self.lines.plan.say(line);
        }
        self.lines.plan.say(".");
    }

    fn auth(&mut self, argument: &[u8]) {
        let mut words = argument.split(|b| *b == b' ').filter(|w| !w.is_empty());
        let Some(mechanism) = words.next() else {
            // AUTH without an argument is not standardised, but clients older than CAPA send it to list the mechanisms.
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
                self.lines
                    .plan
                    .say(format_args!("+ {}", exchange.challenge()));
                self.lines.go_on_with(exchange);
            }
            Progress::Complete(credentials) => self.lines.ask(credentials),
            Progress::Malformed => self.mistake("Not what the mechanism says"),
        }
    }

    fn start_tls(&mut self) {
        if !self.channel.offers_tls() {
            return self.mistake("TLS can't be started here");
        }
        if self.lines.has_unread() {
            self.lines.plan.say("-ERR Plaintext behind STLS");
            return self.lines.end();
        }
        self.lines.plan.say("+OK Begin TLS");
        self.lines.start_tls();
    }

    fn mistake(&mut self, words: &str) {
        self.lines.plan.say(format_args!("-ERR {words}"));
        if self.lines.plan.mistaken_once_more() {
            self.lines.plan.say("-ERR Too many mistakes");
            self.lines.end();
        }
    }
}

impl Dialogue for Pop3Greeter {
    fn greeting(&self) -> Vec<u8> {
        b"+OK Sekisho ready\r\n".to_vec()
    }

    fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    fn next(&mut self) -> Option<Action> {
        loop {
            let planned = self.lines.plan.next();
            if planned.is_some() {
                return planned;
            }
            match self.lines.hear() {
                Ok(Some(Heard::Command(line))) => self.command(line.expose()),
                Ok(Some(Heard::Sasl(exchange, line))) => self.sasl_line(exchange, line.expose()),
                Ok(None) => return None,
                Err(fault) => {
                    self.lines.plan.say(format_args!("-ERR {fault}"));
                    self.lines.end();
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

    fn protocol(&self) -> Protocol {
        Protocol::Pop3
    }

    fn admitted(&mut self, _: Option<Arc<str>>) -> Vec<u8> {
        self.lines.stop_reading();
        b"+OK Logged in\r\n".to_vec()
    }

    fn refused(&mut self, sentence: &str) {
        if !self.lines.answered() {
            return;
        }
        let mut answer = b"-ERR [AUTH] ".to_vec();
        encode::text(&mut answer, sentence);
        answer.extend_from_slice(b"\r\n");
        self.lines.plan.add(Action::Send(answer));
        if self.lines.plan.refused_once_more() {
            self.lines.plan.say("-ERR Too many refused logins");
            self.lines.end();
        }
    }

    fn failed(&mut self, failure: LoginFailure) {
        if self.lines.answered() {
            let code = if failure.is_temporary() {
                "SYS/TEMP"
            } else {
                "SYS/PERM"
            };
            self.lines
                .plan
                .say(format_args!("-ERR [{code}] {}", failure.words()));
        }
    }

    fn closing_reply(&self, reason: CloseReason) -> Vec<u8> {
        let code = match reason {
            CloseReason::TooSlow | CloseReason::TooMuch => "",
            CloseReason::Evicted | CloseReason::ShuttingDown => "[SYS/TEMP] ",
        };
        format!("-ERR {code}{}\r\n", reason.words()).into_bytes()
    }

    /// POP3 has no command in which the client names itself.
    fn client(&self) -> &str {
        ""
    }

    fn into_rest(self) -> Vec<u8> {
        self.lines.into_rest()
    }
}

#[cfg(test)]
mod tests;
