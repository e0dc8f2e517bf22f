//! Of what a stranger sends no more is kept than a form of ours can hold.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, StatusCode, header};
use hyper::body::Frame;

use crate::kit::{CAMPUS, Kit};

/// A body of 64 MiB, which counts how much of it was taken.
struct Pour {
    begins: &'static str,
    taken: Arc<AtomicUsize>,
}

impl HttpBody for Pour {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let begins = std::mem::take(&mut self.begins);
        let piece = match begins {
            "" => Bytes::from_static(&[b'x'; 16 * 1024]),
            _ => Bytes::from_static(begins.as_bytes()),
        };
        let taken = self.taken.fetch_add(piece.len(), Ordering::SeqCst);
        let is_over = taken > 64 * 1024 * 1024;
        Poll::Ready((!is_over).then(|| Ok(Frame::data(piece))))
    }
}

/// Posts such a body, and returns the answer's status and how many bytes were taken.
async fn pour(path: &str, content_type: &str, begins: &'static str) -> (StatusCode, usize) {
    let kit = Kit::start().await;
    let mut browser = kit.browser(CAMPUS);
    browser.get("/login").await;
    let taken = Arc::default();
    let body = Pour {
        begins,
        taken: Arc::clone(&taken),
    };
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ORIGIN, "https://mail.kit.example")
        .header("sec-fetch-site", "same-origin")
        .body(Body::new(body))
        .expect("a request");
    let status = browser.raw(request).await.status();
    (status, taken.load(Ordering::SeqCst))
}

#[tokio::test]
async fn parts_are_not_read_where_no_page_of_ours_sends_any() {
    let content_type = "multipart/form-data; boundary=b";
    let begins = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n";
    for path in ["/login", "/language"] {
        let (status, taken) = pour(path, content_type, begins).await;
        assert_eq!((status, taken), (StatusCode::FORBIDDEN, 0), "{path}");
    }
}

#[tokio::test]
async fn fields_are_read_as_far_as_a_form_goes() {
    for path in ["/login", "/language"] {
        let (status, taken) = pour(path, "application/x-www-form-urlencoded", "user=").await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert!(taken <= 128 * 1024, "{taken} bytes were taken at {path}");
    }
}

#[tokio::test]
async fn a_letter_is_not_read_before_it_is_known_who_writes() {
    let begins = "--b\r\nContent-Disposition: form-data; name=\"body\"\r\n\r\n";
    let (status, taken) = pour("/mail/compose", "multipart/form-data; boundary=b", begins).await;
    assert_eq!((status, taken), (StatusCode::SEE_OTHER, 0));
}
