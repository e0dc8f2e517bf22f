//! Snapshots of a few whole pages in both languages, so that a change of the frame or of the words is noticed.

use crate::kit::{App, Browser, CAMPUS, HOME, Kit};

/// The main part of a page, with random values masked.
async fn page(browser: &mut Browser, path: &str) -> String {
    let body = browser.get(path).await.body;
    let (_, body) = body.split_once("<main").expect("a main part");
    let (body, _) = body.split_once("</main>").expect("its end");
    let mut body = format!("<main{body}");
    for (before, stand_in) in [
        ("name=\"csrf\" value=\"", "CSRF"),
        ("name=\"grant\" value=\"", "ID"),
        ("name=\"factor\" value=\"", "ID"),
        ("name=\"token\" value=\"", "TOKEN"),
    ] {
        let mut masked = String::new();
        let mut rest = body.as_str();
        while let Some((head, tail)) = rest.split_once(before) {
            let (_, tail) = tail.split_once('"').expect("an end");
            masked.push_str(&format!("{head}{before}{stand_in}\""));
            rest = tail;
        }
        body = masked + rest;
    }
    // One element a line makes differences readable.
    body.replace("><", ">\n<")
}

#[tokio::test]
async fn pages_in_both_languages() {
    let kit = Kit::start().await;
    let app: App = kit.alice_uses_mfa().await;
    let mut home = kit.alice_at_home(&app).await;
    let mut campus = kit.browser(CAMPUS);
    campus.sign_in().await.leads_to("/");
    let mut owing = kit.browser("192.0.2.99");
    owing.sign_in().await.leads_to("/mfa-step");
    let mut stranger = kit.browser(HOME);
    for language in ["ja", "en"] {
        for browser in [&mut home, &mut campus, &mut owing, &mut stranger] {
            browser.language = language;
        }
        let pages = [
            ("login", page(&mut stranger, "/login?to=/mfa").await),
            ("step", page(&mut owing, "/mfa-step/app").await),
            ("status", page(&mut home, "/mfa").await),
            ("mfa", page(&mut campus, "/preferences/mfa").await),
        ];
        for (name, body) in pages {
            insta::assert_snapshot!(format!("{name}-{language}"), body);
        }
    }
}
