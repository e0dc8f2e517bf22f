//! F4: the first factor, registered by someone who can't get in without one.
//!
//! Which step is shown follows from what the checkpoint holds, not from the browser: after a reload, or on another day's tab, it is the same step with the
//! same codes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::policy::FirstRegistration;
use sekisho_checkpoint::web::{FirstStep, Person};
use sekisho_checkpoint::{ProofError, RegisterError, RegistrationState, Reproof};
use sekisho_otp::{AppCode, OtpCode};

use super::parts::{self, destination};
use super::words;
use crate::config::Context;
use crate::error::WebError;
use crate::form::{Fields, Form};
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::visit::{Owing, Visit, detour, query_value};

const START: &str = "/mfa-step/register";

/// Where the wizard goes when nothing is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Choose,
    App,
    Mail,
}

/// What a step has to say about the last one.
#[derive(Default)]
struct Said<'a> {
    problem: Option<String>,
    /// What was typed, to be there again.
    typed: &'a str,
    enrolment_code: &'a str,
}

/// The step that is due.
pub(super) async fn show(
    State(context): State<Arc<Context>>,
    owing: Owing,
) -> Result<Response, WebError> {
    let way = match query_value(&owing.visit.path, "way").as_deref() {
        Some("app") => Way::App,
        Some("mail") => Way::Mail,
        _ => Way::Choose,
    };
    page(&context, &owing, way, Said::default()).await
}

/// Takes the app code.
pub(super) async fn app_code(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    let fields = &posted.fields;
    let typed = fields.text("app-code");
    let outcome = match AppCode::parse(typed) {
        Err(error) => Err(words::code(owing.visit.lang, error)),
        Ok(code) => {
            let person = Person::from(&owing.owed);
            context
                .checkpoint
                .take_app_code(person, code, &reproof(fields), &owing.visit.client)
                .await
                .map_err(|error| words::register(&owing.visit, &error))
        }
    };
    after(&context, &owing, Way::App, outcome.map(drop), typed, fields).await
}

/// Takes the code that the app shows.
pub(super) async fn otp(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    finish(&context, &owing, &posted, Way::App).await
}

/// Takes the address and mails a code there.
pub(super) async fn address(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    let fields = &posted.fields;
    let typed = fields.text("address");
    let outcome = match MailAddress::parse(typed) {
        Err(error) => Err(words::address(owing.visit.lang, error)),
        Ok(address) => {
            let person = Person::from(&owing.owed);
            context
                .checkpoint
                .take_address(person, address, &reproof(fields), &owing.visit.client)
                .await
                .map_err(|error| words::register(&owing.visit, &error))
        }
    };
    after(
        &context,
        &owing,
        Way::Mail,
        outcome.map(drop),
        typed,
        fields,
    )
    .await
}

/// Takes the code that was mailed to the address.
pub(super) async fn address_code(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    finish(&context, &owing, &posted, Way::Mail).await
}

/// Gives up what is under way, to choose anew.
pub(super) async fn abandon(
    State(context): State<Arc<Context>>,
    owing: Owing,
    _posted: Form,
) -> Result<Response, WebError> {
    let person = Person::from(&owing.owed);
    context.checkpoint.abandon_registration(person).await?;
    Err(WebError::SeeOther(detour(
        START,
        &destination(&owing.visit),
    )))
}

fn reproof(fields: &Fields) -> Reproof {
    Reproof {
        enrolment_code: Some(fields.text("enrolment-code").trim().to_owned())
            .filter(|code| !code.is_empty()),
        ..Reproof::none()
    }
}

/// On to the next step by a GET, or this one again with what is wrong.
async fn after(
    context: &Context,
    owing: &Owing,
    way: Way,
    outcome: Result<(), String>,
    typed: &str,
    fields: &Fields,
) -> Result<Response, WebError> {
    match outcome {
        Ok(()) => Err(WebError::SeeOther(detour(
            START,
            &destination(&owing.visit),
        ))),
        Err(problem) => {
            let said = Said {
                problem: Some(problem),
                typed,
                enrolment_code: fields.text("enrolment-code"),
            };
            page(context, owing, way, said).await
        }
    }
}

async fn finish(
    context: &Context,
    owing: &Owing,
    posted: &Form,
    way: Way,
) -> Result<Response, WebError> {
    let (visit, person) = (&owing.visit, Person::from(&owing.owed));
    let outcome = match OtpCode::parse(posted.fields.text("otp")) {
        Err(error) => Err(words::otp(visit.lang, error)),
        Ok(code) => {
            let finished = match way {
                Way::Mail => {
                    context
                        .checkpoint
                        .finish_address(person, code, &visit.client)
                        .await
                }
                Way::App | Way::Choose => {
                    context
                        .checkpoint
                        .finish_app(person, code, "", &visit.client)
                        .await
                }
            };
            match finished {
                Ok(registered) => Ok(registered),
                Err(RegisterError::Unavailable) => return Err(WebError::Unavailable),
                Err(RegisterError::Proof(ProofError::PasswordAgain)) => {
                    return Err(WebError::SeeOther(super::login::again(&destination(visit))));
                }
                Err(error) => Err(words::register(visit, &error)),
            }
        }
    };
    match outcome {
        Ok(registered) => {
            let done = detour("/mfa/registered", &destination(visit));
            parts::go_on(
                context,
                owing.owed.record(),
                &owing.token,
                &registered.token,
                &done,
            )
            .await
        }
        Err(problem) => {
            let said = Said {
                problem: Some(problem),
                ..Said::default()
            };
            page(context, owing, way, said).await
        }
    }
}

