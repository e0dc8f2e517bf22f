//! The client's side of a conversation with another mail server (RFC 5321). It sends only what the server's answer to
//! EHLO allows.

use std::sync::Arc;

use jiff::SignedDuration;
use sekisho_checkpoint::ports::Clock;
use sekisho_net::{BoxedStream, NetError};
use sekisho_smtp::data::encode;
use sekisho_smtp::{Body, Extensions, MailFrom, Reply};

use crate::connection::{Connection, Lost};
use crate::transport::{Diagnostic, Envelope, Outcome};

/// How long the other side may be silent: RFC 5321 4.5.3.2 asks for five to ten minutes, by command.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// A conversation with another mail server.
pub(crate) struct SmtpClient {
    pub(crate) connection: Connection<BoxedStream>,
    /// The extensions that its answer to EHLO offers.
    pub(crate) offered: Extensions,
}

/// Why no recipient got the message.
pub(crate) enum Failed {
    /// The connection broke.
    Lost(Lost),
    /// The outcome is the same for all recipients.
    All(Outcome),
}

impl From<Lost> for Failed {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl SmtpClient {
    /// Begins a conversation, and reads the greeting.
    pub(crate) async fn begin(
        stream: BoxedStream,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Diagnostic> {
        let mut client = Self::over(stream, clock);
        expect(client.connection.read_reply().await, 220)?;
        Ok(client)
    }

    /// Goes on over TLS: the greeting was read before it.
    pub(crate) fn over(stream: BoxedStream, clock: &Arc<dyn Clock>) -> Self {
        Self {
            connection: Connection::new(stream, Vec::new(), Arc::clone(clock), PATIENCE),
            offered: Extensions::default(),
        }
    }

    pub(crate) async fn ask(&mut self, line: &str) -> Result<Reply, Lost> {
        self.connection.put(line.as_bytes());
        self.connection.put(b"\r\n");
        self.connection.read_reply().await
    }

    pub(crate) async fn hello(&mut self, name: &str) -> Result<(), Diagnostic> {
        let reply = expect(self.ask(&format!("EHLO {name}")).await, 250)?;
        self.offered = Extensions::offered(&reply);
        Ok(())
    }

    pub(crate) async fn hand_over(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<Vec<Outcome>, Failed> {
        let reports = self.offered.has("DSN");
        let mail = self.mail_command(envelope, message.len())?;
        let reply = self.ask(&mail).await?;
        if !reply.is_success() {
            return Err(Failed::All(Outcome::refused(&reply)));
        }
        let mut outcomes = Vec::with_capacity(envelope.recipients.len());
        for recipient in &envelope.recipients {
            let reply = self.ask(&recipient.command(&self.offered)).await?;
            outcomes.push(if reply.is_success() {
                Outcome::Sent { reports }
            } else {
                Outcome::refused(&reply)
            });
        }
        let is_taken = |outcome: &Outcome| matches!(outcome, Outcome::Sent { .. });
        if !outcomes.iter().any(is_taken) {
            return Ok(outcomes);
        }
        let reply = self.ask("DATA").await?;
        let end = if reply.code() == 354 {
            self.connection.put(&encode(message));
            match self.connection.read_reply().await {
                Ok(reply) if reply.is_success() => return Ok(outcomes),
                Ok(reply) => Outcome::refused(&reply),
                // Whoever was refused already stays refused, even if the connection breaks now.
                Err(lost) => Outcome::Later(Diagnostic::own("4.4.2", lost)),
            }
        } else {
            Outcome::refused(&reply)
        };
        for outcome in outcomes.iter_mut().filter(|o| is_taken(o)) {
            *outcome = end.clone();
        }
        Ok(outcomes)
    }

    /// `MAIL` with what the other side understands of its parameters. Content beyond ASCII goes out as it is even where
    /// `8BITMIME` is not offered: no server in use mangles it, and a bounce would help nobody.
    fn mail_command(&self, envelope: &Envelope, size: usize) -> Result<String, Failed> {
        let never =
            |status, words| Err(Failed::All(Outcome::Never(Diagnostic::own(status, words))));
        let size = size as u64;
        let largest = self.offered.largest_message();
        if largest.is_some_and(|largest| size > largest) {
            return never("5.3.4", "the message is too big for the server");
        }
        if envelope.utf8 && !self.offered.has("SMTPUTF8") {
            return never("5.6.7", "the server does not take addresses beyond ASCII");
        }
        let mail = MailFrom {
            from: envelope.sender.clone(),
            size: Some(size),
            body: if envelope.eight_bit {
                Body::EightBit
            } else {
                Body::SevenBit
            },
            utf8: envelope.utf8,
            ret: envelope.ret,
            envid: envelope.envid.clone(),
        };
        Ok(mail.command(&self.offered))
    }

    /// Ends the conversation. Nothing depends on how that goes.
    pub(crate) async fn quit(mut self) {
        self.connection.put(b"QUIT\r\n");
        if let Err(lost) = self.connection.close().await {
            tracing::debug!(%lost, "a mail server went away without a goodbye");
        }
    }
}

pub(crate) fn expect(reply: Result<Reply, Lost>, code: u16) -> Result<Reply, Diagnostic> {
    match reply {
        Ok(reply) if reply.code() == code => Ok(reply),
        Ok(reply) => Err(Diagnostic::reply(&reply)),
        Err(lost) => Err(Diagnostic::own("4.4.2", lost)),
    }
}

pub(crate) fn no_connection(error: NetError) -> Diagnostic {
    Diagnostic::own("4.4.1", error)
}
