//! Registers an OTP app or a private address from the preferences.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::policy::FirstRegistration;
use sekisho_checkpoint::web::Person;
use sekisho_checkpoint::{ProofError, RegisterError, Registered, RegistrationState};
use sekisho_otp::{AppCode, OtpCode, UserCode};

use super::ask::{Ask, Refused};
use super::preferences::crumbs;
use super::{fields, mfa, parts, typed, words};
use crate::config::Context;
use crate::error::WebError;
use crate::form::Form;
use crate::form_fields::Fields;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::to_login;
use crate::visit::{AdmittedVisit, Visit};

const APP: &str = "/preferences/mfa/app";
const MAIL: &str = "/preferences/mfa/mail";

/// The page that registers an OTP app.
pub(super) async fn app(admitted: AdmittedVisit) -> Result<Response, WebError> {
    app_page(&admitted, "", None).await
}

/// Makes a user code.
pub(super) async fn user_code(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let ask = ask_app(&admitted, "/preferences/mfa/app/user-code", &posted.fields);
    let reproof = match ask.given().await? {
        Ok(reproof) => reproof,
        Err(page) => return Ok(page),
    };
    let (visit, person) = (&admitted.visit, Person::from(&admitted.session));
    let outcome = context
        .checkpoint
        .offer_user_code(person, &reproof, &visit.client)
        .await;
    settle_app(&ask, outcome).await
}

/// Makes a key for another authenticator app.
pub(super) async fn key(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let ask = ask_app(&admitted, "/preferences/mfa/app/key", &posted.fields);
    let reproof = match ask.given().await? {
        Ok(reproof) => reproof,
        Err(page) => return Ok(page),
    };
    let (visit, person) = (&admitted.visit, Person::from(&admitted.session));
    let outcome = context
        .checkpoint
        .offer_key(person, &reproof, &visit.client)
        .await;
    settle_app(&ask, outcome).await
}

/// Takes the app code.
pub(super) async fn app_code(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let ask = ask_app(&admitted, "/preferences/mfa/app/app-code", &posted.fields);
    let typed = posted.fields.text("app-code");
    let code = match AppCode::parse(typed) {
        Ok(code) => code,
        Err(error) => {
            let words = typed::code(admitted.visit.lang, error);
            return app_page(&admitted, typed, Some(&words)).await;
        }
    };
    let reproof = match ask.given().await? {
        Ok(reproof) => reproof,
        Err(page) => return Ok(page),
    };
    let (visit, person) = (&admitted.visit, Person::from(&admitted.session));
    let outcome = context
        .checkpoint
        .take_app_code(person, code, &reproof, &visit.client)
        .await;
    settle_app(&ask, outcome).await
}

/// Takes the OTP that the app shows, which completes the registration.
pub(super) async fn app_otp(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let (visit, person) = (&admitted.visit, Person::from(&admitted.session));
    let code = match OtpCode::parse(posted.fields.text("otp")) {
        Ok(code) => code,
        Err(error) => return app_page(&admitted, "", Some(&typed::otp(visit.lang, error))).await,
    };
    let name = posted.fields.text("name").trim();
    let outcome = context
        .checkpoint
        .finish_app(person, code, name, &visit.client)
        .await;
    match finished(&admitted, outcome, APP, "/preferences/mfa?done=app").await? {
        Ok(response) => Ok(response),
        Err(words) => app_page(&admitted, "", Some(&words)).await,
    }
}

/// The page that registers a private address.
pub(super) async fn mail(admitted: AdmittedVisit) -> Result<Response, WebError> {
    mail_page(&admitted, "", None).await
}

/// Takes the address and mails a code to it.
pub(super) async fn address(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let (visit, person) = (&admitted.visit, Person::from(&admitted.session));
    let typed = posted.fields.text("address");
    let address = match MailAddress::parse(typed) {
        Ok(address) => address,
        Err(error) => {
            let words = typed::address(visit.lang, error);
            return mail_page(&admitted, typed, Some(&words)).await;
        }
    };
    let replaces = admitted
        .session
        .standing()
        .of_kind(FactorKind::ExternalMail)
        .next()
        .is_some();
    let ask = Ask {
        admitted: &admitted,
        action: "/preferences/mfa/mail/address",
        title: t!(
            visit.lang,
            "register-address-title",
            address = address.to_string()
        ),
        consequence: replaces.then(|| t!(visit.lang, "replace-address-consequence")),
        back: MAIL,
        fields: &posted.fields,
    };
    let reproof = match ask.given().await? {
        Ok(reproof) => reproof,
        Err(page) => return Ok(page),
    };
    let outcome = context
        .checkpoint
        .take_address(person, address, &reproof, &visit.client)
        .await;
    match outcome {
        Ok(_) => Err(WebError::SeeOther(MAIL.to_owned())),
        Err(error) => match ask.explain(Refused::register(visit, error)).await? {
            Ok(response) => Ok(response),
            Err(words) => mail_page(&admitted, typed, Some(&words)).await,
        },
    }
}

