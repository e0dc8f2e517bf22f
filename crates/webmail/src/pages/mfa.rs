//! MFA on and off, and the overview of a person's factors.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use sekisho_checkpoint::MfaView;
use sekisho_checkpoint::factor::{Factor, FactorKind};
use sekisho_checkpoint::id::FactorId;

use super::ask::{Ask, Refused};
use super::preferences::crumbs;
use super::{kinds, parts};
use crate::config::Context;
use crate::error::WebError;
use crate::form::Form;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::time;
use crate::visit::{AdmittedVisit, Visit, query_value};

const HERE: &str = "/preferences/mfa";

/// The overview.
pub(super) async fn show(admitted: AdmittedVisit) -> Response {
    page(&admitted, None)
}

/// Turns MFA on or off (使用設定).
pub(super) async fn choose_use(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let lang = admitted.visit.lang;
    let on = match posted.fields.text("use") {
        "yes" => true,
        "no" => false,
        _ => return Err(WebError::BadRequest),
    };
    let ask = Ask {
        admitted: &admitted,
        action: "/preferences/mfa/use",
        title: if on {
            t!(lang, "mfa-turn-on")
        } else {
            t!(lang, "mfa-turn-off")
        },
        consequence: (!on).then(|| t!(lang, "mfa-turn-off-consequence")),
        back: HERE,
        fields: &posted.fields,
    };
    let reproof = match ask.given().await? {
        Ok(reproof) => reproof,
        Err(page) => return Ok(page),
    };
    let visit = &admitted.visit;
    let outcome = context
        .checkpoint
        .set_mfa(&admitted.session, on, &reproof, &visit.client)
        .await;
    let done = if on { "on" } else { "off" };
    settle(&ask, outcome.map_err(|e| Refused::change(visit, e)), done).await
}

/// Removes a factor.
pub(super) async fn remove(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let lang = admitted.visit.lang;
    let id = posted
        .fields
        .text("factor")
        .parse()
        .map_err(|_| WebError::BadRequest)?;
    let factors = &admitted.session.standing().factors;
    let Some(factor) = factors.iter().find(|f| f.id == FactorId::new(id)) else {
        return Ok(page(&admitted, Some(&t!(lang, "remove-no-such-factor"))));
    };
    let ask = Ask {
        admitted: &admitted,
        action: "/preferences/mfa/remove",
        title: t!(lang, "remove-title", what = name(lang, factor)),
        consequence: Some(if factors.len() == 1 {
            t!(lang, "remove-last-consequence")
        } else {
            t!(lang, "remove-consequence")
        }),
        back: HERE,
        fields: &posted.fields,
    };
    let reproof = match ask.given().await? {
        Ok(reproof) => reproof,
        Err(page) => return Ok(page),
    };
    let visit = &admitted.visit;
    let outcome = context
        .checkpoint
        .remove_factor(&admitted.session, factor.id, &reproof, &visit.client)
        .await;
    settle(
        &ask,
        outcome.map_err(|e| Refused::change(visit, e)),
        "removed",
    )
    .await
}

/// Gives an OTP app another name.
pub(super) async fn rename(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let lang = admitted.visit.lang;
    let id = posted.fields.text("factor").parse();
    let id = FactorId::new(id.map_err(|_| WebError::BadRequest)?);
    let ask = Ask {
        admitted: &admitted,
        action: "/preferences/mfa/rename",
        title: t!(lang, "rename-title"),
        consequence: None,
        back: HERE,
        fields: &posted.fields,
    };
    let reproof = match ask.given().await? {
        Ok(reproof) => reproof,
        Err(page) => return Ok(page),
    };
    let visit = &admitted.visit;
    let name = posted.fields.text("name");
    let outcome = context
        .checkpoint
        .rename_factor(&admitted.session, id, name, &reproof, &visit.client)
        .await;
    let outcome = outcome.map_err(|e| Refused::change(visit, e));
    settle(&ask, outcome, "renamed").await
}

/// Enables a disabled kind of factor again.
pub(super) async fn enable(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let kind = FactorKind::parse(posted.fields.text("kind")).ok_or(WebError::BadRequest)?;
    let lang = admitted.visit.lang;
    let ask = Ask {
        admitted: &admitted,
        action: "/preferences/mfa/enable",
        title: t!(lang, "enable-title", what = kinds::of(kind).name(lang)),
        consequence: None,
        back: HERE,
        fields: &posted.fields,
    };
    let reproof = match ask.given().await? {
        Ok(reproof) => reproof,
        Err(page) => return Ok(page),
    };
    let visit = &admitted.visit;
    let outcome = context
        .checkpoint
        .enable_kind(&admitted.session, kind, &reproof, &visit.client)
        .await;
    settle(
        &ask,
        outcome.map_err(|e| Refused::change(visit, e)),
        "enabled",
    )
    .await
}

