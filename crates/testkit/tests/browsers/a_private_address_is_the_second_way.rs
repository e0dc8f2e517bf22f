//! A private mail address becomes a factor, and a code mailed there opens the inbox at home.

use std::sync::Arc;

use anyhow::ensure;

use crate::scene::{HANAKO, Scene, in_every_browser};

const PRIVATE: &str = "hanako@private.example";

in_every_browser!(a_private_address_is_registered_and_proves_who_it_is);

async fn a_private_address_is_registered_and_proves_who_it_is(
    scene: Arc<Scene>,
) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    browser.open(&scene.campus("/preferences/mfa/mail")).await?;
    browser.picture("register-address").await?;

    // An address of the site itself is refused, because the password may open its mailbox.
    browser.fill("#address", "hanako@Mail.KIT.example").await?;
    browser
        .press("form[action='/preferences/mfa/mail/address'] button")
        .await?;
    browser.see(".notice.wrong").await?;
    browser.picture("register-address-own").await?;

    browser.fill("#address", PRIVATE).await?;
    let code = scene
        .issue("form[action='/preferences/mfa/mail/address'] button")
        .await?;
    browser.picture("register-address-code").await?;
    browser.reload().await?;
    browser.fill("#otp", &code).await?;
    browser
        .press("form[action='/preferences/mfa/mail/code'] button")
        .await?;
    browser.read("main", PRIVATE).await?;
    browser.picture("register-address-done").await?;
    scene.use_mfa(&scene.campus(""), "yes").await?;

    scene.sign_in(&scene.home(""), HANAKO).await?;
    browser.picture("prove-mail").await?;
    ensure!(
        !browser.see("main").await?.contains(PRIVATE),
        "who proved a password alone sees the address masked"
    );
    let code = scene
        .issue("form[action^='/mfa-step/mail/issue'] button")
        .await?;
    browser.picture("prove-mail-sent").await?;
    // The person reads the letter elsewhere for a while; the page is the same on return.
    browser.reload().await?;
    browser.fill("#otp", &code).await?;
    browser
        .press("form[action^='/mfa-step/mail']:not([action*=issue]) button")
        .await?;
    browser.see("ol.mails").await.map(drop)
}
