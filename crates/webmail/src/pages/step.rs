//! F6: proving a factor behind the password.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use sekisho_checkpoint::factor::{FactorKind, Method};
use sekisho_checkpoint::web::{FactorOwed, FirstStep, Person};
use sekisho_checkpoint::{MailedCodeState, OtpEntry, ProofError};
use sekisho_otp::OtpCode;

use super::parts::{self, destination};
use super::words;
use crate::config::Context;
use crate::error::WebError;
use crate::form::Form;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::visit::{Owing, Visit, detour};

const APP: &str = "/mfa-step/app";
const MAIL: &str = "/mfa-step/mail";

/// Leads to what is owed.
pub(super) async fn show(Owing { visit, owed, .. }: Owing) -> Result<Response, WebError> {
    let to = destination(&visit);
    match owed.first_step() {
        FirstStep::Prove(kinds) => match kinds.as_slice() {
            [FactorKind::OtpApp] => Err(WebError::SeeOther(detour(APP, &to))),
            [FactorKind::ExternalMail] => Err(WebError::SeeOther(detour(MAIL, &to))),
            _ => Ok(choice(&visit, &owed, &to)),
        },
        FirstStep::AllDisabled => Ok(all_disabled(&visit, &owed)),
        FirstStep::Register(_) => Err(WebError::SeeOther(detour("/mfa-step/register", &to))),
    }
}

/// The field for the code of an OTP app.
pub(super) async fn app(Owing { visit, owed, .. }: Owing) -> Result<Response, WebError> {
    offered(&visit, &owed, FactorKind::OtpApp)?;
    Ok(app_page(&visit, &owed, None))
}

/// Takes the code of an OTP app.
pub(super) async fn prove_app(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    match prove(&context, &owing, FactorKind::OtpApp, &posted).await? {
        Ok(response) => Ok(response),
        Err(words) => Ok(app_page(&owing.visit, &owing.owed, Some(&words))),
    }
}

/// The button that mails a code, then the field for it.
pub(super) async fn mail(
    State(context): State<Arc<Context>>,
    Owing { visit, owed, .. }: Owing,
) -> Result<Response, WebError> {
    offered(&visit, &owed, FactorKind::ExternalMail)?;
    let waiting = context.checkpoint.mailed_code(Person::from(&owed)).await?;
    Ok(mail_page(&visit, &owed, waiting.as_ref(), None).await)
}

/// Mails a code.
pub(super) async fn issue(
    State(context): State<Arc<Context>>,
    Owing { visit, owed, .. }: Owing,
    _posted: Form,
) -> Result<Response, WebError> {
    let person = Person::from(&owed);
    match context.checkpoint.mail_code(person).await {
        // Shown by a GET, so that a reload mails nothing.
        Ok(_) => Err(WebError::SeeOther(detour(MAIL, &destination(&visit)))),
        Err(ProofError::Unavailable) => Err(WebError::Unavailable),
        Err(error) => {
            let waiting = context.checkpoint.mailed_code(person).await?;
            let words = words::proof(&visit, &error);
            Ok(mail_page(&visit, &owed, waiting.as_ref(), Some(&words)).await)
        }
    }
}

/// Takes a mailed code.
pub(super) async fn prove_mail(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    match prove(&context, &owing, FactorKind::ExternalMail, &posted).await? {
        Ok(response) => Ok(response),
        Err(words) => {
            let waiting = context
                .checkpoint
                .mailed_code(Person::from(&owing.owed))
                .await?;
            Ok(mail_page(&owing.visit, &owing.owed, waiting.as_ref(), Some(&words)).await)
        }
    }
}

/// Back to where the person was, or what is wrong with the code.
async fn prove(
    context: &Context,
    owing: &Owing,
    kind: FactorKind,
    posted: &Form,
) -> Result<Result<Response, String>, WebError> {
    let visit = &owing.visit;
    let code = match OtpCode::parse(posted.fields.text("otp")) {
        Ok(code) => code,
        Err(error) => return Ok(Err(words::otp(visit.lang, error))),
    };
    let entry = OtpEntry { kind, code };
    match context
        .checkpoint
        .prove(&owing.owed, entry, &visit.client)
        .await
    {
        Ok(token) => {
            let to = destination(visit);
            parts::go_on(context, owing.owed.record(), &owing.token, &token, &to)
                .await
                .map(Ok)
        }
        Err(ProofError::Unavailable) => Err(WebError::Unavailable),
        Err(ProofError::PasswordAgain) => {
            Err(WebError::SeeOther(super::login::again(&destination(visit))))
        }
        Err(error) => Ok(Err(words::proof(visit, &error))),
    }
}

fn offered(visit: &Visit, owed: &FactorOwed, kind: FactorKind) -> Result<(), WebError> {
    match owed.first_step() {
        FirstStep::Prove(kinds) if kinds.contains(&kind) => Ok(()),
        _ => Err(WebError::SeeOther(detour("/mfa-step", &destination(visit)))),
    }
}

