//! The way out through another mail server.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sekisho_checkpoint::Password;
use sekisho_checkpoint::ports::Clock;
use sekisho_net::client::{Connector, TlsMode};

use crate::client::{Failed, SmtpClient, expect, no_connection};
use crate::transport::{Diagnostic, Envelope, Outcome, Transport};

/// A mail server that takes what leaves the site.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Its host name (which its certificate must name) or address.
    pub host: String,
    /// Its port: 25, 587 or 465 as a rule.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// What to log in with, if the relay wants that.
    pub login: Option<RelayLogin>,
    /// What this site calls itself there: its own host name.
    pub hello: String,
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

/// The transport through a [`Relay`]. A connection for each message.
pub struct RelayTransport {
    relay: Relay,
    connector: Connector,
    clock: Arc<dyn Clock>,
}

impl RelayTransport {
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
        if relay.login.is_some() && relay.tls == TlsMode::None && !here {
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
impl Transport for RelayTransport {
    async fn send(&self, envelope: &Envelope, message: &[u8]) -> Vec<Outcome> {
        let all = |outcome: Outcome| vec![outcome; envelope.recipients.len()];
        let mut client = match self.open().await {
            Ok(client) => client,
            Err(diagnostic) => return all(Outcome::Later(diagnostic)),
        };
        let outcomes = match client.hand_over(envelope, message).await {
            Ok(outcomes) => outcomes,
            Err(Failed::Lost(lost)) => return all(Outcome::Later(Diagnostic::own("4.4.2", lost))),
            Err(Failed::All(outcome)) => all(outcome),
        };
        client.quit().await;
        outcomes
    }
}

impl RelayTransport {
    /// Connects and logs in. Whatever goes wrong here is the fault of the relay or the configuration, not of the
    /// message; so the message can wait.
    async fn open(&self) -> Result<SmtpClient, Diagnostic> {
        let Relay {
            host, port, tls, ..
        } = &self.relay;
        let stream = match tls {
            TlsMode::Implicit => self.connector.connect_tls(host, *port).await,
            TlsMode::None | TlsMode::StartTls => self.connector.connect_plain(host, *port).await,
        };
        let mut client = SmtpClient::begin(stream.map_err(no_connection)?, &self.clock).await?;
        client.hello(&self.relay.hello).await?;
        if *tls == TlsMode::StartTls {
            if !client.offered.has("STARTTLS") {
                return Err(Diagnostic::own(
                    "4.7.10",
                    "the relay does not offer STARTTLS",
                ));
            }
            expect(client.ask("STARTTLS").await, 220)?;
            let (stream, unread) = client.connection.into_parts();
            let stream = self.connector.start_tls(stream, host, &unread).await;
            client = SmtpClient::over(stream.map_err(no_connection)?, &self.clock);
            client.hello(&self.relay.hello).await?;
        }
        if let Some(login) = &self.relay.login {
            log_in(&mut client, login).await?;
        }
        Ok(client)
    }
}

async fn log_in(client: &mut SmtpClient, login: &RelayLogin) -> Result<(), Diagnostic> {
    let offered = |name: &str| client.offered.lists("AUTH", name);
    let (user, password) = (login.user.as_str(), login.password.expose());
    if offered("PLAIN") {
        let response = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
        expect(client.ask(&format!("AUTH PLAIN {response}")).await, 235)?;
    } else if offered("LOGIN") {
        expect(client.ask("AUTH LOGIN").await, 334)?;
        expect(client.ask(&BASE64_STANDARD.encode(user)).await, 334)?;
        expect(client.ask(&BASE64_STANDARD.encode(password)).await, 235)?;
    } else {
        return Err(Diagnostic::own(
            "4.7.0",
            "the relay offers no login that is known here",
        ));
    }
    Ok(())
}
