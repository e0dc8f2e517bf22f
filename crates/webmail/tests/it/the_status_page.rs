//! The status page: who was admitted from where and until when, and who was refused and why.

use sekisho_checkpoint::audit::Door;
use sekisho_checkpoint::{Attempt, NotAdmitted, Password};
use sekisho_source::{KeyLength, Source};

use crate::kit::{HOME, Kit, PASSWORD, form};

#[tokio::test]
async fn a_refused_mail_program_finds_its_cause_under_its_reference() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let refused = kit
        .checkpoint
        .admit(Attempt {
            door: Door::Imap,
            name: "alice".to_owned(),
            authorization: None,
            password: Password::new(PASSWORD.to_owned()),
            source: Source::assured(
                "192.0.2.99".parse().expect("an address"),
                KeyLength::default(),
            ),
            client: "Thunderbird <b>128</b>".to_owned(),
        })
        .await;
    let Err(NotAdmitted::Refused(refusal)) = refused else {
        panic!("{refused:?}");
    };
    let page = kit.alice_at_home(&app).await.get("/mfa").await;
    page.says(refusal.reference.as_str());
    page.says("Right password, but multi-factor authentication was not passed");
    page.says("192.0.2.99");
    page.says("Thunderbird &lt;b&gt;128&lt;/b&gt;");
}

#[tokio::test]
async fn a_grant_is_listed_with_its_times_and_can_be_ended() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut home = kit.alice_at_home(&app).await;
    kit.clock.advance_seconds(30 * 60 - 30);
    let page = home.get("/mfa").await;
    page.says(HOME);
    page.says("2026-11-20 12:00 JST");
    page.says("2026-11-21 02:00 JST");
    page.says("13 h 30 min");
    page.says("this address");
    let (_, rest) = page
        .body
        .split_once("name=\"grant\" value=\"")
        .expect("a grant");
    let id = rest.split('"').next().expect("an id").to_owned();
    home.post("/mfa/end-grants", &[("grant", &id)])
        .await
        .leads_to("/mfa?ended=1");
    home.get("/mfa").await.leads_to("/mfa-step?to=%2Fmfa");
}

#[tokio::test]
async fn that_was_not_me_ends_everything() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut campus = kit.alice_on_campus().await;
    let mut home = kit.alice_at_home(&app).await;
    home.get("/mfa").await;
    home.post("/mfa/not-me", &[])
        .await
        .leads_to("/login?to=/preferences/password");
    assert_eq!(home.token(), None);
    campus.get("/mfa").await.leads_to("/login?to=%2Fmfa");

    // The next sign-in is asked for a new password, and reminded of it until one is set.
    let mut campus = kit.alice_on_campus().await;
    campus.get("/").await.leads_to("/preferences/password");
    campus
        .get("/preferences/mfa")
        .await
        .says("Please set a new password.");
    campus.get("/preferences/password").await;
    let new = "a longer and newer password";
    let fields = [("old", PASSWORD), ("new", new), ("again", new)];
    campus
        .post("/preferences/password", &fields)
        .await
        .leads_to("/preferences/password?done=1");
    campus.get("/").await.leads_to("/mail");
    campus
        .get("/preferences/mfa")
        .await
        .says_nothing_of("Please set a new password.");
}

/// A mail program's login from an address.
async fn mail_program(kit: &Kit, address: &str) -> Result<(), NotAdmitted> {
    let attempt = Attempt {
        door: Door::Imap,
        name: "alice".to_owned(),
        authorization: None,
        password: Password::new(PASSWORD.to_owned()),
        source: Source::assured(address.parse().expect("an address"), KeyLength::default()),
        client: "Thunderbird".to_owned(),
    };
    kit.checkpoint.admit(attempt).await.map(drop)
}

#[tokio::test]
async fn the_grant_is_renewed_before_it_ends_by_a_code() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut home = kit.alice_at_home(&app).await;
    // The session outlives the idle limit of two hours because it is used every hour.
    for _ in 0..13 {
        kit.clock.advance_seconds(3600);
        home.get("/preferences")
            .await
            .says_nothing_of("class=\"banner\" aria-label=\"Renew\" data-from");
    }
    kit.clock.advance_seconds(35 * 60);
    let page = home.get("/preferences").await;
    page.says("ends at 02:00 JST");
    page.says_nothing_of("class=\"banner\" aria-label=\"Renew\" hidden");
    home.get("/mfa").await.says("24 min");
    home.post("/mfa/renew", &[("proof-kind", "otp-app"), ("otp", "12345")])
        .await
        .says("A one-time password has six digits");
    home.post(
        "/mfa/renew",
        &[("proof-kind", "otp-app"), ("otp", &app.shows())],
    )
    .await
    .leads_to("/mfa?renewed=1");
    let page = home.get("/mfa?renewed=1").await;
    page.says("Renewed.");
    page.says("2026-11-21 15:36 JST");
    mail_program(&kit, HOME).await.expect("let in");
}

