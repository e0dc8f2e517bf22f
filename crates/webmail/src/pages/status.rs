//! The status page: until when mail programs at this address are admitted, every live grant, and which attempts were
//! refused and why.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use sekisho_checkpoint::audit::{Actor, Door, Event, EventKind};
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::id::GrantId;
use sekisho_checkpoint::rule::Reason;
use sekisho_checkpoint::web::Person;
use sekisho_checkpoint::{GrantView, ProofError};

use super::ask::{Ask, factor_fields};
use super::{kinds, parts, words};
use crate::config::Context;
use crate::cookie::Cookie;
use crate::error::WebError;
use crate::form::Form;
use crate::lang::Lang;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::time;
use crate::to_login;
use crate::visit::{AdmittedVisit, Visit, query_value};

const HERE: &str = "/mfa";
const RENEW: &str = "/mfa/renew";
/// The events in the table of refusals.
const REFUSALS: &[EventKind] = &[
    EventKind::RefusedNoGrant,
    EventKind::RefusedPassword,
    EventKind::RefusedThrottled,
    EventKind::RefusedDisabled,
    EventKind::OtpWrong,
    EventKind::EnrolmentCodeWrong,
    EventKind::FactorNeverCame,
];
/// The events in the table of sign-ins.
const SIGN_INS: &[EventKind] = &[
    EventKind::SignedIn,
    EventKind::Granted,
    EventKind::CompanionJoined,
    EventKind::RecoveryCodeUsed,
];
/// How far back events are listed, in days.
const DAYS: u32 = 30;
/// The most events that a table lists.
const MOST: u32 = 50;

/// The page whose address is in the sentence that refused mail programs show.
pub(super) async fn show(admitted: AdmittedVisit) -> Result<Response, WebError> {
    page(&admitted, FactorKind::OtpApp, None).await
}

/// Renews the grant of this source before it ends, after proof of a factor.
pub(super) async fn renew(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let visit = &admitted.visit;
    let ask = Ask {
        admitted: &admitted,
        action: RENEW,
        title: t!(visit.lang, "renew"),
        consequence: None,
        back: HERE,
        fields: &posted.fields,
    };
    let kind = ask.chosen_kind();
    if ask.mails_code() {
        let words = ask.issue().await?;
        return page(&admitted, kind, words.as_deref()).await;
    }
    if ask.wants_recovery() {
        return page(&admitted, kind, None).await;
    }
    let proof = match ask.proof() {
        Ok(Some(proof)) => proof,
        Ok(None) => return page(&admitted, kind, None).await,
        Err(words) => return page(&admitted, kind, Some(&words)).await,
    };
    let renewed = context
        .checkpoint
        .renew(&admitted.session, proof, &visit.client)
        .await;
    match renewed {
        Ok(token) => Ok(parts::go_on(&context, &token, "/mfa?renewed=1")),
        Err(ProofError::Unavailable) => Err(WebError::Unavailable),
        Err(ProofError::PasswordAgain) => Err(WebError::SeeOther(to_login::again(HERE))),
        Err(error) => page(&admitted, kind, Some(&words::proof(visit, &error))).await,
    }
}

/// Ends one grant, or all.
pub(super) async fn end(
    State(context): State<Arc<Context>>,
    AdmittedVisit { visit, session, .. }: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let which = match posted.fields.text("grant") {
        "all" => None,
        id => Some(GrantId::new(id.parse().map_err(|_| WebError::BadRequest)?)),
    };
    context
        .checkpoint
        .end_grants(&session, which, &visit.client)
        .await?;
    Err(WebError::SeeOther("/mfa?ended=1".to_owned()))
}

/// "That wasn't me": ends everything, this session too, and asks for a new password.
pub(super) async fn not_me(
    State(context): State<Arc<Context>>,
    AdmittedVisit { visit, session, .. }: AdmittedVisit,
    _posted: Form,
) -> Result<Response, WebError> {
    context.checkpoint.not_me(&session, &visit.client).await?;
    let cookie = Cookie::Session.clear(&context.config);
    Ok((
        AppendHeaders(cookie.map(|c| (header::SET_COOKIE, c))),
        Redirect::to("/login?to=/preferences/password"),
    )
        .into_response())
}