/// Takes the mailed code, which completes the registration.
pub(super) async fn address_code(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let (visit, person) = (&admitted.visit, Person::from(&admitted.session));
    let code = match OtpCode::parse(posted.fields.text("otp")) {
        Ok(code) => code,
        Err(error) => return mail_page(&admitted, "", Some(&typed::otp(visit.lang, error))).await,
    };
    let outcome = context
        .checkpoint
        .finish_address(person, code, &visit.client)
        .await;
    match finished(&admitted, outcome, MAIL, "/preferences/mfa?done=address").await? {
        Ok(response) => Ok(response),
        Err(words) => mail_page(&admitted, "", Some(&words)).await,
    }
}

/// Ends the registration that is under way.
pub(super) async fn abandon(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    _posted: Form,
) -> Result<Response, WebError> {
    let person = Person::from(&admitted.session);
    context.checkpoint.abandon_registration(person).await?;
    Err(WebError::SeeOther("/preferences/mfa".to_owned()))
}

/// The page after the wizard: the first factor is registered, and the grant is made.
pub(super) async fn registered(AdmittedVisit { visit, session, .. }: AdmittedVisit) -> Response {
    let lang = visit.lang;
    let view = visit.context.checkpoint.mfa_view(&session);
    Page::new(&visit, t!(lang, "registered-title"))
        .of(Whose::Admitted(session.account()))
        .show(html! {
            section.card {
                h1 { (t!(lang, "registered-title")) }
                (notice(Tone::Good, html! { p { (t!(lang, "registered-what")) } }))
                (mfa::only_one(&visit, &view))
                (mfa::no_recovery_codes(&visit, &view))
                div.buttons { a.button href=(parts::destination(&visit)) { (t!(lang, "home")) } }
            }
        })
}

fn ask_app<'a>(admitted: &'a AdmittedVisit, action: &'static str, fields: &'a Fields) -> Ask<'a> {
    Ask {
        admitted,
        action,
        title: t!(admitted.visit.lang, "register-otp-app"),
        consequence: None,
        back: "/preferences/mfa",
        fields,
    }
}

async fn settle_app<T>(
    ask: &Ask<'_>,
    outcome: Result<T, RegisterError>,
) -> Result<Response, WebError> {
    match outcome {
        Ok(_) => Err(WebError::SeeOther(APP.to_owned())),
        Err(error) => match ask
            .explain(Refused::register(&ask.admitted.visit, error))
            .await?
        {
            Ok(response) => Ok(response),
            Err(words) => app_page(ask.admitted, ask.fields.text("app-code"), Some(&words)).await,
        },
    }
}

/// Redirects with the session's new token, or gives a text for the page.
async fn finished(
    admitted: &AdmittedVisit,
    outcome: Result<Registered, RegisterError>,
    page: &str,
    done: &str,
) -> Result<Result<Response, String>, WebError> {
    let visit = &admitted.visit;
    match outcome {
        Ok(registered) => Ok(Ok(parts::go_on(&visit.context, &registered.token, done))),
        Err(RegisterError::Unavailable) => Err(WebError::Unavailable),
        Err(RegisterError::Proof(ProofError::PasswordAgain)) => {
            Err(WebError::SeeOther(to_login::again(page)))
        }
        Err(error) => Ok(Err(words::register(visit, &error))),
    }
}

