//! Proving a factor with the slips that people make: full-width digits, spaces, too few digits, an old code, a used
//! code, a change of the method midway, a letter that does not come, and a code that has expired.

use std::sync::Arc;

use anyhow::ensure;

use crate::scene::{HANAKO, Scene, in_every_browser};

in_every_browser!(slips_at_the_question_cost_nothing_that_matters);

const APP: &str = "form[action^='/mfa-step/app'] button";
const MAIL: &str = "form[action^='/mfa-step/mail']:not([action*=issue]) button";
const ISSUE: &str = "form[action^='/mfa-step/mail/issue'] button";

fn full_width(digits: &str) -> String {
    let wide = |c: char| {
        c.to_digit(10)
            .and_then(|d| char::from_u32(0xff10 + d))
            .unwrap_or(c)
    };
    let (left, right) = digits.split_at(3);
    format!(
        "{} {}",
        left.chars().map(wide).collect::<String>(),
        right.chars().map(wide).collect::<String>()
    )
}

async fn slips_at_the_question_cost_nothing_that_matters(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    let (_, used) = scene.register_app(&scene.campus("")).await?;
    scene
        .register_address(&scene.campus(""), "hanako@private.example")
        .await?;
    scene.use_mfa(&scene.campus(""), "yes").await?;

    // Both factors are offered, the app first.
    scene.sign_in(&scene.home(""), HANAKO).await?;
    browser.see("a.row[href*='/mfa-step/app']").await?;
    browser.picture("prove-choice").await?;
    browser.press("a.row[href*='/mfa-step/app']").await?;

    // The page says that a used code was used, and counts no try. This comes first, because a minute later the code
    // would only be old.
    browser.fill("#otp", &used).await?;
    browser.press(APP).await?;
    browser.see(".notice.wrong").await?;
    browser.picture("prove-app-used").await?;
    // Too few digits, or a code of another kind, count no try either.
    for (typed, words) in [("12345", "5"), ("8DE7R-DNB4K-M240Y", "VIEW CODE")] {
        browser.fill("#otp", typed).await?;
        browser.press(APP).await?;
        browser.read(".notice.wrong", words).await?;
    }
    // A wrong code counts, and the page says how many tries are left.
    browser
        .fill("#otp", if used == "000000" { "111111" } else { "000000" })
        .await?;
    browser.press(APP).await?;
    browser.read(".notice.wrong", "4").await?;

    // The person changes to the mailed code midway, and asks for a second letter soon after the first.
    browser.press("nav.ways a[href*='/mfa-step/mail']").await?;
    let first = scene.issue(ISSUE).await?;
    browser.discard().await?;
    browser.click("main details summary").await?;
    browser.picture("prove-mail-again").await?;
    if browser.wishes().scripts {
        browser.see("button[data-not-before]:disabled").await?;
    }
    scene.advance(31).await?;
    browser.reload().await?;
    browser.click("main details summary").await?;
    let second = scene.issue(ISSUE).await?;
    ensure!(first != second, "another code");
    // Both codes expire; the page stays the same.
    scene.advance(601).await?;
    browser.fill("#otp", &second).await?;
    browser.press(MAIL).await?;
    browser.see(".notice.wrong").await?;
    browser.picture("prove-mail-expired").await?;
    let third = scene.issue(ISSUE).await?;
    browser.reload().await?;
    scene.advance(31).await?;
    browser.reload().await?;
    browser.click("main details summary").await?;
    scene.issue(ISSUE).await?;
    // A new letter does not invalidate the one before it. A code may be typed in full-width digits with a space.
    browser.fill("#otp", &full_width(&third)).await?;
    browser.press(MAIL).await?;
    browser.see("ol.mails").await.map(drop)
}
