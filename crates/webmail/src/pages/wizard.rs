//! The wizard that registers the first factor, for someone who can't get in without one.
//!
//! The checkpoint's registration determines the step; the URL only chooses between steps that are open. So a reload, or
//! a tab of another day, shows the same step with the same codes. Each step has a way back to the one before, and going
//! back loses nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::policy::FirstRegistration;
use sekisho_checkpoint::web::{FirstStep, Person};
use sekisho_checkpoint::{Account, ProofError, RegisterError, RegistrationState, Reproof};
use sekisho_otp::{AppCode, OtpCode, OtpKey, UserCode};

use super::parts::{self, destination};
use super::{fields, typed, words};
use crate::config::Context;
use crate::error::WebError;
use crate::form::Form;
use crate::form_fields::Fields;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::to_login;
use crate::visit::{Owing, Visit, detour, query_value};

const START: &str = "/mfa-step/register";

/// The kind of factor that the URL asks for, as long as no registration is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Choose,
    App,
    Mail,
}

impl Way {
    fn of(visit: &Visit) -> Self {
        match query_value(&visit.path, "way").as_deref() {
            Some("app") => Self::App,
            Some("mail") => Self::Mail,
            _ => Self::Choose,
        }
    }

    fn word(self) -> Option<&'static str> {
        match self {
            Self::Choose => None,
            Self::App => Some("app"),
            Self::Mail => Some("mail"),
        }
    }
}

/// What a step shows after the last POST.
#[derive(Default)]
struct Said<'a> {
    problem: Option<String>,
    /// What the person typed, to fill the field again.
    typed: &'a str,
    enrolment_code: &'a str,
}

impl<'a> Said<'a> {
    /// Fills the field with the value that was accepted before, unless the person typed another since.
    fn or_typed(self, before: &'a str) -> Self {
        if self.typed.is_empty() {
            Self {
                typed: before,
                ..self
            }
        } else {
            self
        }
    }
}

/// The current step.
pub(super) async fn show(
    State(context): State<Arc<Context>>,
    owing: Owing,
) -> Result<Response, WebError> {
    let way = Way::of(&owing.visit);
    page(&context, &owing, way, Said::default()).await
}

/// Makes the user code as soon as the OTP app is chosen, so that a link or a QR code can bring it to the app from the
/// first step on.
pub(super) async fn begin(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    let fields = &posted.fields;
    let person = Person::from(&owing.owed);
    let made = context
        .checkpoint
        .offer_user_code(person, &reproof(fields), &owing.visit.client)
        .await;
    let outcome = made.map_err(|error| words::register(&owing.visit, &error));
    after(&context, &owing, Way::App, outcome.map(drop), "", fields).await
}

