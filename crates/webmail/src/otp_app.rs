//! Serves the OTP app's files, at an origin of their own that has no access to the webmail.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use sekisho_checkpoint::Checkpoint;

/// The Content-Security-Policy: the app loads its own files only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; manifest-src 'self'; \
     connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const PNG: &str = "image/png";

macro_rules! file {
    ($name:literal, $content_type:expr) => {
        (
            concat!("/", $name),
            $content_type,
            include_bytes!(concat!("../../../apps/otp/", $name)) as &[u8],
        )
    };
}

const FILES: &[(&str, &str, &[u8])] = &[
    file!("index.html", "text/html; charset=utf-8"),
    file!("app.css", "text/css; charset=utf-8"),
    file!("app.js", SCRIPT),
    file!("accounts.js", SCRIPT),
    file!("adding.js", SCRIPT),
    file!("agree.js", SCRIPT),
    file!("clock.js", SCRIPT),
    file!("codes.js", SCRIPT),
    file!("display.js", SCRIPT),
    file!("editing.js", SCRIPT),
    file!("scanning.js", SCRIPT),
    file!("store.js", SCRIPT),
    file!("strings.js", SCRIPT),
    file!("sw.js", SCRIPT),
    file!("manifest.webmanifest", "application/manifest+json"),
    file!("icon.svg", "image/svg+xml"),
    file!("icon-192.png", PNG),
    file!("icon-512.png", PNG),
    file!("icon-maskable-512.png", PNG),
];

/// The router of the OTP app. It asks the checkpoint only for the time, with which phones correct their clocks.
pub fn router(checkpoint: Arc<Checkpoint>) -> Router {
    let now = move || {
        let now = checkpoint.now().as_millisecond();
        async move {
            let never_kept = [(header::CACHE_CONTROL, "no-store")];
            (
                never_kept,
                answer("application/json", format!("{{\"now\":{now}}}")),
            )
        }
    };
    let mut router = Router::new().route("/now", get(now));
    for &(path, content_type, content) in FILES {
        let serve = move || async move { answer(content_type, content) };
        router = router.route(path, get(serve));
        if path == "/index.html" {
            router = router.route("/", get(serve));
        }
    }
    router
}

fn answer(content_type: &'static str, content: impl IntoResponse) -> impl IntoResponse {
    let fixed = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
    let headers = [
        fixed(header::CONTENT_TYPE, content_type),
        fixed(header::CONTENT_SECURITY_POLICY, POLICY),
        fixed(header::CACHE_CONTROL, "no-cache"),
        fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(header::REFERRER_POLICY, "no-referrer"),
        fixed(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    (headers, content)
}
