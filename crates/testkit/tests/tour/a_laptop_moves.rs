//! A laptop signs in on campus without a code, moves home, is asked for one, and finds its half-written mail again.

use anyhow::{Context, ensure};
use sekisho::demo::{CAMPUS, Demo, HOME};

use crate::browser::{Browser, Kind};
use crate::{person, start_demo};

const LETTER: &str = "Half a letter, begun on campus. 続きは家で。";

#[tokio::test(flavor = "multi_thread")]
async fn in_chromium() -> anyhow::Result<()> {
    story(Kind::Chromium).await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_firefox() -> anyhow::Result<()> {
    story(Kind::Firefox).await
}

async fn story(kind: Kind) -> anyhow::Result<()> {
    let demo = start_demo().await?;
    let browser = Browser::start(kind).await?;
    let told = tell(&demo, &browser).await;
    if told.is_err() {
        browser.keep_screenshot("where-the-laptop-failed").await?;
    }
    browser.close().await;
    demo.stop().await;
    told
}

async fn tell(demo: &Demo, browser: &Browser) -> anyhow::Result<()> {
    let mut app = person::hanako_uses_mfa(demo).await?;
    let web = demo.tour.home.web.as_str();
    let [hanako, ken] = demo.tour.accounts.as_slice() else {
        anyhow::bail!("two people live here");
    };
    // The laptop is on campus: no code.
    demo.home.set(CAMPUS);
    browser.go(web).await?;
    browser.fill("#user", &hanako.login).await?;
    browser.fill("#password", &hanako.password).await?;
    browser.press("Log in").await?;
    browser.wait_for_path("/mail").await?;
    browser.go(&format!("{web}/mail/compose")).await?;
    browser.fill("[name=to]", &ken.address).await?;
    browser.fill("[name=subject]", "Half a letter").await?;
    browser.fill("textarea", LETTER).await?;

    // It moves home; sending asks for a code first.
    demo.home.set(HOME);
    browser.press("Send").await?;
    browser.wait_for_path("/mfa-step").await?;
    let code = app.next(demo);
    browser
        .fill("[autocomplete=one-time-code]", code.expose())
        .await?;
    browser.press("LOG IN").await?;
    browser.wait_for_path("/mail/compose").await?;
    let kept = browser.value("textarea").await?;
    ensure!(kept.trim() == LETTER, "the letter is still there: {kept:?}");
    browser.press("Send").await?;
    browser.wait_for_path("/mail").await?;

    // Ken reads it on campus.
    let campus = demo.tour.campus.web.as_str();
    browser.go(campus).await?;
    browser.fill("#user", &ken.login).await?;
    browser.fill("#password", &ken.password).await?;
    browser.press("Log in").await?;
    browser.wait_for_path("/mail").await?;
    browser
        .wait_for_text_or_reload("main", |page| page.contains("Half a letter"))
        .await
        .context("the letter arrives")?;
    Ok(())
}