#[tokio::test]
async fn a_browser_behind_a_relay_is_told_of_both_addresses() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    mail_program(&kit, "192.0.2.99")
        .await
        .expect_err("no grant");
    let mut home = kit.alice_at_home(&app).await;
    let page = home.get("/mfa").await;
    page.says("was refused at 192.0.2.99. This browser comes from 198.51.100.23.");
    page.says("iCloud Private Relay");
    // No warning about a refusal at the browser's own address, which the grant has settled, or about one of long ago.
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    mail_program(&kit, HOME).await.expect_err("no grant");
    let mut home = kit.alice_at_home(&app).await;
    home.get("/mfa").await.says_nothing_of("was refused at");
    mail_program(&kit, "192.0.2.99")
        .await
        .expect_err("no grant");
    kit.clock.advance_seconds(31 * 60);
    home.get("/mfa").await.says_nothing_of("was refused at");
}

const HOME_IPV6: &str = "2001:db8:23::7";

/// Posts a token to the webmail's other host name, as the form or the script of the status page does.
async fn join(kit: &Kit, address: &str, token: &str, script: bool) -> crate::kit::Answer {
    let mut fields = vec![("token", token)];
    if script {
        fields.push(("script", "1"));
    }
    let mut request = form("/mfa/companion", &fields);
    let headers = request.headers_mut();
    headers.insert("sec-fetch-site", "same-site".parse().expect("a value"));
    headers.insert(
        "origin",
        "https://mail.kit.example".parse().expect("a value"),
    );
    kit.browser(address).send(request).await
}

#[tokio::test]
async fn the_other_address_of_a_line_joins_the_grant_within_a_minute() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut home = kit.alice_at_home(&app).await;
    let policy = home.get("/mfa").await;
    policy.says("action=\"https://v6.mail.kit.example/mfa/companion\"");
    let csp = policy.headers["content-security-policy"]
        .to_str()
        .expect("ASCII");
    assert!(
        csp.contains("connect-src 'self' https://v4.mail.kit.example https://v6.mail.kit.example;")
            && csp.contains(
                "form-action 'self' https://v4.mail.kit.example https://v6.mail.kit.example;"
            ),
        "{csp}"
    );
    let token = policy.value_of("token");
    mail_program(&kit, HOME_IPV6)
        .await
        .expect_err("not joined yet");

    // The same address family can't join, and the attempt uses the token up.
    join(&kit, "192.0.2.99", &token, false)
        .await
        .leads_to("https://mail.kit.example/mfa?companion=same");
    join(&kit, HOME_IPV6, &token, false)
        .await
        .leads_to("https://mail.kit.example/mfa?companion=past");
    // A page of another site can't join.
    let token = home.get("/mfa").await.value_of("token");
    let mut request = form("/mfa/companion", &[("token", &token)]);
    request
        .headers_mut()
        .insert("origin", "https://evil.example".parse().expect("a value"));
    let refused = kit.browser(HOME_IPV6).send(request).await;
    assert_eq!(refused.status, 403);

    let joined = join(&kit, HOME_IPV6, &token, true).await;
    assert_eq!(joined.status, 200);
    assert_eq!(
        joined.headers["access-control-allow-origin"],
        "https://mail.kit.example"
    );
    mail_program(&kit, HOME_IPV6).await.expect("let in");
    let page = home.get("/mfa?companion=joined").await;
    page.says("The other address of this line is let in as well.");
    page.says(HOME_IPV6);
    page.says_nothing_of("name=\"token\"");
    // The companion ends with its grant.
    let id = page.value_of("grant");
    home.post("/mfa/end-grants", &[("grant", &id)]).await;
    mail_program(&kit, HOME_IPV6).await.expect_err("ended");
    mail_program(&kit, HOME).await.expect_err("ended");
}

#[tokio::test]
async fn a_companion_is_too_late_after_a_minute() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut home = kit.alice_at_home(&app).await;
    let token = home.get("/mfa").await.value_of("token");
    kit.clock.advance_seconds(30);
    home.get("/mfa").await.says_nothing_of("name=\"token\"");
    join(&kit, HOME_IPV6, &token, false)
        .await
        .leads_to("https://mail.kit.example/mfa?companion=past");
    mail_program(&kit, HOME_IPV6).await.expect_err("not joined");
}

#[tokio::test]
async fn a_flood_of_refusals_hides_neither_a_reference_nor_the_sign_ins() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let first = mail_program(&kit, "192.0.2.99").await;
    let Err(NotAdmitted::Refused(first)) = first else {
        panic!("{first:?}");
    };
    for _ in 0..120 {
        kit.clock.advance_seconds(1);
        mail_program(&kit, "192.0.2.98").await.expect_err("refused");
    }
    let mut home = kit.alice_at_home(&app).await;
    let page = home.get("/mfa").await;
    page.says("Logged in");
    page.says_nothing_of(first.reference.as_str());
    let reference = first.reference.as_str().to_lowercase();
    let page = home.get(&format!("/mfa?ref={reference}")).await;
    page.says(first.reference.as_str());
    page.says("192.0.2.99");
    home.get("/mfa?ref=00000000")
        .await
        .says("No refused login of yours");
}

#[tokio::test]
async fn who_is_let_in_and_has_every_factor_disabled_is_told_so_before_a_change() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut home = kit.alice_at_home(&app).await;
    let account = kit.alice().await;
    kit.disable_the_app(account.id).await;
    kit.clock.advance_seconds(400);
    let id = home.get("/preferences/mfa").await.value_of("factor");
    home.post("/preferences/mfa/remove", &[("factor", &id)])
        .await
        .says("This factor was disabled");
}
