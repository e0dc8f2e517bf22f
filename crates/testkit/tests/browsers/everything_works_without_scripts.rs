//! With JavaScript blocked: registering an address, signing in at home with a mailed code, reading, writing, deleting.

use std::sync::Arc;

use anyhow::ensure;

use sekisho::clock::WallClock;
use sekisho_checkpoint::ports::Clock as _;
use sekisho_otp::{AppCode, OtpKey, Step, UserCode};

use crate::scene::{HANAKO, KEN, Scene, in_every_browser};

in_every_browser!(everything_works_without_scripts, scripts: false);
in_every_browser!(every_factor_works_without_scripts, scripts: false);

async fn everything_works_without_scripts(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), KEN).await?;
    scene
        .register_address(&scene.campus(""), "ken@private.example")
        .await?;
    scene.use_mfa(&scene.campus(""), "yes").await?;

    scene.sign_in(&scene.home(""), KEN).await?;
    scene.proves_by_mail().await?;
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
    scene
        .see_mail_arrive(&scene.home("/mail"), "Re: Registration confirmed")
        .await?;
    let first = scene.first_mail().await?;
    browser
        .click("ol.mails li:first-child .choose input")
        .await?;
    browser.press("button[value=delete]").await?;
    browser.see("ol.mails").await?;
    ensure!(browser.count(&first).await? == 0, "the message is gone");
    browser.press("form[action='/logout'] button").await?;
    browser.see("#user").await.map(drop)
}

/// The wizard, the other address family, recovery codes, renewing and ending a grant, all without scripts. The OTP app
/// itself needs scripts to keep its keys, so the test computes the OTP.
async fn every_factor_works_without_scripts(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.turn_mfa_on(HANAKO).await?;
    scene.sign_in(&scene.home(""), HANAKO).await?;
    browser
        .press("form[action*='/register/begin'] button")
        .await?;
    browser.picture("wizard-app-code-without-scripts").await?;
    let app_code = AppCode::generate();
    browser.fill("#app-code", "8DE7R-DNB4K").await?;
    browser.press("button[form=step]").await?;
    browser.see(".notice.wrong").await?;
    browser.see(".read-back .code").await?;
    browser.fill("#app-code", &app_code.grouped()).await?;
    browser.press("button[form=step]").await?;
    let user_code = UserCode::parse(&browser.see(".code").await?)?;
    browser.press("a[href*='step=otp']").await?;
    let key = OtpKey::agree(&app_code, &user_code);
    let step = Step::at(WallClock.now().as_second());
    browser.fill("#otp", key.code(step).expose()).await?;
    browser.press("button[form=step]").await?;
    browser.see(".notice.good").await?;

    // Within a minute after the proof, a button lets the other address family join the grant.
    browser.open(&scene.home("/mfa")).await?;
    browser
        .press("form[action$='/mfa/companion'] button")
        .await?;
    browser.read("tr.here", "2001:db8:23::7").await?;
    browser.picture("companion-joined-without-scripts").await?;

    browser
        .open(&scene.home("/preferences/mfa/recovery"))
        .await?;
    browser
        .press("form[action='/preferences/mfa/recovery'] button")
        .await?;
    let codes = browser.see("ol.codes").await?;
    let codes: Vec<&str> = codes
        .split_whitespace()
        .filter(|code| code.len() == 11)
        .collect();
    ensure!(codes.len() == 10, "ten codes: {codes:?}");
    browser
        .press("form[action='/preferences/mfa/recovery/kept'] button")
        .await?;

    // A recovery code renews the grant, which is then ended.
    browser.open(&scene.home("/mfa")).await?;
    browser.click("#renew summary").await?;
    browser.press("#renew button[name=proof-recover]").await?;
    browser.fill("#renew #recovery-code", codes[0]).await?;
    browser.press("#renew form > .buttons button").await?;
    browser.see(".notice.good").await?;
    browser
        .press("form[action='/mfa/end-grants'] button")
        .await?;
    browser.see("#otp").await.map(drop)
}
