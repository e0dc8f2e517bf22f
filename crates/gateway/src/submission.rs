//! Submission up to the login (RFC 6409; EHLO, RFC 5321; STARTTLS, RFC 3207; AUTH, RFC 4954; status codes, RFC 3463).

use std::sync::Arc;

use sekisho_checkpoint::sasl::{Exchange, Progress};
use sekisho_smtp::{Command, LineFault, Reply};

use crate::dialogue::{Action, Channel, CloseReason, Dialogue, LoginFailure};
use crate::lines::{Heard, Lines};
use crate::sasl;
use crate::{Hello, Protocol};

/// The submission door's dialogue.
pub(crate) struct SubmissionGreeter {
    channel: Channel,
    /// The server's host name.
    host: String,
    /// The extensions after the login.
    extensions: Arc<[String]>,
    lines: Lines,
    hello: Option<Hello>,
}

impl SubmissionGreeter {
    /// `extensions` are lines of the response to EHLO, without AUTH and STARTTLS.
    pub(crate) fn new(channel: Channel, host: String, extensions: Arc<[String]>) -> Self {
        Self {
            channel,
            host,
            extensions,
            lines: Lines::default(),
            hello: None,
        }
    }

    fn command(&mut self, line: &[u8]) {
        let command = match Command::parse(line) {
            Ok(command) => command,
            Err(error) => return self.mistake(&error.reply()),
        };
        match command {
            Command::Ehlo(name) => {
                self.said_hello(name, true);
                let answer = Reply::lines(250, self.offer());
                self.say(&answer);
            }
            Command::Helo(name) => {
                self.said_hello(name, false);
                let answer = Reply::lines(250, [self.host.clone()]);
                self.say(&answer);
            }
            Command::StartTls => self.start_tls(),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial.as_deref()),
            Command::Noop | Command::Rset => self.say(&Reply::new(250, "2.0.0", "Done")),
            Command::Quit => {
                self.say(&Reply::new(221, "2.0.0", "Goodbye"));
                self.lines.end();
            }
            Command::Bdat { .. } => {
                // The data of BDAT follows, which must not be read as commands.
                self.say(&Reply::new(530, "5.7.0", "Authentication required"));
                self.lines.end();
            }
            Command::Lhlo(_) => self.mistake(&Reply::new(500, "5.5.1", "This is not LMTP")),
            Command::Mail(_) | Command::Rcpt(_) | Command::Data | Command::Vrfy | Command::Help => {
                let words = if self.channel.takes_login() {
                    "Authentication required"
                } else {
                    "Must issue a STARTTLS command first"
                };
                self.mistake(&Reply::new(530, "5.7.0", words));
            }
        }
    }

    fn said_hello(&mut self, name: String, extended: bool) {
        self.hello = Some(Hello {
            name,
            extended,
            encrypted: self.channel.encrypted,
        });
    }

    fn offer(&self) -> Vec<String> {
        let mut lines = vec![self.host.clone()];
        lines.extend_from_slice(&self.extensions);
        if self.channel.offers_tls() {
            lines.push("STARTTLS".to_owned());
        }
        if self.channel.takes_login() {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        lines
    }

    fn start_tls(&mut self) {
        if !self.channel.offers_tls() {
            return self.mistake(&Reply::new(503, "5.5.1", "TLS can't be started here"));
        }
        if self.lines.has_unread() {
            self.say(&Reply::new(421, "4.7.0", "Plaintext behind STARTTLS"));
            return self.lines.end();
        }
        self.say(&Reply::new(220, "2.0.0", "Begin TLS"));
        self.lines.start_tls();
    }

    fn auth(&mut self, mechanism: &str, initial: Option<&str>) {
        if self.hello.is_none() {
            return self.mistake(&Reply::new(503, "5.5.1", "Say EHLO first"));
        }
        if !self.channel.takes_login() {
            return self.mistake(&Reply::new(538, "5.7.11", "Encryption required"));
        }
        let Some(exchange) = Exchange::begin(mechanism) else {
            let words = "Only PLAIN and LOGIN are known";
            return self.mistake(&Reply::new(504, "5.5.4", words));
        };
        match initial {
            None => self.progress(Progress::Goes(exchange)),
            Some("=") => self.progress(exchange.take(b"")),
            Some(text) => self.message(exchange, text.as_bytes()),
        }
    }

    fn message(&mut self, exchange: Exchange, text: &[u8]) {
        match sasl::decode(text) {
            Some(message) => self.progress(exchange.take(message.expose())),
            None => self.mistake(&Reply::new(501, "5.5.2", "Not base64")),
        }
    }

    fn sasl_line(&mut self, exchange: Exchange, line: &[u8]) {
        if line == b"*" {
            return self.mistake(&Reply::new(501, "5.7.0", "Cancelled"));
        }
        self.message(exchange, line);
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Goes(exchange) => {
                let challenge = exchange.challenge().to_owned();
                self.say(&Reply::lines(334, [challenge]));
                self.lines.go_on_with(exchange);
            }
            Progress::Complete(credentials) => {
                self.lines.ask(credentials);
            }
            Progress::Malformed => {
                self.mistake(&Reply::new(501, "5.5.2", "Not what the mechanism says"));
            }
        }
    }

    fn say(&mut self, reply: &Reply) {
        self.lines
            .plan
            .add(Action::Send(reply.to_string().into_bytes()));
    }

    fn mistake(&mut self, reply: &Reply) {
        self.say(reply);
        if self.lines.plan.mistaken_once_more() {
            self.say(&Reply::new(421, "4.7.0", "Too many mistakes"));
            self.lines.end();
        }
    }
}

