//! Turning MFA on and off, registering an app on and off campus, and registering an address.

use sekisho_checkpoint::policy::{FirstRegistration, MfaDemand, Policy};
use sekisho_checkpoint::ports::Clock as _;
use sekisho_otp::AppCode;

use crate::kit::{App, CAMPUS, HOME, Kit, PASSWORD, policy};

fn required(first_registration: FirstRegistration) -> Policy {
    Policy {
        mfa: MfaDemand::RequiredFrom(jiff::Timestamp::UNIX_EPOCH),
        first_registration,
        ..policy()
    }
}

#[tokio::test]
async fn the_user_code_stays_readable_until_the_app_is_registered() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    alice
        .get("/preferences/mfa")
        .await
        .says("No OTP app is registered.");
    alice.post("/preferences/mfa/app/user-code", &[]).await;
    let user = alice.get("/preferences/mfa/app").await.user_code();
    let app = App::new(&kit, &user);
    let same = user.grouped();
    alice
        .post("/preferences/mfa/app/app-code", &[("app-code", &same)])
        .await
        .says("This is the user code");
    let slip = app.code.grouped().replace('-', "").to_lowercase();
    let wrong = format!(
        "{}{}",
        &slip[..14],
        if slip.ends_with('0') { '1' } else { '0' }
    );
    let page = alice
        .post("/preferences/mfa/app/app-code", &[("app-code", &wrong)])
        .await;
    page.says("There is a typing error in the code");
    page.says(&wrong);
    assert_eq!(page.user_code().grouped(), same);
    alice
        .post("/preferences/mfa/app/app-code", &[("app-code", &slip)])
        .await
        .leads_to("/preferences/mfa/app");
    let page = alice.get("/preferences/mfa/app").await;
    assert_eq!(page.user_code().grouped(), same);
    let page = alice
        .post("/preferences/mfa/app/otp", &[("otp", "000000")])
        .await;
    page.says("The one-time password is wrong.");
    assert_eq!(page.user_code().grouped(), same);
    page.says(&format!("https://otp.kit.example/#u={same}"));
    alice
        .post("/preferences/mfa/app/otp", &[("otp", &app.shows())])
        .await
        .leads_to("/preferences/mfa?done=app");
    let page = alice.get("/preferences/mfa?done=app").await;
    page.says("The OTP app is registered.");
    page.says("Only one factor is registered.");
}

#[tokio::test]
async fn off_campus_the_wizard_comes_before_the_inbox_and_ends_with_the_grant() {
    let kit = Kit::start_for(required(FirstRegistration::Allow)).await;
    let mut browser = kit.browser(HOME);
    browser.sign_in().await.leads_to("/mfa-step");
    browser
        .get("/mfa-step")
        .await
        .leads_to("/mfa-step/register");
    let page = browser.get("/mfa-step/register").await;
    page.says("OTP APP");
    page.says("External email");
    browser
        .post("/mfa-step/register/begin", &[])
        .await
        .leads_to("/mfa-step/register?way=app");
    // The first step already shows the user code as a link and a QR code.
    let page = browser.get("/mfa-step/register?way=app").await;
    page.says("App code");
    page.says("#u=");
    page.says("<svg class=\"qr\"");
    let first = page.user_code();
    let code = AppCode::generate();
    let path = "/mfa-step/register/app-code";
    browser
        .post(path, &[("app-code", &code.grouped())])
        .await
        .leads_to("/mfa-step/register?way=app");
    // The person looks at the app and the phone discards the page: on return the page shows the same codes.
    let user = browser.get("/mfa-step/register").await.user_code();
    assert_eq!(user.grouped(), first.grouped());
    // Going back to the first step and on again loses nothing.
    let back = browser
        .get("/mfa-step/register?way=app&step=app-code")
        .await;
    back.says(&format!("value=\"{}\"", code.grouped()));
    assert_eq!(back.user_code().grouped(), user.grouped());
    kit.clock.advance_seconds(300);
    let page = browser.get("/mfa-step/register?step=otp").await;
    assert_eq!(page.user_code().grouped(), user.grouped());
    let app = App::with_code(&kit, code, &user);
    browser
        .post("/mfa-step/register/otp", &[("otp", &app.shows())])
        .await
        .leads_to("/mfa/registered");
    let page = browser.get("/mfa/registered").await;
    page.says("HOME");
    page.says("Only one factor is registered.");
    browser
        .get("/mfa")
        .await
        .says("Mail programs work at this address");
}

