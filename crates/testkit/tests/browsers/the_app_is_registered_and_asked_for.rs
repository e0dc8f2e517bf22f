//! The OTP app is registered on campus, in a second tab, and asked for at home.

use std::sync::Arc;

use anyhow::ensure;

use crate::scene::{AppTab as _, HANAKO, KEN, Scene, in_every_browser};

in_every_browser!(the_app_is_registered_on_campus_and_asked_for_at_home);

async fn the_app_is_registered_on_campus_and_asked_for_at_home(
    scene: Arc<Scene>,
) -> anyhow::Result<()> {
    let browser = &scene.browser;

    // The front page leads to the login, and a wrong password opens nothing.
    browser.open(&scene.campus("/")).await?;
    browser.picture("sign-in").await?;
    browser.fill("#user", HANAKO).await?;
    browser.fill("#password", scene.password(KEN)?).await?;
    browser.press("form[action='/login'] button").await?;
    browser.see(".notice.wrong").await?;
    browser.picture("sign-in-refused").await?;

    // On campus the password opens the inbox.
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    browser.see("ol.mails").await?;
    browser.open(&scene.campus("/preferences")).await?;
    browser.picture("preferences").await?;
    browser.press("main a[href='/preferences/mfa']").await?;
    browser.picture("mfa-unused").await?;

    // Registration: the webmail makes the user code, the app the app code; the person types each into the other.
    let webmail = browser.tab().await?;
    browser
        .press("form[action='/preferences/mfa/app/user-code'] button")
        .await?;
    let user_code = browser.see(".code").await?;
    browser.picture("register-app-user-code").await?;
    browser.discard().await?;
    ensure!(browser.reads_code(&user_code).await?, "the same code");
    let app = browser.open_tab(&scene.demo.tour.app).await?;
    browser.see("#add").await?;
    browser.picture("app-empty").await?;
    browser.click("#add").await?;
    let app_code = browser.see("#app-code").await?;
    ensure!(app_code.len() == 17, "an app code: {app_code:?}");
    browser.fill("#user-code", &user_code).await?;
    browser.fill("#name", "kit.example").await?;
    browser.see(".verdict.right").await?;
    browser.picture("app-adding").await?;
    browser.click("#register").await?;
    browser.see(".account .view-code").await?;
    browser.picture("app-account").await?;

    // A mistyped app code is shown again for comparison, and the user code stays visible.
    browser.go_to_tab(&webmail).await?;
    let mut slip = app_code.clone();
    slip.replace_range(..1, if slip.starts_with('2') { "3" } else { "2" });
    browser.fill("#app-code", &slip).await?;
    browser
        .press("form[action='/preferences/mfa/app/app-code'] button")
        .await?;
    browser.see(".notice.wrong").await?;
    browser.picture("register-app-slip").await?;
    ensure!(
        browser.reads_code(&user_code).await?,
        "the user code is still there"
    );
    browser.fill("#app-code", &app_code).await?;
    browser
        .press("form[action='/preferences/mfa/app/app-code'] button")
        .await?;
    browser.see("#otp").await?;
    browser.picture("register-app-otp").await?;
    browser.discard().await?;
    ensure!(
        browser.reads_code(&user_code).await?,
        "the user code is still there"
    );

    browser.go_to_tab(&app).await?;
    browser.click(".account .toggle-code").await?;
    let digits = browser.read_digits().await?;
    browser.picture("app-digits").await?;
    browser.go_to_tab(&webmail).await?;
    browser.fill("#otp", &digits).await?;
    browser
        .press("form[action='/preferences/mfa/app/otp'] button")
        .await?;
    browser.see(".notice.good").await?;
    browser.picture("register-app-done").await?;

    // Turning MFA on changes nothing on campus.
    scene.use_mfa(&scene.campus(""), "yes").await?;
    browser.picture("mfa-on").await?;
    browser.press("form[action='/logout'] button").await?;
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    browser.see("ol.mails").await?;

    // At home neither the password alone nor a used OTP opens anything.
    scene.sign_in(&scene.home(""), HANAKO).await?;
    browser.see("#otp").await?;
    browser.picture("prove-app").await?;
    browser.open(&scene.home("/mail")).await?;
    ensure!(
        browser.address().await?.path() == "/mfa-step/app",
        "the way leads back to the question"
    );
    browser.fill("#otp", &digits).await?;
    browser
        .press("form[action^='/mfa-step/app'] button")
        .await?;
    browser.see(".notice.wrong").await?;
    browser.picture("prove-app-wrong").await?;
    browser.go_to_tab(&app).await?;
    scene.wait_for_next_code().await?;
    let digits = browser.read_digits().await?;
    browser.go_to_tab(&webmail).await?;
    browser.fill("#otp", &digits).await?;
    browser
        .press("form[action^='/mfa-step/app'] button")
        .await?;
    browser.see("ol.mails").await?;

    // The status page shows the grant's source, its start and its end.
    browser.open(&scene.home("/mfa")).await?;
    browser.read("tr.here", "198.51.100.23").await?;
    browser.read("tr.here", "JST").await?;
    browser.picture("status").await?;
    browser
        .press("form[action='/mfa/end-grants'] button")
        .await?;
    browser.see("#otp").await?;
    Ok(())
}

/// Reads the codes on a page of the webmail.
trait Codes {
    /// Whether the page shows this code.
    async fn reads_code(&self, code: &str) -> anyhow::Result<bool>;
}

impl Codes for sekisho_testkit::browser::Browser {
    async fn reads_code(&self, code: &str) -> anyhow::Result<bool> {
        Ok(self.see("main").await?.contains(code))
    }
}