async fn page(
    admitted: &AdmittedVisit,
    kind: FactorKind,
    problem: Option<&str>,
) -> Result<Response, WebError> {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    let checkpoint = &visit.context.checkpoint;
    let grants = checkpoint.grants(session).await?;
    let account = session.account().id;
    let refusals = checkpoint.recent(account, REFUSALS, DAYS, MOST).await?;
    let sign_ins = checkpoint.recent(account, SIGN_INS, DAYS, MOST).await?;
    let looked_for = query_value(&visit.path, "ref").filter(|typed| !typed.trim().is_empty());
    let found = match &looked_for {
        Some(typed) => checkpoint.by_reference(account, typed).await?,
        None => None,
    };
    let never_came = never_came(admitted).await?;
    let renewal = renewal(admitted, kind, problem).await?;
    let companion = companion(admitted).await?;
    let mut response = Page::new(visit, t!(lang, "mfa-status"))
        .of(Whose::Admitted(session.account()))
        .help("status")
        .broad()
        .show(html! {
            h1 { (t!(lang, "mfa-status")) }
            (news(visit))
            (here(visit, session.admitted().reason()))
            (elsewhere(admitted).await?)
            (companion)
            (renewal)
            (never_came)
            section.card {
                h2 { (t!(lang, "grants")) }
                p.hint { (t!(lang, "grants-about")) }
                (grants_table(visit, &grants))
            }
            section.card {
                h2 { (t!(lang, "refused")) }
                p.hint { (t!(lang, "refused-about", days = DAYS)) }
                (reference_field(visit, looked_for.as_deref()))
                @if looked_for.is_some() {
                    @match &found {
                        Some(event) => (events_table(visit, std::slice::from_ref(event), Shows::Refusals)),
                        None => p { (t!(lang, "reference-not-found")) },
                    }
                } @else {
                    (events_table(visit, &refusals, Shows::Refusals))
                }
            }
            section.card {
                h2 { (t!(lang, "sign-ins")) }
                p.hint { (t!(lang, "sign-ins-about", days = DAYS)) }
                (events_table(visit, &sign_ins, Shows::SignIns))
            }
            section.card #not-me {
                h2 { (t!(lang, "not-me")) }
                p { (t!(lang, "not-me-about")) }
                (not_me_button(visit))
            }
        });
    // Under the default policy, browsers would not name the page's origin in the form that goes to the other host name.
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("strict-origin-when-cross-origin"),
    );
    Ok(response)
}

/// The notice about what was done a moment ago.
fn news(visit: &Visit) -> Markup {
    let lang = visit.lang;
    let said = |name| query_value(&visit.path, name);
    let good = if said("ended").is_some() {
        Some(t!(lang, "grant-ended"))
    } else if said("renewed").is_some() {
        Some(t!(lang, "grant-renewed"))
    } else if said("companion").as_deref() == Some("joined") {
        Some(t!(lang, "companion-joined"))
    } else {
        None
    };
    let not_joined = match said("companion").as_deref() {
        Some("same") => Some(t!(lang, "companion-same")),
        Some("past") => Some(t!(lang, "companion-past")),
        _ => None,
    };
    html! {
        @if let Some(words) = good { (notice(Tone::Good, html! { p { (words) } })) }
        @if let Some(words) = not_joined { (notice(Tone::Warning, html! { p { (words) } })) }
    }
}

