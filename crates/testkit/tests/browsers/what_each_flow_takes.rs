//! Counts, for each flow, the steps, pointings and typed characters of a practised person, and estimates the time by
//! the keystroke-level model. Writes the table to `target/effort.md`.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{bail, ensure};
use sekisho_testkit::browser::{Browser, Effort, Kind, Wishes};

use crate::scene::{self, AppTab as _, HANAKO, KEN, Scene};

/// How many steps the first registration off campus takes by the guide of the service that the users know.
const KNOWN_F4: u32 = 15;

type Table = Arc<Mutex<Vec<(&'static str, Effort)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn what_each_flow_takes() -> anyhow::Result<()> {
    let table = Table::default();
    let wishes = Wishes {
        kind: Kind::Chromium,
        lang: "en",
        width: 1280,
        scripts: true,
    };
    let name = "what_each_flow_takes";
    scene::tell(name, wishes, |scene| every_day(scene, Arc::clone(&table))).await?;
    scene::tell(name, wishes, |scene| {
        typed_by_hand(scene, Arc::clone(&table))
    })
    .await?;
    scene::tell(name, wishes, |scene| by_link(scene, Arc::clone(&table))).await?;

    let table = std::mem::take(&mut *table.lock().unwrap_or_else(PoisonError::into_inner));
    let [.., (_, typed), (_, by_link)] = table.as_slice() else {
        bail!("no table");
    };
    ensure!(typed.steps <= KNOWN_F4, "{typed:?}");
    ensure!(by_link.seconds() < typed.seconds(), "{by_link:?} {typed:?}");
    let mut text =
        String::from("| flow | steps | pointings | keys | seconds |\n|---|---|---|---|---|\n");
    for (flow, effort) in &table {
        let Effort {
            steps,
            pointings,
            keys,
        } = effort;
        let seconds = effort.seconds();
        text.push_str(&format!(
            "| {flow} | {steps} | {pointings} | {keys} | {seconds:.0} |\n"
        ));
    }
    Browser::keep_text("effort.md", &text)
}

fn note(table: &Table, flow: &'static str, effort: Effort) {
    table
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push((flow, effort));
}

/// Hanako on campus and at home.
async fn every_day(scene: Arc<Scene>, table: Table) -> anyhow::Result<()> {
    let browser = &scene.browser;
    let row = |flow| note(&table, flow, browser.take_effort());
    browser.take_effort();
    scene.sign_in(&scene.campus(""), HANAKO).await?;
    row("F1 sign in");

    browser.press("nav a[href='/preferences']").await?;
    browser.press("main a[href='/preferences/mfa']").await?;
    let (app, _) = scene.register_app(&scene.campus("")).await?;
    let webmail = browser.tab().await?;
    row("F3 register the app on campus, both codes typed");

    browser.click("input[name=use][value=yes]").await?;
    browser
        .press("form[action='/preferences/mfa/use'] button")
        .await?;
    row("F2 turn MFA on");

    scene
        .register_address(&scene.campus(""), "hanako@private.example")
        .await?;
    row("F5 register a private address");

    scene.sign_in(&scene.home(""), HANAKO).await?;
    browser.take_effort();
    browser.press("a.row[href*='/mfa-step/app']").await?;
    browser.go_to_tab(&app).await?;
    scene.wait_for_next_code().await?;
    let digits = browser.read_digits().await?;
    browser.go_to_tab(&webmail).await?;
    browser.fill("#otp", &digits).await?;
    browser
        .press("form[action^='/mfa-step/app'] button")
        .await?;
    row("F6 the app's code, behind the password");

    browser.open(&scene.home("/mfa")).await?;
    browser
        .press("form[action='/mfa/end-grants'] button")
        .await?;
    row("F8 end a grant");

    // A factor is owed again, because the grant was ended.
    browser.press("a.row[href*='/mfa-step/mail']").await?;
    scene.proves_by_mail().await?;
    row("F6 a mailed code, behind the password");
    Ok(())
}

/// Ken's first sign-in at home, typing each code from one screen into the other.
async fn typed_by_hand(scene: Arc<Scene>, table: Table) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.turn_mfa_on(KEN).await?;
    scene.sign_in(&scene.home(""), KEN).await?;
    let webmail = browser.tab().await?;
    browser.take_effort();
    browser
        .press("form[action*='/register/begin'] button")
        .await?;
    let app = browser.open_tab(&scene.demo.tour.app).await?;
    browser.click("#add").await?;
    let app_code = browser.see("#app-code").await?;
    browser.go_to_tab(&webmail).await?;
    browser
        .fill("#app-code", &app_code.replace('-', ""))
        .await?;
    browser.press("button[form=step]").await?;
    let user_code = browser.see(".code").await?;
    browser.go_to_tab(&app).await?;
    browser
        .fill("#user-code", &user_code.replace('-', ""))
        .await?;
    browser.click("#register").await?;
    browser.click(".account .toggle-code").await?;
    let digits = browser.read_digits().await?;
    browser.go_to_tab(&webmail).await?;
    browser.press("a[href*='step=otp']").await?;
    browser.fill("#otp", &digits).await?;
    browser.press("button[form=step]").await?;
    browser.press("main .buttons a").await?;
    let effort = browser.take_effort();
    note(
        &table,
        "F4 register off campus, all typed, app on a phone",
        effort,
    );
    Ok(())
}

/// The same on one device: the link carries the user code; app code and OTP are copied and pasted.
async fn by_link(scene: Arc<Scene>, table: Table) -> anyhow::Result<()> {
    let browser = &scene.browser;
    scene.turn_mfa_on(KEN).await?;
    scene.sign_in(&scene.home(""), KEN).await?;
    let webmail = browser.tab().await?;
    browser.take_effort();
    browser
        .press("form[action*='/register/begin'] button")
        .await?;
    browser.click("#open-in-app").await?;
    let app = browser.go_to_new_tab(&[&webmail]).await?;
    browser.click("#copy").await?;
    let app_code = browser.see("#app-code").await?;
    browser.click("#register").await?;
    browser.click(".account .toggle-code").await?;
    let digits = browser.read_digits().await?;
    browser.switch_to_tab(&webmail).await?;
    browser.paste("#app-code", &app_code).await?;
    browser.press("button[form=step]").await?;
    browser.fill("#otp", &digits).await?;
    browser.press("button[form=step]").await?;
    browser.press("main .buttons a").await?;
    let effort = browser.take_effort();
    note(
        &table,
        "F4 register off campus, by link, all on one device",
        effort,
    );
    browser.go_to_tab(&app).await
}
