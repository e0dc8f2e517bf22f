//! The page that changes the password.

use crate::kit::{CAMPUS, Kit, PASSWORD};

const HERE: &str = "/preferences/password";
const NEW: &str = "a completely different one 7";

#[tokio::test]
async fn the_password_is_changed_and_other_sessions_end() {
    let kit = Kit::start().await;
    let mut other = kit.alice_on_campus().await;
    let mut alice = kit.alice_on_campus().await;
    alice.get(HERE).await;
    let mistakes: [([(&str, &str); 3], &str); 3] = [
        (
            [("old", PASSWORD), ("new", NEW), ("again", "other")],
            "are not the same",
        ),
        (
            [("old", "wrong"), ("new", NEW), ("again", NEW)],
            "The present password is wrong.",
        ),
        (
            [("old", PASSWORD), ("new", "x"), ("again", "x")],
            "must have at least",
        ),
    ];
    for (fields, words) in mistakes {
        alice.post(HERE, &fields).await.says(words);
    }
    let fields = [("old", PASSWORD), ("new", NEW), ("again", NEW)];
    alice
        .post(HERE, &fields)
        .await
        .leads_to("/preferences/password?done=1");
    alice
        .get("/preferences/password?done=1")
        .await
        .says("The password is changed.");
    other
        .get("/preferences")
        .await
        .leads_to("/login?to=%2Fpreferences");
    let mut again = kit.browser(CAMPUS);
    again
        .sign_in()
        .await
        .says("User name or password is wrong.");
}

#[tokio::test]
async fn the_old_password_is_verified_once_however_long_ago_it_was_given() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    kit.clock.advance_seconds(301);
    alice.get(HERE).await;
    let before = kit.directory.verified();
    let fields = [("old", PASSWORD), ("new", NEW), ("again", NEW)];
    alice
        .post(HERE, &fields)
        .await
        .leads_to("/preferences/password?done=1");
    assert_eq!(kit.directory.verified() - before, 1);
}

#[tokio::test]
async fn at_home_a_factor_is_asked_for_as_well() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut alice = kit.alice_at_home(&app).await;
    kit.clock.advance_seconds(301);
    alice.get(HERE).await.says("name=\"otp\"");
    let fields = [("old", PASSWORD), ("new", NEW), ("again", NEW)];
    alice
        .post(HERE, &fields)
        .await
        .says("enter a one-time password as well");
    let code = app.shows();
    let mut with_code = fields.to_vec();
    with_code.extend([("proof-kind", "otp-app"), ("otp", code.as_str())]);
    alice
        .post(HERE, &with_code)
        .await
        .leads_to("/preferences/password?done=1");
}

#[tokio::test]
async fn a_password_that_is_not_taken_ends_nothing() {
    let kit = Kit::start().await;
    let mut other = kit.alice_on_campus().await;
    let mut browser = kit.alice_on_campus().await;
    browser.get("/preferences/password").await;
    let fields = [("old", PASSWORD), ("new", "short"), ("again", "short")];
    browser
        .post("/preferences/password", &fields)
        .await
        .says("at least");
    assert_eq!(other.get("/preferences").await.status, 200);
    // The site's passwords are changed here, so nobody can claim to have changed one elsewhere.
    browser.get("/preferences/password").await;
    let answer = browser.post("/preferences/password/elsewhere", &[]).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn enter_presses_the_button_that_the_form_is_for() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut campus = kit.alice_on_campus().await;
    campus.get("/preferences/mfa/recovery").await;
    campus.post("/preferences/mfa/recovery", &[]).await;
    let mut home = kit.alice_at_home(&app).await;
    kit.clock.advance_seconds(400);
    let id = home.get("/preferences/mfa").await.value_of("factor");
    let asked = home
        .post("/preferences/mfa/remove", &[("factor", &id)])
        .await;
    let pages = [
        asked,
        home.get("/preferences/password").await,
        home.get("/mfa").await,
    ];
    for page in pages {
        page.says("proof-recover");
        for form in page.body.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap_or_default();
            let first = form.split("<button").nth(1).unwrap_or_default();
            let first = first.split('>').next().unwrap_or_default();
            assert!(!first.contains("formnovalidate"), "{form}");
        }
    }
}
