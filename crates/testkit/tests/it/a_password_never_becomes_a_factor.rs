//! Security rule 12: a thief who has only the password can't register a factor.

use anyhow::Context as _;
use sekisho_checkpoint::account::Password;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::policy::FirstRegistration;
use sekisho_checkpoint::ports::Letter;
use sekisho_checkpoint::web::{FirstStep, Person};
use sekisho_checkpoint::{ChangeError, ProofError, RegisterError, RegistrationState, Reproof};
use sekisho_otp::AppCode;
use sekisho_testkit::checkpoint::{CAMPUS, HOME, Kit, PASSWORD, from, site};

fn with_password() -> Reproof {
    Reproof {
        password: Some(Password::new(PASSWORD.to_owned())),
        ..Reproof::none()
    }
}

#[tokio::test]
async fn with_a_factor_registered_a_password_leads_to_no_registration() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    kit.alice_uses_mfa().await?;
    let (_, owed) = kit.owed(from(HOME)).await?;
    assert!(matches!(owed.first_step(), FirstStep::Prove(_)));
    let person = Person::from(&owed);
    let code = kit
        .checkpoint
        .offer_user_code(person, &with_password(), "")
        .await;
    assert!(matches!(code, Err(RegisterError::Forbidden)), "{code:?}");
    let app = kit
        .checkpoint
        .take_app_code(person, AppCode::generate(), &with_password(), "")
        .await;
    assert!(matches!(app, Err(RegisterError::Forbidden)), "{app:?}");
    let address = MailAddress::parse("thief@mail.example")?;
    let mail = kit
        .checkpoint
        .take_address(person, address, &with_password(), "")
        .await;
    assert!(matches!(mail, Err(RegisterError::Forbidden)), "{mail:?}");
    Ok(())
}

#[tokio::test]
async fn turning_mfa_on_from_outside_needs_a_proven_factor() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (_, session) = kit.admitted(from(HOME)).await?;
    let on = kit
        .checkpoint
        .set_mfa(&session, true, &with_password(), "")
        .await;
    assert!(matches!(on, Err(ChangeError::NoFactor)), "{on:?}");
    let (token, session) = kit.admitted(from(HOME)).await?;
    kit.register_app(Person::from(&session), &token, from(HOME))
        .await?;
    let (_, session) = kit.admitted(from(HOME)).await?;
    let unproven = kit
        .checkpoint
        .set_mfa(&session, true, &with_password(), "")
        .await;
    assert!(
        matches!(unproven, Err(ChangeError::ReproofNeeded { .. })),
        "another session did not prove it: {unproven:?}"
    );
    Ok(())
}

