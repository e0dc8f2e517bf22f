//! The guide: everybody can read it, in both languages, and each page links to its own part.

use axum::body::Body;
use axum::http::Request;

use crate::kit::{CAMPUS, Kit};

#[tokio::test]
async fn everybody_can_read_it_and_links_lead_somewhere() {
    let kit = Kit::start().await;
    for language in ["ja", "en"] {
        let mut browser = kit.browser(CAMPUS);
        browser.language = language;
        let page = browser.get("/help").await;
        assert_eq!(page.status, 200);
        let anchors: Vec<&str> = page
            .body
            .split("<h2 id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(anchors.len() > 10, "{anchors:?}");
        for link in page.body.split("href=\"#").skip(1) {
            let to = link.split('"').next().expect("its end");
            assert!(to == "main" || anchors.contains(&to), "{language}: #{to}");
        }
        for picture in page.body.split("src=\"").skip(1) {
            let path = picture.split('"').next().expect("its end");
            if path.starts_with("/help/") {
                let request = Request::get(path).body(Body::empty()).expect("a request");
                assert_eq!(browser.raw(request).await.status(), 200, "{path}");
            }
        }
        // The anchors that pages link to exist.
        for anchor in [
            "app",
            "address",
            "outside",
            "status",
            "password",
            "turn-on",
            "lost-phone",
            "recovery-codes",
        ] {
            assert!(anchors.contains(&anchor), "{language}: #{anchor}");
        }
    }
}
