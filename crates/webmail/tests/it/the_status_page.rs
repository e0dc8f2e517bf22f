//! F7 and F8: who was let in from where and until when, who was refused and why.

use sekisho_checkpoint::audit::Door;
use sekisho_checkpoint::{Attempt, NotAdmitted, Password};
use sekisho_source::{KeyLength, Source};

use crate::kit::{HOME, Kit, PASSWORD};

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
    home.post("/mfa/end-everything", &[])
        .await
        .leads_to("/login?to=/preferences/password");
    assert_eq!(home.token(), None);
    campus.get("/mfa").await.leads_to("/login?to=%2Fmfa");
}