#[tokio::test]
async fn registering_and_turning_on_in_one_session_from_outside_keeps_the_person_in()
-> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (token, session) = kit.admitted(from(HOME)).await?;
    let app = AppCode::generate();
    let state = kit
        .checkpoint
        .take_app_code(Person::from(&session), app.clone(), &Reproof::none(), "")
        .await?;
    let RegistrationState::Codes { user, .. } = state else {
        anyhow::bail!("no codes");
    };
    let session = kit.admitted_again(&token, from(HOME)).await?;
    let key = sekisho_otp::OtpKey::agree(&app, &user);
    let code = key.code(sekisho_otp::Step::at(kit.checkpoint.now().as_second()));
    let token = kit
        .checkpoint
        .finish_app(Person::from(&session), code, "", "")
        .await?
        .token;
    let session = kit.admitted_again(&token, from(HOME)).await?;
    kit.checkpoint
        .set_mfa(&session, true, &Reproof::none(), "")
        .await?;
    kit.admitted_again(&token, from(HOME)).await?;
    assert!(kit.mail_client("alice", PASSWORD, from(HOME)).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn after_a_reset_the_next_registration_needs_the_help_desks_code_once() -> anyhow::Result<()>
{
    let kit = Kit::start().await?;
    kit.alice_uses_mfa().await?;
    let alice = kit.accounts.show(kit.alice).await?.account;
    let code = kit
        .checkpoint
        .desk_reset_factors(&alice, "lost the phone")
        .await?;
    for place in [HOME, CAMPUS] {
        let (_, standing) = kit.sign_in(from(place)).await?;
        let person = match &standing {
            sekisho_checkpoint::web::WebStanding::Admitted(session) => Person::from(session),
            sekisho_checkpoint::web::WebStanding::Owed(owed) => Person::from(owed),
        };
        let without = kit
            .checkpoint
            .offer_user_code(person, &with_password(), "")
            .await;
        assert!(
            matches!(without, Err(RegisterError::EnrolmentCodeNeeded)),
            "{place}: {without:?}"
        );
        let wrong = Reproof {
            enrolment_code: Some("AAAAA-BBBBB".into()),
            ..with_password()
        };
        let wrong = kit.checkpoint.offer_user_code(person, &wrong, "").await;
        assert!(
            matches!(wrong, Err(RegisterError::EnrolmentCodeWrong)),
            "{place}: {wrong:?}"
        );
    }
    let (token, owed) = kit.owed(from(HOME)).await?;
    let right = Reproof {
        enrolment_code: Some(code.grouped().to_lowercase()),
        ..Reproof::none()
    };
    kit.checkpoint
        .offer_user_code(Person::from(&owed), &right, "")
        .await?;
    let sekisho_checkpoint::web::WebStanding::Owed(owed) =
        kit.checkpoint.resume(&token, from(HOME)).await?
    else {
        anyhow::bail!("let in");
    };
    kit.register_app(Person::from(&owed), &token, from(HOME))
        .await?;
    let (_, standing) = kit
        .checkpoint
        .desk_standing(kit.alice)
        .await
        .map(|(s, g)| (g, s))?;
    assert!(standing.enrolment.is_none(), "used up");
    Ok(())
}

#[tokio::test]
async fn a_site_can_forbid_a_first_registration_from_outside() -> anyhow::Result<()> {
    let mut strict = site();
    strict.policy.first_registration = FirstRegistration::Forbid;
    let kit = Kit::start_for(strict).await?;
    let alice = kit.accounts.show(kit.alice).await?.account;
    kit.checkpoint.desk_set_mfa(&alice, true, "test").await?;
    let (_, owed) = kit.owed(from(HOME)).await?;
    assert_eq!(
        *owed.first_step(),
        FirstStep::Register(FirstRegistration::Forbid)
    );
    let refused = kit
        .checkpoint
        .offer_user_code(Person::from(&owed), &Reproof::none(), "")
        .await;
    assert!(
        matches!(refused, Err(RegisterError::Forbidden)),
        "{refused:?}"
    );
    let (_, session) = kit.admitted(from(CAMPUS)).await?;
    kit.checkpoint
        .offer_user_code(Person::from(&session), &Reproof::none(), "")
        .await?;
    Ok(())
}

#[tokio::test]
async fn an_address_of_the_site_is_no_factor_in_any_spelling() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (_, session) = kit.admitted(from(CAMPUS)).await?;
    for typed in [
        "bob@kit.example",
        "x@KIT.EXAMPLE.",
        "x@mail.kit.example",
        "ｘ＠ｋｉｔ．ｅｘａｍｐｌｅ",
    ] {
        let refused = kit
            .checkpoint
            .take_address(
                Person::from(&session),
                MailAddress::parse(typed)?,
                &Reproof::none(),
                "",
            )
            .await;
        assert!(
            matches!(refused, Err(RegisterError::OwnDomain)),
            "{typed}: {refused:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn changing_the_address_tells_the_old_one_too() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (mut token, _) = kit.admitted(from(CAMPUS)).await?;
    for address in ["old@mail.example", "new@mail.example"] {
        let session = kit.admitted_again(&token, from(CAMPUS)).await?;
        let address = MailAddress::parse(address)?;
        kit.checkpoint
            .take_address(Person::from(&session), address, &with_password(), "")
            .await?;
        let session = kit.admitted_again(&token, from(CAMPUS)).await?;
        let otp = kit.letters.latest_otp().context("no code was mailed")?;
        let code = otp.code;
        token = kit
            .checkpoint
            .finish_address(Person::from(&session), code, "")
            .await?
            .token;
    }
    let Some(Letter::Notice(notice)) = kit.letters.letters().pop() else {
        anyhow::bail!("no notice");
    };
    let told: Vec<_> = notice.also_to.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["old@mail.example", "new@mail.example"]);
    let session = kit.admitted_again(&token, from(CAMPUS)).await?;
    assert_eq!(
        session.standing().factors.len(),
        1,
        "the new one took the place of the old"
    );
    Ok(())
}

#[tokio::test]
async fn a_thief_who_began_to_register_first_can_not_finish_once_the_owner_did()
-> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let alice = kit.accounts.show(kit.alice).await?.account;
    kit.checkpoint.desk_set_mfa(&alice, true, "test").await?;
    let (thief, owed) = kit.owed(from(HOME)).await?;
    let app = AppCode::generate();
    let state = kit
        .checkpoint
        .take_app_code(Person::from(&owed), app.clone(), &Reproof::none(), "")
        .await?;
    let RegistrationState::Codes { user, .. } = state else {
        anyhow::bail!("no codes");
    };
    let (token, session) = kit.admitted(from(CAMPUS)).await?;
    kit.register_app(Person::from(&session), &token, from(CAMPUS))
        .await?;

    let sekisho_checkpoint::web::WebStanding::Owed(owed) =
        kit.checkpoint.resume(&thief, from(HOME)).await?
    else {
        anyhow::bail!("let in");
    };
    let person = Person::from(&owed);
    assert!(kit.checkpoint.registration(person).await?.is_none());
    let key = sekisho_otp::OtpKey::agree(&app, &user);
    let code = key.code(sekisho_otp::Step::at(kit.checkpoint.now().as_second()));
    let finished = kit.checkpoint.finish_app(person, code, "", "").await;
    assert!(
        matches!(finished, Err(RegisterError::NothingWaits)),
        "{finished:?}"
    );
    let again = kit
        .checkpoint
        .take_app_code(person, app, &with_password(), "")
        .await;
    assert!(matches!(again, Err(RegisterError::Forbidden)), "{again:?}");
    Ok(())
}

