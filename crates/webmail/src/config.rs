//! What the binary hands in: settings, the checkpoint, and access to the mail servers.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use sekisho_checkpoint::{Account, Admitted, Checkpoint, Password};
use sekisho_net::BoxedStream;
use url::Url;

use crate::lang::Lang;

/// Settings of the webmail.
#[derive(Debug, Clone)]
pub struct Config {
    /// The URL at which browsers find the webmail. Only the origin counts: pages are at its root.
    pub base_url: Url,
    /// The name of the session cookie, without prefix. Two webmails on one host need different names, because browsers
    /// share cookies across ports.
    pub cookie_name: String,
    /// The site's name, shown at the top of each page.
    pub site_name: String,
    /// The time zone in which pages show times.
    pub zone: TimeZone,
    /// The URL of the OTP app.
    pub app_url: Url,
    /// Host names that lead to this webmail by one address family only, if the site has them. Through them the
    /// browser's other address joins a grant.
    pub other_family: OtherFamily,
    /// The language for a browser that accepts neither Japanese nor English.
    pub default_language: Lang,
    /// The most that the files of one form may hold together, in bytes.
    pub max_upload: usize,
}

impl Config {
    /// Whether browsers use https, so that cookies can be restricted to it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.base_url.scheme() == "https"
    }
}

/// The webmail's URLs that resolve to one address family only.
#[derive(Debug, Clone, Default)]
pub struct OtherFamily {
    /// The URL that resolves to IPv4 only.
    pub ipv4: Option<Url>,
    /// The URL that resolves to IPv6 only.
    pub ipv6: Option<Url>,
}

impl OtherFamily {
    /// The URL for the address family that `address` does not belong to.
    #[must_use]
    pub fn than(&self, address: std::net::IpAddr) -> Option<&Url> {
        if address.is_ipv4() {
            self.ipv6.as_ref()
        } else {
            self.ipv4.as_ref()
        }
    }

    /// The origins of the URLs, for a Content-Security-Policy.
    #[must_use]
    pub fn origins(&self) -> Vec<String> {
        [&self.ipv4, &self.ipv6]
            .into_iter()
            .flatten()
            .map(|url| url.origin().ascii_serialization())
            .collect()
    }
}

/// What every handler can reach.
pub struct Context {
    /// The checkpoint, which judges every request.
    pub checkpoint: Arc<Checkpoint>,
    /// Opens the mail servers.
    pub mail: Arc<dyn MailServer>,
    /// The settings.
    pub config: Config,
}

/// Opens streams to an IMAP and a submission server, for someone whom the checkpoint admitted. The webmail reaches mail
/// in no other way.
#[async_trait]
pub trait MailServer: Send + Sync + 'static {
    /// Whether the account's mail server wants the person's own password.
    fn wants_password(&self, account: &Account) -> bool;

    /// A stream to an IMAP server, which greets with `PREAUTH`. It closes when the admission ends. `password` is given
    /// if [`wants_password`](Self::wants_password) says so.
    async fn imap(
        &self,
        admitted: Admitted,
        password: Option<Password>,
    ) -> Result<BoxedStream, MailServerError>;

    /// A stream to a submission server, already authenticated. It closes when the admission ends. `password` is given
    /// if [`wants_password`](Self::wants_password) says so.
    async fn submission(
        &self,
        admitted: Admitted,
        password: Option<Password>,
    ) -> Result<BoxedStream, MailServerError>;
}

/// Why a mail server could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum MailServerError {
    /// The mail server can't be reached at the moment. Trying later may help.
    #[error("the mail server is out of reach: {0}")]
    OutOfReach(String),
    /// The mail server refuses the person, or this password.
    #[error("the mail server refused the login: {0}")]
    Refused(String),
}
