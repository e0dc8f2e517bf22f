//! Addresses of folders and messages within the webmail, and how pages name messages in forms.

use std::str::FromStr;

use axum::response::{IntoResponse, Redirect, Response};
use sekisho_mailclient::{MailboxName, PartNumber, Uid};
use url::form_urlencoded;

use crate::error::WebError;

/// The page of a folder.
pub(super) fn folder(name: &MailboxName) -> String {
    format!("/mail/folder/{}", segment(name.as_str()))
}

/// The page of a message.
pub(super) fn message(name: &MailboxName, uid: Uid) -> String {
    format!("{}/message/{uid}", folder(name))
}

/// The page of a message that is attached to the one with this page.
pub(super) fn attached(message: &str, number: &PartNumber) -> String {
    format!("{message}/attached/{number}")
}

/// A path with a query.
pub(super) fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let pairs = query.iter().filter(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let joint = if path.contains('?') { '&' } else { '?' };
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}{joint}{query}")
    }
}

/// Leads to another page after a change (303).
pub(super) fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A folder's name out of an address or a form.
pub(super) fn folder_name(text: &str) -> Result<MailboxName, WebError> {
    MailboxName::new(text)
        .ok()
        .filter(|name| !name.as_str().is_empty())
        .ok_or(WebError::NotFound)
}

/// A message as forms name it: a UID counts under its folder's UIDVALIDITY only (RFC 3501, section 2.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// The folder's UIDVALIDITY.
    pub validity: u32,
    /// The message.
    pub uid: Uid,
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.validity, self.uid)
    }
}

impl FromStr for Mark {
    type Err = WebError;

    fn from_str(text: &str) -> Result<Self, WebError> {
        let (validity, uid) = text.split_once('.').ok_or(WebError::BadRequest)?;
        Ok(Self {
            validity: validity.parse().map_err(|_| WebError::BadRequest)?,
            uid: uid.parse().map_err(|_| WebError::BadRequest)?,
        })
    }
}

/// Percent-encodes one segment of a path (RFC 3986, section 3.3): all but unreserved characters.
fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"-_~".contains(&byte)
            || (byte == b'.' && !text.trim_matches('.').is_empty())
        {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_one_segment() {
        let name = MailboxName::new("会議/a \"b\"\n?#%").expect("a name");
        assert_eq!(
            folder(&name),
            "/mail/folder/%E4%BC%9A%E8%AD%B0%2Fa%20%22b%22%0A%3F%23%25"
        );
    }

    #[test]
    fn marks_are_read_as_written() {
        let mark: Mark = "17.4".parse().expect("a mark");
        assert_eq!(mark.to_string(), "17.4");
        for text in ["", "1", "1.", ".1", "1.0", "1.2.3", "-1.2"] {
            assert!(text.parse::<Mark>().is_err(), "{text}");
        }
    }
}
