//! Registration of the first factor off campus: neither a look at the app nor a reload loses anything, at any step.

use std::sync::Arc;

use anyhow::ensure;

use crate::scene::{AppTab as _, KEN, Scene, in_every_browser};

in_every_browser!(a_registration_off_campus_survives_a_look_at_the_app);

async fn a_registration_off_campus_survives_a_look_at_the_app(
    scene: Arc<Scene>,
) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.turn_mfa_on(KEN).await?;
    scene.sign_in(&scene.home(""), KEN).await?;
    browser
        .see("form[action*='/register/begin'] button")
        .await?;
    browser.picture("wizard").await?;
    let wizard = browser.tab().await?;
    browser
        .press("form[action*='/register/begin'] button")
        .await?;
    browser.picture("wizard-app-code").await?;

    let app = browser.open_tab(&scene.demo.tour.app).await?;
    browser.click("#add").await?;
    let app_code = browser.see("#app-code").await?;

    browser.go_to_tab(&wizard).await?;
    browser.reload().await?;
    browser
        .fill("#app-code", &app_code.to_lowercase().replace('-', " "))
        .await?;
    browser.press("button[form=step]").await?;
    let user_code = browser.see(".code").await?;
    browser.picture("wizard-user-code").await?;
    browser.reload().await?;
    ensure!(
        browser.see(".code").await? == user_code,
        "the same code after a reload"
    );

    browser.go_to_tab(&app).await?;
    browser.reload().await?;
    ensure!(
        browser.see("#app-code").await? == app_code,
        "the app keeps its code, too"
    );
    browser.fill("#user-code", &user_code).await?;
    browser.click("#register").await?;
    browser.click(".account .toggle-code").await?;

    browser.go_to_tab(&wizard).await?;
    browser.press("a[href*='step=otp']").await?;
    browser.see("#otp").await?;
    browser.picture("wizard-otp").await?;
    browser.reload().await?;
    browser.click("details summary").await?;
    ensure!(
        browser.see(".code").await? == user_code,
        "the same code at the last step"
    );

    // The webmail's front page leads to the same step, for a phone that has discarded the tab.
    browser.open(&scene.home("/")).await?;
    ensure!(
        browser.see(".code").await? == user_code,
        "the same code, come to anew"
    );
    browser.press("a[href*='step=otp']").await?;
    browser.go_to_tab(&app).await?;
    let digits = browser.read_digits().await?;
    browser.go_to_tab(&wizard).await?;
    browser.fill("#otp", &digits).await?;
    browser.press("button[form=step]").await?;
    browser.see(".notice.good").await?;
    browser.picture("wizard-done").await?;
    browser.press("main .buttons a").await?;
    browser.see("ol.mails").await.map(drop)
}
