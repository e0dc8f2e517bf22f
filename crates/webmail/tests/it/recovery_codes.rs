//! Recovery codes, for people who have neither their phone nor their external mail.

use crate::kit::{App, Browser, HOME, Kit};

/// Makes codes in the preferences, and reads them off the page.
async fn made(browser: &mut Browser) -> Vec<String> {
    browser.get("/preferences/mfa/recovery").await;
    browser
        .post("/preferences/mfa/recovery", &[])
        .await
        .leads_to("/preferences/mfa/recovery");
    shown(browser).await
}

async fn shown(browser: &mut Browser) -> Vec<String> {
    let page = browser.get("/preferences/mfa/recovery").await;
    let codes = page.body.split("<li>").skip(1);
    codes
        .filter_map(|rest| rest.split("</li>").next())
        .filter(|code| code.len() == 11 && code.as_bytes().get(5) == Some(&b'-'))
        .map(str::to_owned)
        .collect()
}

async fn alice_by(kit: &Kit, code: &str, place: &str) -> (Browser, crate::kit::Answer) {
    let mut browser = kit.browser(place);
    browser.sign_in().await.leads_to("/mfa-step");
    browser.get("/mfa-step/recovery").await;
    let answer = browser
        .post("/mfa-step/recovery", &[("recovery-code", code)])
        .await;
    (browser, answer)
}

#[tokio::test]
async fn ten_codes_are_shown_until_they_are_kept_and_each_lets_in_once() {
    let kit = Kit::start().await;
    let _app: App = kit.alice_uses_mfa().await;
    let mut campus = kit.alice_on_campus().await;
    let codes = made(&mut campus).await;
    assert_eq!(codes.len(), 10, "{codes:?}");
    assert_eq!(
        shown(&mut campus).await,
        codes,
        "after a reload they are there"
    );
    campus
        .post("/preferences/mfa/recovery/kept", &[])
        .await
        .leads_to("/preferences/mfa?done=recovery");
    assert!(shown(&mut campus).await.is_empty(), "then no more");

    let letters = kit.letters.count();
    let (mut home, answer) = alice_by(&kit, &codes[3].to_lowercase().replace('-', " "), HOME).await;
    answer.leads_to("/");
    assert_eq!(kit.letters.count(), letters + 1, "it is told by mail");
    home.get("/preferences/mfa").await.says("9 of 10 left");
    home.get("/mfa").await.says("A recovery code was used");

    let (_, again) = alice_by(&kit, &codes[3], "192.0.2.99").await;
    again.says("The recovery code is wrong, or was used already.");
    let (_, short) = alice_by(&kit, "7K2MQ", "192.0.2.99").await;
    short.says("A recovery code has ten characters; 5 were entered.");
}

#[tokio::test]
async fn new_codes_take_the_place_of_the_old_and_end_what_a_replaced_factor_ends() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut campus = kit.alice_on_campus().await;
    let first = made(&mut campus).await;
    let mut home = kit.alice_at_home(&app).await;
    let second = made(&mut campus).await;
    home.get("/mfa").await.leads_to("/login?to=%2Fmfa");
    let (_, old) = alice_by(&kit, &first[0], HOME).await;
    old.says("The recovery code is wrong, or was used already.");
    let (_, new) = alice_by(&kit, &second[0], HOME).await;
    new.leads_to("/");
}

#[tokio::test]
async fn they_prove_who_it_is_before_a_change_too_and_go_with_the_last_factor() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut campus = kit.alice_on_campus().await;
    let codes = made(&mut campus).await;
    let mut home = kit.alice_at_home(&app).await;
    let id = home.get("/preferences/mfa").await.value_of("factor");
    let remove = "/preferences/mfa/remove";
    home.post(remove, &[("factor", &id)])
        .await
        .says("Use a recovery code");
    let asked = home
        .post(
            remove,
            &[
                ("factor", &id),
                ("proof-recover", "1"),
                ("proof-password", ""),
            ],
        )
        .await;
    asked.says("id=\"recovery-code\"");
    let fields = [
        ("factor", id.as_str()),
        ("proof-kind", "recovery-code"),
        ("otp", &codes[0]),
        ("proof-password", crate::kit::PASSWORD),
    ];
    home.post(remove, &fields)
        .await
        .leads_to("/preferences/mfa?done=removed");
    let page = home.get("/preferences/mfa/recovery").await;
    page.says("Register an OTP app or an external address first.");
    // Without a factor no codes can be made: a password alone must not become a factor.
    let answer = home.post("/preferences/mfa/recovery", &[]).await;
    answer.says("register");
}
