//! Signing in, having a code mailed and entering it, by the keyboard alone.

use std::sync::Arc;

use anyhow::{bail, ensure};
use fantoccini::key::Key;
use sekisho_testkit::browser::Browser;

use crate::scene::{KEN, Scene, in_every_browser};

/// More stops of the Tab key than any of these pages has.
const MANY: usize = 40;

in_every_browser!(the_keyboard_is_enough);

async fn the_keyboard_is_enough(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), KEN).await?;
    scene
        .register_address(&scene.campus(""), "ken@private.example")
        .await?;
    scene.use_mfa(&scene.campus(""), "yes").await?;

    // The first field has the focus already, and the next one is one Tab away.
    browser.open(&scene.home("/login")).await?;
    ensure!(
        browser.focused("id").await? == "user",
        "the user name has the focus"
    );
    browser.type_blind(KEN).await?;
    browser.key(Key::Tab, false).await?;
    ensure!(
        browser.focused("id").await? == "password",
        "then the password"
    );
    browser.type_blind(scene.password(KEN)?).await?;
    browser.key(Key::Enter, true).await?;

    tab_to(browser, "/mfa-step/mail/issue").await?;
    let code = scene
        .issued_by(async || browser.key(Key::Enter, true).await)
        .await?;
    ensure!(
        browser.focused("id").await? == "otp",
        "the field for the code has the focus"
    );
    browser.type_blind(&code).await?;
    browser.key(Key::Enter, true).await?;
    browser.see("ol.mails").await?;

    // The first stop leads past the navigation.
    browser.key(Key::Tab, false).await?;
    ensure!(
        browser.focused("className").await? == "skip",
        "the way to the content comes first"
    );
    tab_to(browser, "/mail/folder/INBOX/message/").await?;
    browser.key(Key::Enter, true).await?;
    browser.see("article.message").await.map(drop)
}

/// Types Tab until the focus is on a link to such an address, or on a button whose form goes there.
async fn tab_to(browser: &Browser, address: &str) -> anyhow::Result<()> {
    const LEADS: &str = "const e = document.activeElement; return e.href ?? (e.matches('button') ? e.form?.action : null) ?? ''";
    for _ in 0..MANY {
        browser.key(Key::Tab, false).await?;
        let leads = browser.run(LEADS, Vec::new()).await?;
        if leads.as_str().is_some_and(|leads| leads.contains(address)) {
            return Ok(());
        }
    }
    bail!("the Tab key never comes to {address}")
}
