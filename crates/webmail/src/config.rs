//! What the binary hands in: settings, the checkpoint, and the way to the mail.

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
    /// Where browsers find it. Only the origin counts: pages live at its root.
    pub base_url: Url,
    /// The name of the session's cookie, without prefix. Two webmails on one host name need two names: browsers share cookies across ports.
    pub cookie_name: String,
    /// The site's name, in the head of each page.
    pub site_name: String,
    /// The time zone that times are shown in.
    pub zone: TimeZone,
    /// Where the OTP app is found.
    pub app_url: Url,
    /// Names of this webmail that lead to it by IPv4 alone and by IPv6 alone, where the site has them: by them a line's other address joins a grant.
    pub other_family: OtherFamily,
    /// The language for a browser that asks for none of ours.
    pub default_language: Lang,
    /// How much one form may carry, in bytes, attachments and all.
    pub max_upload: usize,
}

impl Config {
    /// Whether browsers come by https, so that cookies can be bound to it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.base_url.scheme() == "https"
    }
}

/// Where the webmail is found by one address family alone.
#[derive(Debug, Clone, Default)]
pub struct OtherFamily {
    /// By IPv4.
    pub ipv4: Option<Url>,
    /// By IPv6.
    pub ipv6: Option<Url>,
}

impl OtherFamily {
    /// The name for the family that an address is not of.
    #[must_use]
    pub fn than(&self, address: std::net::IpAddr) -> Option<&Url> {
        if address.is_ipv4() {
            self.ipv6.as_ref()
        } else {
            self.ipv4.as_ref()
        }
    }

    /// Their origins, as a policy of content names them.
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
    /// The checkpoint.
    pub checkpoint: Arc<Checkpoint>,
    /// The way to the mail.
    pub mail: Arc<dyn MailServer>,
    /// Settings.
    pub config: Config,
}

/// The one road to the mail: streams to an IMAP and a submission server, opened for someone whom the checkpoint admitted.
#[async_trait]
pub trait MailServer: Send + Sync + 'static {
    /// Whether the mail server of an account has to be told the person's own password.
    fn wants_password(&self, account: &Account) -> bool;

    /// A stream to an IMAP server, which greets with `PREAUTH`. It closes when the admission ends. `password` is there if it is wanted.
    async fn imap(
        &self,
        admitted: Admitted,
        password: Option<Password>,
    ) -> Result<BoxedStream, MailServerError>;

    /// A stream to a submission server, authenticated already. It closes when the admission ends. `password` is there if it is wanted.
    async fn submission(
        &self,
        admitted: Admitted,
        password: Option<Password>,
    ) -> Result<BoxedStream, MailServerError>;
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum MailServerError {
    /// The mail server can't be reached just now.
    #[error("the mail server is out of reach: {0}")]
    OutOfReach(String),
    /// The mail server does not take the person, or not with this password.
    #[error("the mail server refused the login: {0}")]
    Refused(String),
}
