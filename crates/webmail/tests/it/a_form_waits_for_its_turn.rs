//! How much one source may have begun is bounded, from the moment at which a form has arrived.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, StatusCode};
use hyper::body::Frame;
use sekisho_net::{Finisher, Shutdown, WorkPermit};
use sekisho_source::{KeyLength, Source};
use tokio::task::unconstrained;

use crate::kit::{CAMPUS, Kit, form};

#[tokio::test]
async fn when_its_source_has_too_much_begun_and_not_while_it_arrives() {
    let kit = Kit::start().await;
    let browser = kit.browser(CAMPUS);
    let finisher = Finisher::new(Shutdown::new());
    let source = Source::assured(CAMPUS.parse().expect("an address"), KeyLength::default());
    let mut begun = all_permits_of(&finisher, &source).await;
    begun.pop();

    let mut slow = browser.clone();
    let request = form("/language", &[]).map(|_| Body::new(NeverArrives));
    let mut slow = pin!(slow.raw(with(&finisher, request)));
    assert!(once(slow.as_mut()).await.is_none());
    let mut other = browser.clone();
    let answer = other.raw(with(&finisher, choice())).await;
    assert_eq!(
        answer.status(),
        StatusCode::SEE_OTHER,
        "one that arrives slowly holds nothing"
    );

    begun.extend(finisher.permit(&source).await);
    let mut last = browser.clone();
    let mut last = pin!(last.raw(with(&finisher, choice())));
    assert!(once(last.as_mut()).await.is_none(), "it waits");
    begun.pop();
    assert_eq!(last.await.status(), StatusCode::SEE_OTHER);
}

/// Takes all permits that one source gets.
async fn all_permits_of(finisher: &Finisher, source: &Source) -> Vec<WorkPermit> {
    let mut permits = Vec::new();
    // Within one poll tokio lets nobody take more than a hundred, unless asked.
    while let Some(Ok(permit)) = once(pin!(unconstrained(finisher.permit(source)))).await {
        permits.push(permit);
    }
    permits
}

/// The body of a form that a browser begins to send and never ends.
struct NeverArrives;

impl HttpBody for NeverArrives {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Poll::Pending
    }
}

/// A form that harms nobody.
fn choice() -> Request<Body> {
    form("/language", &[("language", "ja")])
}

fn with(finisher: &Finisher, mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(finisher.clone());
    request
}

/// Polls the future once.
async fn once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}
