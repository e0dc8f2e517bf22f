//! Files out of messages: downloads that never open in the webmail's origin, and the frame's document.

use std::pin::Pin;
use std::task::{Context as Task, Poll};

use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use sekisho_mailclient::{Access, BodyPart, Error, Located, MailboxName, PartNumber, Uid};
use tokio::sync::mpsc;

use super::failure::OrWebError;
use super::pool::Mailbox;
use super::{content, html, place};
use crate::error::WebError;
use crate::visit::query_value;

/// The largest message whose source is handed out, in bytes.
const LARGEST_SOURCE: usize = 128 * 1024 * 1024;

/// The HTML of a message, made harmless, as a document of its own for the frame.
pub(super) async fn framed(
    mut mailbox: Mailbox,
    Path((name, uid, number)): Path<(String, String, String)>,
) -> Result<Response, WebError> {
    let remote = query_value(&mailbox.admitted.visit.path, "pictures").is_some();
    let (name, uid) = (place::folder_name(&name)?, parse_uid(&uid)?);
    let number: PartNumber = number.parse().map_err(|_| WebError::NotFound)?;
    let mut open = mailbox
        .imap()?
        .open(&name, Access::Read)
        .await
        .or_web_error()?;
    let summary = open
        .summary(uid)
        .await
        .or_web_error()?
        .ok_or(WebError::NotFound)?;
    let structure = summary.structure.ok_or(WebError::NotFound)?;
    // An attached message shows its own pictures, and none of those around it.
    let Located { part, whole, .. } = structure
        .locate(&number)
        .filter(|located| located.part.kind == "text/html")
        .ok_or(WebError::NotFound)?;
    let content::Text::Html(_, decoded) =
        content::read(&mut open, uid, part).await.or_web_error()?
    else {
        return Err(WebError::TooLarge);
    };
    let pictures = content::pictures(&mut open, uid, whole, &decoded.text)
        .await
        .or_web_error()?;
    let document = html::document(&html::clean(&decoded.text, pictures, remote));
    let policy = if remote {
        html::POLICY_WITH_PICTURES
    } else {
        html::POLICY
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "private, no-cache"),
    ];
    Ok((headers, document).into_response())
}

/// A file, streamed: however large it is, little of it is in memory.
pub(super) async fn part(
    mut mailbox: Mailbox,
    Path((name, uid, number)): Path<(String, String, String)>,
) -> Result<Response, WebError> {
    let (name, uid) = (place::folder_name(&name)?, parse_uid(&uid)?);
    let number: PartNumber = number.parse().map_err(|_| WebError::NotFound)?;
    let mut open = mailbox
        .imap()?
        .open(&name, Access::Read)
        .await
        .or_web_error()?;
    let summary = open
        .summary(uid)
        .await
        .or_web_error()?
        .ok_or(WebError::NotFound)?;
    let structure = summary.structure.ok_or(WebError::NotFound)?;
    let part = structure.find(&number).ok_or(WebError::NotFound)?.clone();
    let file = file_name(&part);
    let kind = harmless_kind(&part.kind).to_owned();
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(send(mailbox, name, uid, part, sender));
    Ok(as_download(&file, &kind, Body::new(Chunks(receiver))))
}

/// The message as it came.
pub(super) async fn source(
    mut mailbox: Mailbox,
    Path((name, uid)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (name, uid) = (place::folder_name(&name)?, parse_uid(&uid)?);
    let mut open = mailbox
        .imap()?
        .open(&name, Access::Read)
        .await
        .or_web_error()?;
    let message = open
        .message(uid, LARGEST_SOURCE)
        .await
        .or_web_error()?
        .ok_or(WebError::NotFound)?;
    Ok(as_download(
        &format!("message-{uid}.eml"),
        "message/rfc822",
        Body::from(message.raw),
    ))
}

pub(super) fn parse_uid(text: &str) -> Result<Uid, WebError> {
    text.parse().map_err(|_| WebError::NotFound)
}

/// A file's name: its own, or one by its number.
pub(super) fn file_name(part: &BodyPart) -> String {
    part.file_name.clone().unwrap_or_else(|| {
        let end = match part.kind.as_str() {
            "message/rfc822" => "eml",
            "text/calendar" => "ics",
            "text/html" => "html",
            kind if kind.starts_with("text/") => "txt",
            kind => kind
                .strip_prefix("image/")
                .filter(|end| end.bytes().all(|b| b.is_ascii_alphanumeric()))
                .unwrap_or("bin"),
        };
        format!("part-{}.{end}", part.number)
    })
}

/// Sends a file piece by piece; ends when the browser no longer listens. A file that breaks off must not pass for a
/// whole one, so the error goes along.
async fn send(
    mut mailbox: Mailbox,
    folder: MailboxName,
    uid: Uid,
    part: BodyPart,
    to: mpsc::Sender<Result<Bytes, Error>>,
) {
    let Ok(imap) = mailbox.imap() else {
        return;
    };
    let mut open = match imap.open(&folder, Access::Read).await {
        Ok(open) => open,
        Err(error) => {
            // Nobody listens any more if this fails.
            let _ = to.send(Err(error)).await;
            return;
        }
    };
    let mut download = open.download(uid, &part);
    while let Some(piece) = download.next().await.transpose() {
        let ends = piece.is_err();
        if to.send(piece.map(Bytes::from)).await.is_err() || ends {
            return;
        }
    }
}

struct Chunks(mpsc::Receiver<Result<Bytes, Error>>);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0
            .poll_recv(task)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// The type as it says, unless browsers would run it.
fn harmless_kind(kind: &str) -> &str {
    let is_token = |c: u8| c.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&c);
    let well_formed = kind.split_once('/').is_some_and(|(a, b)| {
        !a.is_empty() && !b.is_empty() && a.bytes().all(is_token) && b.bytes().all(is_token)
    });
    let runs = ["html", "xml", "svg", "script"]
        .iter()
        .any(|what| kind.contains(what));
    if well_formed && !runs {
        kind
    } else {
        "application/octet-stream"
    }
}

/// A download that no browser opens in our origin: it is named an attachment (RFC 6266), is not guessed at, and would
/// be without an origin.
fn as_download(name: &str, kind: &str, body: Body) -> Response {
    let value = |text: String| {
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
    };
    let kind =
        HeaderValue::try_from(kind).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, value(disposition(name))),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (headers, body).into_response()
}

/// RFC 6266 with an ASCII form for old programs, and RFC 8187's for all others.
fn disposition(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " ._-()+@".contains(c);
    let ascii: String = name
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    let is_attr = |b: u8| b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b);
    let mut extended = String::new();
    for byte in name.bytes() {
        if is_attr(byte) {
            extended.push(char::from(byte));
        } else {
            extended.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{extended}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_stays_in_its_header() {
        assert_eq!(
            disposition("会議 \"a\"\r\nX: y.pdf"),
            "attachment; filename=\"__ _a___X_ y.pdf\"; filename*=UTF-8''%E4%BC%9A%E8%AD%B0%20%22a%22%0D%0AX%3A%20y.pdf"
        );
    }

    #[test]
    fn what_browsers_run_gets_no_type() {
        assert_eq!(harmless_kind("application/pdf"), "application/pdf");
        for kind in [
            "text/html",
            "image/svg+xml",
            "application/xhtml+xml",
            "text/javascript",
            "a",
            "a/b; c",
            "a/b\r\nx",
        ] {
            assert_eq!(harmless_kind(kind), "application/octet-stream", "{kind:?}");
        }
    }
}
