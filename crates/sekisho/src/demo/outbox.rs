//! The page on which mail that left the site can be read: in the demo, a private mailbox anywhere in the world.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use maud::{DOCTYPE, html};
use sekisho_message::{Parsed, words};
use sekisho_queue::{CaptureTransport, CapturedMail};

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
     article{border:1px solid #8886;border-radius:.5rem;padding:.75rem 1rem;margin:1rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit}\
     h2{font-size:1rem;margin:0}small{opacity:.75}";

/// The page as a router.
pub(super) fn router(outbox: Arc<CaptureTransport>) -> Router {
    Router::new().route("/", get(page)).with_state(outbox)
}

async fn page(State(outbox): State<Arc<CaptureTransport>>) -> impl IntoResponse {
    let departed = outbox.captured();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="refresh" content="5";
                title { "Outbox — mail that left the site" }
                style { (STYLE) }
            }
            body {
                h1 { "Outbox" }
                p { "Mail that left kit.example; nothing leaves this machine. 学外へ出たメールです。この画面は5秒ごとに新しくなります。" }
                @if departed.is_empty() { p { em { "Nothing yet. まだありません。" } } }
                @for letter in &departed { (article(letter)) }
            }
        }
    };
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], page)
}

fn article(letter: &CapturedMail) -> maud::Markup {
    let message = Parsed::new(&letter.message);
    let subject = words::field(message.header(), b"Subject");
    let from = letter
        .sender
        .as_ref()
        .map_or_else(|| "<>".to_owned(), ToString::to_string);
    let to: Vec<_> = letter.recipients.iter().map(ToString::to_string).collect();
    html! {
        article {
            h2 { @if subject.is_empty() { "(no subject)" } @else { (subject) } }
            small { "from " (from) " to " (to.join(", ")) }
            pre { (message.readable_text()) }
        }
    }
}
