//! Security rule 1, over real sockets: every login method against every standing that an account can have, at our own
//! doors with the mail here and in Dovecot, and at servers that ask the auth API.

use anyhow::ensure;
use jiff::SignedDuration;
use sekisho_testkit::checkpoint::{CAFE, HOME};
use sekisho_testkit::dovecot::Dovecot;
use sekisho_testkit::http::Visitor;
use sekisho_testkit::stage::{HANAKO, KEN, Stage};
use sekisho_testkit::wire::Way;

use crate::in_front_of_dovecot::{PEOPLE, before};
use crate::servers_that_ask::Site;

/// Our own doors, and servers that ask the auth API.
struct Doors<'a> {
    stage: &'a Stage,
    beside: Option<&'a Site>,
}

/// Where the webmail led after the password.
#[derive(Debug, PartialEq, Eq)]
enum Led {
    ToMail,
    ToTheFactor,
    Nowhere,
}

fn led(browser: &Visitor) -> Led {
    match browser.path.as_str() {
        path if path.starts_with("/mail") => Led::ToMail,
        path if path.starts_with("/mfa-step") => Led::ToTheFactor,
        _ => Led::Nowhere,
    }
}

/// Tries every login method at home with the right password. `mail` says whether mail clients must be admitted.
async fn every_way(
    doors: &Doors<'_>,
    case: &str,
    login: &str,
    web: Led,
    mail: bool,
) -> anyhow::Result<()> {
    let password = doors.stage.password(login);
    every_way_as(doors, case, login, password, web, mail).await
}

async fn every_way_as(
    Doors { stage, beside }: &Doors<'_>,
    case: &str,
    name: &str,
    password: &str,
    web: Led,
    mail: bool,
) -> anyhow::Result<()> {
    let mut browser = Visitor::new(&stage.home().web);
    browser.open("/login").await?;
    browser
        .submit("/login", &[("user", name), ("password", password)])
        .await?;
    ensure!(
        led(&browser) == web,
        "{case}: the webmail led to {}",
        browser.path
    );
    for way in Way::ALL {
        let (answer, _) = stage.mail_client(stage.home(), way, name, password).await?;
        ensure!(
            way.lets_in(&answer) == mail,
            "{case}: {way:?} said {answer}"
        );
        ensure!(
            mail || answer.starts_with(way.refusal()),
            "{case}: {way:?} said {answer}"
        );
    }
    let Some(site) = beside else {
        return Ok(());
    };
    for way in site.ways() {
        let (answer, _) = site.try_way(way, name, password).await?;
        ensure!(
            way.1.lets_in(&answer) == mail,
            "{case}: {way:?} said {answer}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_way_in_holds_to_the_rule_in_every_standing() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    every_way_holds(&stage, None).await?;
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_by_a_server_that_asks_holds_to_the_rule_in_every_standing() -> anyhow::Result<()>
{
    let site = Site::start().await?;
    every_way_holds(&site.stage, Some(&site)).await
}

#[tokio::test]
async fn every_way_into_dovecot_holds_to_the_rule_in_every_standing() -> anyhow::Result<()> {
    let dovecot = Dovecot::start(&PEOPLE).await?;
    let stage = before(dovecot.upstream(dovecot.by_master())?).await?;
    every_way_holds(&stage, None).await?;
    stage.demo.stop().await;
    Ok(())
}

async fn every_way_holds(stage: &Stage, beside: Option<&Site>) -> anyhow::Result<()> {
    let doors = &Doors { stage, beside };
    every_way(doors, "MFA off", HANAKO, Led::ToMail, true).await?;

    let app = stage.uses_mfa(HANAKO).await?;
    every_way(doors, "no grant", HANAKO, Led::ToTheFactor, false).await?;

    stage.proves(stage.home(), HANAKO, &app).await?;
    every_way(doors, "a live grant", HANAKO, Led::ToMail, true).await?;

    stage.demo.home.set(CAFE.parse()?);
    every_way(
        doors,
        "another source's grant",
        HANAKO,
        Led::ToTheFactor,
        false,
    )
    .await?;

    stage.demo.home.set(HOME.parse()?);
    let ken = stage.account(KEN).await?;
    stage
        .demo
        .system
        .checkpoint
        .desk_set_mfa(&ken, true, "a story")
        .await?;
    every_way(
        doors,
        "another account's grant",
        KEN,
        Led::ToTheFactor,
        false,
    )
    .await?;

    stage.demo.home.set(sekisho::demo::CAMPUS);
    every_way(doors, "a trusted network", KEN, Led::ToMail, true).await?;

    stage.demo.home.set("203.0.113.200".parse()?);
    every_way(
        doors,
        "an untrusted part of it",
        KEN,
        Led::ToTheFactor,
        false,
    )
    .await?;

    stage.demo.home.set(HOME.parse()?);
    stage.clock.advance(SignedDuration::from_hours(14));
    every_way(doors, "an expired grant", HANAKO, Led::ToTheFactor, false).await?;

    every_way_as(
        doors,
        "an unknown account",
        "nobody",
        "over-the-hakone-pass",
        Led::Nowhere,
        false,
    )
    .await?;
    stage
        .demo
        .system
        .accounts
        .set_disabled(ken.id, true)
        .await?;
    every_way(doors, "a disabled account", KEN, Led::Nowhere, false).await?;
    stage.demo.home.set(sekisho::demo::CAMPUS);
    every_way(
        doors,
        "a disabled account in a trusted network",
        KEN,
        Led::Nowhere,
        false,
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn no_spelling_of_a_name_leads_to_the_mail_without_the_factor() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    stage.uses_mfa(HANAKO).await?;
    let password = stage.password(HANAKO);
    for name in [
        "HANAKO",
        " hanako ",
        "ｈａｎａｋｏ",
        "hanako@kit.example",
        "Hanako@KIT.EXAMPLE",
        "hanako+detail@kit.example",
        "hanako*ken",
        "hanako\0",
    ] {
        let mut browser = Visitor::new(&stage.home().web);
        browser.open("/login").await?;
        browser
            .submit("/login", &[("user", name), ("password", password)])
            .await?;
        assert_ne!(led(&browser), Led::ToMail, "{name:?}");
        assert_eq!(browser.open("/mail").await?.status, 200, "led elsewhere");
        assert_ne!(led(&browser), Led::ToMail, "{name:?}");
        for way in Way::ALL {
            // Some methods can't send a NUL; then the server may also close the connection.
            if let Ok((answer, _)) = stage.mail_client(stage.home(), way, name, password).await {
                assert!(!way.lets_in(&answer), "{way:?} as {name:?} said {answer}");
            }
        }
    }
    stage.demo.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_session_that_moves_out_of_the_trusted_network_owes_the_factor_at_once()
-> anyhow::Result<()> {
    let stage = Stage::start().await?;
    let app = stage.uses_mfa(HANAKO).await?;
    stage.demo.home.set(sekisho::demo::CAMPUS);
    let mut browser = stage.sign_in(stage.home(), HANAKO).await?;
    assert_eq!(led(&browser), Led::ToMail);
    stage.demo.home.set(HOME.parse()?);
    browser.open("/preferences").await?;
    assert!(
        browser.path.starts_with("/mfa-step/app"),
        "{}",
        browser.path
    );
    browser
        .submit("/mfa-step/app", &[("otp", &app.shows())])
        .await?;
    assert_eq!(browser.path, "/preferences", "back to where the person was");
    stage.demo.stop().await;
    Ok(())
}
