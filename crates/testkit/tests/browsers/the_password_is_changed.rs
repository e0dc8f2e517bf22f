//! After a change of the password the old one opens nothing.

use std::sync::Arc;

use crate::scene::{HANAKO, Scene, in_every_browser};

in_every_browser!(the_password_is_changed);

async fn the_password_is_changed(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    let (old, new) = (scene.password(HANAKO)?, "ume-no-hana-mo-saku-8");
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    browser.open(&scene.campus("/preferences/password")).await?;
    browser.picture("password").await?;
    browser.fill("#old", old).await?;
    browser.fill("#new", new).await?;
    browser.fill("#again", "something-else").await?;
    browser
        .press("form[action='/preferences/password'] > .buttons button")
        .await?;
    browser.see(".notice.wrong").await?;
    browser.picture("password-differs").await?;
    for (field, text) in [("#old", old), ("#new", new), ("#again", new)] {
        browser.fill(field, text).await?;
    }
    browser
        .press("form[action='/preferences/password'] > .buttons button")
        .await?;
    browser.see(".notice.good").await?;
    browser.picture("password-done").await?;

    browser.press("form[action='/logout'] button").await?;
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    browser.see(".notice.wrong").await?;
    browser.fill("#user", HANAKO).await?;
    browser.fill("#password", new).await?;
    browser.press("form[action='/login'] button").await?;
    browser.see("ol.mails").await.map(drop)
}