#[tokio::test]
async fn off_campus_a_private_address_can_be_the_first_factor_but_not_one_of_the_site() {
    let kit = Kit::start_for(required(FirstRegistration::Allow)).await;
    let mut browser = kit.browser(HOME);
    browser.sign_in().await;
    browser.get("/mfa-step/register?way=mail").await;
    let path = "/mfa-step/register/address";
    for own in [
        "alice@kit.example",
        "x@MAIL.Kit.Example.",
        "alice@ｋｉｔ．ｅｘａｍｐｌｅ",
    ] {
        browser
            .post(path, &[("address", own)])
            .await
            .says("Addresses of this site");
    }
    browser
        .post(path, &[("address", "nonsense")])
        .await
        .says("name@domain");
    browser
        .post(path, &[("address", "alice@gmail.example")])
        .await
        .leads_to("/mfa-step/register?way=mail");
    browser
        .get("/mfa-step/register")
        .await
        .says("Mailed to alice@gmail.example");
    // Going back to the first step shows the address, to be corrected.
    browser
        .get("/mfa-step/register?way=mail&step=address")
        .await
        .says("value=\"alice@gmail.example\"");
    // The code expires; the page stays the same, and another code can be asked for.
    kit.clock.advance_seconds(601);
    let page = browser.get("/mfa-step/register").await;
    page.says("no valid one-time password any more");
    browser
        .post(path, &[("address", "alice@gmail.example")])
        .await
        .leads_to("/mfa-step/register?way=mail");
    browser.get("/mfa-step/register").await;
    let (code, _) = kit.mailed_code();
    browser
        .post("/mfa-step/register/address-code", &[("otp", &code)])
        .await
        .leads_to("/mfa/registered");
}

#[tokio::test]
async fn a_site_can_forbid_the_first_registration_from_outside() {
    let kit = Kit::start_for(required(FirstRegistration::Forbid)).await;
    let mut browser = kit.browser(HOME);
    browser.sign_in().await;
    let page = browser.get("/mfa-step/register?way=app").await;
    page.says("A factor can't be registered from here.");
    page.says_nothing_of("name=\"app-code\"");
    let code = AppCode::generate().grouped();
    browser
        .post("/mfa-step/register/app-code", &[("app-code", &code)])
        .await
        .says("be registered from here");
}

#[tokio::test]
async fn where_an_enrolment_code_is_needed_the_page_asks_for_it() {
    let kit = Kit::start_for(required(FirstRegistration::EnrolmentCode)).await;
    let mut browser = kit.browser(HOME);
    browser.sign_in().await;
    browser
        .get("/mfa-step/register?way=app")
        .await
        .says("name=\"enrolment-code\"");
    let code = AppCode::generate().grouped();
    let page = browser
        .post(
            "/mfa-step/register/app-code",
            &[("app-code", &code), ("enrolment-code", "guess")],
        )
        .await;
    page.says("The enrolment code is wrong.");
    page.says(&code);
}

#[tokio::test]
async fn what_the_site_requires_can_not_be_turned_off() {
    let kit = Kit::start_for(required(FirstRegistration::Allow)).await;
    let mut alice = kit.alice_on_campus().await;
    let page = alice.get("/preferences/mfa").await;
    page.says("This site requires multi-factor authentication");
    page.says("value=\"no\" disabled");
}

#[tokio::test]
async fn at_home_mfa_is_not_turned_on_without_a_factor() {
    let kit = Kit::start().await;
    let mut browser = kit.browser(HOME);
    browser.sign_in().await.leads_to("/");
    browser.get("/preferences/mfa").await;
    browser
        .post("/preferences/mfa/use", &[("use", "yes")])
        .await
        .says("Outside trusted networks");
    browser
        .get("/preferences/mfa")
        .await
        .says("value=\"no\" checked");
}

#[tokio::test]
async fn turning_it_off_asks_for_the_password_and_at_home_for_a_factor() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let path = "/preferences/mfa/use";
    let mut alice = kit.alice_on_campus().await;
    alice.get("/preferences/mfa").await;
    let page = alice.post(path, &[("use", "no")]).await;
    page.says("name=\"proof-password\"");
    page.says("name=\"use\" value=\"no\"");
    page.says_nothing_of("name=\"otp\"");
    alice
        .post(path, &[("use", "no"), ("proof-password", "wrong")])
        .await
        .says("The password is wrong.");
    let mut home = kit.alice_at_home(&app).await;
    home.get("/preferences/mfa").await;
    let page = home.post(path, &[("use", "no")]).await;
    page.says("name=\"proof-password\"");
    page.says("name=\"otp\"");
    let code = app.shows();
    let proof = [
        ("use", "no"),
        ("proof-password", PASSWORD),
        ("proof-kind", "otp-app"),
        ("otp", &code),
    ];
    home.post(path, &proof)
        .await
        .leads_to("/preferences/mfa?done=off");
}