fn choice(visit: &Visit, owed: &FactorOwed, to: &str) -> Response {
    let lang = visit.lang;
    Page::new(visit, t!(lang, "mfa"))
        .of(Whose::Owing(owed.account()))
        .show(html! {
            section.card {
                h1 { (t!(lang, "mfa")) }
                (why(visit))
                p { (t!(lang, "step-choose")) }
                div.rows {
                    a.row href=(detour(APP, to)) {
                        span.grow {
                            span.title { (t!(lang, "otp-app-auth")) }
                            span.hint { (t!(lang, "step-app-hint")) }
                        }
                        span.badge { (t!(lang, "recommended")) }
                    }
                    a.row href=(detour(MAIL, to)) {
                        span.grow {
                            span.title { (t!(lang, "external-mail-auth")) }
                            span.hint { (t!(lang, "step-mail-hint")) }
                        }
                    }
                }
            }
        })
}

/// Why the question comes: the address it is asked for.
fn why(visit: &Visit) -> Markup {
    let address = visit.source.shown_address();
    let network = visit.context.checkpoint.network_name(address);
    let from = match network {
        Some(name) => format!("{address} ({name})"),
        None => address.to_string(),
    };
    html! { p.hint { (t!(visit.lang, "step-why", from = from)) } }
}

fn other_ways(visit: &Visit, owed: &FactorOwed) -> Markup {
    let many = matches!(owed.first_step(), FirstStep::Prove(kinds) if kinds.len() > 1);
    html! {
        @if many {
            p { a href=(detour("/mfa-step", &destination(visit))) { (t!(visit.lang, "step-other-way")) } }
        }
    }
}

fn app_page(visit: &Visit, owed: &FactorOwed, problem: Option<&str>) -> Response {
    let lang = visit.lang;
    Page::new(visit, t!(lang, "otp-app-auth"))
        .of(Whose::Owing(owed.account()))
        .show(html! {
            section.card {
                h1 { (t!(lang, "otp-app-auth")) }
                (parts::wrong(problem))
                @if problem.is_none() { (why(visit)) }
                form method="post" action=(detour(APP, &destination(visit))) {
                    (csrf_field(visit))
                    (parts::otp_field(visit, problem.is_some()))
                    div.buttons { button { (t!(lang, "log-in-by-otp")) } }
                }
                p.hint { (t!(lang, "step-app-where")) }
                (other_ways(visit, owed))
            }
        })
}

async fn mail_page(
    visit: &Visit,
    owed: &FactorOwed,
    waiting: Option<&MailedCodeState>,
    problem: Option<&str>,
) -> Response {
    let lang = visit.lang;
    let to = destination(visit);
    let registered = owed
        .standing()
        .factors
        .iter()
        .find_map(|f| match &f.method {
            Method::ExternalMail { address } => Some(parts::masked(address)),
            Method::OtpApp { .. } => None,
        });
    let shown = registered.unwrap_or_default();
    let issue = html! {
        form method="post" action=(detour("/mfa-step/mail/issue", &to)) {
            (csrf_field(visit))
            div.buttons { button.quiet[waiting.is_some()] { (t!(lang, "issue-otp")) } }
        }
    };
    Page::new(visit, t!(lang, "external-mail-auth"))
        .of(Whose::Owing(owed.account()))
        .show(html! {
            section.card {
                h1 { (t!(lang, "external-mail-auth")) }
                (parts::wrong(problem))
                @if let Some(code) = waiting {
                    (parts::letter(visit, &shown, code.letter, Some(code)).await)
                    form method="post" action=(detour(MAIL, &to)) {
                        (csrf_field(visit))
                        (parts::otp_field(visit, problem.is_some()))
                        div.buttons { button { (t!(lang, "log-in-by-otp")) } }
                    }
                    details {
                        summary { (t!(lang, "letter-not-there")) }
                        div.stack {
                            p { (t!(lang, "letter-not-there-hint")) }
                            (parts::again_hint(visit, code))
                            (issue)
                        }
                    }
                } @else {
                    (why(visit))
                    p { (t!(lang, "step-mail-issue", to = shown)) }
                    (issue)
                }
                (other_ways(visit, owed))
            }
        })
}

fn all_disabled(visit: &Visit, owed: &FactorOwed) -> Response {
    let lang = visit.lang;
    Page::new(visit, t!(lang, "mfa"))
        .of(Whose::Owing(owed.account()))
        .show(html! {
            section.card {
                h1 { (t!(lang, "all-disabled")) }
                (notice(Tone::Warning, html! { p { (t!(lang, "all-disabled-why")) } }))
                p { (t!(lang, "all-disabled-what-to-do")) }
            }
        })
}