async fn page(
    context: &Context,
    owing: &Owing,
    way: Way,
    said: Said<'_>,
) -> Result<Response, WebError> {
    let Owing { visit, owed, .. } = owing;
    let lang = visit.lang;
    let demand = match owed.first_step() {
        FirstStep::Register(demand) => *demand,
        _ => return Err(WebError::SeeOther(detour("/mfa-step", &destination(visit)))),
    };
    let state = context.checkpoint.registration(Person::from(owed)).await?;
    let can_mail = context.checkpoint.site().policy.external_mail;
    let body = match (demand, state) {
        (FirstRegistration::Forbid, _) => forbidden(visit),
        (
            _,
            Some(RegistrationState::Codes {
                user,
                app,
                expires_at,
            }),
        ) => {
            let reading = said.problem.is_none()
                && query_value(&visit.path, "step").as_deref() != Some("otp");
            html! {
                (steps(visit, if reading { 2 } else { 3 }))
                @if reading {
                    h1 { (t!(lang, "wizard-user-code")) }
                    p { (t!(lang, "wizard-user-code-hint")) }
                    (parts::user_code(visit, &user, expires_at))
                    p.hint { (t!(lang, "app-code-taken")) " " span.code-small translate="no" { (parts::grouped(&app.grouped())) } }
                    div.buttons {
                        a.button href=(with_step(visit)) { (t!(lang, "next")) }
                        (start_again(visit))
                    }
                } @else {
                    h1 { (t!(lang, "wizard-otp")) }
                    (parts::wrong(said.problem.as_deref()))
                    form #step method="post" action=(detour("/mfa-step/register/otp", &destination(visit))) {
                        (csrf_field(visit))
                        (parts::otp_field(visit, said.problem.is_some()))
                        p.hint { (t!(lang, "step-app-where")) }
                    }
                    details open[said.problem.is_some()] {
                        summary { (t!(lang, "user-code-once-more")) }
                        div.stack { (parts::user_code(visit, &user, expires_at)) }
                    }
                    div.buttons {
                        button form="step" { (t!(lang, "next")) }
                        (start_again(visit))
                    }
                }
            }
        }
        (
            _,
            Some(RegistrationState::Address {
                to, code, letter, ..
            }),
        ) => {
            let shown = to.to_string();
            html! {
                h1 { (t!(lang, "external-mail-auth")) }
                (parts::wrong(said.problem.as_deref()))
                (parts::letter(visit, &shown, letter, code.as_ref()).await)
                form #step method="post" action=(detour("/mfa-step/register/address-code", &destination(visit))) {
                    (csrf_field(visit))
                    (parts::otp_field(visit, said.problem.is_some()))
                }
                div.buttons {
                    button form="step" { (t!(lang, "next")) }
                    (start_again(visit))
                }
                details {
                    summary { (t!(lang, "letter-not-there")) }
                    div.stack {
                        p { (t!(lang, "letter-not-there-hint")) }
                        @if let Some(code) = &code { (parts::again_hint(visit, code)) }
                        form method="post" action=(detour("/mfa-step/register/address", &destination(visit))) {
                            (csrf_field(visit))
                            input type="hidden" name="address" value=(shown);
                            div.buttons { button.quiet { (t!(lang, "issue-otp")) } }
                        }
                    }
                }
            }
        }
        (_, waiting) => {
            let user = match waiting {
                Some(RegistrationState::UserCode { user, expires_at }) => Some((user, expires_at)),
                _ => None,
            };
            let way = if user.is_some() { Way::App } else { way };
            match way {
                Way::App => html! {
                    (steps(visit, 1))
                    h1 { (t!(lang, "wizard-app-code")) }
                    (parts::wrong(said.problem.as_deref()))
                    p { (t!(lang, "wizard-app-code-hint")) }
                    div.buttons {
                        a.button.quiet.small href=(visit.context.config.app_url) target="_blank" rel="noopener noreferrer" {
                            (t!(lang, "open-app"))
                        }
                    }
                    @if let Some((user, expires_at)) = &user { (parts::user_code(visit, user, *expires_at)) }
                    form method="post" action=(detour("/mfa-step/register/app-code", &destination(visit))) {
                        (csrf_field(visit))
                        (app_code_field(visit, said.typed, said.problem.is_some()))
                        (enrolment_field(visit, demand, said.enrolment_code))
                        div.buttons {
                            button { (t!(lang, "next")) }
                            (back_to_choice(visit))
                        }
                    }
                },
                Way::Mail => html! {
                    h1 { (t!(lang, "external-mail-auth")) }
                    (parts::wrong(said.problem.as_deref()))
                    p { (t!(lang, "wizard-address-hint")) }
                    form method="post" action=(detour("/mfa-step/register/address", &destination(visit))) {
                        (csrf_field(visit))
                        (address_field(visit, said.typed, said.problem.is_some()))
                        (enrolment_field(visit, demand, said.enrolment_code))
                        div.buttons {
                            button { (t!(lang, "next")) }
                            (back_to_choice(visit))
                        }
                    }
                },
                Way::Choose => choice(visit, can_mail),
            }
        }
    };
    Ok(Page::new(visit, t!(lang, "wizard"))
        .of(Whose::Owing(owed.account()))
        .show(html! { section.card { (body) } }))
}

