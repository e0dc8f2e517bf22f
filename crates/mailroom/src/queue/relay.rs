//! The way out through another mail server: an SMTP client (RFC 5321) that takes no liberties with what it is told.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::SignedDuration;
use sekisho_checkpoint::Password;
use sekisho_checkpoint::ports::Clock;
use sekisho_net::client::Connector;
use sekisho_net::{BoxedStream, NetError};

use super::exit::{Addressee, Envelope, Exit, Outcome, Trouble};
use crate::smtp::connection::{Connection, Lost};
use crate::smtp::data::encode;
use crate::smtp::{Reply, Ret};

/// How long the relay may be silent: RFC 5321 4.5.3.2 asks for five to ten minutes, by command.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// A mail server that takes what leaves the site.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Its host name (which its certificate must name) or address.
    pub host: String,
    /// Its port: 25, 587 or 465 as a rule.
    pub port: u16,
    /// How the connection is protected.
    pub tls: RelayTls,
    /// With what to log in, if the relay wants that.
    pub login: Option<RelayLogin>,
    /// What this site calls itself there: its own host name.
    pub hello: String,
}

/// How the connection to a relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayTls {
    /// Not at all: for a relay on this machine or in the same rack.
    None,
    /// By STARTTLS (RFC 3207); a relay that does not offer it gets no mail.
    StartTls,
    /// From the first byte (RFC 8314).
    Implicit,
}

/// Name and password at a relay.
#[derive(Debug, Clone)]
pub struct RelayLogin {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Password,
}

/// A password would travel in the clear: choose TLS for the relay, or no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the relay's password would be sent unencrypted: choose TLS for it")]
pub struct LoginInTheClear;

/// The exit through a [`Relay`]. A connection for each message.
pub struct SmtpExit {
    relay: Relay,
    connector: Connector,
    clock: Arc<dyn Clock>,
}

impl SmtpExit {
    /// Connects nowhere yet.
    ///
    /// # Errors
    /// [`LoginInTheClear`], unless the relay is a loopback address.
    pub fn new(
        relay: Relay,
        connector: Connector,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LoginInTheClear> {
        let here = relay.host == "localhost"
            || relay
                .host
                .parse()
                .is_ok_and(|a: std::net::IpAddr| a.is_loopback());
        if relay.login.is_some() && relay.tls == RelayTls::None && !here {
            return Err(LoginInTheClear);
        }
        Ok(Self {
            relay,
            connector,
            clock,
        })
    }
}

#[async_trait]
impl Exit for SmtpExit {
    async fn send(&self, envelope: &Envelope, message: &[u8]) -> Vec<Outcome> {
        let all = |outcome: Outcome| vec![outcome; envelope.recipients.len()];
        let mut talk = match self.open().await {
            Ok(talk) => talk,
            Err(trouble) => return all(Outcome::Later(trouble)),
        };
        let outcomes = match talk.hand_over(envelope, message).await {
            Ok(outcomes) => outcomes,
            Err(Failed::Lost(lost)) => return all(Outcome::Later(Trouble::own("4.4.2", lost))),
            Err(Failed::All(outcome)) => all(outcome),
        };
        talk.quit().await;
        outcomes
    }
}

impl SmtpExit {
    /// Connects and logs in. Whatever goes wrong here is the relay's or the configuration's fault, not the message's: it can wait.
    async fn open(&self) -> Result<Talk, Trouble> {
        let Relay {
            host, port, tls, ..
        } = &self.relay;
        let stream = match tls {
            RelayTls::Implicit => self.connector.connect_tls(host, *port).await,
            RelayTls::None | RelayTls::StartTls => self.connector.connect_plain(host, *port).await,
        };
        let mut talk = self.talk(stream.map_err(no_connection)?);
        expect(talk.connection.read_reply().await, 220)?;
        talk.hello(&self.relay.hello).await?;
        if *tls == RelayTls::StartTls {
            if !talk.offers("STARTTLS") {
                return Err(Trouble::own("4.7.10", "the relay does not offer STARTTLS"));
            }
            expect(talk.ask("STARTTLS").await, 220)?;
            let (stream, unread) = talk.connection.into_parts();
            let stream = self.connector.start_tls(stream, host, &unread).await;
            talk = self.talk(stream.map_err(no_connection)?);
            talk.hello(&self.relay.hello).await?;
        }
        if let Some(login) = &self.relay.login {
            talk.log_in(login).await?;
        }
        Ok(talk)
    }

