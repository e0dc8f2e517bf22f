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
use crate::visit::Seated;

const HERE: &str = "/preferences/mfa/recovery";

/// The codes that were made a moment ago, or the button that makes some.
pub(super) async fn show(seated: Seated) -> Response {
    page(&seated, None)
}

/// Makes a new set of ten codes.
pub(super) async fn make(
    State(context): State<Arc<Context>>,
    seated: Seated,
    posted: Form,
) -> Result<Response, WebError> {
    let visit = &seated.visit;
    let lang = visit.lang;
    let replaces = seated.seat.standing().has_kind(FactorKind::RecoveryCode);
    let ask = Ask {
        seated: &seated,
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
        .make_recovery_codes(&seated.seat, &reproof, &visit.client)
        .await;
    match made {
        // The redirect makes a GET show the codes, so that a reload shows the same ones and makes none.
        Ok(()) => Err(WebError::SeeOther(HERE.to_owned())),
        Err(error) => Ok(match ask.explain(Refused::change(visit, error)).await? {
            Ok(response) => response,
            Err(words) => page(&seated, Some(&words)),
        }),
    }
}

/// The person has stored the codes; they are not shown again.
pub(super) async fn kept(
    State(context): State<Arc<Context>>,
    seated: Seated,
    _posted: Form,
) -> Result<Response, WebError> {
    let person = Person::from(&seated.seat);
    context.checkpoint.abandon_registration(person).await?;
    Err(WebError::SeeOther(
        "/preferences/mfa?done=recovery".to_owned(),
    ))
}

fn page(seated: &Seated, problem: Option<&str>) -> Response {
    let Seated { visit, seat, .. } = seated;
    let lang = visit.lang;
    let body = match visit.context.checkpoint.new_recovery_codes(seat) {
        Some((codes, until)) => {
            let all: Vec<String> = codes.iter().map(OneTimeCode::grouped).collect();
            let account = &seat.account().login;
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
        None if !seat.standing().has_factor() => html! {
            p { (t!(lang, "recovery-codes-factor-first")) }
            div.buttons { a.button href="/preferences/mfa" { (t!(lang, "mfa")) } }
        },
        None => html! {
            p { (t!(lang, "recovery-codes-about")) }
            @if seat.standing().has_kind(FactorKind::RecoveryCode) {
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
        .of(Whose::Seated(seat.account()))
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
