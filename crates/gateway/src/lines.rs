//! What the dialogues share whose commands are lines ended by CRLF, with SASL among them: POP3 and submission.

use sekisho_checkpoint::sasl::{Credentials, Exchange};
use sekisho_imap::Secret;
use sekisho_smtp::{Inbound, LineFault};

use crate::dialogue::{Action, Plan};

/// The longest line, in bytes with its CRLF: what RFC 4954, section 4 asks for the lines of an exchange.
const LINE: usize = 12_288;

/// Lines heard, and what is planned in answer to them.
#[derive(Default)]
pub(crate) struct Lines {
    /// What is to be said and done.
    pub(crate) plan: Plan,
    inbound: Inbound,
    state: State,
}

/// What the next line is.
#[derive(Default)]
enum State {
    /// A command.
    #[default]
    Commands,
    /// The client's message in an exchange.
    Sasl(Exchange),
    /// Not read before the checkpoint has answered.
    Asking,
    /// Never read: TLS is being started, or the dialogue is over.
    Deaf,
}

/// A line. It may hold a password.
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

    /// Whether something came that was not read.
    pub(crate) fn has_unread(&self) -> bool {
        !self.inbound.waiting().is_empty()
    }

    /// The next line; `None` if that takes more bytes, or the outcome of an action.
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

    /// The next line belongs to an exchange.
    pub(crate) fn go_on_with(&mut self, exchange: Exchange) {
        self.state = State::Sasl(exchange);
    }

    /// Has the checkpoint asked.
    pub(crate) fn ask(&mut self, credentials: Credentials) {
        self.plan.add(Action::Attempt(credentials));
        self.state = State::Asking;
    }

    /// Commands are read again, if an attempt is to be answered now.
    pub(crate) fn answered(&mut self) -> bool {
        let asking = matches!(self.state, State::Asking);
        if asking {
            self.state = State::Commands;
        }
        asking
    }

    /// Starts TLS behind what is planned.
    pub(crate) fn start_tls(&mut self) {
        self.plan.add(Action::StartTls);
        self.stop_reading();
    }

    /// Closes behind what is planned.
    pub(crate) fn end(&mut self) {
        self.plan.close();
        self.stop_reading();
    }

    /// Reads no more.
    pub(crate) fn stop_reading(&mut self) {
        self.state = State::Deaf;
    }

    /// What was not read.
    pub(crate) fn into_rest(self) -> Vec<u8> {
        self.inbound.waiting().to_vec()
    }
}
