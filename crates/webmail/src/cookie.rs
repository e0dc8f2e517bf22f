//! Reads cookies from a request, and writes the headers that set them.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::config::Config;

/// The cookies of the webmail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session's token.
    Session,
    /// A random secret for the login form's CSRF token, before there is a session.
    Before,
    /// The chosen language.
    Language,
}

impl Cookie {
    /// `__Host-` makes browsers take the cookie from this host and over https only (RFC 6265bis section 4.1.3.2).
    fn name(self, config: &Config) -> String {
        let prefix = if config.is_https() { "__Host-" } else { "" };
        let suffix = match self {
            Self::Session => "",
            Self::Before => "-before",
            Self::Language => "-language",
        };
        format!("{prefix}{}{suffix}", config.cookie_name)
    }

    /// The cookie's value in a request.
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

    /// The header that sets the cookie. `value` must be plain ASCII without `;`.
    pub(crate) fn set(self, config: &Config, value: &str) -> Option<HeaderValue> {
        let age = match self {
            // The checkpoint decides when a session ends. Without an age the browser forgets the cookie when it closes.
            Self::Session => "",
            Self::Before => "; Max-Age=86400",
            Self::Language => "; Max-Age=31536000",
        };
        self.line(config, value, age)
    }

    /// The header that removes the cookie.
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
