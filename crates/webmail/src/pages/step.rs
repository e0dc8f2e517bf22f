//! Proving a factor after the password.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use sekisho_checkpoint::factor::{FactorKind, Method};
use sekisho_checkpoint::web::{FactorOwed, FirstStep, Person};
use sekisho_checkpoint::{MailedCodeState, OneTimeCode, Proof, ProofError};
use sekisho_otp::OtpCode;

use super::parts::{self, destination};
use super::words;
use crate::config::Context;
use crate::error::WebError;
use crate::form::Form;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::to_login;
use crate::visit::{Owing, Visit, detour};

const APP: &str = "/mfa-step/app";
const MAIL: &str = "/mfa-step/mail";
const RECOVERY: &str = "/mfa-step/recovery";

/// Redirects to the page of the factor that is owed, or shows the choice.
pub(super) async fn show(Owing { visit, owed, .. }: Owing) -> Result<Response, WebError> {
    let to = destination(&visit);
    match owed.first_step() {
        // Recovery codes are for the day on which the everyday factor fails, so they do not make it a choice.
        FirstStep::Prove(kinds) => match kinds.as_slice() {
            [FactorKind::OtpApp] | [FactorKind::OtpApp, FactorKind::RecoveryCode] => {
                Err(WebError::SeeOther(detour(APP, &to)))
            }
            [FactorKind::ExternalMail] | [FactorKind::ExternalMail, FactorKind::RecoveryCode] => {
                Err(WebError::SeeOther(detour(MAIL, &to)))
            }
            _ => Ok(choice(&visit, &owed, kinds, &to)),
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
    let entered = digits(&owing.visit, &posted).map(Proof::App);
    match prove(&context, &owing, entered).await? {
        Ok(response) => Ok(response),
        Err(words) => Ok(app_page(&owing.visit, &owing.owed, Some(&words))),
    }
}

/// The button that mails a code; once it is mailed, the field for it.
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
        // The redirect makes a GET show the page, so that a reload mails nothing.
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
    let entered = digits(&owing.visit, &posted).map(Proof::Mail);
    match prove(&context, &owing, entered).await? {
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

/// The field for a recovery code.
pub(super) async fn recovery(Owing { visit, owed, .. }: Owing) -> Result<Response, WebError> {
    offered(&visit, &owed, FactorKind::RecoveryCode)?;
    Ok(recovery_page(&visit, &owed, None))
}

/// Takes a recovery code.
pub(super) async fn prove_recovery(
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    let entered = OneTimeCode::parse(posted.fields.text("recovery-code"))
        .map(Proof::Recovery)
        .map_err(|found| words::recovery_code(owing.visit.lang, found));
    match prove(&context, &owing, entered).await? {
        Ok(response) => Ok(response),
        Err(words) => Ok(recovery_page(&owing.visit, &owing.owed, Some(&words))),
    }
}

fn digits(visit: &Visit, posted: &Form) -> Result<OtpCode, String> {
    OtpCode::parse(posted.fields.text("otp")).map_err(|error| words::otp(visit.lang, error))
}

/// Proves the factor and redirects to where the person was; or says what is wrong with the code.
async fn prove(
    context: &Context,
    owing: &Owing,
    entered: Result<Proof, String>,
) -> Result<Result<Response, String>, WebError> {
    let visit = &owing.visit;
    let proof = match entered {
        Ok(proof) => proof,
        Err(words) => return Ok(Err(words)),
    };
    match context
        .checkpoint
        .prove(&owing.owed, proof, &visit.client)
        .await
    {
        Ok(token) => {
            let to = destination(visit);
            Ok(Ok(parts::go_on(context, &token, &to)))
        }
        Err(ProofError::Unavailable) => Err(WebError::Unavailable),
        Err(ProofError::PasswordAgain) => {
            Err(WebError::SeeOther(to_login::again(&destination(visit))))
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

fn choice(visit: &Visit, owed: &FactorOwed, kinds: &[FactorKind], to: &str) -> Response {
    let lang = visit.lang;
    let way = |kind: FactorKind| {
        let (path, hint) = match kind {
            FactorKind::OtpApp => (APP, t!(lang, "step-app-hint")),
            FactorKind::ExternalMail => (MAIL, t!(lang, "step-mail-hint")),
            FactorKind::RecoveryCode => (RECOVERY, t!(lang, "step-recovery-hint")),
        };
        html! {
            a.row href=(detour(path, to)) {
                span.grow {
                    span.title { (words::kind(lang, kind)) }
                    span.hint { (hint) }
                }
                @if kind == FactorKind::OtpApp { span.badge { (t!(lang, "recommended")) } }
            }
        }
    };
    Page::new(visit, t!(lang, "mfa"))
        .of(Whose::Owing(owed.account()))
        .help("outside")
        .show(html! {
            section.card {
                h1 { (t!(lang, "mfa")) }
                (why(visit))
                p { (t!(lang, "step-choose")) }
                div.rows { @for kind in kinds { (way(*kind)) } }
            }
        })
}

/// Says which address the factor is asked for.
fn why(visit: &Visit) -> Markup {
    let address = visit.source.shown_address();
    let network = visit.context.checkpoint.network_name(address);
    let from = match network {
        Some(name) => format!("{address} ({name})"),
        None => address.to_string(),
    };
    html! { p.hint { (t!(visit.lang, "step-why", from = from)) } }
}

/// Links to the other factors, and to the guide for people who have none at hand.
fn other_ways(visit: &Visit, owed: &FactorOwed, this: FactorKind) -> Markup {
    let lang = visit.lang;
    let to = destination(visit);
    let FirstStep::Prove(kinds) = owed.first_step() else {
        return html! {};
    };
    let others = kinds.iter().filter(|kind| **kind != this);
    html! {
        nav.ways aria-label=(t!(lang, "step-other-way")) {
            ul {
                @for kind in others {
                    @let path = match kind {
                        FactorKind::OtpApp => APP,
                        FactorKind::ExternalMail => MAIL,
                        FactorKind::RecoveryCode => RECOVERY,
                    };
                    li { a href=(detour(path, &to)) { (t!(lang, "step-use", what = words::kind(lang, *kind))) } }
                }
                li { a href="/help#lost-phone" { (t!(lang, "step-nothing-at-hand")) } }
            }
        }
    }
}

fn recovery_page(visit: &Visit, owed: &FactorOwed, problem: Option<&str>) -> Response {
    let lang = visit.lang;
    Page::new(visit, t!(lang, "recovery-code"))
        .of(Whose::Owing(owed.account()))
        .help("recovery-codes")
        .show(html! {
            section.card {
                h1 { (t!(lang, "recovery-code")) }
                (parts::wrong(problem))
                p { (t!(lang, "step-recovery-hint")) }
                form method="post" action=(detour(RECOVERY, &destination(visit))) {
                    (csrf_field(visit))
                    (parts::recovery_field(visit, "recovery-code", problem.is_some()))
                    div.buttons { button { (t!(lang, "log-in-by-otp")) } }
                }
                (other_ways(visit, owed, FactorKind::RecoveryCode))
            }
        })
}

fn app_page(visit: &Visit, owed: &FactorOwed, problem: Option<&str>) -> Response {
    let lang = visit.lang;
    Page::new(visit, t!(lang, "otp-app-auth"))
        .of(Whose::Owing(owed.account()))
        .help("outside")
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
                p.hint {
                    (t!(lang, "step-app-where")) " "
                    a href=(visit.context.config.app_url) target="_blank" rel="noopener noreferrer" { (t!(lang, "open-app")) }
                }
                (other_ways(visit, owed, FactorKind::OtpApp))
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
    let issue = detour("/mfa-step/mail/issue", &to);
    Page::new(visit, t!(lang, "external-mail-auth"))
        .of(Whose::Owing(owed.account()))
        .help("outside")
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
                            (parts::again(visit, &issue, Some(code), html! {}))
                        }
                    }
                } @else {
                    (why(visit))
                    p { (t!(lang, "step-mail-issue", to = shown)) }
                    form method="post" action=(issue) {
                        (csrf_field(visit))
                        div.buttons { button { (t!(lang, "issue-otp")) } }
                    }
                }
                (other_ways(visit, owed, FactorKind::ExternalMail))
            }
        })
}

fn all_disabled(visit: &Visit, owed: &FactorOwed) -> Response {
    let lang = visit.lang;
    Page::new(visit, t!(lang, "mfa"))
        .of(Whose::Owing(owed.account()))
        .help("outside")
        .show(html! {
            section.card {
                h1 { (t!(lang, "all-disabled")) }
                (notice(Tone::Warning, html! { p { (t!(lang, "all-disabled-why")) } }))
                p { (t!(lang, "all-disabled-what-to-do")) }
            }
        })
}