/// Redirects to the overview with a notice, or asks for what is missing.
async fn settle(
    ask: &Ask<'_>,
    outcome: Result<(), Refused>,
    done: &str,
) -> Result<Response, WebError> {
    match outcome {
        Ok(()) => Err(WebError::SeeOther(format!("{HERE}?done={done}"))),
        Err(refused) => Ok(match ask.explain(refused).await? {
            Ok(response) => response,
            Err(words) => page(ask.admitted, Some(&words)),
        }),
    }
}

fn page(admitted: &AdmittedVisit, problem: Option<&str>) -> Response {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    let view = visit.context.checkpoint.mfa_view(session);
    Page::new(visit, t!(lang, "mfa"))
        .of(Whose::Admitted(session.account()))
        .help("turn-on")
        .show(html! {
            (crumbs(visit, false))
            h1 { (t!(lang, "mfa")) }
            (parts::wrong(problem))
            (news(visit))
            (only_one(visit, &view))
            (use_section(visit, &view))
            (apps_section(admitted, &view))
            (address_section(admitted, &view))
            (recovery_section(admitted, &view))
            section.card {
                h2 { (t!(lang, "mfa-status")) }
                p { (t!(lang, "mfa-status-about")) }
                div.buttons { a.button.quiet href="/mfa" { (t!(lang, "mfa-status")) } }
            }
        })
}

/// The notice about the change that was made a moment ago.
fn news(visit: &Visit) -> Markup {
    let lang = visit.lang;
    let words = match query_value(&visit.path, "done").as_deref() {
        Some("on") => Some(t!(lang, "done-on")),
        Some("off") => Some(t!(lang, "done-off")),
        Some("removed") => Some(t!(lang, "done-removed")),
        Some("enabled") => Some(t!(lang, "done-enabled")),
        Some("renamed") => Some(t!(lang, "done-renamed")),
        Some("recovery") => Some(t!(lang, "done-recovery")),
        Some("app") => Some(t!(lang, "done-app")),
        Some("address") => Some(t!(lang, "done-address")),
        _ => None,
    };
    html! { @if let Some(words) = words { (notice(Tone::Good, html! { p { (words) } })) } }
}

/// The warning for a person with a single factor, whose loss locks them out.
pub(super) fn only_one(visit: &Visit, view: &MfaView) -> Markup {
    let lang = visit.lang;
    let can_mail = visit.context.checkpoint.site().policy.external_mail;
    html! {
        @if let [factor] = view.factors.as_slice() {
            (notice(Tone::Warning, html! {
                p { (t!(lang, "only-one-factor")) }
                @let (page, words) = kinds::of(factor.kind()).beside(can_mail, lang);
                p.alone { a href=(page) { (words) } }
            }))
        }
    }
}

/// The link to recovery codes, for a person with a factor who has none.
pub(super) fn no_recovery_codes(visit: &Visit, view: &MfaView) -> Markup {
    let lang = visit.lang;
    html! {
        @if !view.factors.is_empty() && view.recovery_codes.is_none() {
            p { a href="/preferences/mfa/recovery" { (t!(lang, "recovery-codes-make-some")) } }
        }
    }
}

fn recovery_section(admitted: &AdmittedVisit, view: &MfaView) -> Markup {
    let visit = &admitted.visit;
    let lang = visit.lang;
    let zone = &visit.context.config.zone;
    html! {
        @if !view.factors.is_empty() {
            section.card {
                h2 { (t!(lang, "recovery-codes")) }
                (disabled(admitted, view, FactorKind::RecoveryCode))
                @match view.recovery_codes {
                    Some(codes) => p {
                        (t!(lang, "recovery-codes-left", left = codes.left)) " "
                        span.hint { (t!(lang, "recovery-codes-made-at", at = time::exact(zone, codes.made_at))) }
                    },
                    None => p { (t!(lang, "recovery-codes-none")) },
                }
                div.buttons { a.button.quiet href="/preferences/mfa/recovery" { (t!(lang, "recovery-codes-make")) } }
            }
        }
    }
}

fn use_section(visit: &Visit, view: &MfaView) -> Markup {
    let lang = visit.lang;
    let choice = |value: &str, label: String, checked: bool| {
        html! {
            label.choice {
                input type="radio" name="use" value=(value) checked[checked] disabled[view.required];
                (label)
            }
        }
    };
    let here = match (&view.network, view.trusted_here) {
        (Some(network), true) => Some(t!(lang, "mfa-trusted-here", network = network.clone())),
        _ => None,
    };
    html! {
        section.card {
            form method="post" action="/preferences/mfa/use" {
                (csrf_field(visit))
                fieldset.stack {
                    legend { h2 { (t!(lang, "use-setting")) } }
                    div.choices {
                        (choice("yes", t!(lang, "use-yes"), view.in_use))
                        (choice("no", t!(lang, "use-no"), !view.in_use))
                    }
                }
                @if view.required {
                    p.hint { (t!(lang, "mfa-required")) }
                } @else {
                    @if let Some(here) = here { p.hint { (here) } }
                    div.buttons { button { (t!(lang, "change")) } }
                }
            }
        }
    }
}

