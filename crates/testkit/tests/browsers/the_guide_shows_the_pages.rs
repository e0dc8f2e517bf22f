//! The guide's pictures show the pages as they are. `./scripts/test --pictures` takes them; any other run compares the
//! text of each page with the text at the time of its picture, so that no picture becomes outdated unnoticed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use sekisho_testkit::browser::{Kind, Wishes, until};
use serde_json::Value;

use crate::scene::{self, AppTab as _, HANAKO, KEN, Scene};

const WIDTH: u32 = 390;

fn wishes(lang: &'static str) -> Wishes {
    Wishes {
        kind: Kind::Chromium,
        lang,
        width: WIDTH,
        scripts: true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_japanese() -> anyhow::Result<()> {
    scene::tell("the_guide", wishes("ja"), the_guide_shows_the_pages).await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_english() -> anyhow::Result<()> {
    scene::tell("the_guide", wishes("en"), the_guide_shows_the_pages).await
}

async fn the_guide_shows_the_pages(scene: Arc<Scene>) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.turn_mfa_on(KEN).await?;
    browser.open(&scene.home("/login")).await?;
    scene.in_the_guide("sign-in").await?;
    scene.sign_in(&scene.home(""), KEN).await?;
    browser.see("form[action*='/register/begin']").await?;
    scene.in_the_guide("choose-factor").await?;
    browser
        .press("form[action*='/register/begin'] button")
        .await?;
    let user_code = browser.see(".code").await?;
    let webmail = browser.tab().await?;
    let app = browser.open_tab(&scene.demo.tour.app).await?;
    browser.click("#add").await?;
    let app_code = browser.see("#app-code").await?;
    browser.fill("#user-code", &user_code).await?;
    browser.see(".verdict.right").await?;
    scene.in_the_guide("app-adding").await?;
    browser.go_to_tab(&webmail).await?;
    browser.fill("#app-code", &app_code).await?;
    browser.see(".verdict.right").await?;
    scene.in_the_guide("app-code").await?;
    browser.press("button[form=step]").await?;
    browser.see(".code").await?;
    scene.in_the_guide("user-code").await?;
    browser.go_to_tab(&app).await?;
    browser.click("#register").await?;
    browser.click(".account .toggle-code").await?;
    browser.read_digits().await?;
    scene.in_the_guide("app-showing").await?;
    let digits = browser.read_digits().await?;
    browser.go_to_tab(&webmail).await?;
    browser.press("a[href*='step=otp']").await?;
    browser.fill("#otp", &digits).await?;
    browser.press("button[form=step]").await?;
    browser.see(".notice.good").await?;
    // The script joins the other address family before or after the mail program's login. The picture waits for it, so
    // that it always comes first.
    until(async || {
        browser.open(&scene.home("/mfa")).await?;
        let here = browser.seen("tr.here").await?;
        Ok(here.filter(|words| words.contains("db8")))
    })
    .await?;
    ensure!(scene.mail_client_at_home(KEN).await?, "mail programs work");
    browser.open(&scene.home("/mfa")).await?;
    browser.see("tr.here").await?;
    scene.in_the_guide("status").await?;
    browser.press("form[action='/logout'] button").await?;

    scene.sign_in(&scene.campus(""), HANAKO).await?;
    scene
        .register_address(&scene.campus(""), "hanako@private.example")
        .await?;
    scene.use_mfa(&scene.campus(""), "yes").await?;
    scene.sign_in(&scene.home(""), HANAKO).await?;
    scene
        .issue("form[action^='/mfa-step/mail/issue'] button")
        .await?;
    browser.see("#otp").await?;
    scene.in_the_guide("external-mail").await?;

    // The guide itself, with its pictures.
    browser.open(&scene.home("/help")).await?;
    browser.see(".guide article").await?;
    let broken = "return [...document.images].filter((i) => !(i.complete && i.naturalWidth > 1)).map((i) => i.src)";
    let mut missing = Value::Null;
    let shown = until(async || {
        missing = browser.run(broken, Vec::new()).await?;
        Ok(missing
            .as_array()
            .filter(|missing| missing.is_empty())
            .map(drop))
    });
    ensure!(shown.await?.is_some(), "pictures: {missing}");
    browser.picture("help").await
}

impl Scene {
    /// Takes the guide's picture of the current page, or checks that the picture it has still shows this page.
    async fn in_the_guide(&self, name: &str) -> anyhow::Result<()> {
        let lang = self.browser.wishes().lang;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/pictures");
        let picture = folder.join(lang).join(format!("{name}.webp"));
        let beside: PathBuf = picture.with_extension("txt");
        let words = self.words_of_the_page().await?;
        if std::env::var_os("SEKISHO_PICTURES").is_some() {
            self.browser.keep_picture(&picture).await?;
            std::fs::write(beside, words)?;
            return Ok(());
        }
        let then = std::fs::read_to_string(&beside)
            .with_context(|| format!("{} is missing", beside.display()))?;
        ensure!(
            words == then,
            "the guide's picture {name} ({lang}) is not of this page any more: \
             ./scripts/test --pictures takes it again.\n\
             Then:\n{then}\nNow:\n{words}"
        );
        Ok(())
    }

    /// The text of the page, without what differs each time: codes, OTPs, ports.
    async fn words_of_the_page(&self) -> anyhow::Result<String> {
        let words = self
            .browser
            .run("return document.body.innerText", Vec::new())
            .await?;
        let words = words.as_str().context("words")?;
        let lines = words.lines().map(|line| {
            let line = line
                .split_whitespace()
                .map(|word| {
                    let is_code = word.len() == 17 && word.matches('-').count() == 2;
                    if is_code { "CODE" } else { word }
                })
                .collect::<Vec<_>>()
                .join(" ");
            // Remaining times can have one unit more or less, and numbers one digit more or less.
            let mut masked = String::new();
            for c in line.chars() {
                if !c.is_ascii_digit() {
                    masked.push(c);
                } else if !masked.ends_with('0') {
                    masked.push('0');
                }
            }
            for (counted, mask) in [
                ("(0 min 0 s)", "(LEFT)"),
                ("(0 h 0 min)", "(LEFT)"),
                ("(0 min)", "(LEFT)"),
                ("(0分0秒)", "(LEFT)"),
                ("(0時間0分)", "(LEFT)"),
                ("(0分)", "(LEFT)"),
            ] {
                masked = masked.replace(counted, mask);
            }
            masked + "\n"
        });
        Ok(lines.collect())
    }
}
