//! Signing in: with the password alone where that is enough, and with a factor where it is not.

use axum::http::StatusCode;
use sekisho_checkpoint::ports::Fate;

use crate::kit::{CAMPUS, HOME, Kit, PASSWORD};

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_alike() {
    let kit = Kit::start().await;
    for (user, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("", "")] {
        let mut browser = kit.browser(HOME);
        browser.get("/login").await;
        let answer = browser
            .post("/login", &[("user", user), ("password", password)])
            .await;
        answer.says("User name or password is wrong.");
        assert_eq!(browser.token(), None);
    }
}

#[tokio::test]
async fn without_mfa_the_password_opens_the_mail_and_log_out_closes_it() {
    let kit = Kit::start().await;
    let mut browser = kit.browser(HOME);
    browser
        .get("/preferences")
        .await
        .leads_to("/login?to=%2Fpreferences");
    browser.sign_in().await.leads_to("/");
    browser
        .get("/preferences")
        .await
        .says("Customize my Preferences");
    let before = browser.clone();
    browser.post("/logout", &[]).await.leads_to("/login");
    assert_eq!(browser.token(), None);
    let mut revived = before;
    revived
        .get("/preferences")
        .await
        .leads_to("/login?to=%2Fpreferences");
}

#[tokio::test]
async fn at_home_the_app_is_asked_for_and_leads_back_to_the_page() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut browser = kit.browser(HOME);
    browser.get("/login?to=/preferences").await;
    let fields = [
        ("user", "alice"),
        ("password", PASSWORD),
        ("to", "/preferences"),
    ];
    browser
        .post("/login", &fields)
        .await
        .leads_to("/mfa-step?to=%2Fpreferences");
    let before = browser.token().cloned();
    // With one kind registered, no choice is shown.
    browser
        .get("/mfa-step?to=/preferences")
        .await
        .leads_to("/mfa-step/app?to=%2Fpreferences");
    browser
        .get("/mfa-step/app?to=/preferences")
        .await
        .says("LOG IN");
    let step = "/mfa-step/app?to=/preferences";
    browser
        .post(step, &[("otp", "12345")])
        .await
        .says("six digits; 5 characters");
    browser
        .post(step, &[("otp", "000000")])
        .await
        .says("After 4 more wrong codes");
    let full_width: String = app
        .shows()
        .chars()
        .filter_map(|c| char::from_u32(u32::from(c) + 0xfee0))
        .collect();
    browser
        .post(step, &[("otp", &full_width)])
        .await
        .leads_to("/preferences");
    assert_ne!(
        browser.token(),
        before.as_ref(),
        "a new token at the rise of privilege"
    );
    browser
        .get("/preferences")
        .await
        .says("Customize my Preferences");
}

#[tokio::test]
async fn a_used_code_and_a_wrong_clock_are_told_apart() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let code = app.shows();
    let mut first = kit.browser(HOME);
    first.sign_in().await;
    first.get("/mfa-step/app").await;
    let mut second = first.clone();
    first
        .post("/mfa-step/app", &[("otp", &code)])
        .await
        .leads_to("/");
    second.address = "192.0.2.99".to_owned();
    second.sign_in().await.leads_to("/mfa-step");
    second.get("/mfa-step/app").await;
    second
        .post("/mfa-step/app", &[("otp", &code)])
        .await
        .says("has been used");
    second
        .post("/mfa-step/app", &[("otp", &app.shows_at(-300))])
        .await
        .says("min slow");
    // A code of the future is only called wrong: somebody who guessed it must not learn that it becomes valid.
    second
        .post("/mfa-step/app", &[("otp", &app.shows_at(300))])
        .await
        .says("is wrong");
}

#[tokio::test]
async fn after_five_wrong_codes_the_password_is_asked_for_again() {
    let kit = Kit::start().await;
    kit.alice_uses_mfa().await;
    let mut browser = kit.browser(HOME);
    browser.sign_in().await;
    browser.get("/mfa-step/app").await;
    for _ in 0..5 {
        browser.post("/mfa-step/app", &[("otp", "000000")]).await;
    }
    let answer = browser.post("/mfa-step/app", &[("otp", "000000")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    browser
        .get("/login?again=1")
        .await
        .says("log in with your password again");
    browser
        .get("/mfa-step/app")
        .await
        .leads_to("/login?to=%2Fmfa-step%2Fapp");
}

#[tokio::test]
async fn a_mailed_code_waits_through_reloads_and_opens_the_mail() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut browser = kit.alice_at_home(&app).await;
    register_address(&kit, &mut browser).await;
    kit.clock.advance_seconds(60);
    let mut browser = kit.browser("192.0.2.99");
    browser.sign_in().await.leads_to("/mfa-step");
    let choice = browser.get("/mfa-step").await;
    choice.says("OTP APP");
    choice.says("External email");
    let page = browser.get("/mfa-step/mail").await;
    page.says("Issue OTP");
    page.says("a•••@gmail.example");
    page.says_nothing_of("alice.private@gmail.example");
    browser
        .post("/mfa-step/mail/issue", &[])
        .await
        .leads_to("/mfa-step/mail");
    for _ in 0..2 {
        browser
            .get("/mfa-step/mail")
            .await
            .says("Mailed to a•••@gmail.example");
    }
    browser
        .post("/mfa-step/mail/issue", &[])
        .await
        .says("Another one can be mailed after");
    kit.letters
        .decide(Fate::Failed("550 no such user".to_owned()));
    browser.get("/mfa-step/mail").await.says("550 no such user");
    let (code, to) = kit.mailed_code();
    assert_eq!(to, "alice.private@gmail.example");
    browser
        .post("/mfa-step/mail", &[("otp", &code)])
        .await
        .leads_to("/");
}

#[tokio::test]
async fn a_session_begun_on_campus_owes_a_code_at_home_and_none_back_on_campus() {
    let kit = Kit::start().await;
    kit.alice_uses_mfa().await;
    let mut laptop = kit.alice_on_campus().await;
    laptop
        .get("/preferences")
        .await
        .says("Customize my Preferences");
    HOME.clone_into(&mut laptop.address);
    laptop
        .get("/preferences")
        .await
        .leads_to("/mfa-step?to=%2Fpreferences");
    CAMPUS.clone_into(&mut laptop.address);
    laptop
        .get("/preferences")
        .await
        .says("Customize my Preferences");
}

#[tokio::test]
async fn the_language_is_kept_and_the_page_is_the_same() {
    let kit = Kit::start().await;
    let mut browser = kit.browser(HOME);
    browser.get("/login?to=/mfa").await.says("lang=\"en\"");
    browser
        .post("/language", &[("language", "ja"), ("to", "/login?to=/mfa")])
        .await
        .leads_to("/login?to=/mfa");
    let page = browser.get("/login?to=/mfa").await;
    page.says("lang=\"ja\"");
    page.says("ユーザ名");
}

/// Registers an address at home, shortly after proving the app.
async fn register_address(kit: &Kit, browser: &mut crate::kit::Browser) {
    browser.get("/preferences/mfa/mail").await;
    browser
        .post(
            "/preferences/mfa/mail/address",
            &[("address", "alice.private@gmail.example")],
        )
        .await
        .leads_to("/preferences/mfa/mail");
    browser.get("/preferences/mfa/mail").await;
    let (code, _) = kit.mailed_code();
    browser
        .post("/preferences/mfa/mail/code", &[("otp", &code)])
        .await
        .leads_to("/preferences/mfa?done=address");
}