#[tokio::test]
async fn a_registration_begun_on_campus_is_not_finished_where_the_site_forbids_it()
-> anyhow::Result<()> {
    let mut strict = site();
    strict.policy.first_registration = FirstRegistration::Forbid;
    let kit = Kit::start_for(strict).await?;
    let alice = kit.accounts.show(kit.alice).await?.account;
    kit.checkpoint.desk_set_mfa(&alice, true, "test").await?;
    let (token, session) = kit.admitted(from(CAMPUS)).await?;
    kit.checkpoint
        .offer_user_code(Person::from(&session), &Reproof::none(), "")
        .await?;
    let sekisho_checkpoint::web::WebStanding::Owed(owed) =
        kit.checkpoint.resume(&token, from(HOME)).await?
    else {
        anyhow::bail!("let in");
    };
    let refused = kit
        .checkpoint
        .take_app_code(
            Person::from(&owed),
            AppCode::generate(),
            &Reproof::none(),
            "",
        )
        .await;
    assert!(
        matches!(refused, Err(RegisterError::Forbidden)),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn codes_of_the_help_desk_can_not_be_guessed_for_ever() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let alice = kit.accounts.show(kit.alice).await?.account;
    let code = kit.checkpoint.desk_reset_factors(&alice, "").await?;
    kit.checkpoint.desk_set_mfa(&alice, true, "").await?;
    let (_, owed) = kit.owed(from(HOME)).await?;
    let tries = async |code: String| {
        let reproof = Reproof {
            enrolment_code: Some(code),
            ..Reproof::none()
        };
        let person = Person::from(&owed);
        kit.checkpoint.offer_user_code(person, &reproof, "").await
    };
    for guess in 0..10 {
        let wrong = tries(format!("AAAAA-BBBB{guess}")).await;
        assert!(
            matches!(wrong, Err(RegisterError::EnrolmentCodeWrong)),
            "{wrong:?}"
        );
    }
    let written = kit
        .checkpoint
        .recent(kit.alice, &[EventKind::EnrolmentCodeWrong], 1, 50)
        .await?;
    assert!(!written.is_empty(), "each is written down");
    let last = tries(code.grouped()).await;
    assert!(
        matches!(last, Err(RegisterError::Proof(ProofError::Wait { .. }))),
        "right or not, nothing is looked at: {last:?}"
    );
    kit.clock.advance_seconds(60 * 60);
    tries(code.grouped()).await?;
    Ok(())
}