fn choice(visit: &Visit, can_mail: bool) -> Markup {
    let lang = visit.lang;
    let way = |name: &str| {
        let start = detour(START, &destination(visit));
        let joint = if start.contains('?') { '&' } else { '?' };
        format!("{start}{joint}way={name}")
    };
    html! {
        h1 { (t!(lang, "wizard")) }
        p { (t!(lang, "wizard-why")) }
        div.rows {
            a.row href=(way("app")) {
                span.grow {
                    span.title { (t!(lang, "otp-app-auth")) }
                    span.hint { (t!(lang, "wizard-app-choice")) }
                }
                span.badge { (t!(lang, "recommended")) }
            }
            @if can_mail {
                a.row href=(way("mail")) {
                    span.grow {
                        span.title { (t!(lang, "external-mail-auth")) }
                        span.hint { (t!(lang, "wizard-mail-choice")) }
                    }
                }
            }
        }
    }
}

fn forbidden(visit: &Visit) -> Markup {
    let lang = visit.lang;
    html! {
        h1 { (t!(lang, "wizard")) }
        (notice(Tone::Warning, html! { p { (t!(lang, "register-forbidden")) } }))
        p { (t!(lang, "register-forbidden-what-to-do")) }
    }
}

fn steps(visit: &Visit, current: usize) -> Markup {
    let lang = visit.lang;
    let names = [t!(lang, "app-code"), t!(lang, "user-code"), t!(lang, "otp")];
    html! {
        ol.steps {
            @for (i, name) in names.iter().enumerate() {
                li aria-current=[(i + 1 == current).then_some("step")] { (name) }
            }
        }
    }
}

/// The field for the code that the app shows. One with a slip is shown back in large groups, to be compared with the app's.
pub(super) fn app_code_field(visit: &Visit, typed: &str, is_wrong: bool) -> Markup {
    let symbols: Vec<char> = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .take(20)
        .collect();
    let groups: Vec<String> = symbols.chunks(5).map(|g| g.iter().collect()).collect();
    html! {
        @if is_wrong && !groups.is_empty() {
            div.code-line {
                p.hint { (t!(visit.lang, "code-as-typed")) }
                p.code translate="no" { (parts::grouped(&groups.join("-"))) }
            }
        }
        div.field {
            label for="app-code" { (t!(visit.lang, "app-code")) }
            input.code-input.long #app-code name="app-code" value=(typed) required autofocus autocomplete="off"
                autocapitalize="characters" autocorrect="off" spellcheck="false" maxlength="64" placeholder="XXXXX-XXXXX-XXXXX"
                aria-invalid=[is_wrong.then_some("true")];
            p.hint { (t!(visit.lang, "app-code-hint")) }
        }
    }
}

/// The field for a private address.
pub(super) fn address_field(visit: &Visit, typed: &str, is_wrong: bool) -> Markup {
    html! {
        div.field {
            label for="address" { (t!(visit.lang, "address")) }
            input #address name="address" type="email" value=(typed) required autofocus autocomplete="email" maxlength="254"
                aria-invalid=[is_wrong.then_some("true")];
            p.hint { (t!(visit.lang, "address-hint")) }
        }
    }
}

pub(super) fn enrolment_field(visit: &Visit, demand: FirstRegistration, typed: &str) -> Markup {
    html! {
        @if demand == FirstRegistration::EnrolmentCode {
            div.field {
                label for="enrolment-code" { (t!(visit.lang, "enrolment-code")) }
                input.code-input.long #enrolment-code name="enrolment-code" value=(typed) required autocomplete="off"
                    autocapitalize="characters" autocorrect="off" spellcheck="false" maxlength="64";
                p.hint { (t!(visit.lang, "enrolment-code-hint")) }
            }
        }
    }
}

fn with_step(visit: &Visit) -> String {
    let start = detour(START, &destination(visit));
    let joint = if start.contains('?') { '&' } else { '?' };
    format!("{start}{joint}step=otp")
}

fn back_to_choice(visit: &Visit) -> Markup {
    html! { a.button.quiet href=(detour(START, &destination(visit))) { (t!(visit.lang, "cancel")) } }
}

fn start_again(visit: &Visit) -> Markup {
    html! {
        form method="post" action=(detour("/mfa-step/register/abandon", &destination(visit))) {
            (csrf_field(visit))
            button.quiet { (t!(visit.lang, "cancel")) }
        }
    }
}
