//! Recovery codes; a new phone registered with the old one; the old one removed; and a way in when both are lost.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use fantoccini::key::Key;

use crate::scene::{AppTab as _, HANAKO, Scene, in_every_browser};

in_every_browser!(the_phone_is_changed_or_lost);

async fn the_phone_is_changed_or_lost(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    let webmail = browser.tab().await?;
    let (old_phone, _) = scene.register_app(&scene.campus("")).await?;
    scene.use_mfa(&scene.campus(""), "yes").await?;

    // Ten codes are shown once, and a reload shows the same ones.
    browser
        .open(&scene.campus("/preferences/mfa/recovery"))
        .await?;
    browser.picture("recovery-codes-none").await?;
    browser
        .press("form[action='/preferences/mfa/recovery'] button")
        .await?;
    browser.picture("recovery-codes").await?;
    let shown = browser.see("ol.codes").await?;
    browser.discard().await?;
    ensure!(browser.see("ol.codes").await? == shown, "the same codes");
    let codes: Vec<&str> = shown
        .split_whitespace()
        .filter(|code| code.len() == 11)
        .collect();
    ensure!(codes.len() == 10, "ten codes: {shown:?}");
    browser
        .press("form[action='/preferences/mfa/recovery/kept'] button")
        .await?;
    browser.see(".notice.good").await?;
    ensure!(!browser.see("main").await?.contains(codes[0]), "no more");

    // A sign-in at home without the phone.
    scene.sign_in(&scene.home(""), HANAKO).await?;
    browser.see("#otp").await?;
    browser
        .press("nav.ways a[href*='/mfa-step/recovery']")
        .await?;
    browser.fill("#recovery-code", "not this").await?;
    browser
        .press("form[action^='/mfa-step/recovery'] button")
        .await?;
    browser.see(".notice.wrong").await?;
    browser.picture("prove-recovery-wrong").await?;
    browser.fill("#recovery-code", codes[0]).await?;
    browser
        .press("form[action^='/mfa-step/recovery'] button")
        .await?;
    browser.see("ol.mails").await?;

    // The old phone proves the registration of the new one: at home, after five minutes, password and OTP are asked
    // for.
    scene.advance(400).await?;
    browser.open(&scene.home("/preferences/mfa/app")).await?;
    browser
        .press("form[action='/preferences/mfa/app/user-code'] button")
        .await?;
    browser.see("#proof-password").await?;
    browser.picture("reproof").await?;
    browser
        .fill("#proof-password", scene.password(HANAKO)?)
        .await?;
    browser.go_to_tab(&old_phone).await?;
    browser.reload().await?;
    // The site's clock is ahead of the phone's by now; the app notices and uses the site's time.
    browser.see("#clock-off").await?;
    browser.click(".account .toggle-code").await?;
    let digits = browser.read_digits().await?;
    browser.go_to_tab(&webmail).await?;
    browser.fill("#otp", &digits).await?;
    // Enter submits the form; it does not press the button that mails a code or asks for a recovery code.
    browser.key(Key::Enter, true).await?;
    let user_code = browser.see(".code").await?;
    browser.go_to_tab(&old_phone).await?;
    let app_code = scene.add_to_app(&user_code, "new phone").await?;
    let digits = browser.see(".account:last-child .digits").await?;
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    browser.go_to_tab(&webmail).await?;
    browser.fill("#app-code", &app_code).await?;
    browser
        .press("form[action='/preferences/mfa/app/app-code'] button")
        .await?;
    browser.fill("#otp", &digits).await?;
    browser.fill("#name", "new phone").await?;
    browser
        .press("form[action='/preferences/mfa/app/otp'] button")
        .await?;
    browser.read("main", "new phone").await?;
    browser.picture("two-apps").await?;

    // The old app gets a name, so that the right one is removed.
    let old = "main .rows > div:first-child";
    browser
        .click(&format!("{old} details.rename summary"))
        .await?;
    browser
        .fill(&format!("{old} input[name=name]"), "old phone")
        .await?;
    browser
        .press(&format!("{old} details.rename button"))
        .await?;
    browser.read(old, "old phone").await?;
    browser
        .press(&format!("{old} form[action$=remove] button"))
        .await?;
    browser.picture("remove-asks").await?;
    browser
        .click("button[name=proof-recover]")
        .await
        .context("a recovery code will do")?;
    browser.fill("#recovery-code", codes[1]).await?;
    browser
        .fill("#proof-password", scene.password(HANAKO)?)
        .await?;
    browser.press("main form > .buttons button").await?;
    browser.see(".notice.good").await?;
    ensure!(
        !browser.see("main .rows").await?.contains("old phone"),
        "the old one is gone"
    );
    Ok(())
}
