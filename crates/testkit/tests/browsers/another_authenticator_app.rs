//! Other authenticator apps take the key from a QR code, a link, or by typing; their OTP completes the registration.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use sekisho::clock::WallClock;
use sekisho_checkpoint::ports::Clock as _;
use sekisho_otp::{OtpKey, Step};

use crate::scene::{HANAKO, KEN, Scene, in_every_browser};

in_every_browser!(another_authenticator_app_will_do);

/// Decodes base32 (RFC 4648 section 6), as authenticator apps do.
fn unbase32(text: &str) -> anyhow::Result<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for symbol in text.bytes().filter(u8::is_ascii_alphanumeric) {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
            .iter()
            .position(|known| *known == symbol);
        bits = bits << 5 | u32::try_from(value.context("a letter of base32")?)?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(bytes)
}

async fn digits_of_the_key_shown(scene: &Scene) -> anyhow::Result<String> {
    let typed = scene.browser.see(".key").await?;
    let key = OtpKey::from_bytes(&unbase32(&typed)?)?;
    Ok(key
        .code(Step::at(WallClock.now().as_second()))
        .expose()
        .to_owned())
}

async fn another_authenticator_app_will_do(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    browser.open(&scene.campus("/preferences/mfa/app")).await?;
    browser.click("details:last-of-type summary").await?;
    browser.picture("register-app").await?;
    browser
        .press("form[action='/preferences/mfa/app/key'] button")
        .await?;
    browser.see("svg.qr").await?;
    browser.picture("register-authenticator").await?;
    let link = browser.property("a[href^=otpauth]", "href").await?;
    ensure!(link.contains("hanako@kit.example?secret="), "{link}");
    browser.discard().await?;
    let digits = digits_of_the_key_shown(&scene).await?;
    browser.fill("#otp", &digits).await?;
    browser.fill("#name", "FreeOTP").await?;
    browser
        .press("form[action='/preferences/mfa/app/otp'] button")
        .await?;
    browser.read("main", "FreeOTP").await?;

    // The same at home, as the first factor.
    scene.turn_mfa_on(KEN).await?;
    scene.sign_in(&scene.home(""), KEN).await?;
    browser
        .press("form[action*='/register/begin'] button")
        .await?;
    browser.press("button[formaction*='/register/key']").await?;
    browser.picture("wizard-authenticator").await?;
    let digits = digits_of_the_key_shown(&scene).await?;
    browser.fill("#otp", &digits).await?;
    browser.press("button[form=step]").await?;
    browser.see(".notice.good").await.map(drop)
}
