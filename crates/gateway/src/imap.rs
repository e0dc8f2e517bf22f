//! IMAP up to the login (RFC 3501, sections 6.1 and 6.2; SASL-IR, RFC 4959; ID, RFC 2971; LITERAL-, RFC 7888; response
//! codes, RFC 5530).

use std::sync::Arc;

use sekisho_checkpoint::Password;
use sekisho_checkpoint::sasl::{Credentials, Exchange, Progress, as_typed};
use sekisho_imap::command::{Body, Command, SaslLine};
use sekisho_imap::framing::{CommandReader, Event, Frame, FramingError, Limits};
use sekisho_imap::{Tag, encode};

use crate::Protocol;
use crate::dialogue::{Action, Channel, CloseReason, Dialogue, LoginFailure, Plan};

/// The client's name is cut to this length, in characters.
const CLIENT_LENGTH: usize = 200;

/// The IMAP door's dialogue.
pub(crate) struct ImapGreeter {
    channel: Channel,
    /// The capabilities after the login.
    capabilities: Arc<str>,
    reader: CommandReader,
    plan: Plan,
    state: State,
    client: String,
}

enum State {
    /// Commands are read.
    Commands,
    /// An AUTHENTICATE waits for the client's next line.
    Sasl { tag: Tag, exchange: Exchange },
    /// The checkpoint has been asked.
    Asking { tag: Tag },
    /// Nothing is read: TLS is being started, or the dialogue is over.
    Deaf,
}

impl ImapGreeter {
    /// `capabilities` are those after the login.
    pub(crate) fn new(channel: Channel, capabilities: Arc<str>) -> Self {
        Self {
            channel,
            capabilities,
            reader: CommandReader::new(Limits::BEFORE_LOGIN),
            plan: Plan::default(),
            state: State::Commands,
            client: String::new(),
        }
    }

    /// The capabilities before the login.
    fn capability(&self) -> String {
        // If IMAP4rev2 is offered after the login, it must also be announced before it (RFC 9051, section 7.2.2).
        let rev2 = self.capabilities.split(' ').any(|word| word == "IMAP4rev2");
        let mut words = if rev2 { "IMAP4rev2 " } else { "" }.to_owned();
        words += "IMAP4rev1 LITERAL- SASL-IR ID";
        if self.channel.offers_tls() {
            words += " STARTTLS";
        }
        words += if self.channel.takes_login() {
            " AUTH=PLAIN AUTH=LOGIN"
        } else {
            " LOGINDISABLED"
        };
        words
    }

    fn command(&mut self, frame: Frame) {
        let Command { tag, body } = match Command::parse(frame) {
            Ok(command) => command,
            Err(error) => return self.bad(error.tag.as_ref(), &error.to_string()),
        };
        match body {
            Body::Capability => {
                self.plan
                    .say(format_args!("* CAPABILITY {}", self.capability()));
                self.ok(&tag, "Done");
            }
            Body::Noop => self.ok(&tag, "Done"),
            Body::Logout => {
                self.plan.say("* BYE Goodbye");
                self.ok(&tag, "Done");
                self.end();
            }
            Body::Id(fields) => {
                self.client = client_name(&fields);
                self.plan.say("* ID (\"name\" \"Sekisho\")");
                self.ok(&tag, "Done");
            }
            Body::StartTls => self.start_tls(&tag),
            Body::Login { .. } | Body::Authenticate { .. } if !self.channel.takes_login() => {
                self.plan.say(format_args!(
                    "{tag} NO [PRIVACYREQUIRED] No login on an unencrypted connection"
                ));
            }
            Body::Login { name, password } => {
                let credentials = Credentials {
                    name: as_typed(&name),
                    authorization: None,
                    password: Password::new(as_typed(password.expose())),
                };
                self.ask(tag, credentials);
            }
            Body::Authenticate { mechanism, initial } => match Exchange::begin(&mechanism) {
                None => {
                    let words = "Only PLAIN and LOGIN are known";
                    self.plan.say(format_args!("{tag} NO [CANNOT] {words}"));
                }
                Some(exchange) => match initial {
                    Some(message) => self.progress(tag, exchange.take(message.expose())),
                    None => self.progress(tag, Progress::Goes(exchange)),
                },
            },
            _ => self.bad(Some(&tag), "Log in first"),
        }
    }

    fn start_tls(&mut self, tag: &Tag) {
        if !self.channel.offers_tls() {
            return self.bad(Some(tag), "TLS can't be started here");
        }
        if self.reader.has_buffered() {
            self.plan.say("* BYE Plaintext behind STARTTLS");
            return self.end();
        }
        self.ok(tag, "Begin TLS");
        self.plan.add(Action::StartTls);
        self.state = State::Deaf;
    }

    fn sasl_line(&mut self, tag: Tag, exchange: Exchange, line: &Frame) {
        match SaslLine::parse(line) {
            Some(SaslLine::Data(message)) => self.progress(tag, exchange.take(message.expose())),
            Some(SaslLine::Cancel) => self.bad(Some(&tag), "Cancelled"),
            None => self.bad(Some(&tag), "Not base64"),
        }
    }

