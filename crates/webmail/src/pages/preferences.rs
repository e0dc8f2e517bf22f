//! The menu of the preferences.

use axum::response::Response;
use maud::{Markup, html};

use crate::layout::{Page, Whose};
use crate::visit::{AdmittedVisit, Visit};

/// The menu.
pub(super) async fn show(AdmittedVisit { visit, session, .. }: AdmittedVisit) -> Response {
    let lang = visit.lang;
    let entries = [
        ("/preferences/mfa", t!(lang, "mfa"), t!(lang, "mfa-about")),
        ("/mfa", t!(lang, "mfa-status"), t!(lang, "mfa-status-about")),
        (
            "/preferences/password",
            t!(lang, "password"),
            t!(lang, "password-about"),
        ),
    ];
    Page::new(&visit, t!(lang, "preferences"))
        .of(Whose::Admitted(session.account()))
        .show(html! {
            h1 { (t!(lang, "preferences")) }
            h2 { (t!(lang, "customize")) }
            div.rows {
                @for (path, title, about) in &entries {
                    a.row href=(path) {
                        span.grow {
                            span.title { (title) }
                            span.hint { (about) }
                        }
                    }
                }
            }
        })
}

/// Links from a page of settings to the pages above it.
pub(super) fn crumbs(visit: &Visit, below_mfa: bool) -> Markup {
    let lang = visit.lang;
    html! {
        nav aria-label=(t!(lang, "breadcrumbs")) {
            ol.crumbs {
                li { a href="/preferences" { (t!(lang, "preferences")) } }
                li { (t!(lang, "customize")) }
                @if below_mfa { li { a href="/preferences/mfa" { (t!(lang, "mfa")) } } }
            }
        }
    }
}
