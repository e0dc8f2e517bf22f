//! Rule 2 of `docs/security.md`: when the password is right and a factor is owed, every route only leads to the proof.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use sekisho_checkpoint::ports::Fate;
use sekisho_webmail::route::Who;
use sekisho_webmail::routes;

use crate::kit::{Browser, HOME, Kit, form};

/// A path that matches the route.
fn example(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "1" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

fn request(method: &Method, path: &str) -> Request<Body> {
    if *method == Method::POST {
        form(path, &[])
    } else {
        Request::get(path).body(Body::empty()).expect("a request")
    }
}

/// The redirect's target; `None` if the answer is no redirect.
async fn led_to(browser: &mut Browser, method: &Method, path: &str) -> Option<String> {
    let answer = browser.send(request(method, path)).await;
    let location = answer.headers.get(header::LOCATION)?;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    Some(location.to_str().expect("ASCII").to_owned())
}

#[tokio::test]
async fn every_route_leads_a_half_signed_in_browser_to_the_proof() {
    let kit = Kit::start().await;
    kit.alice_uses_mfa().await;
    kit.letters.decide(Fate::Sent);
    let letters = kit.letters.count();
    let mut browser = kit.browser(HOME);
    browser.sign_in().await.leads_to("/mfa-step");
    let routes = routes::all();
    assert!(routes.len() > 30, "the table was read");
    for route in &routes {
        let path = example(route.path);
        let mut browser = browser.clone();
        let to = led_to(&mut browser, &route.method, &path).await;
        match route.who {
            Who::Admitted => assert!(
                to.as_deref().is_some_and(|to| to.starts_with("/mfa-step")),
                "{} {path} led to {to:?}",
                route.method
            ),
            // What these routes do is checked below: the browser is still outside afterwards.
            Who::Anyone | Who::Signed | Who::Owing => {}
        }
        let inside = led_to(&mut browser, &Method::GET, "/preferences").await;
        assert_eq!(
            inside.as_deref(),
            Some("/mfa-step?to=%2Fpreferences"),
            "after {} {path}",
            route.method
        );
    }
    assert_eq!(
        kit.letters.count(),
        letters,
        "nothing was changed or mailed"
    );
}

#[tokio::test]
async fn every_route_that_is_not_for_anyone_leads_a_stranger_to_the_login() {
    let kit = Kit::start().await;
    for route in routes::all() {
        let path = example(route.path);
        let to = led_to(&mut kit.browser(HOME), &route.method, &path).await;
        if route.who != Who::Anyone {
            assert!(
                to.as_deref().is_some_and(|to| to.starts_with("/login")),
                "{} {path} led to {to:?}",
                route.method
            );
        }
    }
}

#[tokio::test]
async fn the_steps_of_the_proof_are_closed_to_who_owes_nothing() {
    let kit = Kit::start().await;
    let browser = kit.alice_on_campus().await;
    for route in routes::all() {
        if route.who == Who::Owing {
            let to = led_to(&mut browser.clone(), &route.method, &example(route.path)).await;
            assert_eq!(to.as_deref(), Some("/"), "{}", route.path);
        }
    }
}
