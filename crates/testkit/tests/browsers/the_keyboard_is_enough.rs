//! Signing in and entering a mailed code with the keyboard alone.

use std::sync::Arc;

use anyhow::{bail, ensure};
use fantoccini::key::Key;
use sekisho_testkit::browser::Browser;

use crate::scene::{AppTab as _, KEN, Scene, in_every_browser};

/// More Tab stops than any of these pages has.
const MANY: usize = 40;

in_every_browser!(the_keyboard_is_enough);
in_every_browser!(the_keyboard_registers_the_app);

async fn the_keyboard_is_enough(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), KEN).await?;
    scene
        .register_address(&scene.campus(""), "ken@private.example")
        .await?;
    scene.use_mfa(&scene.campus(""), "yes").await?;

    // The first field has the focus, and the next one is one Tab away.
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

    // The first Tab stop is the link that skips the navigation.
    browser.key(Key::Tab, false).await?;
    ensure!(
        browser.focused("className").await? == "skip",
        "the way to the content comes first"
    );
    tab_to(browser, "/mail/folder/INBOX/message/").await?;
    browser.key(Key::Enter, true).await?;
    browser.see("article.message").await.map(drop)
}

/// Registers the app without a pointer, in the webmail and in the app.
async fn the_keyboard_registers_the_app(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), KEN).await?;
    browser.open(&scene.campus("/preferences/mfa")).await?;
    tab_to(browser, "/preferences/mfa/app/user-code").await?;
    browser.key(Key::Enter, true).await?;
    let user_code = browser.see(".code").await?;
    let webmail = browser.tab().await?;

    let app = browser.open_tab(&scene.demo.tour.app).await?;
    browser.see("#add").await?;
    tab_to_id(browser, "add").await?;
    browser.key(Key::Enter, false).await?;
    let app_code = browser.see("#app-code").await?;
    tab_to_id(browser, "user-code").await?;
    browser.type_blind(&user_code.to_lowercase()).await?;
    browser.see(".verdict.right").await?;
    browser.key(Key::Enter, false).await?;
    // A held key shows the OTP, and so does the toggle, which is one Tab further.
    browser.see(".account .view-code").await?;
    browser.key(Key::Tab, false).await?;
    browser.key(Key::Enter, false).await?;
    let digits = browser.read_digits().await?;

    browser.go_to_tab(&webmail).await?;
    ensure!(
        browser.focused("id").await? == "app-code",
        "the field for the app code has the focus"
    );
    browser.type_blind(&app_code).await?;
    browser.key(Key::Enter, true).await?;
    ensure!(
        browser.focused("id").await? == "otp",
        "the field for the digits has the focus"
    );
    browser.type_blind(&digits).await?;
    browser.key(Key::Enter, true).await?;
    browser.see(".notice.good").await?;
    browser.go_to_tab(&app).await
}

/// Types Tab until the element with this id has the focus.
async fn tab_to_id(browser: &Browser, id: &str) -> anyhow::Result<()> {
    for _ in 0..MANY {
        browser.key(Key::Tab, false).await?;
        if browser.focused("id").await? == id {
            return Ok(());
        }
    }
    bail!("the Tab key never comes to #{id}")
}

/// Types Tab until a link to such an address has the focus, or a button whose form goes there.
async fn tab_to(browser: &Browser, address: &str) -> anyhow::Result<()> {
    const LEADS: &str = "const e = document.activeElement; \
                         return e.href ?? (e.matches('button') ? e.form?.action : null) ?? ''";
    for _ in 0..MANY {
        browser.key(Key::Tab, false).await?;
        let leads = browser.run(LEADS, Vec::new()).await?;
        if leads.as_str().is_some_and(|leads| leads.contains(address)) {
            return Ok(());
        }
    }
    bail!("the Tab key never comes to {address}")
}
