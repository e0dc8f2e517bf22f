//! What is said to another mail server, as a client of SMTP (RFC 5321) that takes no liberties with what it is told.

use std::sync::Arc;

use jiff::SignedDuration;
use sekisho_checkpoint::ports::Clock;
use sekisho_net::{BoxedStream, NetError};

use super::exit::{Addressee, Envelope, Outcome, Trouble};
use crate::smtp::connection::{Connection, Lost};
use crate::smtp::data::encode;
use crate::smtp::{Reply, Ret};

/// How long the other side may be silent: RFC 5321 4.5.3.2 asks for five to ten minutes, by command.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// A conversation with another mail server.
pub(super) struct Talk {
    pub(super) connection: Connection<BoxedStream>,
    /// The lines of its answer to EHLO, in upper case.
    offers: Vec<String>,
}

/// Why a message went to nobody.
pub(super) enum Failed {
    /// The connection broke.
    Lost(Lost),
    /// The same holds for all recipients.
    All(Outcome),
}

impl From<Lost> for Failed {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl Talk {
    /// Begins, and hears the greeting.
    pub(super) async fn begin(
        stream: BoxedStream,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Trouble> {
        let mut talk = Self::over(stream, clock);
        expect(talk.connection.read_reply().await, 220)?;
        Ok(talk)
    }

    /// Goes on over a stream whose greeting was heard before TLS.
    pub(super) fn over(stream: BoxedStream, clock: &Arc<dyn Clock>) -> Self {
        Self {
            connection: Connection::new(stream, Vec::new(), Arc::clone(clock), PATIENCE),
            offers: Vec::new(),
        }
    }

    pub(super) async fn ask(&mut self, line: &str) -> Result<Reply, Lost> {
        self.connection.put(line.as_bytes());
        self.connection.put(b"\r\n");
        self.connection.read_reply().await
    }

    pub(super) async fn hello(&mut self, name: &str) -> Result<(), Trouble> {
        let reply = expect(self.ask(&format!("EHLO {name}")).await, 250)?;
        let offers = reply.texts().iter().skip(1);
        self.offers = offers.map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    pub(super) fn offer(&self, keyword: &str) -> Option<&str> {
        self.offers.iter().find_map(|line| {
            let (word, values) = line.split_once(' ').unwrap_or((line, ""));
            (word == keyword).then_some(values)
        })
    }

    pub(super) fn offers(&self, keyword: &str) -> bool {
        self.offer(keyword).is_some()
    }

    pub(super) async fn hand_over(
        &mut self,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<Vec<Outcome>, Failed> {
        let reports = self.offers("DSN");
        let mail = self.mail_command(envelope, message.len())?;
        let reply = self.ask(&mail).await?;
        if !reply.is_success() {
            return Err(Failed::All(Outcome::refused(&reply)));
        }
        let mut outcomes = Vec::with_capacity(envelope.recipients.len());
        for recipient in &envelope.recipients {
            let reply = self.ask(&rcpt_command(recipient, reports)).await?;
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
                // Whoever was refused already stays so, even if the connection breaks now.
                Err(lost) => Outcome::Later(Trouble::own("4.4.2", lost)),
            }
        } else {
            Outcome::refused(&reply)
        };
        for outcome in outcomes.iter_mut().filter(|o| is_taken(o)) {
            *outcome = end.clone();
        }
        Ok(outcomes)
    }

    /// `MAIL` with what the other side understands of its parameters. Content beyond ASCII goes out as it is even where `8BITMIME` is not offered: no server in
    /// use mangles it, and a bounce would help nobody.
    fn mail_command(&self, envelope: &Envelope, size: usize) -> Result<String, Failed> {
        let never = |status, words| Err(Failed::All(Outcome::Never(Trouble::own(status, words))));
        let sender = envelope.sender.as_ref().map_or("", |s| s.as_str());
        let mut command = format!("MAIL FROM:<{sender}>");
        if let Some(limit) = self.offer("SIZE") {
            let limit = limit.parse::<usize>().unwrap_or(0);
            if limit > 0 && size > limit {
                return never("5.3.4", "the message is too big for the server");
            }
            command += &format!(" SIZE={size}");
        }
        if envelope.eight_bit && self.offers("8BITMIME") {
            command += " BODY=8BITMIME";
        }
        if envelope.utf8 {
            if !self.offers("SMTPUTF8") {
                return never("5.6.7", "the server does not take addresses beyond ASCII");
            }
            command += " SMTPUTF8";
        }
        if self.offers("DSN") {
            command += match envelope.ret {
                Some(Ret::Full) => " RET=FULL",
                Some(Ret::Headers) => " RET=HDRS",
                None => "",
            };
            if let Some(envid) = &envelope.envid {
                command += &format!(" ENVID={envid}");
            }
        }
        Ok(command)
    }

    /// Politeness: nothing depends on how this ends.
    pub(super) async fn quit(mut self) {
        self.connection.put(b"QUIT\r\n");
        if let Err(lost) = self.connection.close().await {
            tracing::debug!(%lost, "a mail server went away without a goodbye");
        }
    }
}

fn rcpt_command(recipient: &Addressee, reports: bool) -> String {
    let mut command = format!("RCPT TO:<{}>", recipient.path);
    if reports {
        command += match (recipient.notify.success, recipient.notify.failure) {
            (true, true) => " NOTIFY=SUCCESS,FAILURE",
            (true, false) => " NOTIFY=SUCCESS",
            (false, true) => " NOTIFY=FAILURE",
            (false, false) => " NOTIFY=NEVER",
        };
        if let Some(orcpt) = &recipient.orcpt {
            command += &format!(" ORCPT={orcpt}");
        }
    }
    command
}

pub(super) fn expect(reply: Result<Reply, Lost>, code: u16) -> Result<Reply, Trouble> {
    match reply {
        Ok(reply) if reply.code() == code => Ok(reply),
        Ok(reply) => Err(Trouble::reply(&reply)),
        Err(lost) => Err(Trouble::own("4.4.2", lost)),
    }
}

pub(super) fn no_connection(error: NetError) -> Trouble {
    Trouble::own("4.4.1", error)
}
