//! A laptop that signed in on campus is asked for a factor at home, and finds its half-written letter again.

use std::sync::Arc;

use anyhow::ensure;
use sekisho::demo::{CAMPUS, HOME};

use crate::scene::{KEN, Scene, in_every_browser};

in_every_browser!(half_a_letter_survives_the_way_home);

async fn half_a_letter_survives_the_way_home(scene: Arc<Scene>) -> anyhow::Result<()> {
    let (browser, laptop) = (&scene.browser, scene.home(""));
    scene.demo.home.set(CAMPUS);
    scene.sign_in(&laptop, KEN).await?;
    scene
        .register_address(&laptop, "ken@private.example")
        .await?;
    scene.use_mfa(&laptop, "yes").await?;
    browser.open(&scene.home("/mail/compose")).await?;
    browser.fill("#to", "hanako@kit.example").await?;
    browser.fill("#subject", "On the train").await?;
    browser
        .fill("#body", "Half of it was written on campus")
        .await?;

    scene.demo.home.set(HOME);
    browser.press("button[value=send]").await?;
    scene.proves_by_mail().await?;
    ensure!(
        browser.property("#subject", "value").await? == "On the train",
        "the subject is there again"
    );
    ensure!(
        browser
            .property("#to", "value")
            .await?
            .contains("hanako@kit.example"),
        "the recipient is there again"
    );
    let body = browser.property("#body", "value").await?;
    ensure!(
        body.contains("Half of it was written on campus"),
        "the text is there again: {body:?}"
    );
    browser.picture("compose-restored").await?;
    browser.press("button[value=send]").await?;
    browser.see(".notice.good").await?;

    scene.sign_in(&scene.campus(""), "hanako").await?;
    browser.see("ol.mails").await?;
    scene
        .see_mail_arrive(&scene.campus("/mail"), "On the train")
        .await
}
