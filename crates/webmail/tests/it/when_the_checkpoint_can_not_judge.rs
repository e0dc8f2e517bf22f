//! Rule 7 of `docs/security.md`: while the directory can't be reached, nobody is admitted, no password is called wrong,
//! and the session is there again afterwards.

use axum::http::StatusCode;

use crate::kit::{CAMPUS, Kit, PASSWORD};

#[tokio::test]
async fn pages_say_so_in_the_persons_language_and_open_again_by_themselves() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    let mut other = kit.browser(CAMPUS);
    other.get("/login").await;
    kit.directory.put_away(true);
    let answer = alice.get("/preferences").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    answer.says("your password and codes are fine");
    alice.language = "ja";
    alice
        .get("/preferences")
        .await
        .says("ただいま利用できません");
    let fields = [("user", "alice"), ("password", PASSWORD)];
    let answer = other.post("/login", &fields).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    answer.says_nothing_of("is wrong");
    assert_eq!(other.token(), None);
    kit.directory.put_away(false);
    alice.language = "en";
    alice
        .get("/preferences")
        .await
        .says("Customize my Preferences");
}

#[tokio::test]
async fn a_request_without_a_source_gets_nothing() {
    use tower::ServiceExt;
    let kit = Kit::start().await;
    let request = axum::http::Request::get("/login")
        .body(axum::body::Body::empty())
        .expect("a request");
    let answer = kit.router().oneshot(request).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}
