//! F1, F3, F2, F6 and F8: the OTP app is registered on campus with its own page in a second tab, and asked for at home.

use std::sync::Arc;

use anyhow::ensure;

use crate::scene::{AppTab as _, HANAKO, KEN, Scene, in_every_browser};

in_every_browser!(the_app_is_registered_on_campus_and_asked_for_at_home);

async fn the_app_is_registered_on_campus_and_asked_for_at_home(
    scene: Arc<Scene>,
) -> anyhow::Result<()> {
    let browser = &scene.browser;

    // The front page asks who it is, and a wrong password opens nothing.
    browser.open(&scene.campus("/")).await?;
    browser.picture("sign-in").await?;
    browser.fill("#user", HANAKO).await?;
    browser.fill("#password", scene.password(KEN)?).await?;
    browser.press("form[action='/login'] button").await?;
    browser.see(".notice.wrong").await?;
    browser.picture("sign-in-refused").await?;

    // F1: on campus the inbox opens.
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    browser.see("ol.mails").await?;
    browser.open(&scene.campus("/preferences")).await?;
    browser.picture("preferences").await?;
    browser.press("main a[href='/preferences/mfa']").await?;
    browser.picture("mfa-unused").await?;

    // F3: the user code is made here, the app code there; each is read off one screen and typed into the other.
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

    // A code with a slip is shown back to be compared, and the user code stays in sight.
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

    // F2: MFA is turned on; on campus that changes nothing.
    scene.use_mfa(&scene.campus(""), "yes").await?;
    browser.picture("mfa-on").await?;
    browser.press("form[action='/logout'] button").await?;
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    browser.see("ol.mails").await?;

    // F6: at home the password alone opens nothing, and neither does a code that was used.
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

    // F8: from where, since when, until when.
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

/// What the webmail's page shows of the codes.
trait Codes {
    /// Whether that code is among those on the page.
    async fn reads_code(&self, code: &str) -> anyhow::Result<bool>;
}

impl Codes for sekisho_testkit::browser::Browser {
    async fn reads_code(&self, code: &str) -> anyhow::Result<bool> {
        Ok(self.see("main").await?.contains(code))
    }
}