fn apps_section(admitted: &AdmittedVisit, view: &MfaView) -> Markup {
    let visit = &admitted.visit;
    let lang = visit.lang;
    let apps: Vec<&Factor> = view
        .factors
        .iter()
        .filter(|f| f.kind() == FactorKind::OtpApp)
        .collect();
    html! {
        section.card {
            h2 { (t!(lang, "otp-app-info")) }
            (disabled(admitted, view, FactorKind::OtpApp))
            @if apps.is_empty() {
                p { (t!(lang, "no-app")) }
            } @else {
                div.rows {
                    @for app in &apps { (factor_row(visit, app)) }
                }
                @if apps.len() > 1 { p.hint { (t!(lang, "old-phone")) } }
            }
            div.buttons {
                form method="post" action="/preferences/mfa/app/user-code" {
                    (csrf_field(visit))
                    button.quiet { (t!(lang, "generate-user-code")) }
                }
                a.button.quiet href="/preferences/mfa/app" { (t!(lang, "register-otp-app")) }
            }
        }
    }
}

fn address_section(admitted: &AdmittedVisit, view: &MfaView) -> Markup {
    let visit = &admitted.visit;
    let lang = visit.lang;
    let can_mail = visit.context.checkpoint.site().policy.external_mail;
    let address = view
        .factors
        .iter()
        .find(|f| f.kind() == FactorKind::ExternalMail);
    html! {
        @if can_mail || address.is_some() {
            section.card {
                h2 { (t!(lang, "external-address")) }
                (disabled(admitted, view, FactorKind::ExternalMail))
                @match address {
                    Some(factor) => div.rows { (factor_row(visit, factor)) },
                    None => p { (t!(lang, "no-address")) },
                }
                @if can_mail {
                    div.buttons {
                        a.button.quiet href="/preferences/mfa/mail" {
                            @if address.is_some() { (t!(lang, "change")) } @else { (t!(lang, "register")) }
                        }
                    }
                }
            }
        }
    }
}

fn disabled(admitted: &AdmittedVisit, view: &MfaView, kind: FactorKind) -> Markup {
    let visit = &admitted.visit;
    let lang = visit.lang;
    html! {
        @if admitted.session.standing().kind(kind).disabled {
            (notice(Tone::Warning, html! {
                p { (t!(lang, "kind-disabled")) }
                @if view.trusted_here {
                    form method="post" action="/preferences/mfa/enable" {
                        (csrf_field(visit))
                        input type="hidden" name="kind" value=(kind.as_str());
                        div.buttons { button.quiet.small { (t!(lang, "enable-again")) } }
                    }
                } @else {
                    p { (t!(lang, "enable-not-trusted")) }
                }
            }))
        }
    }
}

fn factor_row(visit: &Visit, factor: &Factor) -> Markup {
    let lang = visit.lang;
    let shown = |at: Timestamp| time::exact(&visit.context.config.zone, at);
    html! {
        div {
            span.grow {
                span { (name(lang, factor)) }
                span.hint {
                    (t!(lang, "registered-at", at = shown(factor.registered_at)))
                    @if let Some(at) = factor.last_used_at { " · " (t!(lang, "last-used-at", at = shown(at))) }
                }
            }
            @if kinds::of(factor.kind()).has_names() {
                details.rename {
                    summary aria-label=(t!(lang, "rename-what", what = name(lang, factor))) { (t!(lang, "rename")) }
                    form.grow-form.buttons method="post" action="/preferences/mfa/rename" {
                        (csrf_field(visit))
                        input type="hidden" name="factor" value=(factor.id);
                        input name="name" value=(factor.name) maxlength="40" autocomplete="off" aria-label=(t!(lang, "app-name"));
                        button.quiet.small { (t!(lang, "change")) }
                    }
                }
            }
            form method="post" action="/preferences/mfa/remove" {
                (csrf_field(visit))
                input type="hidden" name="factor" value=(factor.id);
                button.danger.small aria-label=(t!(lang, "remove-title", what = name(lang, factor))) { (t!(lang, "remove")) }
            }
        }
    }
}

/// The name under which a factor's owner knows it.
fn name(lang: crate::lang::Lang, factor: &Factor) -> String {
    kinds::of(factor.kind()).label(factor, lang)
}
