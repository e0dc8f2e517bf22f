//! F6 with what people slip on: full-width digits, spaces, too few of them, the code of another time, a code that was used, the other method midway, a letter that
//! does not come, and time that runs out.

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

    // Both ways are offered, the app first.
    scene.sign_in(&scene.home(""), HANAKO).await?;
    browser.see("a.row[href*='/mfa-step/app']").await?;
    browser.picture("prove-choice").await?;
    browser.press("a.row[href*='/mfa-step/app']").await?;

    // A code that was used is told apart from a wrong one, and costs no try. It comes first: in a minute it would be merely old.
    browser.fill("#otp", &used).await?;
    browser.press(APP).await?;
    browser.see(".notice.wrong").await?;
    browser.picture("prove-app-used").await?;
    // So are too few digits, and a code of the wrong kind.
    for (typed, words) in [("12345", "5"), ("8DE7R-DNB4K-M240Y", "VIEW CODE")] {
        browser.fill("#otp", typed).await?;
        browser.press(APP).await?;
        browser.read(".notice.wrong", words).await?;
    }
    // A wrong one says how many tries are left.
    browser
        .fill("#otp", if used == "000000" { "111111" } else { "000000" })
        .await?;
    browser.press(APP).await?;
    browser.read(".notice.wrong", "4").await?;

    // Midway to the other method; the letter is asked for, and once more a moment later.
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
    // Time runs out for both; the place is kept.
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
    // Asking again did not kill the one sent a moment ago; and it may be typed as it comes.
    browser.fill("#otp", &full_width(&third)).await?;
    browser.press(MAIL).await?;
    browser.see("ol.mails").await.map(drop)
}
