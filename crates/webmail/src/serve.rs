//! From connections to requests, each with its source.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use sekisho_net::{Accepted, Listener, Place, Places, Shutdown, TlsKeeper, WebSources};
use sekisho_source::Source;
use std::sync::{Mutex, PoisonError};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::Webmail;
use crate::config::Context;

/// How long a browser may take for the TLS handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where browsers come in.
pub struct Entrance {
    /// Takes connections.
    pub listener: Listener,
    /// For https; `None` where a proxy speaks it, or on loopback.
    pub tls: Option<Arc<TlsKeeper>>,
    /// Bounds what strangers cost.
    pub places: Places,
    /// Says where a request comes from.
    pub sources: Arc<WebSources>,
}

/// Serves the webmail until the end is asked for; requests being answered then are answered still.
pub async fn serve(entrance: Entrance, context: Arc<Context>, shutdown: Shutdown) {
    serve_router(entrance, Webmail::router(context), shutdown).await;
}

/// Serves other pages in the same way, such as the [OTP app](crate::otp_app).
pub async fn serve_router(entrance: Entrance, router: Router, shutdown: Shutdown) {
    let Entrance {
        listener,
        tls,
        places,
        sources,
    } = entrance;
    let until = shutdown.clone();
    sekisho_net::serve(listener, places, shutdown, move |accepted| {
        let (router, tls) = (router.clone(), tls.clone());
        let (sources, until) = (Arc::clone(&sources), until.clone());
        async move { talk(accepted, router, tls, sources, until).await }
    })
    .await;
}

async fn talk(
    accepted: Accepted,
    router: Router,
    tls: Option<Arc<TlsKeeper>>,
    sources: Arc<WebSources>,
    until: Shutdown,
) {
    let Accepted {
        stream,
        source,
        place,
        ..
    } = accepted;
    let stream = match tls {
        None => stream,
        Some(tls) => match timeout(PATIENCE, stream.start_tls(&tls, &[])).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(_)) | Err(_) => return,
        },
    };
    // A connection is a stranger's until its first request: from then on it is bounded by what requests may cost.
    let place: Arc<Mutex<Option<Place>>> = Arc::new(Mutex::new(Some(place)));
    let arrived = Arc::clone(&place);
    let service = tower::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        drop(
            arrived
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let source = source_of(source, &sources, &request);
        request.extensions_mut().insert(source);
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(PATIENCE))
        .max_concurrent_streams(100)
        .max_header_list_size(64 * 1024);
    let connection =
        server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until.asked() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(?error, "a browser's connection broke");
    }
}

/// The one place where a web request gets its source.
fn source_of<B>(connection: Source, sources: &WebSources, request: &hyper::Request<B>) -> Source {
    let headers = request.headers().iter();
    sources.resolve(
        connection,
        headers.map(|(name, value)| (name.as_str(), value.as_bytes())),
    )
}
