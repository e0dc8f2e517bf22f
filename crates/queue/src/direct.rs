//! The way out without a relay: each domain's own mail servers, found by its MX records (RFC 5321, section 5.1).
//!
//! TLS is used wherever it is offered, whoever signed the certificate (RFC 7435): otherwise the same mail would travel
//! in the clear. If the TLS handshake with a server fails, the message is sent to it without TLS.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use sekisho_checkpoint::ports::Clock;
use sekisho_net::client::Connector;
use sekisho_net::dns::{DnsError, MailHost, MailHosts};
use sekisho_smtp::RcptTo;

use crate::client::{Failed, SmtpClient, expect, no_connection};
use crate::transport::{Diagnostic, Envelope, Outcome, Transport};

/// How many of a domain's servers are tried in one attempt.
const TRIED: usize = 5;

/// Knows which servers take a domain's mail.
#[async_trait]
pub trait Hosts: Send + Sync + 'static {
    /// The servers of a domain, the preferred ones first.
    async fn of(&self, domain: &str) -> Result<Vec<MailHost>, DnsError>;
}

#[async_trait]
impl Hosts for MailHosts {
    async fn of(&self, domain: &str) -> Result<Vec<MailHost>, DnsError> {
        Self::of(self, domain).await
    }
}

/// The transport to each domain's own servers. It makes a connection for each message and domain.
pub struct DirectTransport {
    /// Knows the servers.
    pub hosts: Arc<dyn Hosts>,
    /// Connects; it has to take any certificate.
    pub connector: Connector,
    /// Measures how long the other side is silent.
    pub clock: Arc<dyn Clock>,
    /// This site's host name.
    pub hello: String,
    /// The port, 25 but for tests.
    pub port: u16,
}

#[async_trait]
impl Transport for DirectTransport {
    async fn send(&self, envelope: &Envelope, message: &[u8]) -> Vec<Outcome> {
        let mut domains: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, recipient) in envelope.recipients.iter().enumerate() {
            let domain = recipient.to.domain().to_ascii_lowercase();
            domains.entry(domain).or_default().push(at);
        }
        let nothing = Outcome::Later(Diagnostic::own("4.3.0", "it was not tried"));
        let mut outcomes = vec![nothing; envelope.recipients.len()];
        for (domain, places) in domains {
            let recipients: Vec<RcptTo> = places
                .iter()
                .map(|at| envelope.recipients[*at].clone())
                .collect();
            let part = Envelope {
                recipients,
                ..envelope.clone()
            };
            let sent = self.to_domain(&domain, &part, message).await;
            for (at, outcome) in places.into_iter().zip(sent) {
                outcomes[at] = outcome;
            }
        }
        outcomes
    }
}

impl DirectTransport {
    async fn to_domain(&self, domain: &str, envelope: &Envelope, message: &[u8]) -> Vec<Outcome> {
        let all = |outcome: Outcome| vec![outcome; envelope.recipients.len()];
        let hosts = match self.hosts_of(domain).await {
            Ok(hosts) => hosts,
            Err(outcome) => return all(outcome),
        };
        let mut diagnostic =
            Diagnostic::own("4.4.1", "the domain has no mail server that can be reached");
        for host in hosts.iter().take(TRIED) {
            let mut client = match self.open(&host.name).await {
                Ok(client) => client,
                Err(reason) => {
                    tracing::debug!(words = %reason.words, "a mail server of a domain did not take part");
                    diagnostic = reason;
                    continue;
                }
            };
            match client.hand_over(envelope, message).await {
                Ok(outcomes) => {
                    client.quit().await;
                    return outcomes;
                }
                Err(Failed::All(Outcome::Later(reason))) => {
                    client.quit().await;
                    diagnostic = reason;
                }
                Err(Failed::All(outcome)) => {
                    client.quit().await;
                    return all(outcome);
                }
                // The server may have accepted what was sent: trying another one could deliver it twice.
                Err(Failed::Lost(lost)) => {
                    return all(Outcome::Later(Diagnostic::own("4.4.2", lost)));
                }
            }
        }
        all(Outcome::Later(diagnostic))
    }

    async fn hosts_of(&self, domain: &str) -> Result<Vec<MailHost>, Outcome> {
        if domain.starts_with('[') {
            let words = "mail is sent to domains, not to addresses of machines";
            return Err(Outcome::Never(Diagnostic::own("5.1.2", words)));
        }
        let mut hosts = match self.hosts.of(domain).await {
            Ok(hosts) => hosts,
            Err(error @ DnsError::NoDomain) => {
                return Err(Outcome::Never(Diagnostic::own("5.1.2", error)));
            }
            Err(error @ DnsError::NoMail) => {
                return Err(Outcome::Never(Diagnostic::own("5.1.10", error)));
            }
            Err(error @ DnsError::Temporary(_)) => {
                return Err(Outcome::Later(Diagnostic::own("4.4.3", error)));
            }
        };
        // Where this server is one of the domain's, mail goes only to those before it (RFC 5321, section 5.1).
        let own = hosts
            .iter()
            .find(|host| host.name.eq_ignore_ascii_case(&self.hello))
            .map(|host| host.preference);
        if let Some(own) = own {
            hosts.retain(|host| host.preference < own);
        }
        if hosts.is_empty() {
            let words = "the domain's mail is sent to this server, which does not know it";
            return Err(Outcome::Never(Diagnostic::own("5.4.6", words)));
        }
        Ok(hosts)
    }

    /// Connects, with TLS if the server offers it.
    async fn open(&self, host: &str) -> Result<SmtpClient, Diagnostic> {
        let mut client = self.greeted(host).await?;
        if !client.offered.has("STARTTLS") {
            return Ok(client);
        }
        let encrypted = async {
            expect(client.ask("STARTTLS").await, 220)?;
            let (stream, unread) = client.connection.into_parts();
            let stream = self.connector.start_tls(stream, host, &unread).await;
            let mut client = SmtpClient::over(stream.map_err(no_connection)?, &self.clock);
            client.hello(&self.hello).await?;
            Ok::<_, Diagnostic>(client)
        };
        match encrypted.await {
            Ok(client) => Ok(client),
            Err(diagnostic) => {
                tracing::info!(words = %diagnostic.words, "no TLS with a mail server that offers it");
                self.greeted(host).await
            }
        }
    }

    async fn greeted(&self, host: &str) -> Result<SmtpClient, Diagnostic> {
        let stream = self.connector.connect_plain(host, self.port).await;
        let mut client = SmtpClient::begin(stream.map_err(no_connection)?, &self.clock).await?;
        client.hello(&self.hello).await?;
        Ok(client)
    }
}