/// Makes a key for another authenticator app.
pub(super) async fn key(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    let fields = &posted.fields;
    let person = Person::from(&owing.owed);
    let made = context
        .checkpoint
        .offer_key(person, &reproof(fields), &owing.visit.client)
        .await;
    let outcome = made.map_err(|error| words::register(&owing.visit, &error));
    after(&context, &owing, Way::App, outcome, "", fields).await
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
        Err(error) => Err(typed::code(owing.visit.lang, error)),
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

/// Takes the OTP that the app shows.
pub(super) async fn otp(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    finish(&context, &owing, &posted, Way::App).await
}

/// Takes the address and mails a code to it.
pub(super) async fn address(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    let fields = &posted.fields;
    let typed = fields.text("address");
    let outcome = match MailAddress::parse(typed) {
        Err(error) => Err(typed::address(owing.visit.lang, error)),
        Ok(address) => {
            let person = Person::from(&owing.owed);
            context
                .checkpoint
                .take_address(person, address, &reproof(fields), &owing.visit.client)
                .await
                .map_err(|error| words::register(&owing.visit, &error))
        }
    };
    let outcome = outcome.map(drop);
    after(&context, &owing, Way::Mail, outcome, typed, fields).await
}

/// Takes the code that was mailed to the address.
pub(super) async fn address_code(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    finish(&context, &owing, &posted, Way::Mail).await
}

/// Ends the registration that is under way and returns to the choice.
pub(super) async fn abandon(
    State(context): State<Arc<Context>>,
    owing: Owing,
    _posted: Form,
) -> Result<Response, WebError> {
    let person = Person::from(&owing.owed);
    context.checkpoint.abandon_registration(person).await?;
    Err(WebError::SeeOther(at(&owing.visit, Way::Choose, None)))
}

fn reproof(fields: &Fields) -> Reproof {
    Reproof {
        enrolment_code: Some(fields.text("enrolment-code").trim().to_owned())
            .filter(|code| !code.is_empty()),
        ..Reproof::none()
    }
}

/// Redirects to the next step, or shows this step again with what is wrong.
async fn after(
    context: &Context,
    owing: &Owing,
    way: Way,
    outcome: Result<(), String>,
    typed: &str,
    fields: &Fields,
) -> Result<Response, WebError> {
    match outcome {
        // The link has already brought the user code to the app, so the step that shows it is skipped.
        Ok(()) if fields.has("handed-over") => {
            Err(WebError::SeeOther(at(&owing.visit, way, Some("otp"))))
        }
        Ok(()) => Err(WebError::SeeOther(at(&owing.visit, way, None))),
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
    let checkpoint = &context.checkpoint;
    let outcome = match OtpCode::parse(posted.fields.text("otp")) {
        Err(error) => Err(typed::otp(visit.lang, error)),
        Ok(code) => {
            let finished = match way {
                Way::Mail => checkpoint.finish_address(person, code, &visit.client).await,
                Way::App | Way::Choose => {
                    let name = posted.fields.text("name");
                    checkpoint
                        .finish_app(person, code, name, &visit.client)
                        .await
                }
            };
            match finished {
                Ok(registered) => Ok(registered),
                Err(RegisterError::Unavailable) => return Err(WebError::Unavailable),
                Err(RegisterError::Proof(ProofError::PasswordAgain)) => {
                    return Err(WebError::SeeOther(to_login::again(&destination(visit))));
                }
                Err(error) => Err(words::register(visit, &error)),
            }
        }
    };
    match outcome {
        Ok(registered) => {
            let done = detour("/mfa/registered", &destination(visit));
            Ok(parts::go_on(context, &registered.token, &done))
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
    let demand = match owed.first_step() {
        FirstStep::Register(demand) => *demand,
        _ => return Err(WebError::SeeOther(detour("/mfa-step", &destination(visit)))),
    };
    let state = context.checkpoint.registration(Person::from(owed)).await?;
    let looked_at = query_value(&visit.path, "step");
    let body = match (demand, state) {
        (FirstRegistration::Forbid, _) => forbidden(visit),
        (
            _,
            Some(RegistrationState::Codes {
                user,
                app,
                expires_at,
            }),
        ) => match looked_at.as_deref() {
            Some("app-code") => {
                let app = app.grouped();
                let said = said.or_typed(&app);
                app_code_step(visit, demand, Some((&user, expires_at)), &said)
            }
            _ if said.problem.is_some() => otp_step(visit, &user, expires_at, &said),
            Some("otp") => otp_step(visit, &user, expires_at, &said),
            _ => user_code_step(visit, &user, &app, expires_at),
        },
        (_, Some(RegistrationState::UserCode { user, expires_at })) => {
            app_code_step(visit, demand, Some((&user, expires_at)), &said)
        }
        (_, Some(RegistrationState::Key { key, expires_at })) => {
            key_step(visit, owed.account(), &key, expires_at, &said)
        }
        (
            _,
            Some(RegistrationState::Address {
                to, code, letter, ..
            }),
        ) => {
            let shown = to.to_string();
            if looked_at.as_deref() == Some("address") {
                let said = said.or_typed(&shown);
                address_step(visit, demand, &said)
            } else {
                let letter = parts::letter(visit, &shown, letter, code.as_ref()).await;
                let again = parts::again(
                    visit,
                    &target("/mfa-step/register/address", visit),
                    code.as_ref(),
                    html! { input type="hidden" name="address" value=(shown); },
                );
                address_code_step(visit, &letter, &again, &said)
            }
        }
        (_, None) => match way {
            Way::App => app_code_step(visit, demand, None, &said),
            Way::Mail => address_step(visit, demand, &said),
            Way::Choose => {
                let can_mail = context.checkpoint.site().policy.external_mail;
                choice(visit, demand, can_mail, said.problem.as_deref())
            }
        },
    };
    Ok(Page::new(visit, t!(visit.lang, "wizard"))
        .of(Whose::Owing(owed.account()))
        .help("app")
        .module("codes.js")
        .show(html! { section.card { (body) } }))
}

fn choice(
    visit: &Visit,
    demand: FirstRegistration,
    can_mail: bool,
    problem: Option<&str>,
) -> Markup {
    let lang = visit.lang;
    let app = html! {
        span.grow {
            span.title { (t!(lang, "otp-app-auth")) }
            span.hint { (t!(lang, "wizard-app-choice")) }
        }
        span.badge { (t!(lang, "recommended")) }
    };
    html! {
        h1 { (t!(lang, "wizard")) }
        (parts::wrong(problem))
        p { (t!(lang, "wizard-why")) }
        div.rows {
            @if demand == FirstRegistration::Allow {
                form method="post" action=(target("/mfa-step/register/begin", visit)) {
                    (csrf_field(visit))
                    button.row { (app) }
                }
            } @else {
                a.row href=(at(visit, Way::App, None)) { (app) }
            }
            @if can_mail {
                a.row href=(at(visit, Way::Mail, None)) {
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

/// Step 1 of 3: the app code. Shows the user code as a link and QR code too, if it is made already.
fn app_code_step(
    visit: &Visit,
    demand: FirstRegistration,
    user: Option<(&UserCode, Timestamp)>,
    said: &Said<'_>,
) -> Markup {
    let lang = visit.lang;
    html! {
        (steps(visit, Way::App, 1))
        h1 { (t!(lang, "wizard-app-code")) }
        (parts::wrong(said.problem.as_deref()))
        p { (t!(lang, "wizard-app-code-hint")) }
        @if let Some((user, expires_at)) = user {
            details open {
                summary { (t!(lang, "wizard-by-link")) }
                div.stack {
                    p { (t!(lang, "wizard-by-link-hint")) }
                    (parts::user_code(visit, user, expires_at))
                }
            }
        } @else {
            div.buttons {
                a.button.quiet.small href=(visit.context.config.app_url) target="_blank" rel="noopener noreferrer" {
                    (t!(lang, "open-app"))
                }
            }
        }
        form #step method="post" action=(step_target("/mfa-step/register/app-code", visit, "app-code")) {
            (csrf_field(visit))
            (fields::app_code(visit, said.typed, said.problem.is_some(), user.map(|(user, _)| user)))
            @if user.is_none() { (fields::enrolment(visit, demand, said.enrolment_code)) }
        }
        (buttons(visit, start_again(visit)))
        // The key needs the help desk's code from the same form. The button comes last because Enter presses the
        // first.
        button.link form="step" formaction=(target("/mfa-step/register/key", visit)) formnovalidate { (t!(lang, "authenticator-other")) }
    }
}

/// Step 2 of 3: the user code, to be typed into the app.
fn user_code_step(visit: &Visit, user: &UserCode, app: &AppCode, expires_at: Timestamp) -> Markup {
    let lang = visit.lang;
    html! {
        (steps(visit, Way::App, 2))
        h1 { (t!(lang, "wizard-user-code")) }
        p { (t!(lang, "wizard-user-code-hint")) }
        (parts::user_code(visit, user, expires_at))
        p.hint { (t!(lang, "app-code-taken")) " " span.code-small translate="no" { (parts::grouped(&app.grouped())) } }
        div.buttons {
            a.button href=(at(visit, Way::App, Some("otp"))) { (t!(lang, "next")) }
            a.button.quiet href=(at(visit, Way::App, Some("app-code"))) { (t!(lang, "back")) }
        }
    }
}

/// Step 3 of 3: the OTP that the app shows.
fn otp_step(visit: &Visit, user: &UserCode, expires_at: Timestamp, said: &Said<'_>) -> Markup {
    let lang = visit.lang;
    html! {
        (steps(visit, Way::App, 3))
        h1 { (t!(lang, "wizard-otp")) }
        (parts::wrong(said.problem.as_deref()))
        form #step method="post" action=(target("/mfa-step/register/otp", visit)) {
            (csrf_field(visit))
            (parts::otp_field(visit, said.problem.is_some()))
            p.hint { (t!(lang, "step-app-where")) }
        }
        (buttons(visit, back(visit, Way::App, None)))
        details open[said.problem.is_some()] {
            summary { (t!(lang, "user-code-once-more")) }
            div.stack { (parts::user_code(visit, user, expires_at)) }
        }
    }
}

/// The only step for another authenticator app: key and OTP on one page.
fn key_step(
    visit: &Visit,
    account: &Account,
    key: &OtpKey,
    expires_at: Timestamp,
    said: &Said<'_>,
) -> Markup {
    let lang = visit.lang;
    html! {
        h1 { (t!(lang, "authenticator")) }
        (parts::wrong(said.problem.as_deref()))
        (parts::authenticator_key(visit, account, key))
        p.hint { (t!(lang, "key-until")) " " (parts::countdown(visit, expires_at)) }
        form #step method="post" action=(target("/mfa-step/register/otp", visit)) {
            (csrf_field(visit))
            (parts::otp_field(visit, said.problem.is_some()))
        }
        (buttons(visit, start_again(visit)))
    }
}

/// Step 1 of 2: the private address.
fn address_step(visit: &Visit, demand: FirstRegistration, said: &Said<'_>) -> Markup {
    let lang = visit.lang;
    html! {
        (steps(visit, Way::Mail, 1))
        h1 { (t!(lang, "external-mail-auth")) }
        (parts::wrong(said.problem.as_deref()))
        p { (t!(lang, "wizard-address-hint")) }
        form #step method="post" action=(step_target("/mfa-step/register/address", visit, "address")) {
            (csrf_field(visit))
            (fields::address(visit, said.typed, said.problem.is_some()))
            (fields::enrolment(visit, demand, said.enrolment_code))
        }
        (buttons(visit, start_again(visit)))
    }
}

/// Step 2 of 2: the code that was mailed there.
fn address_code_step(visit: &Visit, letter: &Markup, again: &Markup, said: &Said<'_>) -> Markup {
    let lang = visit.lang;
    html! {
        (steps(visit, Way::Mail, 2))
        h1 { (t!(lang, "wizard-otp")) }
        (parts::wrong(said.problem.as_deref()))
        (letter)
        form #step method="post" action=(target("/mfa-step/register/address-code", visit)) {
            (csrf_field(visit))
            (parts::otp_field(visit, said.problem.is_some()))
        }
        (buttons(visit, back(visit, Way::Mail, Some("address"))))
        details {
            summary { (t!(lang, "letter-not-there")) }
            div.stack {
                p { (t!(lang, "letter-not-there-hint")) }
                (again)
            }
        }
    }
}

/// The list of steps, with the current one marked.
fn steps(visit: &Visit, way: Way, current: usize) -> Markup {
    let lang = visit.lang;
    let names = match way {
        Way::Mail => vec![t!(lang, "address"), t!(lang, "otp")],
        Way::App | Way::Choose => {
            vec![t!(lang, "app-code"), t!(lang, "user-code"), t!(lang, "otp")]
        }
    };
    html! {
        ol.steps {
            @for (place, name) in (1..).zip(&names) {
                li.done[place < current] aria-current=[(place == current).then_some("step")] { (name) }
            }
        }
    }
}

/// The button that submits the step's form, and the way back beside it.
fn buttons(visit: &Visit, back: Markup) -> Markup {
    html! {
        div.buttons {
            button form="step" { (t!(visit.lang, "next")) }
            (back)
        }
    }
}

fn back(visit: &Visit, way: Way, step: Option<&str>) -> Markup {
    html! { a.button.quiet href=(at(visit, way, step)) { (t!(visit.lang, "back")) } }
}

/// The button that returns to the choice and ends the registration that is under way.
fn start_again(visit: &Visit) -> Markup {
    html! {
        form method="post" action=(target("/mfa-step/register/abandon", visit)) {
            (csrf_field(visit))
            button.quiet { (t!(visit.lang, "back")) }
        }
    }
}

/// The wizard's URL for a way and a step. It keeps where the person was going.
fn at(visit: &Visit, way: Way, step: Option<&str>) -> String {
    let mut page = detour(START, &destination(visit));
    for (name, value) in [("way", way.word()), ("step", step)] {
        let Some(value) = value else { continue };
        let joint = if page.contains('?') { '&' } else { '?' };
        page.push_str(&format!("{joint}{name}={value}"));
    }
    page
}

/// The URL for the form of a step that stays open: if the form is refused, the same step shows why.
fn step_target(action: &str, visit: &Visit, step: &str) -> String {
    let target = target(action, visit);
    let joint = if target.contains('?') { '&' } else { '?' };
    format!("{target}{joint}step={step}")
}

/// The URL for a form of the wizard. It keeps where the person was going.
fn target(action: &str, visit: &Visit) -> String {
    detour(action, &destination(visit))
}
