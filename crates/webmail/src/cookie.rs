//! Cookies: reading them from a request, and the one form in which they are set.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::config::Config;

/// The cookies of the webmail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session's token.
    Session,
    /// A random value before there is a session, for the login form's protection.
    Before,
    /// The chosen language.
    Language,
}

impl Cookie {
    /// `__Host-` binds a cookie to this very host, over https (RFC 6265bis 4.1.3.2).
    fn name(self, config: &Config) -> String {
        let prefix = if config.is_https() { "__Host-" } else { "" };
        let suffix = match self {
            Self::Session => "",
            Self::Before => "-before",
            Self::Language => "-language",
        };
        format!("{prefix}{}{suffix}", config.cookie_name)
    }

    /// Its value in a request.
    pub(crate) fn read<'h>(self, config: &Config, headers: &'h HeaderMap) -> Option<&'h str> {
        let name = self.name(config);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(n, value)| (n == name).then_some(value))
    }

    /// The header that sets it. `value` is ours and plain ASCII.
    pub(crate) fn set(self, config: &Config, value: &str) -> Option<HeaderValue> {
        let age = match self {
            // A session ends when the checkpoint says so; the browser forgets it when it closes.
            Self::Session => "",
            Self::Before => "; Max-Age=86400",
            Self::Language => "; Max-Age=31536000",
        };
        self.line(config, value, age)
    }

    /// The header that removes it.
    pub(crate) fn clear(self, config: &Config) -> Option<HeaderValue> {
        self.line(config, "", "; Max-Age=0")
    }

    fn line(self, config: &Config, value: &str, age: &str) -> Option<HeaderValue> {
        let secure = if config.is_https() { "; Secure" } else { "" };
        let name = self.name(config);
        HeaderValue::try_from(format!(
            "{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"
        ))
        .ok()
    }
}
