//! The OTP app with several accounts: renamed, reordered, deleted and restored; right although the clock is wrong; and
//! working without a network.

use std::sync::Arc;

use anyhow::ensure;
use sekisho_otp::UserCode;
use sekisho_testkit::browser::{Browser, Kind, until};
use serde_json::json;

use crate::scene::{AppTab as _, Scene, in_every_browser};

in_every_browser!(the_app_for_every_day);

const CAMERA: &str = "
    navigator.mediaDevices.getUserMedia = async () => document.createElement('canvas').captureStream(5);
    globalThis.BarcodeDetector = class {
        static async getSupportedFormats() { return ['qr_code']; }
        async detect() { return [{ rawValue: 'https://otp.kit.example/#u=CODE' }]; }
    };
";

/// The names of the accounts, in order.
async fn names(browser: &Browser) -> anyhow::Result<Vec<String>> {
    let script = "return [...document.querySelectorAll('.account-name')].map((e) => e.textContent)";
    Ok(serde_json::from_value(
        browser.run(script, Vec::new()).await?,
    )?)
}

async fn are(browser: &Browser, expected: &[&str]) -> anyhow::Result<()> {
    let reached = until(async || Ok((names(browser).await? == expected).then_some(()))).await?;
    ensure!(reached.is_some(), "{:?}", names(browser).await?);
    Ok(())
}

async fn the_app_for_every_day(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    browser.open(&scene.demo.tour.app).await?;
    browser.see("#add").await?;
    for name in ["work", "school", "club"] {
        let code = UserCode::generate().grouped();
        scene.add_to_app(&code, name).await?;
        browser.click(".account:last-child .toggle-code").await?;
    }
    are(browser, &["work", "school", "club"]).await?;

    // The page passes the browser's offer of installation on to the person, once.
    ensure!(browser.seen("#install").await?.is_none(), "no offer yet");
    browser.offer_installation().await?;
    browser.click("#install").await?;
    ensure!(browser.is_installed().await?, "the person was asked");
    ensure!(browser.seen("#install").await?.is_none(), "asked already");

    // An account is renamed and moved to the front.
    browser.click(".account:last-child .edit-account").await?;
    browser.picture("app-editing").await?;
    browser.fill("#edit-name", "tea club").await?;
    browser.click("#edit-save").await?;
    are(browser, &["work", "school", "tea club"]).await?;
    browser.click(".account:last-child .edit-account").await?;
    browser.click("#move-up").await?;
    browser.click("#move-up").await?;
    browser.see("#move-up:disabled").await?;
    browser.click("#edit-close").await?;
    are(browser, &["tea club", "work", "school"]).await?;

    // An account is deleted after a question, and restored.
    browser.click(".account:first-child .edit-account").await?;
    browser.click("#delete").await?;
    browser.picture("app-deleting").await?;
    browser.click("#delete-confirm").await?;
    are(browser, &["work", "school"]).await?;
    browser.picture("app-deleted").await?;
    browser.click("#undo").await?;
    are(browser, &["tea club", "work", "school"]).await?;
    // A deletion that is not undone is final at the next visit.
    browser.click(".account:last-child .edit-account").await?;
    browser.click("#delete").await?;
    browser.click("#delete-confirm").await?;
    are(browser, &["tea club", "work"]).await?;
    browser.reload().await?;
    are(browser, &["tea club", "work"]).await?;

    // Where the browser can read QR codes, the camera brings the user code. The test replaces camera and reader by ones
    // that find the webmail's link.
    if browser.wishes().kind == Kind::Chromium {
        let code = UserCode::generate().grouped();
        let script = CAMERA.replace("CODE", &code);
        browser.before_every_page(&script).await?;
        browser.reload().await?;
        browser.click("#add").await?;
        browser.click("#scan").await?;
        browser.see(".verdict.right").await?;
        let scanned = browser.property("#user-code", "value").await?;
        ensure!(scanned == code, "{scanned:?} is {code:?}");
        browser.click("#cancel").await?;
        browser
            .before_every_page("delete globalThis.BarcodeDetector")
            .await?;
        browser.reload().await?;
    }

    // A phone whose clock is seven minutes fast shows the OTP of the site's time, and says so.
    browser.click(".account:first-child .toggle-code").await?;
    let right = browser.read_digits().await?;
    let fast = "const now = window.Date.now; window.Date.now = () => now() + arguments[0]; \
                window.dispatchEvent(new Event('online'))";
    browser
        .run(
            fast.replace("arguments[0]", "420000").as_str(),
            vec![json!(0)],
        )
        .await?;
    browser.read("#clock-off", "7").await?;
    browser.picture("app-clock-fast").await?;
    let still = browser.read_digits().await?;
    ensure!(still.len() == 6 && right.len() == 6, "digits: {still}");

    // Without a server or a network the app still opens and shows OTPs.
    let is_ready = "return navigator.serviceWorker.ready\
                    .then(() => navigator.serviceWorker.controller !== null || 'reload')";
    if browser.run(is_ready, Vec::new()).await? != true {
        browser.reload().await?;
    }
    let is_kept = until(async || {
        let script = "return caches.keys().then((names) => names.some((name) => name.startsWith('otp-app-')))";
        Ok((browser.run(script, Vec::new()).await? == true).then_some(()))
    });
    ensure!(is_kept.await?.is_some(), "the worker keeps the files");
    scene.stop_the_server().await;
    browser.open(&scene.demo.tour.app).await?;
    are(browser, &["tea club", "work"]).await?;
    browser.click(".account:first-child .toggle-code").await?;
    browser.read_digits().await?;
    browser.picture("app-offline").await
}