    fn progress(&mut self, tag: Tag, progress: Progress) {
        match progress {
            Progress::Goes(exchange) => {
                self.plan.say(format_args!("+ {}", exchange.challenge()));
                self.state = State::Sasl { tag, exchange };
            }
            Progress::Complete(credentials) => self.ask(tag, credentials),
            Progress::Malformed => self.bad(Some(&tag), "Not what the mechanism says"),
        }
    }

    fn ask(&mut self, tag: Tag, credentials: Credentials) {
        self.plan.add(Action::Attempt(credentials));
        self.state = State::Asking { tag };
    }

    fn ok(&mut self, tag: &Tag, words: &str) {
        self.plan.say(format_args!("{tag} OK {words}"));
    }

    fn bad(&mut self, tag: Option<&Tag>, words: &str) {
        match tag {
            Some(tag) => self.plan.say(format_args!("{tag} BAD {words}")),
            None => self.plan.say(format_args!("* BAD {words}")),
        }
        if self.plan.mistaken_once_more() {
            self.plan.say("* BYE Too many mistakes");
            self.end();
        }
    }

    fn cut_wrong(&mut self, error: &FramingError) {
        if let FramingError::LiteralTooBig { tag, .. } = error {
            self.bad(tag.as_ref(), "Literal too big before the login");
        } else {
            self.plan.say(format_args!("* BYE {error}"));
            self.end();
        }
    }

    fn end(&mut self) {
        self.plan.close();
        self.state = State::Deaf;
    }

    /// Takes the tag of the attempt that is being answered, and reads commands again.
    fn answered(&mut self) -> Option<Tag> {
        match std::mem::replace(&mut self.state, State::Commands) {
            State::Asking { tag } => Some(tag),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Reads one command or line; `false` if none is complete.
    fn read(&mut self) -> Result<bool, FramingError> {
        match std::mem::replace(&mut self.state, State::Commands) {
            State::Commands => match self.reader.next_event()? {
                None => return Ok(false),
                Some(Event::Continue) => self.plan.say("+ Go on"),
                Some(Event::Command(frame)) => self.command(frame),
            },
            State::Sasl { tag, exchange } => match self.reader.next_line() {
                Ok(Some(line)) => self.sasl_line(tag, exchange, &line),
                Ok(None) => {
                    self.state = State::Sasl { tag, exchange };
                    return Ok(false);
                }
                Err(error) => return Err(error),
            },
            deaf @ (State::Asking { .. } | State::Deaf) => {
                self.state = deaf;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Dialogue for ImapGreeter {
    fn greeting(&self) -> Vec<u8> {
        format!("* OK [CAPABILITY {}] Sekisho ready\r\n", self.capability()).into_bytes()
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
                Err(error) => self.cut_wrong(&error),
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
        Protocol::Imap
    }

    fn admitted(&mut self, imap_capabilities: Option<Arc<str>>) -> Vec<u8> {
        let capabilities = imap_capabilities.as_ref().unwrap_or(&self.capabilities);
        let answer = match &self.state {
            State::Asking { tag } => format!("{tag} OK [CAPABILITY {capabilities}] Logged in\r\n"),
            _ => String::new(),
        };
        self.state = State::Deaf;
        answer.into_bytes()
    }

    fn refused(&mut self, sentence: &str) {
        let Some(tag) = self.answered() else { return };
        let mut answer = format!("{tag} NO [AUTHENTICATIONFAILED] ").into_bytes();
        encode::text(&mut answer, sentence);
        answer.extend_from_slice(b"\r\n");
        self.plan.add(Action::Send(answer));
        if self.plan.refused_once_more() {
            self.plan.say("* BYE Too many refused logins");
            self.end();
        }
    }

    fn failed(&mut self, failure: LoginFailure) {
        let Some(tag) = self.answered() else { return };
        // The response codes of RFC 5530, section 3.
        let code = match failure {
            LoginFailure::TooMany => "LIMIT",
            _ if failure.is_temporary() => "UNAVAILABLE",
            _ => "CONTACTADMIN",
        };
        self.plan
            .say(format_args!("{tag} NO [{code}] {}", failure.words()));
    }

    fn closing_reply(&self, reason: CloseReason) -> Vec<u8> {
        format!("* BYE {}\r\n", reason.words()).into_bytes()
    }

    fn client(&self) -> &str {
        &self.client
    }

    fn into_rest(self) -> Vec<u8> {
        self.reader.into_rest()
    }
}

/// The client's name and version from its ID.
fn client_name(fields: &[(Vec<u8>, Option<Vec<u8>>)]) -> String {
    let field = |wanted: &[u8]| {
        let found = fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.and_then(|(_, value)| value.as_deref()).map(as_typed)
    };
    let words: Vec<_> = [field(b"name"), field(b"version")]
        .into_iter()
        .flatten()
        .collect();
    words.join(" ").chars().take(CLIENT_LENGTH).collect()
}

#[cfg(test)]
mod tests;
