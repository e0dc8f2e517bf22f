//! A half-written letter is not lost when a laptop moves from campus to home: the form is kept, and the proof of the
//! factor leads back to it.

use axum::http::StatusCode;
use sekisho_checkpoint::web::WebStanding;
use sekisho_source::{KeyLength, Source};

use crate::kit::{HOME, Kit, form};

const COMPOSE: &str = "/mail/compose";

#[tokio::test]
async fn a_form_sent_while_a_factor_is_owed_is_kept_and_led_back_to() {
    let kit = Kit::start().await;
    let app = kit.alice_uses_mfa().await;
    let mut laptop = kit.alice_on_campus().await;
    laptop.get("/preferences").await;
    HOME.clone_into(&mut laptop.address);
    let half_written = [
        ("page", COMPOSE),
        ("subject", "会議"),
        ("body", "half a letter"),
    ];
    laptop
        .post(COMPOSE, &half_written)
        .await
        .leads_to("/mfa-step?to=%2Fmail%2Fcompose%3Fkept%3D1");
    let step = "/mfa-step/app?to=/mail/compose?kept=1";
    laptop.get(step).await.says("LOG IN");
    let before = kept(&kit, &laptop).await.expect("something is kept");
    assert!(
        !before.windows(4).any(|w| w == b"half"),
        "the records can't read it"
    );
    laptop
        .post(step, &[("otp", &app.shows())])
        .await
        .leads_to("/mail/compose?kept=1");
    let after = kept(&kit, &laptop).await.expect("it is kept still");
    assert_eq!(before, after, "a new token leaves it as it is");
}

#[tokio::test]
async fn a_form_older_than_the_token_is_not_sent_but_kept() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    let fields = [
        ("page", COMPOSE),
        ("body", "half a letter"),
        ("csrf", "old"),
    ];
    alice
        .send(form(COMPOSE, &fields))
        .await
        .leads_to("/mail/compose?kept=1");
    assert!(kept(&kit, &alice).await.is_some());
}

#[tokio::test]
async fn a_form_from_another_site_is_not_even_kept() {
    let kit = Kit::start().await;
    let mut alice = kit.alice_on_campus().await;
    let mut request = form(COMPOSE, &[("page", COMPOSE), ("body", "planted")]);
    let elsewhere = "cross-site".parse().expect("a header");
    request.headers_mut().insert("sec-fetch-site", elsewhere);
    let answer = alice.send(request).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(kept(&kit, &alice).await, None);
}

/// The stash in the records, for this browser's session.
async fn kept(kit: &Kit, browser: &crate::kit::Browser) -> Option<Vec<u8>> {
    let token = browser.token().expect("a session");
    let token = sekisho_checkpoint::id::SessionToken::parse(token).expect("a token");
    let address = browser.address.parse().expect("an address");
    let source = Source::assured(address, KeyLength::default());
    let stash = match kit
        .checkpoint
        .resume(&token, source)
        .await
        .expect("a session")
    {
        WebStanding::Admitted(session) => session.record().stash.clone(),
        WebStanding::Owed(owed) => owed.record().stash.clone(),
    };
    stash.map(|sealed| sealed.0)
}
