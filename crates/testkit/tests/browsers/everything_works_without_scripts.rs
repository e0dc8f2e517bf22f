//! With JavaScript blocked: registering an address, signing in at home by a mailed code, reading, writing, deleting.

use std::sync::Arc;

use anyhow::ensure;

use crate::scene::{KEN, Scene, in_every_browser};

in_every_browser!(everything_works_without_scripts, scripts: false);

async fn everything_works_without_scripts(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), KEN).await?;
    scene
        .register_address(&scene.campus(""), "ken@private.example")
        .await?;
    scene.use_mfa(&scene.campus(""), "yes").await?;

    scene.sign_in(&scene.home(""), KEN).await?;
    let code = scene
        .issue("form[action^='/mfa-step/mail/issue'] button")
        .await?;
    browser.fill("#otp", &code).await?;
    browser
        .press("form[action^='/mfa-step/mail']:not([action*=issue]) button")
        .await?;
    browser.read("ol.mails", "Registration confirmed").await?;
    browser.picture("inbox-without-scripts").await?;
    browser.press("ol.mails li:last-child a").await?;
    browser
        .read(".plain", "Please read your mail from abroad")
        .await?;
    browser.press("main a[href^='/mail/compose?reply']").await?;
    browser.fill("#to", "ken@kit.example").await?;
    browser.press("button[value=send]").await?;
    browser.see(".notice.good").await?;
    browser.open(&scene.home("/mail")).await?;
    browser
        .read("ol.mails", "Re: Registration confirmed")
        .await?;
    let before = browser.count("ol.mails li").await?;
    browser
        .click("ol.mails li:first-child .choose input")
        .await?;
    browser.press("button[value=delete]").await?;
    ensure!(
        browser.count("ol.mails li").await? == before - 1,
        "one less"
    );
    browser.press("form[action='/logout'] button").await?;
    browser.see("#user").await.map(drop)
}