/// Why this address is admitted, and until when.
fn here(visit: &Visit, reason: Reason) -> Markup {
    let lang = visit.lang;
    let address = visit.source.shown_address();
    let network = visit.context.checkpoint.network_name(address);
    let words = match reason {
        Reason::MfaUnused => html! { p { (t!(lang, "here-mfa-unused")) } },
        Reason::Trusted => html! { p { (t!(lang, "here-trusted")) } },
        Reason::Grant(_, until) => html! {
            p.large { (t!(lang, "here-granted")) " " strong { (parts::countdown(visit, until)) } }
        },
    };
    let tone = if reason == Reason::MfaUnused {
        Tone::Plain
    } else {
        Tone::Good
    };
    notice(
        tone,
        html! {
            p {
                (t!(lang, "here-address")) " " strong { (address) }
                @if let Some(network) = network { " " span.badge { (network) } }
            }
            (words)
        },
    )
}

/// A warning that a mail program came from another address than this browser. Either a relay hides the browser's
/// address, or the network line has an IPv4 and an IPv6 address.
async fn elsewhere(admitted: &AdmittedVisit) -> Result<Markup, WebError> {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    let Some(refused) = visit.context.checkpoint.refused_elsewhere(session).await? else {
        return Ok(html! {});
    };
    let zone = &visit.context.config.zone;
    let (there, here) = (
        refused.address.to_string(),
        visit.source.shown_address().to_string(),
    );
    let can_join = visit
        .context
        .config
        .other_family
        .than(visit.source.shown_address())
        .is_some();
    Ok(notice(
        Tone::Warning,
        html! {
            p {
                (t!(lang, "elsewhere", at = time::hour(zone, refused.at), there = there, here = here))
                @if !refused.client.is_empty() { " (" (words::client(&refused.client)) ")" }
            }
            p {
                @if !refused.other_family { (t!(lang, "elsewhere-relay")) }
                @else if can_join { (t!(lang, "elsewhere-other-family")) }
                @else { (t!(lang, "elsewhere-two-families")) }
            }
            p { (t!(lang, "elsewhere-not-me")) " " a href="#not-me" { (t!(lang, "not-me")) } }
        },
    ))
}

/// The button that lets the other address family join the grant, where no script did.
async fn companion(admitted: &AdmittedVisit) -> Result<Markup, WebError> {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    let here = visit.source.shown_address();
    let Some(other) = visit.context.config.other_family.than(here) else {
        return Ok(html! {});
    };
    let Some(token) = visit.context.checkpoint.offer_companion(session).await? else {
        return Ok(html! {});
    };
    let action = other
        .join("/mfa/companion")
        .map_err(|_| WebError::Unavailable)?;
    Ok(html! {
        section.card {
            h2 { (t!(lang, "companion")) }
            p { (t!(lang, "companion-about")) }
            form method="post" action=(action) {
                input type="hidden" name="token" value=(token.expose());
                div.buttons { button.quiet { (t!(lang, "companion-join")) } }
            }
        }
    })
}

/// The form that renews the grant of this source, folded until somebody opens it.
async fn renewal(
    admitted: &AdmittedVisit,
    kind: FactorKind,
    problem: Option<&str>,
) -> Result<Markup, WebError> {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    if !matches!(session.admitted().reason(), Reason::Grant(..)) {
        return Ok(html! {});
    }
    let offered = visit.context.checkpoint.offered(Person::from(session));
    if offered.is_empty() {
        return Ok(html! {});
    }
    let is_asked = problem.is_some() || visit.path.starts_with(RENEW);
    let factor = factor_fields(admitted, &offered, kind).await?;
    Ok(html! {
        details.card #renew open[is_asked] {
            summary { (t!(lang, "renew")) }
            (parts::wrong(problem))
            p { (t!(lang, "renew-about")) }
            form.stack method="post" action=(RENEW) {
                (parts::enter_button(&t!(lang, "renew")))
                (csrf_field(visit))
                (factor)
                div.buttons { button { (t!(lang, "renew")) } }
            }
        }
    })
}

