//! Addresses of pages.

use url::Url;

use super::server::is_loopback;
use super::text::Text;

/// `https://host[:port]`, or `http://` where nothing leaves the machine.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// As it was written, without a slash at its end.
    text: String,
    url: Url,
}

impl Origin {
    /// As it was written: it can be remembered and typed.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Its first page.
    pub(crate) fn page(&self) -> WebPage {
        WebPage(self.url.clone())
    }

    /// The host's name, or its address without brackets.
    pub(crate) fn host(&self) -> &str {
        let host = self.url.host_str().unwrap_or("localhost");
        host.trim_matches(['[', ']'])
    }

    /// Whether a browser takes both for one and the same site.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.url.origin() == other.url.origin()
    }
}

impl Text for Origin {
    fn parse(text: &str) -> Option<Self> {
        let (rest, secure) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (rest, true),
            (None, Some(rest)) => (rest, false),
            (None, None) => return None,
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
        if !rest.bytes().all(is_plain) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let is_here = match url.host()? {
            url::Host::Domain(name) => name == "localhost",
            url::Host::Ipv4(address) => is_loopback(address.into()),
            url::Host::Ipv6(address) => is_loopback(address.into()),
        };
        let text = text.to_owned();
        (secure || is_here).then_some(Self { text, url })
    }

    fn refusal(key: &str, _: &str) -> String {
        format!("`{key}` must be https:// and a host name in ASCII, without a path")
    }

    fn text(&self) -> String {
        self.text.clone()
    }
}

/// A page anywhere, `https://` or `http://`.
#[derive(Debug, Clone)]
pub(crate) struct WebPage(Url);

impl WebPage {
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Text for WebPage {
    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        matches!(url.scheme(), "https" | "http").then_some(Self(url))
    }

    fn refusal(_: &str, text: &str) -> String {
        format!("{text:?} is no page; write one such as \"https://id.example.ac.jp/password\"")
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_taken_for_loopback_alone() {
        let is_origin = |text| Origin::parse(text).is_some();
        assert!(is_origin("http://localhost:8080") && is_origin("http://127.0.0.1:8080"));
        assert!(!is_origin("http://mail.example.ac.jp") && !is_origin("https://mail.example/path"));
        assert!(!is_origin("https://") && !is_origin("https://:443"));
    }

    #[test]
    fn an_origin_knows_its_host() {
        let host = |text| Origin::parse(text).map(|origin| origin.host().to_owned());
        assert_eq!(
            host("https://mail.example:8443").as_deref(),
            Some("mail.example")
        );
        assert_eq!(host("http://[::1]:8080").as_deref(), Some("::1"));
    }
}
