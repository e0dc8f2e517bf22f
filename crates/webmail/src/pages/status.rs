//! F7 and F8: until when mail programs at this address are let in, which attempts were refused and why, and every live grant.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use sekisho_checkpoint::GrantView;
use sekisho_checkpoint::audit::{Actor, Door, Event, What};
use sekisho_checkpoint::id::GrantId;
use sekisho_checkpoint::rule::Reason;

use super::{parts, words};
use crate::config::Context;
use crate::cookie::Cookie;
use crate::error::WebError;
use crate::form::Form;
use crate::lang::Lang;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::time;
use crate::visit::{Seated, Visit, query_value};

/// How far back refused attempts are listed, in days.
const DAYS: u32 = 30;
/// How many of them at most.
const MOST_ATTEMPTS: usize = 50;

/// The page whose address the refused mail programs name.
pub(super) async fn show(
    State(context): State<Arc<Context>>,
    Seated { visit, seat, .. }: Seated,
) -> Result<Response, WebError> {
    let lang = visit.lang;
    let grants = context.checkpoint.grants(&seat).await?;
    let mut refused = context.checkpoint.recent(seat.account().id, DAYS).await?;
    refused.retain(|event| cause(lang, event.what).is_some());
    refused.truncate(MOST_ATTEMPTS);
    let ended = query_value(&visit.path, "ended").is_some();
    Ok(Page::new(&visit, t!(lang, "mfa-status"))
        .of(Whose::Seated(seat.account()))
        .broad()
        .show(html! {
            h1 { (t!(lang, "mfa-status")) }
            @if ended { (notice(Tone::Good, html! { p { (t!(lang, "grant-ended")) } })) }
            (here(&visit, seat.admitted().reason()))
            section.card {
                h2 { (t!(lang, "grants")) }
                p.hint { (t!(lang, "grants-about")) }
                (grants_table(&visit, &grants))
            }
            section.card {
                h2 { (t!(lang, "refused")) }
                p.hint { (t!(lang, "refused-about", days = DAYS)) }
                (refused_table(&visit, &refused))
            }
            section.card {
                h2 { (t!(lang, "not-me")) }
                p { (t!(lang, "not-me-about")) }
                form method="post" action="/mfa/end-everything" {
                    (csrf_field(&visit))
                    div.buttons {
                        button.danger { (t!(lang, "end-everything")) }
                        a.button.quiet href="/preferences/password" { (t!(lang, "password-change")) }
                    }
                }
            }
        }))
}

/// Ends one grant, or all.
pub(super) async fn end(
    State(context): State<Arc<Context>>,
    Seated { visit, seat, .. }: Seated,
    posted: Form,
) -> Result<Response, WebError> {
    let which = match posted.fields.text("grant") {
        "all" => None,
        id => Some(GrantId::new(id.parse().map_err(|_| WebError::BadRequest)?)),
    };
    context
        .checkpoint
        .end_grants(&seat, which, &visit.client)
        .await?;
    Err(WebError::SeeOther("/mfa?ended=1".to_owned()))
}

/// "That wasn't me": everything ends, this session too.
pub(super) async fn end_everything(
    State(context): State<Arc<Context>>,
    Seated { visit, seat, .. }: Seated,
    _posted: Form,
) -> Result<Response, WebError> {
    context
        .checkpoint
        .end_everything(&seat, &visit.client)
        .await?;
    let cookie = Cookie::Session.clear(&context.config);
    Ok((
        AppendHeaders(cookie.map(|c| (header::SET_COOKIE, c))),
        Redirect::to("/login?to=/preferences/password"),
    )
        .into_response())
}

/// What holds at this address.
fn here(visit: &Visit, reason: Reason) -> Markup {
    let lang = visit.lang;
    let address = visit.source.shown_address();
    let network = visit.context.checkpoint.network_name(address);
    let words = match reason {
        Reason::MfaUnused => html! { p { (t!(lang, "here-mfa-unused")) } },
        Reason::Trusted => html! { p { (t!(lang, "here-trusted")) } },
        Reason::Grant(_, until) => html! {
            p { (t!(lang, "here-granted")) " " strong { (parts::countdown(visit, until)) } }
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
                                    @if grant.source.to_string() != grant.address.to_string() { div.hint { (grant.source) } }
                                    @if let Some(companion) = &grant.companion { div.hint { "+ " (companion) } }
                                    @if view.here { div { span.badge.good { (t!(lang, "grant-here")) } } }
                                }
                            }
                            td data-label=(network) {
                                @match &view.network { Some(name) => (name), None => "—" }
                            }
                            td data-label=(factor) { (words::kind(lang, grant.factor)) }
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

fn refused_table(visit: &Visit, events: &[Event]) -> Markup {
    let lang = visit.lang;
    if events.is_empty() {
        return html! { p { (t!(lang, "no-refused")) } };
    }
    let zone = &visit.context.config.zone;
    let heads = [
        t!(lang, "refused-time"),
        t!(lang, "refused-reference"),
        t!(lang, "refused-cause"),
        t!(lang, "grant-source"),
        t!(lang, "refused-client"),
    ];
    let [at, reference, why, source, client] = &heads;
    html! {
        div.table-room {
            table.cards {
                thead { tr { @for head in &heads { th scope="col" { (head) } } } }
                tbody {
                    @for event in events {
                        tr {
                            td.time data-label=(at) { (time::exact(zone, event.at)) }
                            td data-label=(reference) {
                                @match &event.reference { Some(r) => code { (r.as_str()) }, None => "—" }
                            }
                            td data-label=(why) { (cause(lang, event.what).unwrap_or_default()) }
                            td data-label=(source) {
                                @if let Some(address) = event.address {
                                    div {
                                        span.address[address.is_ipv4()] { (address) }
                                        @if let Some(name) = visit.context.checkpoint.network_name(address) { div.hint { (name) } }
                                    }
                                }
                            }
                            td data-label=(client) {
                                div {
                                    (door(lang, event.actor))
                                    @if !event.client.is_empty() { div.hint { (event.client) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Why an attempt was refused; `None` for what was no refusal.
fn cause(lang: Lang, what: What) -> Option<String> {
    match what {
        What::RefusedNoGrant => Some(t!(lang, "cause-no-grant")),
        What::RefusedPassword => Some(t!(lang, "cause-password")),
        What::RefusedThrottled => Some(t!(lang, "cause-throttled")),
        What::RefusedDisabled => Some(t!(lang, "cause-disabled")),
        What::OtpWrong => Some(t!(lang, "cause-otp")),
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