/// A warning about sign-ins, since the last password change, whose password was right and whose factor never came:
/// somebody else may know the password.
async fn never_came(admitted: &AdmittedVisit) -> Result<Markup, WebError> {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    let zone = &visit.context.config.zone;
    let checkpoint = &visit.context.checkpoint;
    let account = session.account().id;
    let changed = checkpoint.recent(account, &[EventKind::PasswordChanged], DAYS, 1);
    let changed_at = changed.await?.first().map(|event| event.at);
    let mut events = checkpoint
        .recent(account, &[EventKind::FactorNeverCame], DAYS, 5)
        .await?;
    events.retain(|event| changed_at.is_none_or(|at| at < event.at));
    Ok(html! {
        @if !events.is_empty() {
            (notice(Tone::Warning, html! {
                p { strong { (t!(lang, "never-came")) } }
                ul {
                    @for event in &events {
                        li {
                            (time::exact(zone, event.at))
                            @if let Some(address) = event.address { ", " (address) }
                            @if !event.client.is_empty() { span.hint { " " (words::client(&event.client)) } }
                        }
                    }
                }
                p { (t!(lang, "never-came-about")) }
                (not_me_button(visit))
            }))
        }
    })
}

/// The search field for the reference that a refused mail program shows.
fn reference_field(visit: &Visit, typed: Option<&str>) -> Markup {
    let lang = visit.lang;
    html! {
        form.buttons.grow-form method="get" action=(HERE) {
            label for="ref" { (t!(lang, "refused-reference")) }
            input #ref name="ref" value=[typed] maxlength="20" autocomplete="off" autocapitalize="characters" spellcheck="false" placeholder="XXXXXXXX";
            button.quiet { (t!(lang, "find")) }
            @if typed.is_some() { a.button.quiet href=(HERE) { (t!(lang, "show-all")) } }
        }
    }
}

fn not_me_button(visit: &Visit) -> Markup {
    html! {
        form method="post" action="/mfa/not-me" {
            (csrf_field(visit))
            div.buttons { button.danger { (t!(visit.lang, "not-me-end")) } }
        }
    }
}

fn grants_table(visit: &Visit, grants: &[GrantView]) -> Markup {
    let lang = visit.lang;
    if grants.is_empty() {
        return html! { p { (t!(lang, "no-grants")) } };
    }
    let zone = &visit.context.config.zone;
    let heads = [
        t!(lang, "grant-source"),
        t!(lang, "grant-network"),
        t!(lang, "grant-factor"),
        t!(lang, "grant-time"),
        t!(lang, "grant-expiry"),
        t!(lang, "grant-left"),
    ];
    let [source, network, factor, at, expiry, left] = &heads;
    let end = |grant: &str, label: String, describe: Option<&str>| {
        html! {
            form method="post" action="/mfa/end-grants" {
                (csrf_field(visit))
                input type="hidden" name="grant" value=(grant);
                button.danger.small aria-label=[describe] { (label) }
            }
        }
    };
    html! {
        div.table-room {
            table.cards {
                thead { tr {
                    @for head in &heads { th scope="col" { (head) } }
                    td {}
                } }
                tbody {
                    @for view in grants {
                        @let grant = &view.grant;
                        @let name = format!("{} {}", t!(lang, "end"), grant.address);
                        tr.here[view.here] {
                            td data-label=(source) {
                                div {
                                    span.address[grant.address.is_ipv4()] { (grant.address) }
                                    @if grant.source.to_string() != grant.address.to_string() {
                                        div.hint { (grant.source) }
                                    }
                                    @if let Some(companion) = &grant.companion {
                                        div {
                                            span.hint { (t!(lang, "grant-companion")) }
                                            " "
                                            span.address[companion.address.is_ipv4()] { (companion.address) }
                                        }
                                    }
                                    @if view.here { div { span.badge.good { (t!(lang, "grant-here")) } } }
                                }
                            }
                            td data-label=(network) {
                                @match &view.network { Some(name) => (name), None => "—" }
                            }
                            td data-label=(factor) { (kinds::of(grant.factor).name(lang)) }
                            td.time data-label=(at) { (time::exact(zone, grant.granted_at)) }
                            td.time data-label=(expiry) { (time::exact(zone, grant.expires_at)) }
                            td.time data-label=(left) { (remaining(visit, grant.expires_at)) }
                            td data-label="" { (end(&grant.id.to_string(), t!(lang, "end"), Some(&name))) }
                        }
                    }
                }
            }
        }
        @if grants.len() > 1 { (end("all", t!(lang, "end-all"), None)) }
    }
}

