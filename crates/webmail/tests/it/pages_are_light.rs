//! Pages load fast on a slow line: compressed, the HTML of each takes at most 14 KB, which fits into the first packets
//! of a TCP connection (RFC 6928 section 2), and browsers cache everything else for ever.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use sekisho_webmail::routes;

use crate::kit::{HOME, Kit};

const MOST: usize = 14 * 1024;

#[tokio::test]
async fn every_page_fits_into_the_first_packets() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut admitted = kit.alice_at_home(&app).await;
    let mut owing = kit.browser("192.0.2.99");
    owing.sign_in().await;
    let mut stranger = kit.browser(HOME);
    let mut sizes = Vec::new();
    for route in routes::all() {
        let has_place = route.path.contains('{') || route.path.starts_with("/mail");
        if route.method != Method::GET || has_place {
            continue;
        }
        for browser in [&mut admitted, &mut owing, &mut stranger] {
            let request = Request::get(route.path)
                .header(header::ACCEPT_ENCODING, "gzip")
                .header(header::ACCEPT_LANGUAGE, "ja")
                .body(Body::empty())
                .expect("a request");
            let answer = browser.raw(request).await;
            if answer.status() != 200 {
                continue;
            }
            assert_eq!(
                answer.headers()[header::CONTENT_ENCODING],
                "gzip",
                "{}",
                route.path
            );
            let bytes = to_bytes(answer.into_body(), usize::MAX)
                .await
                .expect("a body");
            sizes.push((bytes.len(), route.path));
        }
    }
    assert!(sizes.len() > 12, "pages were looked at: {sizes:?}");
    sizes.sort_unstable();
    let (largest, path) = sizes.last().expect("pages");
    assert!(*largest <= MOST, "{path} takes {largest} bytes");
}

#[tokio::test]
async fn what_a_page_needs_is_asked_for_at_once_and_kept_for_ever() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut home = kit.alice_at_home(&app).await;
    let page = home.get("/preferences/mfa/app").await;
    let assets: Vec<&str> = page
        .body
        .split(['"'])
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert!(assets.len() >= 4, "{assets:?}");
    for path in assets {
        let asset = home.get(path).await;
        assert_eq!(asset.status, 200, "{path}");
        assert_eq!(
            asset.headers[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable",
            "{path}"
        );
        for chain in ["\nimport ", "@import", "url(", "from '", "import("] {
            assert!(!asset.body.contains(chain), "{path} leads on: {chain}");
        }
    }
}
