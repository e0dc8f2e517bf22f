//! Recovery codes: made, shown once and printed.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use sekisho_checkpoint::OneTimeCode;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::web::Person;

use super::ask::{Ask, Refused};
use super::parts;
use super::preferences::crumbs;
use crate::config::Context;
use crate::error::WebError;
use crate::form::Form;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::time;
use crate::visit::AdmittedVisit;

const HERE: &str = "/preferences/mfa/recovery";

/// The codes that were made a moment ago, or the button that makes some.
pub(super) async fn show(admitted: AdmittedVisit) -> Response {
    page(&admitted, None)
}

/// Makes a new set of ten codes.
pub(super) async fn make(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let visit = &admitted.visit;
    let lang = visit.lang;
    let replaces = admitted
        .session
        .standing()
        .has_kind(FactorKind::RecoveryCode);
    let ask = Ask {
        admitted: &admitted,
        action: HERE,
        title: t!(lang, "recovery-codes-make"),
        consequence: replaces.then(|| t!(lang, "recovery-codes-consequence")),
        back: HERE,
        fields: &posted.fields,
    };
    let reproof = match ask.given().await? {
        Ok(reproof) => reproof,
        Err(page) => return Ok(page),
    };
    let made = context
        .checkpoint
        .make_recovery_codes(&admitted.session, &reproof, &visit.client)
        .await;
    match made {
        // The redirect makes a GET show the codes, so that a reload shows the same ones and makes none.
        Ok(()) => Err(WebError::SeeOther(HERE.to_owned())),
        Err(error) => Ok(match ask.explain(Refused::change(visit, error)).await? {
            Ok(response) => response,
            Err(words) => page(&admitted, Some(&words)),
        }),
    }
}

/// The person has stored the codes; they are not shown again.
pub(super) async fn kept(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    _posted: Form,
) -> Result<Response, WebError> {
    let person = Person::from(&admitted.session);
    context.checkpoint.abandon_registration(person).await?;
    Err(WebError::SeeOther(
        "/preferences/mfa?done=recovery".to_owned(),
    ))
}

fn page(admitted: &AdmittedVisit, problem: Option<&str>) -> Response {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    let body = match visit.context.checkpoint.new_recovery_codes(session) {
        Some((codes, until)) => {
            let all: Vec<String> = codes.iter().map(OneTimeCode::grouped).collect();
            let account = &session.account().login;
            let site = &visit.context.config.site_name;
            let now = visit.context.checkpoint.now();
            html! {
                (notice(Tone::Warning, html! {
                    p { (t!(lang, "recovery-codes-keep")) }
                    p.hint { (t!(lang, "recovery-codes-shown-until")) " " (parts::countdown(visit, until)) }
                }))
                div.code-line.paper {
                    p.hint { (site) " · " (account) " · " (time::exact(&visit.context.config.zone, now)) }
                    ol.codes translate="no" { @for code in &all { li { (code) } } }
                    div.buttons {
                        (parts::copy_button(visit, &all.join("\n")))
                        button.quiet.small type="button" hidden data-print { (t!(lang, "print")) }
                    }
                }
                form method="post" action="/preferences/mfa/recovery/kept" {
                    (csrf_field(visit))
                    div.buttons { button { (t!(lang, "recovery-codes-kept")) } }
                }
            }
        }
        None if !session.standing().has_factor() => html! {
            p { (t!(lang, "recovery-codes-factor-first")) }
            div.buttons { a.button href="/preferences/mfa" { (t!(lang, "mfa")) } }
        },
        None => html! {
            p { (t!(lang, "recovery-codes-about")) }
            @if session.standing().has_kind(FactorKind::RecoveryCode) {
                p { (t!(lang, "recovery-codes-consequence")) }
            }
            form method="post" action=(HERE) {
                (csrf_field(visit))
                div.buttons {
                    button { (t!(lang, "recovery-codes-make")) }
                    a.button.quiet href="/preferences/mfa" { (t!(lang, "cancel")) }
                }
            }
        },
    };
    Page::new(visit, t!(lang, "recovery-codes"))
        .of(Whose::Admitted(session.account()))
        .help("recovery-codes")
        .show(html! {
            (crumbs(visit, true))
            section.card {
                h1 { (t!(lang, "recovery-codes")) }
                (parts::wrong(problem))
                (body)
            }
        })
}
