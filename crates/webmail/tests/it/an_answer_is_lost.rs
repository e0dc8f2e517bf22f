//! A code is accepted and the answer never arrives: the browser still holds the token before. That opens nothing, but
//! with the password it brings back what the person was writing.

use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::session::Purpose;
use sekisho_checkpoint::web::WebStanding;
use sekisho_source::{KeyLength, Source};

use crate::kit::{App, Browser, HOME, Kit, PASSWORD};

const COMPOSE: &str = "/mail/compose";
const KEPT: &str = "/mail/compose?kept=1";
const STEP: &str = "/mfa-step/app?to=/mail/compose?kept=1";
const LOGIN: &str = "/login?to=%2Fmail%2Fcompose%3Fkept%3D1";

#[tokio::test]
async fn the_draft_is_there_after_the_next_sign_in() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let (mut left_behind, mut heard) = a_lost_answer(&kit, &app).await;

    left_behind.get(KEPT).await.leads_to(LOGIN);
    let page = left_behind.get(LOGIN).await;
    page.says("the connection broke off");
    page.says("what you were writing is kept");
    left_behind.language = "ja";
    let page = left_behind.get("/login").await;
    page.says("応答がこのブラウザーに届きませんでした");
    page.says("書きかけの内容は残っています");
    let wrong = [("user", "alice"), ("password", "wrong")];
    left_behind
        .post("/login", &wrong)
        .await
        .says("ユーザ名またはパスワードが違います");

    // Its grant holds, so that the password is enough. The page is the one that the person was at.
    let right = [("user", "alice"), ("password", PASSWORD)];
    left_behind.post("/login", &right).await.leads_to(KEPT);
    let draft = draft(&kit, &left_behind).await.expect("it is there");
    assert!(draft.contains("half a letter"), "{draft}");
    heard
        .get("/preferences")
        .await
        .leads_to("/login?to=%2Fpreferences");
    let page = heard.get("/login").await;
    page.says_nothing_of("the connection broke off");
}

#[tokio::test]
async fn the_old_token_opens_nothing() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let (mut left_behind, _) = a_lost_answer(&kit, &app).await;
    for path in ["/", "/mfa", "/preferences", STEP, KEPT] {
        let answer = left_behind.get(path).await;
        let to = answer.headers["location"].to_str().expect("ASCII");
        assert!(to.starts_with("/login"), "{path} leads to {to}");
    }
    // A code once more, from the page that still stands there, is not even looked at.
    left_behind
        .post(STEP, &[("otp", &app.shows())])
        .await
        .leads_to("/login");
}

#[tokio::test]
async fn somebody_else_gets_nothing_by_it() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let (mut left_behind, mut heard) = a_lost_answer(&kit, &app).await;
    left_behind.get("/login").await;
    let bob = [("user", "bob"), ("password", PASSWORD)];
    left_behind.post("/login", &bob).await.leads_to("/");
    assert_eq!(draft(&kit, &left_behind).await, None);
    heard.get("/preferences").await.says("alice");
    assert!(draft(&kit, &heard).await.is_some(), "nothing was taken");
}

#[tokio::test]
async fn once_the_new_token_was_seen_the_old_one_is_worth_nothing() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let (mut left_behind, mut heard) = a_lost_answer(&kit, &app).await;
    heard.get("/preferences").await.says("alice");

    let page = left_behind.get(LOGIN).await;
    page.says_nothing_of("the connection broke off");
    let right = [("user", "alice"), ("password", PASSWORD)];
    left_behind.post("/login", &right).await.leads_to("/");
    assert_eq!(draft(&kit, &left_behind).await, None);
    assert!(draft(&kit, &heard).await.is_some(), "it goes on");
}

#[tokio::test]
async fn a_registration_and_a_renewal_lose_nothing_either() {
    let kit = Kit::start().await;
    let mut browser = kit.alice_on_campus().await;
    browser.get("/preferences/mfa").await;
    browser.post("/preferences/mfa/app/user-code", &[]).await;
    let page = browser.get("/preferences/mfa/app").await;
    let app = App::new(&kit, &page.user_code());
    let code = app.code.grouped();
    browser
        .post("/preferences/mfa/app/app-code", &[("app-code", &code)])
        .await;
    browser.get("/preferences/mfa/app").await;
    let mut heard = browser.clone();
    let fields = [("otp", app.shows()), ("name", "phone".to_owned())];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    heard
        .post("/preferences/mfa/app/otp", &fields)
        .await
        .leads_to("/preferences/mfa?done=app");
    let page = browser.get("/login").await;
    page.says("Your code was accepted");
    page.says_nothing_of("what you were writing");
    browser.sign_in().await.leads_to("/");

    kit.clock.advance_seconds(30);
    browser.get("/mfa").await;
    let mut heard = browser.clone();
    let shown = app.shows();
    let renewed = [("proof-kind", "otp-app"), ("otp", &shown)];
    heard
        .post("/mfa/renew", &renewed)
        .await
        .leads_to("/mfa?renewed=1");
    browser.get("/login").await.says("Your code was accepted");
}

/// Alice at home with half a letter, as her browser is without the answer to her code, and as it would be with it.
async fn a_lost_answer(kit: &Kit, app: &App) -> (Browser, Browser) {
    let mut browser = kit.alice_on_campus().await;
    browser.get("/preferences").await;
    HOME.clone_into(&mut browser.address);
    let half_written = [("page", COMPOSE), ("body", "half a letter")];
    browser.post(COMPOSE, &half_written).await;
    browser.get(STEP).await;
    let mut heard = browser.clone();
    heard
        .post(STEP, &[("otp", &app.shows())])
        .await
        .leads_to(KEPT);
    assert_ne!(heard.token(), browser.token());
    (browser, heard)
}

/// What this browser finds of what was being written.
async fn draft(kit: &Kit, browser: &Browser) -> Option<String> {
    let token = browser.token().expect("a session");
    let token = SessionToken::parse(token).expect("a token");
    let address = browser.address.parse().expect("an address");
    let source = Source::assured(address, KeyLength::default());
    let standing = kit.checkpoint.resume(&token, source).await;
    let WebStanding::Admitted(session) = standing.expect("a session") else {
        panic!("it owes nothing");
    };
    let record = session.record();
    let sealed = record.stash.as_ref()?;
    let plain = session.key().open(Purpose::Stash, record.id, sealed);
    Some(String::from_utf8(plain.expect("it opens").to_vec()).expect("UTF-8"))
}