    fn talk(&self, stream: BoxedStream) -> Talk {
        Talk {
            connection: Connection::new(stream, Vec::new(), Arc::clone(&self.clock), PATIENCE),
            offers: Vec::new(),
        }
    }
}

/// A conversation with the relay.
struct Talk {
    connection: Connection<BoxedStream>,
    /// The lines of its answer to EHLO, in upper case.
    offers: Vec<String>,
}

/// Why a message went to nobody.
enum Failed {
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
    async fn ask(&mut self, line: &str) -> Result<Reply, Lost> {
        self.connection.put(line.as_bytes());
        self.connection.put(b"\r\n");
        self.connection.read_reply().await
    }

    async fn hello(&mut self, name: &str) -> Result<(), Trouble> {
        let reply = expect(self.ask(&format!("EHLO {name}")).await, 250)?;
        let offers = reply.texts().iter().skip(1);
        self.offers = offers.map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    fn offer(&self, keyword: &str) -> Option<&str> {
        self.offers.iter().find_map(|line| {
            let (word, values) = line.split_once(' ').unwrap_or((line, ""));
            (word == keyword).then_some(values)
        })
    }

    fn offers(&self, keyword: &str) -> bool {
        self.offer(keyword).is_some()
    }

    async fn log_in(&mut self, login: &RelayLogin) -> Result<(), Trouble> {
        let mechanisms = self.offer("AUTH").unwrap_or_default();
        let offered = |name: &str| mechanisms.split(' ').any(|m| m == name);
        let (user, password) = (login.user.as_str(), login.password.expose());
        if offered("PLAIN") {
            let response = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
            expect(self.ask(&format!("AUTH PLAIN {response}")).await, 235)?;
        } else if offered("LOGIN") {
            expect(self.ask("AUTH LOGIN").await, 334)?;
            expect(self.ask(&BASE64_STANDARD.encode(user)).await, 334)?;
            expect(self.ask(&BASE64_STANDARD.encode(password)).await, 235)?;
        } else {
            return Err(Trouble::own(
                "4.7.0",
                "the relay offers no login that is known here",
            ));
        }
        Ok(())
    }

    async fn hand_over(
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

    /// `MAIL` with what the relay understands of its parameters. Content beyond ASCII goes out as it is even where `8BITMIME` is not offered: no server in
    /// use mangles it, and a bounce would help nobody.
    fn mail_command(&self, envelope: &Envelope, size: usize) -> Result<String, Failed> {
        let never = |status, words| Err(Failed::All(Outcome::Never(Trouble::own(status, words))));
        let sender = envelope.sender.as_ref().map_or("", |s| s.as_str());
        let mut command = format!("MAIL FROM:<{sender}>");
        if let Some(limit) = self.offer("SIZE") {
            let limit = limit.parse::<usize>().unwrap_or(0);
            if limit > 0 && size > limit {
                return never("5.3.4", "the message is too big for the relay");
            }
            command += &format!(" SIZE={size}");
        }
        if envelope.eight_bit && self.offers("8BITMIME") {
            command += " BODY=8BITMIME";
        }
        if envelope.utf8 {
            if !self.offers("SMTPUTF8") {
                return never("5.6.7", "the relay does not take addresses beyond ASCII");
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
    async fn quit(mut self) {
        self.connection.put(b"QUIT\r\n");
        if let Err(lost) = self.connection.close().await {
            tracing::debug!(%lost, "the relay went away without a goodbye");
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

fn expect(reply: Result<Reply, Lost>, code: u16) -> Result<Reply, Trouble> {
    match reply {
        Ok(reply) if reply.code() == code => Ok(reply),
        Ok(reply) => Err(Trouble::reply(&reply)),
        Err(lost) => Err(Trouble::own("4.4.2", lost)),
    }
}

fn no_connection(error: NetError) -> Trouble {
    Trouble::own("4.4.1", error)
}
