//! Accepts connections, speaks TLS and HTTP on them, and gives each request its source.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use sekisho_net::{
    Accepted, ConnectionSlot, ConnectionSlots, Finisher, Listener, Shutdown, TlsKeeper, WebSources,
};
use sekisho_source::Source;
use tokio::sync::Notify;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::Webmail;
use crate::config::Context;

/// How long a browser may take for the TLS handshake and for the head of a request; also the interval of HTTP/2 pings.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the webmail needs to accept connections.
pub struct Entrance {
    /// Accepts connections.
    pub listener: Listener,
    /// The certificate for https; `None` if a proxy speaks TLS, or on loopback.
    pub tls: Option<Arc<TlsKeeper>>,
    /// Limits the connections that have had no answer yet.
    pub slots: ConnectionSlots,
    /// Finds where a request comes from.
    pub sources: Arc<WebSources>,
}

/// Serves the webmail until `shutdown`; requests that are under way then are still answered.
pub async fn serve(entrance: Entrance, context: Arc<Context>, shutdown: Shutdown) {
    serve_router(entrance, Webmail::router(context), shutdown).await;
}

/// Serves another router in the same way, such as the [OTP app](crate::otp_app).
pub async fn serve_router(entrance: Entrance, router: Router, shutdown: Shutdown) {
    let Entrance {
        listener,
        tls,
        slots,
        sources,
    } = entrance;
    let until = shutdown.clone();
    let shared = Arc::new(Shared {
        router,
        tls,
        sources,
        finisher: Finisher::new(shutdown.clone()),
    });
    sekisho_net::serve(listener, slots, shutdown, move |accepted| {
        let (shared, until) = (Arc::clone(&shared), until.clone());
        async move { talk(accepted, shared, until).await }
    })
    .await;
}

/// What all connections of an entrance share.
struct Shared {
    router: Router,
    tls: Option<Arc<TlsKeeper>>,
    sources: Arc<WebSources>,
    /// Each request carries it as an extension, so that a change is finished even if the browser hangs up.
    finisher: Finisher,
}

async fn talk(accepted: Accepted, shared: Arc<Shared>, until: Shutdown) {
    let Accepted {
        stream,
        source,
        slot,
        ..
    } = accepted;
    let stream = match &shared.tls {
        None => stream,
        Some(tls) => match timeout(PATIENCE, stream.start_tls(tls, &[])).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(_)) | Err(_) => return,
        },
    };
    let answered = Arc::new(Notify::new());
    let tell = Arc::clone(&answered);
    let service = tower::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        let source = source_of(source, &shared.sources, &request);
        request.extensions_mut().insert(source);
        request.extensions_mut().insert(shared.finisher.clone());
        let (router, tell) = (shared.router.clone(), Arc::clone(&tell));
        async move {
            let answer = router.oneshot(request.map(axum::body::Body::new)).await;
            tell.notify_one();
            answer
        }
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
    // A connection counts as a stranger's until its first answer; after that the limits on requests bound it.
    let mut slot = Some(slot);
    let mut is_ending = false;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = until.leaving(), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = evicted(slot.as_ref()) => return,
            () = answered.notified(), if slot.is_some() => slot = None,
        }
    };
    if let Err(error) = ended {
        tracing::debug!(?error, "a browser's connection broke");
    }
}

/// Completes when the slot was given to another connection; never completes if none is held.
async fn evicted(slot: Option<&ConnectionSlot>) {
    match slot {
        Some(slot) => slot.evicted().await,
        None => std::future::pending().await,
    }
}

/// The only function that gives a web request its source.
fn source_of<B>(connection: Source, sources: &WebSources, request: &hyper::Request<B>) -> Source {
    let headers = request.headers().iter();
    sources.resolve(
        connection,
        headers.map(|(name, value)| (name.as_str(), value.as_bytes())),
    )
}
