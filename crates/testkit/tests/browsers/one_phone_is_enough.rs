//! Registration on one phone, with the webmail and the app in two tabs. The link carries the user code; the person
//! copies only the app code and the OTP.

use std::sync::Arc;

use anyhow::ensure;
use sekisho_checkpoint::policy::FirstRegistration;
use sekisho_otp::AppCode;

use crate::scene::{AppTab as _, KEN, Scene, in_every_browser};

in_every_browser!(one_phone_is_enough);

in_every_browser!(where_registration_is_forbidden_the_page_says_what_to_do);

async fn where_registration_is_forbidden_the_page_says_what_to_do(
    scene: Arc<Scene>,
) -> anyhow::Result<()> {
    let browser = &scene.browser;
    let checkpoint = &scene.demo.system.checkpoint;
    let mut site = checkpoint.site().as_ref().clone();
    site.policy.first_registration = FirstRegistration::Forbid;
    checkpoint.reconfigure(site.clone()).await;
    scene.turn_mfa_on(KEN).await?;
    scene.sign_in(&scene.home(""), KEN).await?;
    browser.see(".notice.warning").await?;
    browser.picture("wizard-forbidden").await?;
    ensure!(browser.count("main form").await? == 0, "nothing to fill in");

    // Where an enrolment code is needed, the page asks for it and refuses a wrong one.
    site.policy.first_registration = FirstRegistration::EnrolmentCode;
    checkpoint.reconfigure(site).await;
    browser.reload().await?;
    browser.press("a.row[href*='way=app']").await?;
    browser
        .fill("#app-code", &AppCode::generate().grouped())
        .await?;
    browser.fill("#enrolment-code", "AAAAA-AAAAA").await?;
    browser.press("button[form=step]").await?;
    browser.see(".notice.wrong").await?;
    browser.picture("wizard-enrolment-code").await
}

async fn one_phone_is_enough(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.turn_mfa_on(KEN).await?;
    scene.sign_in(&scene.home(""), KEN).await?;
    browser
        .press("form[action*='/register/begin'] button")
        .await?;
    let user_code = browser.see(".code").await?;
    let webmail = browser.tab().await?;

    // The link opens the app with the user code filled in.
    browser.click("#open-in-app").await?;
    let app = browser.go_to_new_tab(&[&webmail]).await?;
    browser.see(".verdict.right").await?;
    let filled_in = browser.property("#user-code", "value").await?;
    ensure!(filled_in == user_code, "{filled_in:?} is {user_code:?}");
    browser.picture("app-adding-by-link").await?;
    let app_code = browser.see("#app-code").await?;
    browser.click("#register").await?;
    browser.click(".account .toggle-code").await?;
    let digits = browser.read_digits().await?;

    // In the webmail, a slip is shown while it is typed. The step with the user code is skipped.
    browser.go_to_tab(&webmail).await?;
    browser.fill("#app-code", &user_code).await?;
    browser.see(".verdict.wrong").await?;
    browser.picture("wizard-user-code-as-app-code").await?;
    browser.fill("#app-code", &app_code[..9]).await?;
    browser.see(".verdict:not(.wrong, .right)").await?;
    browser.fill("#app-code", &app_code.to_lowercase()).await?;
    browser.see(".verdict.right").await?;
    browser.picture("wizard-app-code-right").await?;
    browser.press("button[form=step]").await?;
    browser.see("#otp").await?;

    // Going back to the user code and the app code, and on again, loses nothing.
    browser.press("main .buttons a.quiet").await?;
    ensure!(browser.see(".code").await? == user_code, "the same code");
    browser.press("a[href*='step=app-code']").await?;
    let kept = browser.property("#app-code", "value").await?;
    ensure!(kept == app_code, "{kept:?} is {app_code:?}");
    browser.press("button[form=step]").await?;
    browser.discard().await?;
    ensure!(
        browser.see(".code").await? == user_code,
        "the same code after the phone threw the page away"
    );
    browser.press("a[href*='step=otp']").await?;
    browser.discard().await?;
    browser.fill("#otp", &digits).await?;
    browser.press("button[form=step]").await?;
    browser.see(".notice.good").await?;
    ensure!(scene.mail_client_at_home(KEN).await?, "mail programs too");
    browser.go_to_tab(&app).await
}
