//! The part that POP3 and submission share: commands are lines that end in CRLF, and so are SASL messages.

use sekisho_checkpoint::sasl::{Credentials, Exchange};
use sekisho_imap::Secret;
use sekisho_smtp::{Inbound, LineFault};

use crate::dialogue::{Action, Plan};

/// The longest line, in bytes with its CRLF: what RFC 4954, section 4 requires for lines of a SASL exchange.
const LINE: usize = 12_288;

/// The lines received, and the actions planned in response.
#[derive(Default)]
pub(crate) struct Lines {
    /// The planned actions.
    pub(crate) plan: Plan,
    inbound: Inbound,
    state: State,
}

/// How the next line is read.
#[derive(Default)]
enum State {
    /// As a command.
    #[default]
    Commands,
    /// As the client's message in an exchange.
    Sasl(Exchange),
    /// Not before the checkpoint has answered.
    Asking,
    /// Never: TLS is being started, or the dialogue is over.
    Deaf,
}

/// A line, which may contain a password.
pub(crate) enum Heard {
    /// A command.
    Command(Secret),
    /// The client's message in an exchange.
    Sasl(Exchange, Secret),
}

impl Lines {
    /// Takes bytes from the client.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.inbound.push(bytes);
    }

    /// Whether bytes were received that have not been read.
    pub(crate) fn has_unread(&self) -> bool {
        !self.inbound.waiting().is_empty()
    }

    /// The next line; `None` if more bytes are needed, or the result of an action.
    pub(crate) fn hear(&mut self) -> Result<Option<Heard>, LineFault> {
        if matches!(self.state, State::Asking | State::Deaf) {
            return Ok(None);
        }
        let Some(line) = self.inbound.line(LINE)? else {
            return Ok(None);
        };
        let line = Secret::new(line);
        Ok(Some(match std::mem::take(&mut self.state) {
            State::Sasl(exchange) => Heard::Sasl(exchange, line),
            _ => Heard::Command(line),
        }))
    }

    /// Reads the next line as part of an exchange.
    pub(crate) fn go_on_with(&mut self, exchange: Exchange) {
        self.state = State::Sasl(exchange);
    }

    /// Asks the checkpoint.
    pub(crate) fn ask(&mut self, credentials: Credentials) {
        self.plan.add(Action::Attempt(credentials));
        self.state = State::Asking;
    }

    /// Reads commands again, if an attempt was waiting for its answer. Returns whether one was.
    pub(crate) fn answered(&mut self) -> bool {
        let asking = matches!(self.state, State::Asking);
        if asking {
            self.state = State::Commands;
        }
        asking
    }

    /// Starts TLS after the planned actions.
    pub(crate) fn start_tls(&mut self) {
        self.plan.add(Action::StartTls);
        self.stop_reading();
    }

    /// Closes the connection after the planned actions.
    pub(crate) fn end(&mut self) {
        self.plan.close();
        self.stop_reading();
    }

    /// Stops reading.
    pub(crate) fn stop_reading(&mut self) {
        self.state = State::Deaf;
    }

    /// The bytes that were not read.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.inbound.waiting().to_vec()
    }
}
