//! Rule 22 of `docs/security.md`: a POST counts only if one of our own pages sent it, and routes that change something
//! refuse a GET.

use axum::http::{HeaderValue, Method, StatusCode, header};
use sekisho_webmail::routes;

use crate::kit::{CAMPUS, HOME, Kit, PASSWORD, form};

const TURN_ON: &str = "/preferences/mfa/use";

#[tokio::test]
async fn without_the_token_of_the_session_nothing_happens() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    let fields = [("use", "yes")];
    let answer = alice.send(form(TURN_ON, &fields)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    answer.says("The page was too old");
    let mut other = kit.alice_on_campus().await;
    other.get("/preferences/mfa").await;
    let token_of_another = other.post("/language", &[("language", "en")]).await;
    assert_eq!(token_of_another.status, StatusCode::SEE_OTHER);
    alice
        .get("/preferences/mfa")
        .await
        .says("value=\"no\" checked");
}

#[tokio::test]
async fn with_the_right_token_but_from_another_site_nothing_happens() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    for (site, origin) in [
        (Some("cross-site"), "https://mail.kit.example"),
        (Some("same-site"), "https://mail.kit.example"),
        (Some("none"), "https://mail.kit.example"),
        (None, "https://evil.example"),
        (None, "null"),
        (None, "http://mail.kit.example"),
        (None, ""),
    ] {
        alice.get("/preferences/mfa").await;
        let csrf = alice.csrf();
        let mut request = form(TURN_ON, &[("use", "yes"), ("csrf", &csrf)]);
        let headers = request.headers_mut();
        headers.remove("sec-fetch-site");
        if let Some(site) = site {
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        }
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        if origin.is_empty() {
            headers.remove(header::ORIGIN);
        }
        let answer = alice.send(request).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site:?} {origin}");
    }
    alice
        .get("/preferences/mfa")
        .await
        .says("value=\"no\" checked");
}

#[tokio::test]
async fn nobody_is_signed_in_by_somebody_elses_form() {
    let kit = Kit::start().await;
    let mut browser = kit.browser(HOME);
    let fields = [("user", "alice"), ("password", PASSWORD)];
    let answer = browser.send(form("/login", &fields)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.token(), None);
}

#[tokio::test]
async fn the_token_of_before_the_sign_in_is_worth_nothing_after_it() {
    let kit = Kit::start().await;
    let mut browser = kit.browser(CAMPUS);
    browser.get("/login").await;
    let before = browser.csrf();
    browser.sign_in().await.leads_to("/");
    let answer = browser
        .send(form(TURN_ON, &[("use", "yes"), ("csrf", &before)]))
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_changes_something_can_not_be_had_by_a_get() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    let routes = routes::all();
    for changing in routes.iter().filter(|r| r.method == Method::POST) {
        let is_page_too = routes
            .iter()
            .any(|r| r.method == Method::GET && r.path == changing.path);
        if !is_page_too && !changing.path.contains('{') {
            let answer = alice.get(changing.path).await;
            assert_ne!(answer.status, StatusCode::OK, "{}", changing.path);
        }
    }
    alice
        .get("/preferences")
        .await
        .says("Customize my Preferences");
}

#[tokio::test]
async fn every_answer_tells_the_browser_to_be_strict() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    for path in [
        "/login",
        "/mfa",
        "/preferences/mfa",
        "/no-such-page",
        "/assets/none",
    ] {
        let answer = alice.get(path).await;
        let header = |name: &str| {
            answer
                .headers
                .get(name)
                .map(|v| v.to_str().expect("ASCII").to_owned())
                .unwrap_or_default()
        };
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(
            header("cross-origin-opener-policy"),
            "same-origin",
            "{path}"
        );
        assert!(
            header("strict-transport-security").contains("max-age"),
            "{path}"
        );
        answer.says_nothing_of(" style=\"");
        answer.says_nothing_of("<style");
        answer.says_nothing_of(" onclick=");
    }
}

#[tokio::test]
async fn after_the_login_only_a_path_of_ours_is_returned_to() {
    let kit = Kit::start().await;
    for (to, expected) in [
        ("/preferences", "/preferences"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let mut browser = kit.browser(CAMPUS);
        browser.get("/login").await;
        let fields = [("user", "alice"), ("password", PASSWORD), ("to", to)];
        browser.post("/login", &fields).await.leads_to(expected);
    }
}