#[tokio::test]
async fn five_minutes_after_the_login_a_new_factor_wants_the_password_and_nothing_typed_is_lost() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    kit.clock.advance_seconds(301);
    alice.get("/preferences/mfa/app").await;
    let code = AppCode::generate().grouped();
    let path = "/preferences/mfa/app/app-code";
    let page = alice.post(path, &[("app-code", &code)]).await;
    page.says("confirm once more");
    page.says(&format!("name=\"app-code\" value=\"{code}\""));
    alice
        .post(path, &[("app-code", &code), ("proof-password", PASSWORD)])
        .await
        .leads_to("/preferences/mfa/app");
    alice.get("/preferences/mfa/app").await.says("name=\"otp\"");
}

#[tokio::test]
async fn a_factor_is_removed_only_behind_the_question() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    kit.register_app(&mut alice).await;
    let page = alice.get("/preferences/mfa").await;
    let id = page
        .body
        .split_once("name=\"factor\" value=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(id, _)| id.to_owned())
        .expect("a factor");
    let path = "/preferences/mfa/remove";
    let page = alice.post(path, &[("factor", &id)]).await;
    page.says("Remove phone");
    page.says("This is your last factor");
    alice
        .post(path, &[("factor", &id), ("proof-password", PASSWORD)])
        .await
        .leads_to("/preferences/mfa?done=removed");
    alice
        .get("/preferences/mfa")
        .await
        .says("No OTP app is registered.");
    assert_eq!(alice.address, CAMPUS);
}

#[tokio::test]
async fn who_handed_the_user_code_over_by_the_link_is_asked_for_the_digits_at_once() {
    let kit = Kit::start_for(required(FirstRegistration::Allow)).await;
    let mut browser = kit.browser(HOME);
    browser.sign_in().await;
    browser.get("/mfa-step/register").await;
    browser.post("/mfa-step/register/begin", &[]).await;
    browser.get("/mfa-step/register?way=app").await;
    let code = AppCode::generate().grouped();
    let fields = [("app-code", code.as_str()), ("handed-over", "1")];
    browser
        .post("/mfa-step/register/app-code", &fields)
        .await
        .leads_to("/mfa-step/register?way=app&step=otp");
}

#[tokio::test]
async fn the_user_code_in_the_field_of_the_app_code_is_called_by_its_name() {
    let kit = Kit::start().await;
    let mut browser = kit.alice_on_campus().await;
    browser.get("/preferences/mfa").await;
    browser.post("/preferences/mfa/app/user-code", &[]).await;
    let page = browser.get("/preferences/mfa/app").await;
    let user = page.user_code().grouped();
    browser
        .post("/preferences/mfa/app/app-code", &[("app-code", &user)])
        .await
        .says("This is the user code.");
    // A new user code can be made at any time, and replaces the old one.
    browser.get("/preferences/mfa/app").await;
    browser.post("/preferences/mfa/app/user-code", &[]).await;
    let page = browser.get("/preferences/mfa/app").await;
    assert_ne!(page.user_code().grouped(), user);
}

#[tokio::test]
async fn another_authenticator_is_registered_by_its_qr_code_or_key() {
    let kit = Kit::start().await;
    let mut browser = kit.alice_on_campus().await;
    browser.get("/preferences/mfa/app").await;
    browser
        .post("/preferences/mfa/app/key", &[])
        .await
        .leads_to("/preferences/mfa/app");
    let page = browser.get("/preferences/mfa/app").await;
    page.says("<svg class=\"qr\"");
    let (_, uri) = page.body.split_once("href=\"otpauth://").expect("a link");
    let uri = uri.split('"').next().expect("its end");
    assert!(
        uri.starts_with("totp/Kit%20University:alice@kit.example?secret=")
            && uri.contains("&amp;issuer=Kit%20University"),
        "{uri}"
    );
    let key = uri.split("secret=").nth(1).expect("a key");
    let key = unbase32(key.split('&').next().expect("its end"));
    let key = sekisho_otp::OtpKey::from_bytes(&key).expect("20 bytes");
    let shows = |kit: &Kit| {
        let step = sekisho_otp::Step::at(kit.clock.now().as_second());
        key.code(step).expose().to_owned()
    };
    // A reload shows the same key.
    browser
        .get("/preferences/mfa/app")
        .await
        .says(&key.to_base32());
    browser
        .post(
            "/preferences/mfa/app/otp",
            &[("otp", &shows(&kit)), ("name", "FreeOTP")],
        )
        .await
        .leads_to("/preferences/mfa?done=app");
    browser.get("/preferences/mfa").await.says("FreeOTP");
}

