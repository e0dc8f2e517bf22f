//! Middleware around every handler: reads the visit once, runs what may change something to its end whether or not the
//! browser stays, turns errors into pages, and adds the security headers to each answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Polling, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use sekisho_net::{Finisher, Panicked, Presence};
use sekisho_source::Source;
use tower_http::compression::CompressionLayer;

use crate::beginning::Beginning;
use crate::config::{Config, Context};
use crate::error::WebError;
use crate::layout;
use crate::visit::Visit;

/// The Content-Security-Policy of our own pages; pages that show other people's HTML set a stricter one. It allows the
/// host names of one address family, because companions join there.
fn policy(config: &Config) -> String {
    let others: String = config
        .other_family
        .origins()
        .iter()
        .map(|origin| format!(" {origin}"))
        .collect();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'{others}; frame-src 'self'; form-action 'self'{others}; frame-ancestors 'none'; \
         base-uri 'none'; require-trusted-types-for 'script'"
    )
}

pub(crate) fn around(router: Router<Arc<Context>>, context: &Arc<Context>) -> Router<Arc<Context>> {
    router
        .fallback(async || WebError::NotFound)
        .method_not_allowed_fallback(async || WebError::MethodNotAllowed)
        // `form` takes no more than `max_upload`. A somewhat larger body is still read to its end, because browsers
        // show no answer before they have sent everything.
        .layer(DefaultBodyLimit::max(
            context.config.max_upload.saturating_mul(4),
        ))
        .layer(from_fn_with_state(Arc::clone(context), guard))
        .layer(CompressionLayer::new())
}

async fn guard(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let (Some(&source), Some(finisher)) = (
        extensions.get::<Source>(),
        extensions.get::<Finisher>().cloned(),
    ) else {
        tracing::error!(
            "a request came without a source, or without what finishes it; the listener must give it both"
        );
        return WebError::Unavailable.into_response();
    };
    let (mut head, body) = request.into_parts();
    let visit = Visit::of(&context, source, &head);
    head.extensions.insert(visit.clone());
    let mut response = if head.method.is_safe() {
        next.run(Request::from_parts(head, body)).await
    } else {
        let finished = finisher.clone().finish_reading(|browser| async move {
            let beginning = Beginning::new(finisher, source, browser.clone());
            head.extensions.insert(beginning.clone());
            let body = Body::new(WhileThere { body, browser });
            let answer = next.run(Request::from_parts(head, body)).await;
            drop(beginning);
            answer
        });
        let ended = finished.await;
        ended.unwrap_or_else(|Panicked| WebError::Broken.into_response())
    };
    if let Some(error) = response.extensions_mut().remove::<WebError>() {
        let status = error.status();
        response = layout::error_page(&visit, &error);
        *response.status_mut() = status;
    }
    harden(&context, &mut response);
    response
}

/// The body of a form while it is read. Once the browser has hung up, it ends with an error: what arrived may be only
/// half of what was sent.
struct WhileThere {
    body: Body,
    browser: Presence,
}

impl HttpBody for WhileThere {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        polling: &mut Polling<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.browser.has_left() {
            let error = io::Error::from(io::ErrorKind::ConnectionAborted);
            return Poll::Ready(Some(Err(axum::Error::new(error))));
        }
        Pin::new(&mut self.body).poll_frame(polling)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn harden(context: &Context, response: &mut Response) {
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy(&context.config)) {
        headers
            .entry(header::CONTENT_SECURITY_POLICY)
            .or_insert(policy);
    }
    let mut default = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    default(header::CACHE_CONTROL, "no-store");
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not `no-referrer`: with it, browsers send `Origin: null` with our own forms.
    default(header::REFERRER_POLICY, "same-origin");
    default(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    default(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    default(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    );
    default(header::VARY, "Accept-Language, Cookie");
    if context.config.is_https() {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