fn remaining(visit: &Visit, until: Timestamp) -> Markup {
    let lang = visit.lang;
    let now = visit.context.checkpoint.now();
    html! { time datetime=(time::machine(until)) { (time::left(lang, now, until)) } }
}

/// Which of the two tables of events is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Refusals,
    SignIns,
}

fn events_table(visit: &Visit, events: &[Event], shows: Shows) -> Markup {
    let lang = visit.lang;
    if events.is_empty() {
        return html! { p { (t!(lang, "no-refused")) } };
    }
    let zone = &visit.context.config.zone;
    let with_reference = shows == Shows::Refusals;
    let at = t!(lang, "refused-time");
    let reference = t!(lang, "refused-reference");
    let what = match shows {
        Shows::Refusals => t!(lang, "refused-cause"),
        Shows::SignIns => t!(lang, "sign-in-what"),
    };
    let source = t!(lang, "grant-source");
    let client = t!(lang, "refused-client");
    html! {
        div.table-room {
            table.cards {
                thead { tr {
                    th scope="col" { (at) }
                    @if with_reference { th scope="col" { (reference) } }
                    th scope="col" { (what) }
                    th scope="col" { (source) }
                    th scope="col" { (client) }
                } }
                tbody {
                    @for event in events {
                        tr {
                            td.time data-label=(at) { (time::exact(zone, event.at)) }
                            @if with_reference {
                                td data-label=(reference) {
                                    @match &event.reference { Some(r) => code { (r.as_str()) }, None => "—" }
                                }
                            }
                            td data-label=(what) { (happened(lang, event.what).unwrap_or_default()) }
                            td data-label=(source) {
                                @if let Some(address) = event.address {
                                    div {
                                        span.address[address.is_ipv4()] { (address) }
                                        @if let Some(name) = visit.context.checkpoint.network_name(address) {
                                            div.hint { (name) }
                                        }
                                    }
                                }
                            }
                            td data-label=(client) {
                                div {
                                    (door(lang, event.actor))
                                    @if !event.client.is_empty() { div.hint { (words::client(&event.client)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What happened, for the events of the two tables; `None` for all others.
fn happened(lang: Lang, what: EventKind) -> Option<String> {
    match what {
        EventKind::FactorNeverCame => Some(t!(lang, "cause-never-came")),
        EventKind::SignedIn => Some(t!(lang, "event-signed-in")),
        EventKind::Granted => Some(t!(lang, "event-granted")),
        EventKind::CompanionJoined => Some(t!(lang, "event-companion")),
        EventKind::RecoveryCodeUsed => Some(t!(lang, "event-recovery")),
        EventKind::RefusedNoGrant => Some(t!(lang, "cause-no-grant")),
        EventKind::RefusedPassword => Some(t!(lang, "cause-password")),
        EventKind::RefusedThrottled => Some(t!(lang, "cause-throttled")),
        EventKind::RefusedDisabled => Some(t!(lang, "cause-disabled")),
        EventKind::OtpWrong => Some(t!(lang, "cause-otp")),
        EventKind::EnrolmentCodeWrong => Some(t!(lang, "cause-enrolment-code")),
        _ => None,
    }
}

fn door(lang: Lang, actor: Actor) -> String {
    match actor {
        Actor::Door(Door::Webmail) => t!(lang, "door-webmail"),
        Actor::Door(Door::Imap) => "IMAP".to_owned(),
        Actor::Door(Door::Pop3) => "POP3".to_owned(),
        Actor::Door(Door::Submission) => t!(lang, "door-submission"),
        Actor::Door(Door::ManageSieve) => "ManageSieve".to_owned(),
        Actor::Door(Door::AuthApi) => t!(lang, "door-api"),
        Actor::HelpDesk => t!(lang, "actor-help-desk"),
        Actor::System => t!(lang, "actor-system"),
    }
}