/// Decodes base32 (RFC 4648 section 6), as authenticator apps do.
fn unbase32(text: &str) -> Vec<u8> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for symbol in text.bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'2'..=b'7' => symbol - b'2' + 26,
            other => panic!("no base32: {other}"),
        };
        bits = bits << 5 | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

#[tokio::test]
async fn an_app_is_given_another_name() {
    let kit = Kit::start().await;
    let mut browser = kit.alice_on_campus().await;
    kit.register_app(&mut browser).await;
    let page = browser.get("/preferences/mfa").await;
    let id = page.value_of("factor");
    browser
        .post(
            "/preferences/mfa/rename",
            &[("factor", &id), ("name", "古い電話")],
        )
        .await
        .leads_to("/preferences/mfa?done=renamed");
    let page = browser.get("/preferences/mfa?done=renamed").await;
    page.says("Renamed.");
    page.says("古い電話");
    kit.clock.advance_seconds(600);
    browser.get("/preferences/mfa").await;
    browser
        .post(
            "/preferences/mfa/rename",
            &[("factor", &id), ("name", "thief's")],
        )
        .await
        .says("Please confirm once more");
}

#[tokio::test]
async fn a_slip_on_the_way_back_is_told_where_it_was_made() {
    let kit = Kit::start_for(required(FirstRegistration::Allow)).await;
    let mut browser = kit.browser(HOME);
    browser.sign_in().await;
    browser.get("/mfa-step/register").await;
    browser.post("/mfa-step/register/begin", &[]).await;
    browser.get("/mfa-step/register?way=app").await;
    let app_code = "/mfa-step/register/app-code?step=app-code";
    let right = AppCode::generate().grouped();
    browser.post(app_code, &[("app-code", &right)]).await;
    browser
        .get("/mfa-step/register?way=app&step=app-code")
        .await
        .says(app_code);
    let page = browser.post(app_code, &[("app-code", "8DE7R")]).await;
    page.says("value=\"8DE7R\"");
    page.says_nothing_of("id=\"otp\"");

    browser.post("/mfa-step/register/abandon", &[]).await;
    browser.get("/mfa-step/register?way=mail").await;
    let address = "/mfa-step/register/address?step=address";
    browser
        .post(address, &[("address", "alice@gmial.example")])
        .await;
    browser
        .get("/mfa-step/register?way=mail&step=address")
        .await;
    let page = browser.post(address, &[("address", "nonsense")]).await;
    page.says("value=\"nonsense\"");
    page.says_nothing_of("id=\"otp\"");
    // A corrected address need not wait before it gets a code.
    browser
        .post(address, &[("address", "alice@gmail.example")])
        .await
        .leads_to("/mfa-step/register?way=mail");
}

#[tokio::test]
async fn after_a_reset_other_authenticators_can_be_registered_with_the_help_desks_code() {
    let kit = Kit::start_for(required(FirstRegistration::Allow)).await;
    let alice = kit.alice().await;
    let code = kit
        .checkpoint
        .desk_reset_factors(&alice, "lost phone")
        .await
        .expect("reset");
    let mut browser = kit.browser(HOME);
    browser.sign_in().await;
    browser
        .get("/mfa-step/register?way=app")
        .await
        .says("formaction=\"/mfa-step/register/key\"");
    browser
        .post("/mfa-step/register/key", &[])
        .await
        .says("help desk");
    let code = code.grouped();
    browser
        .post("/mfa-step/register/key", &[("enrolment-code", &code)])
        .await
        .leads_to("/mfa-step/register?way=app");
    browser
        .get("/mfa-step/register?way=app")
        .await
        .says("otpauth://");
}

#[tokio::test]
async fn who_began_with_one_address_does_not_go_on_with_another_without_a_proof() {
    let kit = Kit::start().await;
    let mut browser = kit.alice_on_campus().await;
    let address = "/preferences/mfa/mail/address";
    browser.get("/preferences/mfa/mail").await;
    browser
        .post(address, &[("address", "alice@gmail.example")])
        .await
        .leads_to("/preferences/mfa/mail");
    kit.clock.advance_seconds(400);
    browser.get("/preferences/mfa/mail").await;
    // A letter to the same address needs no new proof.
    browser
        .post(address, &[("address", "alice@gmail.example")])
        .await
        .leads_to("/preferences/mfa/mail");
    kit.clock.advance_seconds(31);
    browser
        .post(address, &[("address", "mallory@away.example")])
        .await
        .says("Please confirm once more");
    // A second letter does not prolong the registration.
    kit.clock.advance_seconds(3200);
    browser
        .get("/preferences/mfa/mail")
        .await
        .says_nothing_of("alice@gmail.example");
}