impl Dialogue for SubmissionGreeter {
    fn greeting(&self) -> Vec<u8> {
        let words = format!("{} ESMTP Sekisho", self.host);
        Reply::lines(220, [words]).to_string().into_bytes()
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
                    let status = match fault {
                        LineFault::TooLong => "5.5.6",
                        LineFault::BareLf => "5.5.2",
                    };
                    self.say(&Reply::new(500, status, &fault.to_string()));
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
        let (host, extensions) = (
            std::mem::take(&mut self.host),
            std::mem::take(&mut self.extensions),
        );
        *self = Self::new(channel, host, extensions);
    }

    fn protocol(&self) -> Protocol {
        Protocol::Submission(self.hello.clone().unwrap_or_else(|| Hello {
            name: String::new(),
            extended: false,
            encrypted: self.channel.encrypted,
        }))
    }

    fn admitted(&mut self, _: Option<Arc<str>>) -> Vec<u8> {
        self.lines.stop_reading();
        let reply = Reply::new(235, "2.7.0", "Authentication succeeded");
        reply.to_string().into_bytes()
    }

    fn refused(&mut self, sentence: &str) {
        if !self.lines.answered() {
            return;
        }
        self.say(&Reply::new(535, "5.7.8", sentence));
        if self.lines.plan.refused_once_more() {
            self.say(&Reply::new(421, "4.7.0", "Too many refused logins"));
            self.lines.end();
        }
    }

    fn failed(&mut self, failure: LoginFailure) {
        if self.lines.answered() {
            // 535 would mean that the password is wrong.
            let (code, status) = if failure.is_temporary() {
                (454, "4.7.0")
            } else {
                (554, "5.3.0")
            };
            self.say(&Reply::new(code, status, failure.words()));
        }
    }

    fn closing_reply(&self, reason: CloseReason) -> Vec<u8> {
        let status = match reason {
            CloseReason::TooSlow => "4.4.2",
            CloseReason::TooMuch => "4.7.0",
            CloseReason::Evicted => "4.3.2",
            CloseReason::ShuttingDown => "4.3.2",
        };
        let reply = Reply::new(421, status, reason.words());
        reply.to_string().into_bytes()
    }

    fn client(&self) -> &str {
        self.hello.as_ref().map_or("", |hello| &hello.name)
    }

    fn into_rest(self) -> Vec<u8> {
        self.lines.into_rest()
    }
}

#[cfg(test)]
mod tests;