async fn app_page(
    admitted: &AdmittedVisit,
    typed: &str,
    problem: Option<&str>,
) -> Result<Response, WebError> {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    let state = visit
        .context
        .checkpoint
        .registration(Person::from(session))
        .await?;
    let needs_code = session.standing().enrolment.is_some() && !session.standing().has_factor();
    let app_form = |user: Option<&UserCode>| {
        html! {
            form #step method="post" action="/preferences/mfa/app/app-code" {
                (csrf_field(visit))
                (fields::app_code(visit, typed, problem.is_some(), user))
                @if needs_code && user.is_none() { (enrolment_field(visit)) }
                div.buttons {
                    button { (t!(lang, "next")) }
                    @if user.is_some() { (cancel(visit)) }
                }
            }
        }
    };
    let name_field = html! {
        div.field {
            label for="name" { (t!(lang, "app-name")) }
            input #name name="name" maxlength="40" autocomplete="off";
            p.hint { (t!(lang, "app-name-hint")) }
        }
    };
    let new_user_code = html! {
        form method="post" action="/preferences/mfa/app/user-code" {
            (csrf_field(visit))
            button.link { (t!(lang, "user-code-new")) }
        }
    };
    let body = match state {
        Some(RegistrationState::UserCode { user, expires_at }) => html! {
            (parts::user_code(visit, &user, expires_at))
            (new_user_code)
            p { (t!(lang, "app-code-next")) }
            (app_form(Some(&user)))
        },
        Some(RegistrationState::Key { key, expires_at }) => html! {
            (parts::authenticator_key(visit, session.account(), &key))
            p.hint { (t!(lang, "key-until")) " " (parts::countdown(visit, expires_at)) }
            form method="post" action="/preferences/mfa/app/otp" {
                (csrf_field(visit))
                (parts::otp_field(visit, problem.is_some()))
                (name_field)
                div.buttons {
                    button { (t!(lang, "register")) }
                    (cancel(visit))
                }
            }
        },
        Some(RegistrationState::Codes {
            user,
            app,
            expires_at,
        }) => html! {
            (parts::user_code(visit, &user, expires_at))
            p.hint { (t!(lang, "app-code-taken")) " " span.code-small translate="no" { (parts::grouped(&app.grouped())) } }
            p { (t!(lang, "wizard-user-code-hint")) }
            form method="post" action="/preferences/mfa/app/otp" {
                (csrf_field(visit))
                (parts::otp_field(visit, problem.is_some()))
                p.hint { (t!(lang, "step-app-where")) }
                (name_field)
                div.buttons {
                    button { (t!(lang, "register")) }
                    (cancel(visit))
                }
            }
            (new_user_code)
        },
        Some(RegistrationState::Address { .. }) | None => html! {
            p { (t!(lang, "register-app-how")) }
            form method="post" action="/preferences/mfa/app/user-code" {
                (csrf_field(visit))
                @if needs_code { (enrolment_field(visit)) }
                div.buttons {
                    button { (t!(lang, "generate-user-code")) }
                    a.button.quiet href=(visit.context.config.app_url) target="_blank" rel="noopener noreferrer" {
                        (t!(lang, "open-app"))
                    }
                    (cancel(visit))
                }
            }
            details open[problem.is_some()] {
                summary { (t!(lang, "app-code-first")) }
                (app_form(None))
            }
            details {
                summary { (t!(lang, "authenticator-other")) }
                div.stack {
                    p { (t!(lang, "authenticator-about")) }
                    form method="post" action="/preferences/mfa/app/key" {
                        (csrf_field(visit))
                        @if needs_code { (enrolment_field(visit)) }
                        div.buttons { button.quiet { (t!(lang, "authenticator-begin")) } }
                    }
                }
            }
        },
    };
    let title = t!(lang, "register-otp-app");
    Ok(frame(admitted, &title, "app", problem, body))
}

async fn mail_page(
    admitted: &AdmittedVisit,
    typed: &str,
    problem: Option<&str>,
) -> Result<Response, WebError> {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    let state = visit
        .context
        .checkpoint
        .registration(Person::from(session))
        .await?;
    let needs_code = session.standing().enrolment.is_some() && !session.standing().has_factor();
    let body = match state {
        Some(RegistrationState::Address {
            to, code, letter, ..
        }) => {
            let shown = to.to_string();
            html! {
                (parts::letter(visit, &shown, letter, code.as_ref()).await)
                form method="post" action="/preferences/mfa/mail/code" {
                    (csrf_field(visit))
                    (parts::otp_field(visit, problem.is_some()))
                    div.buttons {
                        button { (t!(lang, "ok")) }
                        (cancel(visit))
                    }
                }
                details {
                    summary { (t!(lang, "letter-not-there")) }
                    div.stack {
                        p { (t!(lang, "letter-not-there-hint")) }
                        (parts::again(visit, "/preferences/mfa/mail/address", code.as_ref(), html! {
                            input type="hidden" name="address" value=(shown);
                        }))
                    }
                }
            }
        }
        _ => html! {
            p { (t!(lang, "wizard-address-hint")) }
            form method="post" action="/preferences/mfa/mail/address" {
                (csrf_field(visit))
                (fields::address(visit, typed, problem.is_some()))
                @if needs_code { (enrolment_field(visit)) }
                div.buttons {
                    button { (t!(lang, "register")) }
                    (cancel(visit))
                }
            }
        },
    };
    let title = t!(lang, "external-address");
    Ok(frame(admitted, &title, "address", problem, body))
}

fn enrolment_field(visit: &Visit) -> Markup {
    fields::enrolment(visit, FirstRegistration::EnrolmentCode, "")
}

fn frame(
    admitted: &AdmittedVisit,
    title: &str,
    help: &'static str,
    problem: Option<&str>,
    body: Markup,
) -> Response {
    let AdmittedVisit { visit, session, .. } = admitted;
    Page::new(visit, title)
        .of(Whose::Admitted(session.account()))
        .help(help)
        .module("codes.js")
        .show(html! {
            (crumbs(visit, true))
            section.card {
                h1 { (title) }
                (parts::wrong(problem))
                (body)
                form #abandon hidden method="post" action="/preferences/mfa/abandon" { (csrf_field(visit)) }
            }
        })
}

/// The cancel button. It submits the frame's `abandon` form, since forms can't be nested.
fn cancel(visit: &Visit) -> Markup {
    html! { button.quiet form="abandon" { (t!(visit.lang, "cancel")) } }
}
