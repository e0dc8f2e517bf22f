//! The status page, whose address refused mail programs show: what was refused and why, until when the grant lives, its
//! renewal, the other address family, a relay that hides the browser's address, and "that wasn't me".

use std::sync::Arc;

use anyhow::ensure;
use sekisho_testkit::browser::until;

use crate::scene::{HANAKO, Scene, in_every_browser};

in_every_browser!(mail_programs_are_helped);

async fn mail_programs_are_helped(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    scene
        .register_address(&scene.campus(""), "hanako@private.example")
        .await?;
    scene.use_mfa(&scene.campus(""), "yes").await?;
    ensure!(!scene.mail_client_at_home(HANAKO).await?, "refused");

    // The address in the refusal leads to the sign-in, to the factor, and back to the status page.
    browser.open(&scene.home("/mfa")).await?;
    browser.fill("#user", HANAKO).await?;
    browser.fill("#password", scene.password(HANAKO)?).await?;
    browser.press("form[action='/login'] button").await?;
    scene.proves_by_mail().await?;
    browser.see("tr.here").await?;
    ensure!(
        browser.address().await?.path() == "/mfa",
        "back at the page"
    );
    ensure!(scene.mail_client_at_home(HANAKO).await?, "admitted");
    browser.picture("mfa-after-proof").await?;

    // The script brings the token over the other address family, which joins the grant.
    let joined = until(async || {
        browser.reload().await?;
        let row = browser.seen("tr.here").await?.unwrap_or_default();
        Ok(row.contains("2001:db8:23::7").then_some(()))
    });
    ensure!(joined.await?.is_some(), "the other address joined");

    // After a login from a third address the page names both addresses.
    scene.move_home("192.0.2.77".parse()?);
    ensure!(!scene.mail_client_at_home(HANAKO).await?, "refused there");
    scene.move_home(sekisho::demo::HOME);
    browser.reload().await?;
    browser.read(".notice.warning", "192.0.2.77").await?;
    browser.picture("mfa-elsewhere").await?;

    // Half an hour before the grant ends every page says so, and the grant is renewed.
    scene.advance(13 * 3600 + 40 * 60).await?;
    scene.sign_in(&scene.home(""), HANAKO).await?;
    browser.see("section.banner").await?;
    browser.picture("banner").await?;
    browser.press("section.banner a").await?;
    browser.click("#renew summary").await?;
    let code = scene.issue("#renew button[name=proof-issue]").await?;
    browser.picture("renew").await?;
    browser.fill("#renew #otp", &code).await?;
    browser.press("#renew form > .buttons button").await?;
    browser.see(".notice.good").await?;
    browser.picture("renewed").await?;
    scene.advance(30 * 60).await?;
    ensure!(scene.mail_client_at_home(HANAKO).await?, "it goes on");

    // Somebody knows the password and stops at the factor: the status page reports it.
    scene.move_home("192.0.2.66".parse()?);
    browser.delete_cookies().await?;
    scene.sign_in(&scene.home(""), HANAKO).await?;
    browser.delete_cookies().await?;
    scene.move_home(sekisho::demo::HOME);
    scene.advance(17 * 60).await?;
    scene.sign_in(&scene.home(""), HANAKO).await?;
    let told = until(async || {
        browser.open(&scene.home("/mfa")).await?;
        let page = browser.see("main").await?;
        let warned = browser.count("form[action='/mfa/not-me']").await? == 2;
        Ok((warned && page.contains("192.0.2.66")).then_some(()))
    });
    ensure!(told.await?.is_some(), "told on the page");
    browser.picture("never-came").await?;
    browser
        .press(".notice form[action='/mfa/not-me'] button")
        .await?;
    browser.picture("sign-in-after-not-me").await?;
    ensure!(
        !scene.mail_client_at_home(HANAKO).await?,
        "everything ended"
    );
    browser.fill("#user", HANAKO).await?;
    browser.fill("#password", scene.password(HANAKO)?).await?;
    browser.press("form[action='/login'] button").await?;
    scene.proves_by_mail().await?;
    browser.see("#new").await?;
    browser.picture("password-wanted").await?;
    browser.open(&scene.home("/preferences")).await?;
    browser.see("section.banner:not([hidden])").await.map(drop)
}
