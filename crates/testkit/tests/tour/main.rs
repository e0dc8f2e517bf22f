//! The tour that the demo prints, walked in real browsers: register the app on campus, be asked for a code at home, see what is let in.
//!
//! Screenshots of the pages are kept under `target/screenshots/`.

mod a_laptop_moves;
mod a_mail_client;
mod browser;
mod person;

use std::sync::Arc;

use anyhow::{Context, ensure};
use browser::{Browser, Kind};
use jiff::SignedDuration;
use sekisho::clock::WallClock;
use sekisho::demo::{Demo, DemoArguments};
use sekisho_directory::ArgonCost;

const DESKTOP: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (390, 844);

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_in_chromium() -> anyhow::Result<()> {
    tour(Kind::Chromium).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_in_firefox() -> anyhow::Result<()> {
    tour(Kind::Firefox).await
}

async fn tour(kind: Kind) -> anyhow::Result<()> {
    let demo = start_demo().await?;
    let browser = Browser::start(kind).await?;
    let told = walk(&demo, &browser).await;
    if told.is_err() {
        browser.keep_screenshot("where-it-failed").await?;
    }
    browser.close().await;
    demo.stop().await;
    told
}

/// The demo, on free ports.
async fn start_demo() -> anyhow::Result<Demo> {
    let arguments = DemoArguments {
        dir: None,
        ports: 0,
        json: true,
        grant: SignedDuration::from_hours(14),
    };
    Demo::start_with(arguments, Arc::new(WallClock), ArgonCost::least()).await
}

async fn walk(demo: &Demo, browser: &Browser) -> anyhow::Result<()> {
    let (campus, home) = (demo.tour.campus.web.as_str(), demo.tour.home.web.as_str());
    browser.resize(DESKTOP).await?;

    // On campus no code is asked for.
    browser.go(campus).await?;
    look(browser, "login", &[]).await?;
    sign_in(browser, demo).await?;
    browser.wait_for_path("/mail").await?;
    look(browser, "inbox", &[PHONE]).await?;
    browser
        .go(&format!("{campus}/mail/folder/INBOX/message/2"))
        .await?;
    ensure!(
        browser.text("main").await?.contains("来週の会議"),
        "a Japanese letter is readable"
    );
    look(browser, "message", &[PHONE]).await?;
    browser.go(&format!("{campus}/mail/compose")).await?;
    look(browser, "compose", &[PHONE]).await?;

    // The app is registered by exchanging the two codes, the app in a tab of its own.
    browser.go(&format!("{campus}/preferences/mfa")).await?;
    look(browser, "preferences", &[PHONE]).await?;
    browser.press("Generate user code").await?;
    browser.wait_for_path("/preferences/mfa/app").await?;
    let user_code = code_in(&browser.text("main").await?)?;
    let webmail = browser.open_tab(&demo.tour.app).await?;
    browser.click("#add").await?;
    let app_code = code_in(
        &browser
            .wait_for_text("#app-code", |t| t.contains('-'))
            .await?,
    )?;
    browser.fill("#user-code", &user_code).await?;
    look(browser, "otp-app", &[PHONE]).await?;
    browser.click("#register").await?;
    browser.click(".toggle-code").await?;
    let app_tab = browser.switch_back(webmail).await?;
    browser.reload().await?;
    ensure!(
        code_in(&browser.text("main").await?)? == user_code,
        "the user code is still there after a reload"
    );
    browser
        .fill("main input[type=text], main input:not([type])", &app_code)
        .await?;
    browser.press("Next").await?;
    browser
        .wait_for_text("main", |t| t.contains(&app_code))
        .await?;
    look(browser, "register-app", &[PHONE]).await?;
    browser
        .fill(
            "[autocomplete=one-time-code]",
            &digits(browser, app_tab).await?,
        )
        .await?;
    browser.press("Register").await?;
    browser
        .wait_for_text("main", |t| t.contains("The OTP app is registered"))
        .await?;

    // MFA is turned on.
    browser.click("input[type=radio]:not(:checked)").await?;
    browser.press("Change").await?;
    browser
        .wait_for_text("main", |t| t.contains("Multi-factor authentication is on"))
        .await?;

    // At home a code is asked for; the app's next one opens the inbox.
    let used = digits(browser, app_tab).await?;
    browser.go(home).await?;
    sign_in(browser, demo).await?;
    browser.wait_for_path("/mfa-step").await?;
    look(browser, "prove", &[PHONE]).await?;
    let next = another_code(browser, app_tab, &used).await?;
    browser.fill("[autocomplete=one-time-code]", &next).await?;
    browser.press("LOG IN").await?;
    browser.wait_for_path("/mail").await?;

    // The status page tells from where, until when.
    browser.go(&format!("{home}/mfa")).await?;
    let status = browser.text("main").await?;
    ensure!(
        status.contains("198.51.100.23") && status.contains("JST"),
        "address and time are shown: {status}"
    );
    look(browser, "status", &[PHONE]).await?;
    browser.press("日本語").await?;
    browser
        .wait_for_text("main", |t| t.contains("多要素認証"))
        .await?;
    look(browser, "status-ja", &[PHONE]).await?;
    browser.go(&format!("{home}/preferences/mfa")).await?;
    look(browser, "preferences-ja", &[PHONE]).await?;
    browser.go(&format!("{home}/mail")).await?;
    look(browser, "inbox-ja", &[PHONE]).await
}

async fn sign_in(browser: &Browser, demo: &Demo) -> anyhow::Result<()> {
    let person = demo.tour.accounts.first().context("nobody lives here")?;
    browser.fill("#user", &person.login).await?;
    browser.fill("#password", &person.password).await?;
    browser.press("Log in").await
}

/// Keeps a screenshot at 1280 pixels, and at other widths; the page must not be wider than any of them.
async fn look(browser: &Browser, name: &str, others: &[(u32, u32)]) -> anyhow::Result<()> {
    for &size in [DESKTOP].iter().chain(others) {
        browser.resize(size).await?;
        browser
            .keep_screenshot(&format!("{}-{name}", size.0))
            .await?;
        ensure!(
            !browser.scrolls_sideways().await?,
            "{name} is wider than {} pixels",
            size.0
        );
    }
    browser.resize(DESKTOP).await
}

/// The first code of the agreement in a text.
fn code_in(text: &str) -> anyhow::Result<String> {
    let is_code = |word: &&str| {
        word.len() == 17
            && word.split('-').count() == 3
            && word.split('-').all(|group| group.len() == 5)
    };
    text.split_whitespace()
        .find(is_code)
        .map(str::to_owned)
        .with_context(|| format!("no code in {text:?}"))
}

/// The digits that the app shows; the browser is back in the webmail's tab afterwards.
async fn digits(browser: &Browser, app: usize) -> anyhow::Result<String> {
    let webmail = browser.switch_back(app).await?;
    let digits = browser
        .wait_for_text(".digits", |t| six(t).is_some())
        .await?;
    browser.switch_back(webmail).await?;
    six(&digits).context("six digits")
}

/// The app's code once it is another one than `used`.
async fn another_code(browser: &Browser, app: usize, used: &str) -> anyhow::Result<String> {
    let webmail = browser.switch_back(app).await?;
    let shown = browser
        .wait_for_text(".digits", |t| six(t).is_some_and(|digits| digits != used))
        .await?;
    browser.switch_back(webmail).await?;
    six(&shown).context("six digits")
}

fn six(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (digits.len() == 6).then_some(digits)
}
